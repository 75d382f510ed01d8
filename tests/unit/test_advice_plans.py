"""The rules about planned restarts: plans and a configuration in, advice out."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from supervisor_maint.advice import Severity, Surroundings, plan_files
from supervisor_maint.advice.clock_changes import gaps, skipped_time
from supervisor_maint.advice.plans import files, obstacles, skipped_times, users_of_steps
from supervisor_maint.maintenance.rotation import Rotation
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.processes import Namespec
from supervisor_maint.settings import Settings, load
from supervisor_maint.settings.options import Circumstances
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    ListenerPool,
)

NOW = datetime(2026, 11, 27, tzinfo=timezone.utc).timestamp()
UNKNOWN_USER = "nobody-has-this-name"


def process(name: str, **changes: Any) -> ConfiguredProcess:
    known = ConfiguredProcess(
        name=name,
        command="/bin/x",
        autostart=True,
        autorestart="true",
        stdout_logfile=None,
        stderr_logfile=None,
        redirect_stderr=False,
        environment_names=frozenset(),
    )
    return attrs.evolve(known, **changes)


def pool(command: str, **changes: Any) -> ListenerPool:
    return ListenerPool(
        name="maint",
        priority=-100,
        events=("TICK_5",),
        buffer_size=4096,
        unknown_events=(),
        redirect_stderr=False,
        file="/etc/maint.conf",
        processes=(process("maint", command=command, **changes),),
    )


CONFIGURATION = Configuration(
    files=("/etc/supervisord.conf",),
    identifier="supervisor",
    logfile="/var/log/supervisord.log",
    groups=(
        Group(name="web", priority=999, processes=tuple(process(f"web_{n}") for n in range(4))),
        Group(name="worker", priority=999, processes=(process("worker"),)),
        Group(name="spare", priority=999, processes=(process("spare", autostart=False),)),
    ),
    pools=(pool("supervisor-maint listen"),),
    unix_servers=(),
    inet_servers=(),
    rpcinterfaces=(),
)


def read(folder: Path, text: str) -> Settings:
    file = folder / "maint.conf"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={}, now=NOW, circumstances=Circumstances())


def around(folder: Path, text: str, **changes: Any) -> Surroundings:
    return Surroundings(settings=read(folder, text), configuration=CONFIGURATION, **changes)


@pytest.mark.parametrize(
    ("plan", "severity", "message"),
    [
        ("programs = web:*, wbe", Severity.WARNING, "'wbe' means no process"),
        ("exclude = wroker", Severity.WARNING, "exclude: 'wroker' means no process"),
        ("programs = spare", Severity.WARNING, "it would restart no process"),
        ("programs = *\nexclude = *", Severity.WARNING, "it would restart no process"),
        (
            "settle = 4m\nmax_duration = 2m",
            Severity.WARNING,
            "it would take about 248 s, longer than max_duration (120 s)",
        ),
        (
            "max_unavailable = 4",
            Severity.WARNING,
            "max_unavailable = 4 takes every process of web away at once",
        ),
        ("max_unavailable = 100%", Severity.WARNING, "takes every process of web away at once"),
        (
            "[readiness:all]\nprograms = *\ntcp = 127.0.0.1:{num+8000}",
            Severity.ERROR,
            "[readiness:all] worker: expected a process name that ends with digits",
        ),
    ],
)
def test_obstacle_is_told(plan: str, severity: Severity, message: str, tmp_path: Path) -> None:
    """What a plan would stumble over is said before the night."""
    (found,) = obstacles(around(tmp_path, f"[maintenance:nightly]\n{plan}\n"))

    assert (severity, "[maintenance:nightly]") == (found.severity, found.subject)
    assert message in found.message


@pytest.mark.parametrize(
    "plan",
    [
        "programs = *",
        "max_unavailable = 25%",
        "max_unavailable = 3",
        "max_unavailable = 4\nstrategy = all-at-once",
        "programs = worker",
        "[readiness:web]\nprograms = web:*\ntcp = 127.0.0.1:{num+8000}",
    ],
)
def test_sound_plan_gets_no_advice(plan: str, tmp_path: Path) -> None:
    """A plan that would run as it is meant gets none; a process alone has nobody to stay for it."""
    assert [] == list(obstacles(around(tmp_path, f"[maintenance:nightly]\n{plan}\n")))


def test_past_runs_tell_how_long_it_takes(tmp_path: Path) -> None:
    """The estimate is the one of ``plan``: the median of past runs where there are any."""
    surroundings = around(
        tmp_path,
        "[maintenance:nightly]\nprograms = worker\n",
        downtimes={Namespec("worker", "worker"): [400.0]},
    )
    (found,) = obstacles(surroundings)

    assert found.message.startswith("it would take about 410 s")


def test_unknown_configuration_gets_no_obstacles(tmp_path: Path) -> None:
    """Without supervisord's configuration nobody knows what a plan means."""
    settings = read(tmp_path, "[maintenance:nightly]\nprograms = nothing\n")

    assert [] == list(obstacles(Surroundings(settings=settings)))


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "on 2027-03-28 there is no 02:30 in Europe/Berlin: "),
        ("30 2 * * *", "America/New_York", "on 2027-03-14 there is no 02:30 in America/New_York"),
        ("15 2 * * *", "Australia/Lord_Howe", "on 2027-10-03 there is no 02:15 in"),
        ("*/20 * * * *", "Europe/Berlin", None),
        ("0 3 * * *", "Europe/Berlin", None),
        ("30 2 1 * *", "Europe/Berlin", None),
        ("0 3 * * *", "Asia/Tokyo", None),
    ],
)
def test_hour_that_a_day_lacks_is_noted(
    schedule: str, zone: str, expected: str | None, tmp_path: Path
) -> None:
    """A schedule at a time that the clocks leave out on some day is noted, with what happens."""
    text = f"[maintenance:nightly]\nschedule = {schedule}\ntimezone = {zone}\n"
    found = list(skipped_times(around(tmp_path, text)))

    assert (expected is not None) is bool(found)
    for advice in found:
        assert Severity.NOTE is advice.severity
        assert str(expected) in advice.message


