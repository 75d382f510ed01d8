"""The commands in the installed supervisorctl, against a supervisord that says what it is told."""

from __future__ import annotations

import errno
import io
import json
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError
from xmlrpc.client import Fault, ProtocolError

import pytest
from supervisor.options import ClientOptions
from supervisor.xmlrpc import Faults

from supervisor_maint.store import requests
from supervisor_maint.supervisord import ctlplugin
from tests.fakes.supervisorctl import (
    AbsentSupervisord,
    FakeSupervisorctl,
    FakeSupervisord,
    unknown_method,
)

MAINT = (
    "[ctlplugin:maint]\nsupervisor.ctl_factory=supervisor_maint.supervisord.ctlplugin:make_plugin\n"
)


@pytest.fixture
def supervisord() -> FakeSupervisord:
    return FakeSupervisord()


@pytest.fixture
def ctl(tmp_path: Path, supervisord: FakeSupervisord) -> FakeSupervisorctl:
    return FakeSupervisorctl(tmp_path, supervisord)


@pytest.mark.parametrize(
    ("line", "verb", "args"),
    [
        ("run", "run", {"plan": None}),
        ("run nightly", "run", {"plan": "nightly"}),
        ("resume nightly", "resume", {"plan": "nightly"}),
        ("cancel", "cancel", {}),
        ("hold", "hold", {"plan": None, "until_at": None, "reason": ""}),
        (
            "hold --reason disk is full",
            "hold",
            {"plan": None, "until_at": None, "reason": "disk is full"},
        ),
    ],
)
def test_command_becomes_a_request(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord, line: str, verb: str, args: Any
) -> None:
    """What is typed is what the listener reads; its answer is printed, the exit status 0."""
    status = ctl.run(f"maint {line}")
    (sent,) = supervisord.requests
    request = requests.decode(json.dumps({**sent, "expires_at": 1.0}))

    assert (0, "so be it\n") == status
    assert isinstance(request, requests.Request)
    assert (verb, args) == (request.verb.value, request.args)
    assert request.asked_by.endswith(" with supervisorctl")


def test_refusal_by_the_listener_is_a_failure(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord
) -> None:
    """What was not done is printed, and the exit status says so."""
    supervisord.answer = {"done": False, "sentence": "there is no such plan", "at": 1.0}

    assert (1, "there is no such plan\n") == ctl.run("maint run x")


def test_no_answer_in_time(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer it is said what may still happen."""
    monkeypatch.setattr(ctlplugin, "ANSWER_SECONDS", 0.0)
    supervisord.answer = None
    code, said = ctl.run("maint run")

    assert 7 == code
    assert "did not answer" in said
    assert "may still be carried out" in said


@pytest.mark.parametrize("answers", [None, [], {"x": 1}, 7])
def test_answers_of_another_shape_are_no_answers(
    ctl: FakeSupervisorctl,
    supervisord: FakeSupervisord,
    monkeypatch: pytest.MonkeyPatch,
    answers: Any,
) -> None:
    """What another version published does no harm."""
    monkeypatch.setattr(ctlplugin, "ANSWER_SECONDS", 0.0)
    supervisord.answer = None
    supervisord.document = {"answers": answers}

    assert 7 == ctl.run("maint run")[0]


def test_ctrl_c_while_waiting(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not wait is told that it may happen all the same."""

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ctlplugin.time, "sleep", interrupt)
    supervisord.answer = None

    assert (1, "not waited for; the request may still be carried out\n") == ctl.run("maint run")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "VERB"),
        ("restart", "invalid choice: 'restart'"),
        ("run a b", "unrecognized arguments: b"),
        ("status now", "unrecognized arguments: now"),
        ("hold --for ever", "expected a duration"),
        ("hold --for 0s", "expected a duration"),
        ("hold --until yesterday", "expected a time to come"),
        ("hold --until 2001-01-01", "expected a time to come"),
        ("hold --for 1h --until 06:30", "not allowed with"),
        ("hold --reason", "expected at least one argument"),
    ],
)
def test_wrong_words_ask_for_nothing(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord, line: str, said: str
) -> None:
    """What cannot be read is told with the usage; nothing is sent."""
    code, printed = ctl.run(f"maint {line}")

    assert 2 == code
    assert said in printed.splitlines()[0]
    assert "maint hold --for 2h --reason disk is replaced" in printed
    assert [] == supervisord.requests


