"""``listen`` as supervisord starts it: a child with pipes, from before READY to its end."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from supervisor_maint.store.history_reader import HistoryReader
from supervisor_maint.store.publication import Publication
from tests.fakes import xmlrpc_server
from tests.fakes.commands import Place, SupervisordServer
from tests.fakes.envelopes import envelope
from tests.fakes.gateway import FakeGateway, hang
from tests.fakes.waiting import wait_until
from tests.fakes.xmlrpc_server import XmlrpcServer

ANSWER = b"RESULT 2\nOKREADY\n"
DEADLINE_SECONDS = 60
# Timeouts of what hangs in these tests; who waited for one would take at least this long.
HANGING = "300s"
HANGING_SECONDS = 60


@attrs.define
class Child:
    """A listener as a child process."""

    process: subprocess.Popen[bytes]
    log: Path
    heard: bytes = b""

    def send(self, *events: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(events))
        self.process.stdin.flush()

    def hear(self, expected: bytes) -> None:
        """Read what it says until it has said this, all in all."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.heard != expected:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, self.log.read_text()
            assert time.monotonic() < deadline
            self.heard += data

    def hang_up(self) -> int:
        """Close its stdin, as a supervisord that dies does, and return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(DEADLINE_SECONDS)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


@contextlib.contextmanager
def listening(place: Place, *options: str) -> Iterator[Child]:
    """Start a listener in this place; whatever is left of it at the end is killed."""
    command = [sys.executable, *options, "-m", "supervisor_maint", "listen"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SUPERVISOR_")}
    with tempfile.NamedTemporaryFile(dir=place.folder, suffix=".log", delete=False) as stderr:
        process = subprocess.Popen(
            [*command, "--config", str(place.config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environ,
        )
    try:
        yield Child(process, Path(stderr.name))
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()


@pytest.fixture
def server() -> Iterator[XmlrpcServer]:
    with XmlrpcServer(SupervisordServer()) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, server: XmlrpcServer) -> Place:
    return Place(tmp_path).write(serverurl=server.url)


def tick(serial: int) -> bytes:
    return envelope("TICK_5", "when:5", serial=serial, pool_serial=serial)


def saved_serial(place: Place) -> int:
    with HistoryReader.open(place.state.history) as history:
        saved = history.load_watch()
    return -1 if saved is None else int(saved[0]["order"]["serial"])


def test_events_are_answered_and_saved(place: Place) -> None:
    """READY, an answer to each event, EOF: exit 0, with everything saved and published."""
    with listening(place) as child:
        child.hear(b"READY\n")
        child.send(*(tick(serial) for serial in range(100)))
        child.hear(b"READY\n" + 100 * ANSWER)
        wait_until(place.state.status.exists)
        assert 0 == child.hang_up()

    assert 99 == saved_serial(place)
    assert Publication(place.state.status).read().heartbeat_at is not None


def test_log_has_a_zone_and_no_traceback(place: Place) -> None:
    """A quiet life leaves lines with zone and level in the log, and nothing on fd 1."""
    with listening(place) as child:
        child.hear(b"READY\n")
        wait_until(lambda: "looking at supervisord 4.3.0" in child.log.read_text())
        assert 0 == child.end()
        lines = child.log.read_text().splitlines()

    assert [] == [
        line
        for line in lines
        if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} (INFO|WARNING) ", line)
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_signal_ends_in_time_whatever_hangs(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends the listener at once even when supervisord and the gateway hang."""
    with XmlrpcServer(xmlrpc_server.hang) as server, FakeGateway(hang) as gateway:
        sink = f"[sink:pushgateway]\nurl = {gateway.url}\ntimeout = 60s\ndelete_on_stop = true\n"
        place = Place(tmp_path).write(sink, serverurl=server.url, rpc_timeout=HANGING)
        with listening(place) as child:
            child.hear(b"READY\n")
            wait_until(lambda: bool(gateway.pushes))
            began = time.monotonic()
            code = child.end(number)
            took = time.monotonic() - began
            gateway.ended.set()

    assert 0 == code
    assert took < HANGING_SECONDS


