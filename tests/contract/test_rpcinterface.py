"""The methods inside supervisord, given the installed supervisor's own objects."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.xmlrpc import Faults, RPCError, xmlrpc_marshal

from supervisor_maint.listener import events
from supervisor_maint.listener.protocol import Notification
from supervisor_maint.store import requests
from supervisor_maint.store.publication import Publication
from supervisor_maint.supervisord import rpcinterface
from supervisor_maint.supervisord.rpcinterface import REQUEST_BYTES, STATUS_BYTES, make_interface
from tests.fakes.inside_supervisord import InsideSupervisord

REPOSITORY = Path(__file__).resolve().parents[2]
METHODS = ("maint.getListenerPools", "maint.reopenLogs", "maint.request", "maint.status")
REQUEST = {"id": "a1", "verb": "run", "args": {"plan": None}, "asked_by": "somebody"}


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def inside(tmp_path: Path, state_dir: Path) -> Iterator[InsideSupervisord]:
    folder = tmp_path / "logs"
    folder.mkdir()
    found = InsideSupervisord(folder, f"state_dir={state_dir}")
    yield found
    found.close()


def _fault(call: Callable[[], object]) -> tuple[int, str]:
    """Return the code and text of the fault that a call must end with."""
    with pytest.raises(RPCError) as caught:
        call()
    xmlrpc_marshal(caught.value.text)
    return caught.value.code, caught.value.text


def test_methods_are_published_with_their_types(inside: InsideSupervisord) -> None:
    """system.listMethods knows the four, and system.methodSignature reads their docstrings."""
    system = inside.system()
    signatures = {
        name: system.methodSignature(name)
        for name in system.listMethods()
        if name.startswith("maint.")
    }

    assert set(METHODS) == set(signatures)
    assert ["string", "string"] == signatures["maint.request"]
    assert ["array"] == signatures["maint.reopenLogs"]


@pytest.mark.parametrize(
    "config",
    [{}, {"supervisord": "x", "self": "y", "config": "z"}, {"state_dir": "\0", "päth": ""}],
)
def test_no_section_keeps_supervisord_from_starting(config: dict[str, str]) -> None:
    """Whatever the section holds, and before anything is known, the interface is made."""

    assert make_interface(object(), **config)


@pytest.mark.parametrize("method", METHODS)
def test_wrong_number_of_parameters_is_a_fault(inside: InsideSupervisord, method: str) -> None:
    """Too many parameters are said to be that."""

    assert Faults.INCORRECT_PARAMETERS == _fault(lambda: inside.call(method, 1, 2, 3))[0]


@pytest.mark.parametrize("mood", [SupervisorStates.SHUTDOWN, SupervisorStates.RESTARTING])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_done_while_supervisord_ends(
    inside: InsideSupervisord, method: str, mood: int
) -> None:
    """On its way down every method answers what supervisord's own answer."""
    inside.options.mood = mood
    params = ["{}"] if method == "maint.request" else []

    assert Faults.SHUTDOWN_STATE == _fault(lambda: inside.call(method, *params))[0]


@pytest.mark.parametrize("method", METHODS)
def test_our_own_error_is_a_fault(inside: InsideSupervisord, method: str, state_dir: Path) -> None:
    """What nobody thought of becomes a fault, with its traceback in supervisord's log."""
    Publication(state_dir / "status.json").publish({"pid": 1})
    inside.process_groups = {"broken": None}  # type: ignore[dict-item]
    if method in ("maint.request", "maint.status", "maint.getListenerPools"):
        inside.process_groups = None  # type: ignore[assignment]
    params = [json.dumps(REQUEST)] if method == "maint.request" else []
    code, text = _fault(lambda: inside.call(method, *params))
    inside.process_groups = {}

    assert Faults.FAILED == code
    assert "unexpected AttributeError; supervisord's log has the traceback" in text
    assert "Traceback" in (inside.folder / "supervisord.log").read_text()