def test_nothing_is_sent_when_the_answer_could_not_be_read(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord
) -> None:
    """Where the status cannot be read, nobody could tell what became of a request."""
    supervisord.document = Fault(Faults.FAILED, "FAILED: expected state_dir")

    assert (1, "ERROR: FAILED: expected state_dir\n") == ctl.run("maint run")
    assert [] == supervisord.requests


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [
        (Fault(Faults.NOT_RUNNING, "NOT_RUNNING: no listener"), 7, "NOT_RUNNING: no listener"),
        (Fault(Faults.BAD_ARGUMENTS, "BAD_ARGUMENTS: x"), 2, "BAD_ARGUMENTS: x"),
        (Fault(Faults.SHUTDOWN_STATE, "SHUTDOWN_STATE"), 1, "SHUTDOWN_STATE"),
        (unknown_method(), 3, "[rpcinterface:maint]"),
        (ProtocolError("x", 500, "Internal", {}), 1, "HTTP 500 Internal"),
        (ConnectionResetError("reset"), 1, "unix:///nowhere/s.sock: reset"),
        (ExpatError("not well-formed"), 1, "not well-formed"),
    ],
)
def test_refusal_by_supervisord_is_a_sentence(
    ctl: FakeSupervisorctl,
    supervisord: FakeSupervisord,
    refusal: Exception,
    code: int,
    said: str,
) -> None:
    """Whatever goes wrong on the way is one error, with an exit status."""
    supervisord.refusal = refusal
    found, printed = ctl.run("maint run")

    assert code == found
    assert printed.startswith("ERROR: ")
    assert said in printed


def test_password_is_left_to_supervisorctl(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord
) -> None:
    """HTTP 401 is what supervisorctl itself answers."""
    supervisord.problems = ProtocolError("x", 401, "Unauthorized", {})
    code, printed = ctl.run("reopen")

    assert 1 == code
    assert printed.startswith("Server requires authentication\n")


def test_status_of_a_well_listener(ctl: FakeSupervisorctl, supervisord: FakeSupervisord) -> None:
    """The status is printed, the exit status is 0."""
    supervisord.document = {
        "pid": 7,
        "listener": "maint",
        "read_at": 1000.0,
        "heartbeat_at": 995.0,
        "maintenance": {"sentences": ["nightly: next at 03:00 JST"]},
    }
    code, printed = ctl.run("maint status")

    assert 0 == code
    assert "listener    maint, pid 7" in printed
    assert "last event 5s ago" in printed
    assert printed.endswith("nightly: next at 03:00 JST\n")


@pytest.mark.parametrize(
    ("document", "code", "said"),
    [
        ({"pid": 7, "listener": None, "published_at": 400.0, "read_at": 1000.0}, 3, "10m ago"),
        ({"pid": 7, "listener": "maint", "supervisord_up": False}, 3, "does not answer"),
        (unknown_method(), 3, "[rpcinterface:maint]"),
        (Fault(Faults.NO_FILE, "NO_FILE: nothing published"), 7, "nothing published"),
        ("[]", 1, "expected a JSON object"),
        ("nonsense", 1, "ERROR: "),
    ],
)
def test_status_that_is_not_well(
    ctl: FakeSupervisorctl, supervisord: FakeSupervisord, document: Any, code: int, said: str
) -> None:
    """A listener that does not run, or cannot be asked, is a non-zero exit status."""
    supervisord.document = document
    found, printed = ctl.run("maint status")

    assert code == found
    assert said in printed


