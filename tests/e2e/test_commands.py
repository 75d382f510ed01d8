"""What people type, against a real supervisord with a listener."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.e2e.harness_programs import crasher, group, program, sleeper
from tests.e2e.hourly import HOURLY_SUPERVISORD, Hours
from tests.e2e.observed import Observed, fragile

Observe = Callable[..., Observed]

# What changes while two commands are run one after the other.
UPTIME = re.compile(r"uptime .*")


@pytest.mark.smoke
def test_status_shows_listener_and_processes(observe: Observe) -> None:
    """``status`` shows the listener, its sinks and each process; so does ``--json``."""
    observed = observe(
        program("worker", sleeper()), program("resting", sleeper(), autostart="false")
    ).settled()
    shown = observed.command("status")
    document = json.loads(observed.command("status", "--json").stdout)
    pid = observed.supervisord.listener_pid()

    assert (0, "") == (shown.returncode, shown.stderr)
    assert f"pid {pid}," in shown.stdout
    assert re.search(r"^ *worker +RUNNING +RUNNING +.* 1 ", shown.stdout, re.MULTILINE)
    assert re.search(r"^ *resting +STOPPED +STOPPED +", shown.stdout, re.MULTILINE)
    assert pid == document["listener_pid"]
    worker = document["processes"]["worker:worker"]
    assert observed.supervisord.pid_of("worker") == worker["pid"]
    assert ("RUNNING", True, 1) == (worker["state"], worker["wanted"], worker["starts"])


def test_snapshot_is_what_supervisorctl_status_prints(observe: Observe) -> None:
    """``snapshot --format status`` prints the lines of ``supervisorctl status``, uptimes apart."""
    observed = observe(
        program("web", sleeper(), numprocs=2, process_name="%(program_name)s_%(process_num)d"),
        group("site", "web"),
        program("broken", crasher(status=1), startretries=0, startsecs=2),
        program("done", crasher(), startsecs=0, autorestart="false"),
        program("later", sleeper(), autostart="false"),
        program("a-name-that-is-longer-than-the-thirty-characters", sleeper()),
    )
    observed.supervisord.wait_for_state("broken", "FATAL")
    observed.wait_until(
        lambda: set(observed.supervisord.states().values()).isdisjoint({"STARTING", "BACKOFF"}),
        "nothing moves",
    )
    snapshot = observed.command("snapshot", "--format", "status")
    status = observed.supervisord.ctl("status")

    assert (0, "") == (snapshot.returncode, snapshot.stderr)
    assert 7 == len(status.stdout.splitlines())
    assert UPTIME.sub("", status.stdout) == UPTIME.sub("", snapshot.stdout)


def test_snapshots_of_two_hours_are_compared(observe: Observe) -> None:
    """What the listener kept of each hour is listed, shown, and compared: worker was restarted."""
    observed = observe(
        program("worker", sleeper()),
        program("steady", sleeper()),
        supervisord={"program": HOURLY_SUPERVISORD},
    ).settled()
    hours = Hours(observed)
    hours.begin()
    [first] = kept(observed, 1)
    old, _ = observed.supervisord.pid_of("worker"), observed.supervisord.ctl("restart", "worker")
    hours.begin()
    second, _ = kept(observed, 2)
    one, both = observed.command("snapshots", first), observed.command("snapshots", first, second)
    document = json.loads(observed.command("snapshots", first, second, "--json").stdout)

    assert re.search(rf"^ *worker +RUNNING +{old} ", one.stdout, re.MULTILINE)
    assert "1 of 3 processes differs" in both.stdout
    assert re.search(rf"^ *worker +RUNNING +{old} -> \d+ ", both.stdout, re.MULTILINE)
    assert ["worker:worker"] == list(document["processes"])
    new = document["processes"]["worker:worker"]["after"]["pid"]
    assert observed.supervisord.pid_of("worker") == new


def kept(observed: Observed, count: int) -> list[str]:
    """Wait until so many snapshots are kept; return their times as one would type them."""

    def listed() -> list[str] | None:
        found = json.loads(observed.command("snapshots", "--json").stdout or "[]")
        taken = [datetime.fromtimestamp(each["taken_at"], timezone.utc) for each in found]
        return [at.isoformat() for at in taken] if len(found) >= count else None

    return observed.wait_until(listed, f"{count} snapshots are kept")


def test_diff_and_accept(observe: Observe, tmp_path: Path) -> None:
    """A difference is found by ``diff --check`` until it is accepted, and by nobody afterwards."""
    observed = observe(
        program("broken", fragile(tmp_path / "flag"), startretries=0, startsecs=2),
        program("worker", sleeper()),
    ).settled()
    observed.break_program("broken", tmp_path / "flag")
    observed.wait_for_value(1.0, "maint_diff_processes", kind="state")
    found = observed.command("diff", "--check")
    document = json.loads(observed.command("diff", "--json").stdout)
    quiet = observed.command("diff")
    again = observed.command("diff", "--check")
    unknown = observed.command("accept", "nobody")
    accepted = observed.command("accept", "broken")
    after = observed.command("diff", "--check")

    assert 1 == found.returncode
    assert re.search(r"^ *broken +state +RUNNING +FATAL ", found.stdout, re.MULTILINE)
    assert ["broken:broken"] == [each["process"] for each in document]
    assert (0, 1) == (quiet.returncode, again.returncode)
    assert (1, "nothing was accepted: there is no process nobody\n") == (
        unknown.returncode,
        unknown.stdout,
    )
    assert (0, "accepted as wanted: broken FATAL\n") == (accepted.returncode, accepted.stdout)
    assert (0, "Everything is as it is wanted.\n") == (after.returncode, after.stdout)
    observed.wait_for_value(0.0, "maint_diff_processes", kind="state")
    assert {} == observed.differences()


def test_difference_lasts_over_other_bursts(observe: Observe, tmp_path: Path) -> None:
    """What is FATAL stays a difference, whatever else settles, until it runs again."""
    observed = observe(
        program("broken", fragile(tmp_path / "flag"), startretries=0, startsecs=2),
        program("worker", sleeper()),
    ).settled()
    observed.break_program("broken", tmp_path / "flag")
    at = time.time()
    observed.supervisord.ctl("restart", "worker")
    observed.wait_for_report_after(at)

    assert ["broken:broken"] == list(observed.differences())

    (tmp_path / "flag").unlink()
    observed.supervisord.ctl("start", "broken")
    observed.wait_for_value(0.0, "maint_diff_processes", kind="state")


def test_stop_by_hand_is_wanted_once_settled(observe: Observe) -> None:
    """What an operator stops is a difference at first, and wanted once it has settled."""
    observed = observe(program("worker", sleeper())).settled()
    pid = observed.kill_listener(signal.SIGSTOP)  # so that nothing settles meanwhile
    try:
        observed.supervisord.ctl("stop", "worker")
        early = observed.command("diff", "--check")
    finally:
        os.kill(pid, signal.SIGCONT)
    observed.wait_for_value(0.0, "process_wanted", "worker")
    observed.wait_until(lambda: observed.report()["moved"] == ["worker:worker"], "it is reported")
    late = observed.command("diff", "--check")
    downtime = observed.metrics().matching("supervisor_process_downtime_seconds_total")

    assert (1, 0) == (early.returncode, late.returncode)
    assert re.search(r"^ *worker +state +RUNNING +STOPPED", early.stdout, re.MULTILINE)
    assert 0.0 == sum(downtime.values())


def test_history_has_the_reports(observe: Observe, tmp_path: Path) -> None:
    """Every report is kept, the newest first, with its zone."""
    observed = observe(
        program("broken", fragile(tmp_path / "flag"), startretries=0, startsecs=2),
        settings="timezone=Asia/Tokyo",
    ).settled()
    observed.break_program("broken", tmp_path / "flag")
    history = json.loads(observed.command("history", "--json").stdout)
    reports = history["reports"]
    shown = observed.command("history", "--limit", "1")

    assert [] == history["runs"]
    assert 2 <= len(reports)
    assert sorted((each["made_at"] for each in reports), reverse=True) == [
        each["made_at"] for each in reports
    ]
    assert [] == reports[-1]["differences"]
    assert "FATAL" == reports[0]["differences"][0]["found"]
    assert (0, "") == (shown.returncode, shown.stderr)
    assert "+09:00" in shown.stdout or "JST" in shown.stdout
    assert 1 == shown.stdout.count("broken: state: RUNNING -> FATAL")


def test_reload_takes_good_settings_and_refuses_bad_ones(observe: Observe) -> None:
    """Good settings hold at once, bad ones are refused whole with every problem said."""
    observed = observe(program("worker", sleeper())).settled()
    pid = observed.supervisord.listener_pid()
    prom = observed.folder / "supervisor.prom"
    textfile = f"[sink:textfile]\npath={prom}\n"
    observed.configure(settings="settel=3s\nlog_level=loud", sinks=textfile)
    refused = observed.command("reload")

    assert 2 == refused.returncode
    assert "settel" in refused.stderr
    assert "log_level" in refused.stderr
    assert not prom.exists()

    observed.configure(sinks=textfile)
    loaded = observed.command("reload")

    assert (0, "the settings hold now\n") == (loaded.returncode, loaded.stdout)
    observed.wait_until(prom.exists, "the new sink is written to")
    assert 1.0 == observed.value("maint_config_last_reload_successful")
    assert pid == observed.supervisord.listener_pid()


def test_settings_on_disk_take_effect_by_themselves(observe: Observe) -> None:
    """A changed file is noticed; a bad one is refused, logged and shown by a metric."""
    observed = observe(program("worker", sleeper())).settled()
    pid = observed.supervisord.listener_pid()
    observed.configure(settings="settel=3s\nlog_level=loud")
    observed.wait_for_value(0.0, "maint_config_last_reload_successful")
    log = observed.log()
    prom = observed.folder / "supervisor.prom"
    observed.configure(sinks=f"[sink:textfile]\npath={prom}\n")
    observed.wait_for_value(1.0, "maint_config_last_reload_successful")
    observed.wait_until(prom.exists, "the new sink is written to")

    assert "settel" in log
    assert "log_level" in log
    assert pid == observed.supervisord.listener_pid()
    observed.wait_for_at_least(1.0, "maint_sink_writes_total", sink="textfile", result="ok")


@pytest.mark.smoke
def test_nobody_is_asked_when_the_listener_is_absent(observe: Observe) -> None:
    """Without a listener a request is one sentence and exit 1, and nothing of it remains."""
    observed = observe(program("worker", sleeper())).settled()
    observed.supervisord.ctl("stop", "maint")
    for command in (["accept"], ["reload"]):
        answer = observed.command(*command)

        assert (1, "") == (answer.returncode, answer.stdout)
        assert answer.stderr.startswith("supervisor-maint: the listener is not running")
        assert answer.stderr.endswith("nothing was changed\n")
        assert 1 == len(answer.stderr.splitlines())
    status = observed.command("status")

    assert [] == list((observed.folder / "state" / "requests").iterdir())
    assert (1, "") == (status.returncode, status.stderr)
    assert "not running" in status.stdout
    # It is itself a process that is wanted and not there.
    assert re.search(r"^ *maint +state +RUNNING +STOPPED", observed.command("diff").stdout, re.M)


def test_request_that_is_not_answered_is_withdrawn(observe: Observe, tmp_path: Path) -> None:
    """A listener that hangs does not do later what nobody waits for any more."""
    observed = observe(
        program("broken", fragile(tmp_path / "flag"), startretries=0, startsecs=2)
    ).settled()
    observed.break_program("broken", tmp_path / "flag")
    pid = observed.kill_listener(signal.SIGSTOP)
    try:
        answer = observed.command("accept")
    finally:
        os.kill(pid, signal.SIGCONT)

    assert (1, "") == (answer.returncode, answer.stdout)
    assert answer.stderr == (
        "supervisor-maint: the listener did not answer in 5 s; nothing was changed\n"
    )
    assert [] == list((observed.folder / "state" / "requests").iterdir())

    reloaded = observed.command("reload")

    assert 0 == reloaded.returncode
    assert 1 == observed.command("diff", "--check").returncode
    assert pid == observed.supervisord.listener_pid()


def test_commands_without_supervisord_say_so(observe: Observe) -> None:
    """When supervisord is down, a command says it in one sentence, never in a traceback."""
    observed = observe(program("worker", sleeper())).settled()
    observed.supervisord.shutdown()
    for command in ("snapshot", "diff"):
        answer = observed.command(command)

        assert (1, "") == (answer.returncode, answer.stdout)
        assert 1 == len(answer.stderr.splitlines())
        assert "is supervisord running" in answer.stderr
    status = observed.command("status")

    assert 1 == status.returncode
    assert "" == status.stderr
    assert "is supervisord running" in status.stdout