def test_listener_pools_are_told(inside: InsideSupervisord) -> None:
    """The groups that are listener pools are named, no others."""

    assert ["maint", "ticker"] == inside.call("maint.getListenerPools")


def _rename_all(folder: Path) -> list[str]:
    logs = sorted(path for path in folder.glob("*.log"))
    for log in logs:
        log.rename(log.with_suffix(".log.1"))
    return [log.name for log in logs]


def test_every_log_is_reopened(inside: InsideSupervisord) -> None:
    """supervisord's own log, and stdout and stderr of programs and listeners, are new files."""
    names = _rename_all(inside.folder)
    problems = inside.call("maint.reopenLogs")
    inside.options.logger.info("after")
    for dispatcher in inside.dispatchers("web"):
        dispatcher.normallog.info(b"after")

    assert [] == problems
    assert 7 == len(names)
    assert names == sorted(path.name for path in inside.folder.glob("*.log"))
    assert "after\n" == (inside.folder / "supervisord.log").read_text()
    assert "after" == (inside.folder / "web_1.err.log").read_text()
    assert "" == (inside.folder / "web_0.out.log.1").read_text()


def test_log_in_a_folder_that_went_away_is_left_open(inside: InsideSupervisord) -> None:
    """What cannot be opened again is told, and still written to; the others are reopened."""
    moved = inside.folder / "moved"
    moved.mkdir()
    lost = inside.dispatchers("web")[0]
    handler = lost.normallog.handlers[0]
    handler.baseFilename = str(inside.folder / "gone" / "web_0.out.log")
    _rename_all(inside.folder)
    problems = inside.call("maint.reopenLogs")
    lost.normallog.info(b"still here")

    assert [["web:web_0", f"{handler.baseFilename} cannot be opened (No such file or directory), "
             "so it was not reopened"]] == problems  # fmt: skip
    assert "still here" == (inside.folder / "web_0.out.log.1").read_text()
    assert (inside.folder / "web_0.err.log").exists()
    assert "log of web:web_0" in (inside.folder / "supervisord.log").read_text()


def test_pipe_in_the_place_of_a_log_does_not_block(inside: InsideSupervisord) -> None:
    """A FIFO that nobody reads would hold supervisord up for ever: it is told."""
    log = inside.folder / "supervisord.log"
    log.rename(inside.folder / "supervisord.log.1")
    os.mkfifo(log)
    (problem,) = inside.call("maint.reopenLogs")

    assert "supervisord" == problem[0]
    assert f"{log} cannot be opened" in problem[1]


