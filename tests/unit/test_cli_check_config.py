"""``check-config``: problems, advice, and the exit codes of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor_maint.cli import main
from supervisor_maint.store.history import History
from supervisor_maint.supervisord import started_with
from tests.fakes.commands import Place
from tests.fakes.real_supervisord import RealSupervisord

STANZA = """\
[eventlistener:maint]
command=supervisor-maint listen --config %(here)s/maint.conf
events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION,TICK_5,TICK_3600
buffer_size=4096
priority=-10
autorestart=true
"""
SUPERVISORD = """\
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
[unix_http_server]
file=%(here)s/s.sock
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def sink(folder: Path) -> str:
    return f"[sink:textfile]\npath = {folder}/supervisor.prom\n"


def check(place: Place, *arguments: str) -> int:
    return main(["check-config", str(place.config), *arguments])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A configuration of everything in one file, without a fault."""
    return Place(tmp_path).write(SUPERVISORD + STANZA + sink(tmp_path))


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_clean_configuration(
    arguments: tuple[str, ...], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is wrong that is said, and the exit code is 0."""
    code = check(place, *arguments)

    assert f"{place.config}: no problems\n" == capsys.readouterr().out
    assert 0 == code


@pytest.mark.parametrize(
    ("change", "expected", "codes"),
    [
        (("buffer_size=4096", "buffer_size=1"), "warning: [eventlistener:maint]: ", (0, 1)),
        (("chmod=0700", "chmod=0777"), "warning: [unix_http_server]: ", (0, 1)),
        (("[supervisord]", "[superlance]"), "note: supervisord's configuration: ", (0, 0)),
        (("TICK_5,", ""), "warning: [eventlistener:maint]: ", (0, 1)),
        (("priority=-10", "priority=x"), "error: supervisord's configuration: ", (1, 1)),
    ],
)
def test_advice(
    change: tuple[str, str],
    expected: str,
    codes: tuple[int, int],
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Advice is printed with what to do; ``--check`` makes a warning count, never a note."""
    place.write(place.sections.replace(*change))
    found = [check(place), check(place, "--check")]
    lines = capsys.readouterr().out.splitlines()

    assert list(codes) == found
    assert lines[0].startswith(expected)
    assert lines[1].startswith("  to do: ")
    assert f"{place.config}: 1 to look at" in lines


def test_problems(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be used at all exits 2, with every problem."""
    place.write(settle="x", stat_dir="/tmp")

    assert 2 == check(place, "--check")
    out, err = capsys.readouterr()
    assert ("", 2) == (out, len(err.splitlines()))


def test_supervisord_configuration_may_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--supervisord-config`` names the file with the stanza."""
    place = Place(tmp_path).write(sink(tmp_path), serverurl=f"unix://{tmp_path}/s.sock")
    main_file = tmp_path / "supervisord.conf"
    main_file.write_text(SUPERVISORD + STANZA.replace("4096", "1"))

    assert 1 == check(place, "--check", "--supervisord-config", str(main_file))
    assert "warning: [eventlistener:maint]: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("included", "expected"),
    [
        ("maint.conf", "warning: [eventlistener:maint]: "),
        ("other.conf", "note: supervisord's configuration: "),
    ],
)
def test_usual_file_is_looked_at_when_it_includes_ours(
    included: str,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the first ``supervisorctl update`` nobody tells where supervisord's own file is."""
    main_file = tmp_path / "supervisord.conf"
    main_file.write_text(f"{SUPERVISORD}[include]\nfiles={included}\n")
    monkeypatch.setattr(started_with, "_DEFAULT_FILES", (str(main_file),))
    (tmp_path / "other.conf").touch()
    place = Place(tmp_path).write(STANZA.replace("4096", "1") + sink(tmp_path))

    check(place)
    assert capsys.readouterr().out.startswith(expected)


def test_running_supervisord_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no file tells, the running supervisord is asked what it was started with."""
    os.environ["MAINT_TEST_PRIORITY"] = "-7"
    try:
        supervisord = RealSupervisord(
            "[program:web]\ncommand=/bin/sleep 1000\npriority=%(ENV_MAINT_TEST_PRIORITY)s\n"
        )
        supervisord.start()
    finally:
        del os.environ["MAINT_TEST_PRIORITY"]
    try:
        # a busy machine takes its time to answer, and that is not what is tested
        place = Place(tmp_path).write(sink(tmp_path), serverurl=supervisord.url, rpc_timeout="60s")
        assert 1 == check(place, "--check")
    finally:
        supervisord.stop()

    assert "no stanza runs 'supervisor-maint listen'" in capsys.readouterr().out


def test_running_supervisord_is_asked_for_the_plugin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its Python imports the plug-in before that is recommended, wherever its socket is told."""
    with RealSupervisord("[program:web]\ncommand=/bin/sleep 1000\n") as supervisord:
        place = Place(tmp_path).write(sink(tmp_path))
        check(place, "--supervisord-config", str(supervisord.configuration))
    lines = capsys.readouterr().out.splitlines()

    assert [
        "note: [rpcinterface:maint]: it is not there, and supervisord's Python could import it: "
        "it adds supervisorctl reopen and maint, also from other machines"
    ] == [line for line in lines if "rpcinterface" in line]


def test_plan_is_held_against_what_past_runs_took(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimate knows the past runs of the history, as that of ``plan`` does."""
    plan = "[program:web]\ncommand=/bin/cat\n[maintenance:nightly]\nprograms=web\n"
    place.write(place.sections + plan)
    assert 0 == check(place, "--check")
    place.state.prepare()
    history = History(place.state.history)
    history.save_run("r1", 1000.0, {"downtime_seconds": {"web:web": 600.0}})
    history.close()

    assert 1 == check(place, "--check")
    assert "it would take about 610 s, longer than max_duration (300 s)" in capsys.readouterr().out


def test_history_that_cannot_be_read_is_no_obstacle(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken history only means that nothing is known of past runs."""
    place.state.prepare()
    place.state.history.write_bytes(b"no database, and long enough to be taken for one" * 100)

    assert 0 == check(place)
    assert "no problems" in capsys.readouterr().out