@pytest.mark.parametrize(
    ("line", "problems", "said"),
    [
        ("reopen", [], (0, "supervisord and its processes: logs reopened\n")),
        ("reopen", [["web:web_1", "gone"]], (1, "web:web_1: ERROR (gone)\n")),
        ("reopen now", [], (2, "ERROR: reopen takes no arguments\n")),
        ("reopen", unknown_method(), (3, ctlplugin.WITHOUT_INTERFACE)),
        ("reopen", ["nonsense"], (1, "ERROR: ")),
    ],
)
def test_reopen(
    ctl: FakeSupervisorctl,
    supervisord: FakeSupervisord,
    line: str,
    problems: Any,
    said: tuple[int, str],
) -> None:
    """``reopen`` says what was done, or which log was not, or what to add."""
    supervisord.problems = problems
    code, printed = ctl.run(line)

    assert said[0] == code
    assert printed.startswith(said[1])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "gone"), (7, "unix:///nowhere/s.sock no such file\n")),
        (ConnectionRefusedError(errno.ECONNREFUSED, "no"), (4, "refused connection\n")),
        (PermissionError(errno.EACCES, "denied"), (1, "[Errno 13] denied\n")),
    ],
)
@pytest.mark.parametrize("line", ["maint run", "maint status", "reopen"])
def test_without_supervisord(
    tmp_path: Path, line: str, error: OSError, said: tuple[int, str]
) -> None:
    """Where nobody answers, supervisorctl's own words are used, or the error's."""
    code, printed = FakeSupervisorctl(tmp_path, AbsentSupervisord(error)).run(line)

    assert said[0] == code
    assert printed.endswith(said[1])


def test_terminal_of_another_encoding(tmp_path: Path, supervisord: FakeSupervisord) -> None:
    """An answer that the terminal cannot show is shown escaped, and is no error."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    supervisord.answer = {"done": True, "sentence": "geändert", "at": 1.0}
    ctl = FakeSupervisorctl(tmp_path, supervisord, stdout)
    ctl.controller.onecmd("maint run")
    buffer = stdout.detach()
    assert isinstance(buffer, io.BytesIO)

    assert b"ge\\xe4ndert\n" == buffer.getvalue()
    assert 0 == ctl.controller.exitstatus


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("help maint", "maint hold --for 2h --reason disk is replaced\n"),
        ("help reopen", "    supervisorctl reopen >/dev/null\n"),
        ("help", "maint  reopen\n"),
    ],
)
def test_help(ctl: FakeSupervisorctl, line: str, said: str) -> None:
    """Help has examples; the list of commands has both."""
    code, printed = ctl.run(line)

    assert 0 == code
    assert said in printed


def test_help_for_other_commands_is_not_disturbed(ctl: FakeSupervisorctl) -> None:
    """We are silent on what is not ours."""

    assert "No help" not in ctl.run("help status")[1]


def test_section_in_an_included_file_is_ignored(tmp_path: Path) -> None:
    """Supervisorctl reads its main file only: the section must stand there."""
    main = tmp_path / "supervisord.conf"
    head = f"[supervisorctl]\nserverurl=unix:///nowhere\n[include]\nfiles={tmp_path}/*.ini\n"
    (tmp_path / "maint.ini").write_text(MAINT)
    main.write_text(head)
    names = [_plugins(main)]
    main.write_text(head + MAINT)
    names.append(_plugins(main))

    assert [["default"], ["default", "maint"]] == names


def _plugins(file: Path) -> list[str]:
    options = ClientOptions()
    # The list is the class's own default: each reading would add to it.
    options.plugin_factories = options.plugin_factories[:1]
    options.realize(args=["-c", str(file), "status"], doc="")
    return [name for name, _, _ in options.plugin_factories]