def test_reopen_that_fails_after_all_is_told(
    inside: InsideSupervisord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that changes between the look and the reopen ends nobody."""

    def fail() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(inside.options, "reopenlogs", fail)
    (problem,) = inside.call("maint.reopenLogs")

    assert "supervisord" == problem[0]
    assert problem[1].startswith("closed, and cannot be opened again ([Errno 13]")


def test_stopped_processes_have_no_logs_to_reopen(inside: InsideSupervisord) -> None:
    """A process without a child has no file open."""
    for process in inside.process_groups["web"].processes.values():
        process.dispatchers = {}
    (inside.folder / "web_0.out.log").unlink()

    assert [] == inside.call("maint.reopenLogs")
    assert not (inside.folder / "web_0.out.log").exists()


def test_request_reaches_the_listener(inside: InsideSupervisord) -> None:
    """What is asked becomes one event, which the listener reads as this request."""
    before = time.time()
    answer = inside.call("maint.request", json.dumps(REQUEST))
    (payload,) = inside.buffered("maint")
    notification = Notification(
        version="3.0",
        server="supervisor",
        serial=1,
        pool="maint",
        pool_serial=1,
        event_name="REMOTE_COMMUNICATION",
        payload=payload,
    )
    event = events.parse(notification, received_at=0.0)
    assert isinstance(event, events.RemoteCommunicationEvent)
    request = requests.decode(event.data)

    assert "a1" == answer
    assert "maint" == event.kind
    assert isinstance(request, requests.Request)
    assert ("run", "somebody") == (request.verb.value, request.asked_by)
    assert before + 30 <= request.expires_at <= time.time() + 30
    assert [] == inside.buffered("ticker")


def test_request_keeps_its_own_end_and_its_letters(inside: InsideSupervisord) -> None:
    """A given expires_at stays; what is not ASCII, or a control character, travels escaped."""
    inside.call("maint.request", json.dumps({**REQUEST, "expires_at": 5, "asked_by": "é\0\n"}))
    (payload,) = inside.buffered("maint")
    request = requests.decode(payload.partition("\n")[2])

    assert payload.isascii()
    assert 1 == payload.count("\n")
    assert isinstance(request, requests.Request)
    assert (5.0, "é\0\n") == (request.expires_at, request.asked_by)


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        (7, "expected as request a text, found int"),
        (None, "found NoneType"),
        ("", "expected as request a JSON object"),
        ("[]", "a JSON object: found list"),
        ("{}", "at most 65536 bytes, found more or nothing"),
        ("nonsense", "a JSON object"),
        ('{"id":"a"', "a JSON object"),
        ('{"id":NaN}', "found the number NaN"),
        ('{"id":"a","x":1e999}', "found the number 1e999"),
        ('{"id":"a","x":' + "9" * 50_000 + "}", "found the number 9999"),
        ("[" * 60_000, "a JSON object"),
        ('{"id":"a","x":"' + "x" * REQUEST_BYTES + '"}', "found more or nothing"),
        ('{"id":"a","x":"' + "é" * 20_000 + '"}', "found more or nothing"),
        ('{"verb":"run"}', "found None"),
        ('{"id":"../x"}', "found '../x'"),
        ('{"id":""}', "found ''"),
        ('{"id":"\\ud800\\u0000"}', "as id 1 to 64 letters"),
    ],
)
def test_garbage_is_no_request(inside: InsideSupervisord, request_text: Any, said: str) -> None:
    """What is no request is a fault that says what was expected; no listener hears of it."""
    code, text = _fault(lambda: inside.call("maint.request", request_text))

    assert Faults.BAD_ARGUMENTS == code
    assert said in text
    assert [] == inside.buffered("maint")


@pytest.mark.parametrize("state", [ProcessStates.STOPPED, ProcessStates.FATAL])
def test_nothing_is_left_for_a_listener_that_does_not_run(
    inside: InsideSupervisord, state: int
) -> None:
    """An event for a stopped listener would be delivered hours later: it is refused."""
    inside.stop_listener("maint", state)
    code, text = _fault(lambda: inside.call("maint.request", json.dumps(REQUEST)))

    assert Faults.NOT_RUNNING == code
    assert "nothing was changed" in text
    assert [] == inside.buffered("maint")


def test_starting_listener_gets_the_request(inside: InsideSupervisord) -> None:
    """A listener on its way up will have the event in a second."""
    inside.stop_listener("maint", ProcessStates.STARTING)

    assert "a1" == inside.call("maint.request", json.dumps(REQUEST))


def test_status_is_what_was_published(inside: InsideSupervisord, state_dir: Path) -> None:
    """The document comes with the time and the name of the listener, in what XML can hold."""
    pid = next(iter(inside.process_groups["maint"].processes.values())).pid
    published = {"pid": pid, "reason": "größer\0", "answers": {"a1": {"at": 1.5, "done": True}}}
    Publication(state_dir / "status.json").publish(published)
    text = inside.call("maint.status")
    document = json.loads(text)

    assert text.isascii()
    assert text.isprintable()
    assert abs(document.pop("read_at") - time.time()) < 60
    assert {**published, "listener": "maint"} == document


def test_status_outlives_its_listener(inside: InsideSupervisord, state_dir: Path) -> None:
    """A pid that no event listener has any more is no listener."""
    Publication(state_dir / "status.json").publish({"pid": 0})
    inside.stop_listener("maint")

    assert json.loads(inside.call("maint.status"))["listener"] is None


def _fifo(place: Path) -> None:
    os.mkfifo(place)


def _folder(place: Path) -> None:
    place.mkdir()


def _link(place: Path) -> None:
    (place.parent / "elsewhere").write_text("{}")
    place.symlink_to(place.parent / "elsewhere")


def _second_name(place: Path) -> None:
    (place.parent / "secret").write_text("{}")
    os.link(place.parent / "secret", place)


def _content(text: str) -> Callable[[Path], object]:
    return lambda place: place.write_bytes(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (lambda place: None, Faults.NO_FILE, "no listener has published anything in"),
        (_fifo, Faults.FAILED, "no regular file"),
        (_folder, Faults.FAILED, "status.json: "),
        (_link, Faults.FAILED, "status.json: "),
        (_second_name, Faults.FAILED, "no regular file with one name"),
        (_content(""), Faults.FAILED, "expected a published status"),
        (_content("[1]"), Faults.FAILED, "found list"),
        (_content('{"pid": Infinity}'), Faults.FAILED, "found the number Infinity"),
        (_content('{"pid": 1'), Faults.FAILED, "expected a published status"),
        (_content("{\udcff}"), Faults.FAILED, "expected a published status"),
        (_content("[" * 500_000), Faults.FAILED, "nested too deep"),
        (_content('{"a":' * 500_000), Faults.FAILED, "found more than"),
        (_content(" " * (STATUS_BYTES + 1)), Faults.FAILED, "found more than 1048576 bytes"),
    ],
)
def test_broken_status_is_a_fault(
    inside: InsideSupervisord,
    state_dir: Path,
    make: Callable[[Path], object],
    code: int,
    said: str,
) -> None:
    """Whatever is in the place of the status file, supervisord neither waits nor fails."""
    make(state_dir / "status.json")
    found, text = _fault(lambda: inside.call("maint.status"))

    assert (code, True) == (found, said in text), text


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "expected state_dir in [rpcinterface:maint], the absolute path"),
        ({"statedir": "/x"}, "found statedir"),
        ({"state_dir": "relative"}, "found 'relative'"),
        ({"state_dir": ""}, "found ''"),
        ({"state_dir": "/a\0b"}, r"found '/a\x00b'"),
        ({"state_dir": "/nowhere/at/all"}, "no listener has published anything"),
        ({"state_dir": "/dev/null"}, "Not a directory"),
    ],
)
def test_bad_state_dir_is_told_when_it_is_needed(
    inside: InsideSupervisord, config: dict[str, str], said: str
) -> None:
    """A wrong key or value of the section is a fault of status(), and of nothing else."""
    interface = make_interface(inside, **config)

    assert said in _fault(interface.status)[1]
    assert [] == interface.reopenLogs()


def test_plugins_import_nothing_but_supervisor_and_the_standard_library() -> None:
    """Both plug-ins work where none of our dependencies is installed."""
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    required = set(re.findall(r"^([\w-]+)", setup["options"]["install_requires"], re.MULTILINE))
    missing = {name.replace("-", "_") for name in required - {"supervisor", "setuptools"}}
    script = f"""
import sys
for name in {sorted(missing | {"attr"})!r}:
    sys.modules[name] = None  # importing it is an ImportError
import supervisor_maint.supervisord.rpcinterface
import supervisor_maint.supervisord.ctlplugin
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert {"attrs", "requests", "prometheus_client"} <= missing
    assert (0, "") == (done.returncode, done.stderr)


def test_factory_is_the_one_that_is_documented() -> None:
    """What the documentation writes into the section is there."""

    assert "rpcinterface:make_interface" in str(rpcinterface.__doc__)
    assert callable(rpcinterface.make_interface)