def test_requests_are_answered_while_supervisord_hangs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client has its answer, and events theirs, while every call to supervisord hangs."""
    with XmlrpcServer(xmlrpc_server.hang) as server:
        place = Place(tmp_path).write(serverurl=server.url, rpc_timeout=HANGING)
        with listening(place) as child:
            child.hear(b"READY\n")
            wait_until(place.state.wake.exists)
            # a client gives up after 5 s, which on a busy machine is no proof of anything
            wait_until(lambda: place.run("reload") == 0)
            child.send(tick(1))
            child.hear(b"READY\n" + ANSWER)
            assert 0 == child.end()

    assert "the settings hold now" in capsys.readouterr().out


def test_shutdown_of_supervisord_ends_quietly(tmp_path: Path) -> None:
    """A supervisord that says SHUTDOWN_STATE is a normal end: exit 0 without an error."""
    with XmlrpcServer(xmlrpc_server.fault(6, "SHUTDOWN_STATE")) as server:
        place = Place(tmp_path).write(serverurl=server.url)
        with listening(place) as child:
            child.hear(b"READY\n")
            assert 0 == child.process.wait(DEADLINE_SECONDS)
            assert "ERROR" not in child.log.read_text()


def test_broken_stream_ends_with_an_error(place: Place) -> None:
    """What is no event ends the listener with 1 and a sentence: supervisord starts it anew."""
    with listening(place) as child:
        child.hear(b"READY\n")
        wait_until(place.state.status.exists)
        child.send(tick(1), b"noise\n")
        assert 1 == child.process.wait(DEADLINE_SECONDS)
        assert "supervisor-maint: " in child.log.read_text().splitlines()[-1]

    assert 1 == saved_serial(place)


def test_hangup_reads_the_settings_again(place: Place) -> None:
    """SIGHUP has the settings read: good ones hold, of bad ones every problem is logged."""
    with listening(place) as child:
        child.hear(b"READY\n")
        place.write(stetle="3s", push_intreval="5s")
        child.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "unknown key, did you mean 'push_interval'" in child.log.read_text())
        assert "unknown key, did you mean 'settle'" in child.log.read_text()
        for typo in ("stetle", "push_intreval"):
            del place.keys[typo]
        place.write()
        child.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "settings loaded" in child.log.read_text())
        assert 0 == child.end()


def refused(place: Place) -> tuple[int, bytes, list[str]]:
    """Return exit code, what was said to supervisord, and the sentences of a failed start."""
    with listening(place) as child:
        assert child.process.stdout is not None
        said = child.process.stdout.read()  # until its end
        code = child.process.wait(DEADLINE_SECONDS)
        return code, said, child.log.read_text().splitlines()


def test_bad_settings_at_the_start(place: Place) -> None:
    """Every problem is told, and the exit code is 2 before READY."""
    place.write("[sink:pushgatway]\n", settle="x", serverurl="nowhere")
    code, said, sentences = refused(place)

    assert (2, b"") == (code, said)
    assert 3 == len(sentences)
    assert all(line.startswith(f"supervisor-maint: {place.config}:") for line in sentences)


def test_no_server_url_at_the_start(tmp_path: Path) -> None:
    """A supervisord without a server tells its listener no URL: exit 2 before READY."""
    code, said, [sentence] = refused(Place(tmp_path).write())

    assert (2, b"") == (code, said)
    assert "add a [unix_http_server]" in sentence


def test_second_listener(place: Place) -> None:
    """A second listener of a state directory says who holds it: exit 2 before READY."""
    with listening(place) as first:
        first.hear(b"READY\n")
        code, said, [sentence] = refused(place)

        assert (2, b"") == (code, said)
        assert f"another listener (pid {first.process.pid})" in sentence


def test_untrusted_state(place: Place) -> None:
    """A state directory that others can write to is refused: exit 2 before READY."""
    place.state.prepare()
    place.state.path.chmod(0o777)
    code, said, [*_, sentence] = refused(place)

    assert (2, b"") == (code, said)
    assert "others can write to it" in sentence


def test_newer_history(place: Place) -> None:
    """A history of a newer version is refused with a sentence: exit 2."""
    place.state.prepare()
    with contextlib.closing(sqlite3.connect(place.state.history)) as connection:
        connection.execute("PRAGMA user_version = 99")
    code, _, [*_, sentence] = refused(place)

    assert 2 == code
    assert "expected schema version 1 or less, found 99" in sentence


def start_with(place: Place, stdin: int) -> tuple[int, str]:
    command = [sys.executable, "-m", "supervisor_maint", "listen", "--config", str(place.config)]
    done = subprocess.run(
        command, stdin=stdin, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    return done.returncode, done.stdout + done.stderr


def test_terminal_is_refused(place: Place) -> None:
    """Who types ``listen`` is told that supervisord starts it."""
    master, terminal = pty.openpty()
    try:
        code, said = start_with(place, terminal)
    finally:
        os.close(master)
        os.close(terminal)

    assert 2 == code
    assert "listen is started by supervisord, with a pipe as its stdin; found a terminal" in said


def test_file_is_refused(place: Place) -> None:
    """A file as stdin is no supervisord either."""
    with place.config.open() as file:
        code, said = start_with(place, file.fileno())

    assert 2 == code
    assert "found a regular file" in said


TOO_LARGE = ("rich", "superlance", "supervisor.options", "psutil")
PERMISSIONS = ("supervisor_maint.permissions", "supervisor_maint.app.permission")


@pytest.mark.parametrize(
    ("sink", "also"),
    [("", ("requests", "urllib3")), ("[sink:pushgateway]\nurl = http://127.0.0.1:9\n", ())],
    ids=["without a gateway", "with one"],
)
def test_listener_loads_no_more_than_it_needs(
    sink: str, also: tuple[str, ...], place: Place
) -> None:
    """What people need is not loaded by what runs day and night."""
    place.write(sink)
    with listening(place, "-v") as child:
        child.hear(b"READY\n")
        wait_until(place.state.status.exists)
        assert 0 == child.end()
        loaded = set(re.findall(r"^import '?([\w.]+)'? #", child.log.read_text(), re.MULTILINE))

    assert "supervisor_maint.cli.composition" in loaded
    assert [] == sorted(name for name in loaded if name.startswith(PERMISSIONS))
    assert [] == [name for name in (*TOO_LARGE, *also) if name in loaded]


def test_listener_with_rules_leaves_the_walk_to_its_child(tmp_path: Path, place: Place) -> None:
    """With rules it loads what they are and how to have them kept, and nothing that walks."""
    place.write(f"[permissions:tree]\npath = {tmp_path}/tree\nmode = 0755\n")
    with listening(place, "-v") as child:
        child.hear(b"READY\n")
        wait_until(place.state.status.exists)
        assert 0 == child.end()
        loaded = set(re.findall(r"^import '?([\w.]+)'? #", child.log.read_text(), re.MULTILINE))

    assert "supervisor_maint.permissions.child" in loaded
    walking = {f"supervisor_maint.permissions.{name}" for name in ("filesystem", "passes")}
    assert set() == walking & loaded