def test_run_comes_when_the_note_says(tmp_path: Path) -> None:
    """The end of the gap is when the schedule has its run, on the day that lacks the hour."""
    schedule = Schedule.parse("30 2 * * *", "Europe/Berlin")
    found = skipped_time(schedule, NOW)
    assert found is not None
    wall, gap = found
    before = datetime(2027, 3, 28, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    run = datetime.fromtimestamp(schedule.next_after(before), ZoneInfo("Europe/Berlin"))

    assert (datetime(2027, 3, 28, 2, 30), datetime(2027, 3, 28, 3)) == (wall, gap.ends)
    assert gap.ends == run.replace(tzinfo=None)


def test_zone_that_never_changes_its_clocks_has_no_gaps() -> None:
    """Only a clock that is put forward leaves something out."""
    assert [] == list(gaps(ZoneInfo("Asia/Kolkata"), NOW))
    assert 1 == len(list(gaps(ZoneInfo("Europe/London"), NOW)))


@pytest.mark.parametrize(
    ("user", "configuration", "expected"),
    [
        ("root", CONFIGURATION, None),
        (UNKNOWN_USER, CONFIGURATION, "this machine has no such user"),
        ("root", attrs.evolve(CONFIGURATION, uid=1234), "it runs as uid 1234"),
        ("root", attrs.evolve(CONFIGURATION, uid=0), None),
        (
            "root",
            attrs.evolve(CONFIGURATION, pools=(pool("supervisor-maint listen", uid=1234),)),
            "it runs as uid 1234",
        ),
        (
            "root",
            attrs.evolve(CONFIGURATION, uid=1234, pools=(pool("supervisor-maint listen", uid=0),)),
            None,
        ),
        ("root", attrs.evolve(CONFIGURATION, uid=1234, pools=()), None),
        ("root", None, None),
    ],
)
def test_step_runs_as_whom_the_listener_can_be(
    user: str, configuration: Configuration | None, expected: str | None, tmp_path: Path
) -> None:
    """Only root starts a step as somebody else; who the listener is, its stanza says first."""
    settings = read(tmp_path, f"[step:drain]\ncommand = /bin/true\nuser = {user}\n")
    found = list(
        users_of_steps(
            Surroundings(
                settings=settings, configuration=configuration, users=plan_files.users(settings)
            )
        )
    )

    assert (expected is not None) is bool(found)
    for advice in found:
        assert (Severity.ERROR, "[step:drain]") == (advice.severity, advice.subject)
        assert f"user = {user}: " in advice.message
        assert str(expected) in advice.message


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make logrotate be there, whether or not it is."""
    monkeypatch.setattr(Rotation, "find_program", lambda _self: "/usr/sbin/logrotate")


def file_problems(folder: Path, plan: str) -> list[str]:
    settings = read(folder, f"[maintenance:nightly]\n{plan}\n")
    surroundings = Surroundings(settings=settings, plan_files=plan_files.problems(settings))
    return [advice.message for advice in files(surroundings)]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o644, None),
        (0o444, None),
        (0o664, "for others can write it (mode 0664)"),
        (0o646, "for others can write it (mode 0646)"),
    ],
)
def test_file_that_logrotate_ignores_is_told(
    mode: int, expected: str | None, tmp_path: Path
) -> None:
    """logrotate passes over a file that others can write, and exits 0 as if it had rotated."""
    config = tmp_path / "logrotate"
    config.touch()
    config.chmod(mode)
    if os.geteuid() != 0 and expected is None:
        expected = "for it is not root's"
    found = file_problems(tmp_path, f"rotate_logs = true\nlogrotate_config = {config}")

    assert (expected is not None) is bool(found)
    assert all(str(expected) in message for message in found)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("restart_log = {folder}/restart.log", []),
        ("restart_log = {folder}/no/restart.log", ["restart_log: there is no folder {folder}/no"]),
        (
            "restart_log = {folder}/link",
            ["restart_log: {folder}/link is a symbolic link, which is not followed"],
        ),
        (
            "rotate_logs = true\nlogrotate_config = {folder}/no",
            ["logrotate_config: there is no {folder}/no"],
        ),
        (
            "logrotate_config = {folder}/no",
            ["logrotate_config is not used without rotate_logs = true"],
        ),
        ("rotate_logs = true", []),
    ],
)
def test_file_that_will_not_do_is_told(plan: str, expected: list[str], tmp_path: Path) -> None:
    """A folder or a file that is not there is told, with the key that names it."""
    (tmp_path / "link").symlink_to("elsewhere")

    assert [message.format(folder=tmp_path) for message in expected] == file_problems(
        tmp_path, plan.format(folder=tmp_path)
    )


def test_absent_logrotate_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without logrotate a run only reopens the logs."""
    monkeypatch.setattr(Rotation, "find_program", lambda _self: None)

    assert ["logrotate is not installed, so that logs are reopened only"] == file_problems(
        tmp_path, f"rotate_logs = true\nlogrotate_config = {tmp_path}/x"
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("{folder}/there --wait", []),
        ("{folder}/no --wait", ["command: there is no {folder}/no"]),
        ("{folder}/plain/no", ["command: there is no {folder}/plain/no"]),
        ("{folder}/plain", ["command: {folder}/plain cannot be executed"]),
        ("{folder}", ["command: {folder} cannot be executed"]),
        ("looked-up-by-the-listener", []),
    ],
)
@pytest.mark.parametrize("section", ["[step:a]", "[readiness:a]\nprograms = web"])
def test_program_that_cannot_be_started_is_told(
    section: str, command: str, expected: list[str], tmp_path: Path
) -> None:
    """A step or a check whose program is not there would fail in the night."""
    (tmp_path / "there").touch(0o755)
    (tmp_path / "plain").touch(0o644)
    settings = read(tmp_path, f"{section}\ncommand = {command.format(folder=tmp_path)}\n")
    surroundings = Surroundings(settings=settings, plan_files=plan_files.problems(settings))

    found = [(advice.subject, advice.message) for advice in files(surroundings)]

    subject = section.partition("\n")[0]
    assert [(subject, message.format(folder=tmp_path)) for message in expected] == found
