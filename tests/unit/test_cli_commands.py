"""What the commands show, of a real history, a real state directory and a supervisord."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from supervisor import supervisorctl

from supervisor_maint.permissions.report import RuleResult
from supervisor_maint.snapshots.diff import Difference, DiffKind, Report
from supervisor_maint.snapshots.settling import Reason
from supervisor_maint.store.history import History
from supervisor_maint.store.publication import Publication
from tests.fakes.app import World
from tests.fakes.commands import Place, SupervisordServer, info
from tests.fakes.gateway import FakeGateway, answer
from tests.fakes.permission_walk import report
from tests.fakes.watching import ns
from tests.fakes.watching import status as shown
from tests.fakes.xmlrpc_server import XmlrpcServer

NOW_TEXT = "1970-01-12 22:46:51 JST"  # 11 s after the fakes' NOW, in the settings' zone


@pytest.fixture
def supervisord() -> SupervisordServer:
    return SupervisordServer(info("web"), info("job", "FATAL", spawnerr="Exited too quickly"))


@pytest.fixture
def place(tmp_path: Path, supervisord: SupervisordServer) -> Iterator[Place]:
    with XmlrpcServer(supervisord) as server:
        yield Place(tmp_path).write(serverurl=server.url)


async def both_ran(world: World) -> None:
    """Both run and settle; then job is stopped and started by an operator."""
    world.supervisor.processes = (shown("web", "RUNNING", 5), shown("job", "RUNNING", 6))
    world.teller.tick().process("web", "STARTING", "RUNNING 5")
    world.teller.process("job", "STARTING", "RUNNING 6")
    await world.turns()
    await world.pass_seconds(11)
    world.teller.process("job", "STOPPING 6", "STOPPED 6", "STARTING", "RUNNING 7")


async def job_is_fatal(world: World) -> None:
    """Job ends with a status that only supervisord's log tells."""
    await both_ran(world)
    world.supervisor.log = (
        "2033-05-18 03:33:20,000 INFO exited: job (exit status 3; not expected)\n"
    )
    world.supervisor.processes = (
        shown("web", "RUNNING", 5),
        shown("job", "FATAL", spawn_error="Exited too quickly"),
    )
    world.teller.process("job", "EXITED 7", "STARTING", "BACKOFF", "FATAL")
    await world.pass_seconds(11)


def words(text: str) -> list[str]:
    """Return the lines with anything in them, each with single blanks."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_status_of_a_living_listener(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """With a listener and a supervisord everything is shown, and the exit code is 0."""
    place.remember(both_ran)
    published = {
        "pid": os.getpid(),
        "version": "9.9",
        "published_at": 1_000_011.0,
        "heartbeat_at": 1_000_009.0,
        "settings_file": "/etc/maint.conf",
        "settings_loaded_at": 1_000_011.0,
        "config_reload_successful": False,
        "events_lost": 3,
        "errors": 2,
        "sinks": {
            "textfile": {"last_error": None, "last_success_at": None},
            "pushgateway": {"last_error": "nobody there", "last_success_at": None},
        },
        "permissions": {
            "is_under_way": True,
            "started_at": 1_000_000.0,
            "ended_at": 1_000_001.0,
            "counts": {
                "logs": {"ok": 7, "fixed": 2, "failed": 1, "skipped": 0},
                "tmp": {"ok": 1, "fixed": 0, "failed": 0, "skipped": 0},
            },
            "sentences": ["logs: 1 path could not be mended"],
        },
        "answers": {},
    }
    Publication(place.state.status).publish(published)
    with place.state.lock():
        assert 0 == place.run("status")
    lines = words(capsys.readouterr().out)
    pid = place.state.lock_file.read_text().strip()

    assert [
        f"listener pid {pid}, version 9.9, last event 2s ago as of {NOW_TEXT}",
        lines[1],
        f"settings /etc/maint.conf, loaded {NOW_TEXT}; newer ones are refused",
        "events lost 3, errors 2",
        "sink textfile: last write never",
        "sink pushgateway: nobody there",
        lines[6],
        "permissions logs: 1 path could not be mended",
        "process state wanted up for starts restarts failed down",
    ] == lines[:9]
    assert re.fullmatch(
        r"listener has published nothing for \S+ \S+, and what it says below is as old: "
        "its log says why",
        lines[1],
    )
    assert re.fullmatch(
        r"permissions last pass \S+ \S+ ago: 8 as wanted, 2 fixed, 1 failed; one is under way",
        lines[6],
    )
    rows = {line.split()[0]: line for line in lines[10:]}
    assert re.fullmatch(r"web RUNNING RUNNING \d+d \d+h 1 0 0 0\.0s", rows["web"])
    assert "job FATAL RUNNING - 2 1 command 0 0.0s" == rows["job"]


def test_status_without_anybody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without listener and supervisord what was counted is shown, and the exit code is 1."""
    place = Place(tmp_path).write(serverurl=f"unix://{tmp_path}/s.sock")
    place.remember(job_is_fatal)

    assert 1 == place.run("status")
    lines = words(capsys.readouterr().out)
    assert "listener not running, last heard of never" == lines[0]
    assert lines[1].startswith("supervisord there is no socket")
    assert "job ? RUNNING - 2 1 command 1 11s" in lines
    assert "differs: job: state: RUNNING -> FATAL (exit status 3; Exited too quickly)" == lines[-1]


def test_status_before_any_listener(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no listener ever worked the processes are shown all the same."""
    assert 1 == place.run("status")
    assert "job FATAL - - 0 0 0 0.0s" in words(capsys.readouterr().out)


def test_status_as_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` is one document with everything."""
    place.remember(job_is_fatal)

    assert 1 == place.run("status", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (None, None, None) == (
        document["listener_pid"],
        document["listener"],
        document["supervisord_error"],
    )
    assert ["job:job"] == [each["process"] for each in document["differences"]]
    job = document["processes"]["job:job"]
    assert ("FATAL", None, True, 2) == (job["state"], job["pid"], job["wanted"], job["starts"])
    assert 1 == job["restarts"]["command"]
    assert {"web:web", "job:job"} == document["processes"].keys()


def test_status_counts_once(
    place: Place, supervisord: SupervisordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts of 500 processes are computed once, not once a row."""
    from supervisor_maint.snapshots.watch import Watch

    calls = []
    tallies = Watch.tallies
    monkeypatch.setattr(Watch, "tallies", lambda *args: calls.append(1) or tallies(*args))
    supervisord.processes = tuple(info(f"group:p{number}") for number in range(500))

    place.run("status")

    assert [1] == calls


@pytest.mark.parametrize("stay", ["web:web_0", "a" * 40, "web"])
def test_snapshot_prints_as_supervisorctl_does(
    stay: str,
    place: Place,
    supervisord: SupervisordServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``--format status`` prints what the installed ``supervisorctl status`` prints."""
    supervisord.processes = (
        info(stay),
        info("job", "FATAL", description="Exited too quickly"),
        info("once", "EXITED", description="Nov 27 12:00 AM"),
    )
    lines: list[str] = []
    plugin = supervisorctl.DefaultControllerPlugin(SimpleNamespace(output=lines.append))
    plugin._show_statuses(list(supervisord.processes))

    assert 0 == place.run("snapshot", "--format", "status")
    assert lines == capsys.readouterr().out.splitlines()


def test_snapshot_as_a_table(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The table shows states, and times with their zone."""
    assert 0 == place.run("snapshot")
    lines = words(capsys.readouterr().out)
    assert "process state pid started exit status memory" == lines[0]
    assert "job FATAL - - - -" in lines
    assert any(line.startswith("web RUNNING 5 2020-09-13 21:26:40 JST") for line in lines)


def test_snapshot_as_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--format json`` is the document that the history keeps."""
    assert 0 == place.run("snapshot", "--format", "json")
    document = json.loads(capsys.readouterr().out)
    assert {"web:web": "RUNNING", "job:job": "FATAL"} == {
        name: process["state"] for name, process in document["processes"].items()
    }


def test_diff(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The present is compared with the baseline, with what the listener learnt of it."""
    place.remember(job_is_fatal)

    assert 0 == place.run("diff")
    assert "job state RUNNING FATAL exit status 3; Exited too quickly" in words(
        capsys.readouterr().out
    )


def test_diff_as_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` has each difference with its kind."""
    place.remember(both_ran)

    assert 0 == place.run("diff", "--json")
    assert [("job:job", "state", "RUNNING", "FATAL")] == [
        (each["process"], each["kind"], each["expected"], each["found"])
        for each in json.loads(capsys.readouterr().out)
    ]


@pytest.mark.parametrize(("states", "code"), [(("RUNNING", "FATAL"), 1), (("RUNNING",) * 2, 0)])
def test_diff_check(
    states: tuple[str, str],
    code: int,
    place: Place,
    supervisord: SupervisordServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``--check`` exits 1 when there is a difference, 0 when there is none."""
    place.remember(both_ran)
    supervisord.processes = (info("web", states[0]), info("job", states[1]))

    assert code == place.run("diff", "--check")
    assert ("Everything is as it is wanted." in capsys.readouterr().out) is (code == 0)


def test_looking_moves_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """However often one looks, the difference stays."""
    place.remember(both_ran)
    shown_each_time = []
    for command in ("diff", "snapshot", "status", "diff"):
        place.run(command)
        shown_each_time.append(capsys.readouterr().out)

    assert shown_each_time[0] == shown_each_time[-1]


def test_history(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The reports are shown, the newest first, in the settings' zone."""
    place.remember(job_is_fatal)

    assert 0 == place.run("history")
    _, _, newest, oldest = words(capsys.readouterr().out)
    assert newest.startswith("1970-01-12 22:47:02 JST transition 11s job: state: RUNNING")
    assert f"{NOW_TEXT} listener start 11s none" == oldest


def test_history_of_a_large_report(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a thousand differences ten are shown, and how many more there are."""
    lost = [
        Difference(namespec=ns(f"p{n}"), kind=DiffKind.STATE, expected="RUNNING", found="FATAL")
        for n in range(1000)
    ]
    large = Report(made_at=2.0, began_at=1.0, reason=Reason.TRANSITION, differences=tuple(lost))
    place.state.prepare()
    history = History(place.state.history)
    history.add_report(2.0, large.to_document())
    history.close()

    assert 0 == place.run("history")

    *_, last, more = words(capsys.readouterr().out)
    assert ("p9: state: RUNNING -> FATAL", "and 990 more; history --json has all") == (last, more)


def test_history_of_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing was kept yet that is said."""
    place.state.prepare()
    history = History(place.state.history)
    history.save_watch({}, {})
    history.close()

    assert 0 == place.run("history")

    assert "Nothing has happened yet: no run, no report, no permission pass.\n" == (
        capsys.readouterr().out
    )


def test_history_of_permission_passes(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A pass that found anything is shown, the newest first; any other is left out."""
    place.state.prepare()
    history = History(place.state.history)
    for at, found in ((1000.0, {"fixed": 2}), (2000.0, {}), (3000.0, {"problem": "no such user"})):
        result = RuleResult(rule="logs", ok=5, **found)
        history.add_permissions(
            at,
            {
                "started_at": at,
                "ended_at": at + 2,
                "problem": None,
                "report": attrs.evolve(report(result), ended_at=at).as_document(),
            },
        )
    without = {"started_at": 4000.0, "ended_at": 4001.0, "problem": "it was ended", "report": None}
    history.add_permissions(4000.0, without)
    history.close()

    assert 0 == place.run("history")
    found = [line.partition(" JST ")[2] for line in words(capsys.readouterr().out) if "JST" in line]
    assert [
        "1s it was ended",
        "2s logs: 5 as wanted; no such user",
        "2s logs: 5 as wanted, 2 fixed",
    ] == found

    assert 0 == place.run("history", "--limit", "1", "--json")
    assert [without] == json.loads(capsys.readouterr().out)["permissions"]


def test_history_limit_and_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--limit`` takes the newest, ``--json`` prints the documents."""
    place.remember(job_is_fatal)

    assert 0 == place.run("history", "--limit", "1", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert [] == printed["runs"]
    assert [1_000_022.0] == [each["made_at"] for each in printed["reports"]]


def test_decommission(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Our group is deleted at every gateway, once for each, and nothing is made."""
    with FakeGateway(answer(202)) as gateway:
        place.write(
            f"[sink:pushgateway]\nurl = {gateway.url}\ninstance = web01\n"
            f"[sink:pushgateway:other]\nurl = {gateway.url}/other\ninstance = web01\n"
        )
        assert 0 == place.run("decommission")

    assert [
        ("DELETE", "/metrics/job/supervisor/instance/web01"),
        ("DELETE", "/other/metrics/job/supervisor/instance/web01"),
    ] == [(push.method, push.path) for push in gateway.pushes]
    assert 2 == capsys.readouterr().out.count("deleted our group at ")
    assert not place.state.path.exists()
