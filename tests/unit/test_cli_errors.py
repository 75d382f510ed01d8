"""What is wrong is said in sentences, with an exit code, and never with a traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor_maint.cli import arguments, main
from tests.fakes import xmlrpc_server
from tests.fakes.commands import Place, SupervisordServer
from tests.fakes.xmlrpc_server import XmlrpcServer

LOOKING = ("snapshot", "diff", "status", "history")
ASKING = ("accept", "reload")
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path).write(serverurl=f"unix://{tmp_path}/s.sock")


def sentences(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was complained about, and check that it looks like complaints."""
    lines = capsys.readouterr().err.splitlines()
    assert [] == [line for line in lines if not line.startswith("supervisor-maint: ")]
    return [line.partition(": ")[2] for line in lines]


def test_no_configuration_anywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a configuration file the sentence says where it was looked for."""
    monkeypatch.setattr(arguments, "CONFIG_PLACES", (f"{tmp_path}/a.conf", f"{tmp_path}/b.conf"))
    monkeypatch.delenv(arguments.CONFIG_VARIABLE, raising=False)

    assert 2 == main(["status"])
    [sentence] = sentences(capsys)
    assert f"found none of {tmp_path}/a.conf, {tmp_path}/b.conf" in sentence
    assert "--config FILE or $SUPERVISOR_MAINT_CONFIG" in sentence


@pytest.mark.parametrize(
    "command", [*LOOKING, "snapshots", "accept", "run", "hold", "resume", "cancel"]
)
def test_broken_plan_is_in_nobodys_way(
    command: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who looks, holds or cancels is told what is wrong with other sections, and goes on."""
    place.write("[maintenance:nightly]\nschedule = never\n")

    assert 1 == place.run(command)
    problem, left_out, *_ = sentences(capsys)
    assert problem.startswith(f"{place.config}:6: [maintenance:nightly] schedule: expected a cron")
    assert "all but [maint] is left out: what the listener loaded last holds" == left_out


@pytest.mark.parametrize("command", [*LOOKING, *ASKING, "decommission"])
def test_every_problem_of_the_settings(
    command: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration that cannot be used exits 2, with every problem and its line."""
    place.write(push_interval="soon", stetle="3s")

    assert 2 == place.run(command)
    assert [f"{place.config}:5: [maint] push_interval", f"{place.config}:6: [maint] stetle"] == [
        sentence.partition(": expected")[0].partition(": unknown")[0]
        for sentence in sentences(capsys)
    ]


def missing(config: Path) -> str:
    config.unlink()
    return "No such file or directory"


def folder(config: Path) -> str:
    config.unlink()
    config.mkdir()
    return "Is a directory"


def binary(config: Path) -> str:
    config.write_bytes(b"[maint]\n\xff")
    return "expected UTF-8"


@pytest.mark.parametrize("spoil", [missing, folder, binary])
def test_unusable_configuration_file(
    spoil: Callable[[Path], str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be read is one sentence that names it."""
    expected = spoil(place.config)

    assert 2 == place.run("status")
    [sentence] = sentences(capsys)
    assert sentence.startswith(f"{place.config}: ")
    assert expected in sentence


def test_supervisord_that_is_not_there(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without supervisord the sentence says what it was looked for as."""
    assert 1 == place.run("snapshot")
    [sentence] = sentences(capsys)
    assert f"there is no socket {place.folder}/s.sock" in sentence


def test_server_url_that_nobody_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When neither settings nor a listener tell, the sentence says which key to set."""
    assert 1 == Place(tmp_path).write().run("snapshot")
    [sentence] = sentences(capsys)
    assert "set serverurl in [maint]" in sentence


def test_wrong_password(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A 401 is one sentence that says where the password belongs."""
    with XmlrpcServer(xmlrpc_server.body(b"", status=401)) as server:
        assert 1 == place.write(serverurl=server.url).run("snapshot")
    [sentence] = sentences(capsys)
    assert "password" in sentence


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("accept", "no listener has ever worked in"),
        ("reload", "no listener has ever worked in"),
        ("history", "there is no history yet"),
        ("diff", "there is nothing to compare with"),
        ("decommission", "there is no [sink:pushgateway], so nothing to delete"),
    ],
)
def test_state_that_is_not_there(
    command: str, expected: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no listener ever worked that is said, and nothing is made."""
    assert 1 == place.run(command)
    [sentence] = sentences(capsys)
    assert expected in sentence
    assert [place.config] == list(place.folder.iterdir())


@pytest.mark.parametrize("command", ASKING)
def test_listener_that_is_not_running(
    command: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request without a listener is taken back, and said to have changed nothing."""
    place.state.prepare()

    assert 1 == place.run(command)
    [sentence] = sentences(capsys)
    assert "the listener is not running" in sentence
    assert "nothing was changed" in sentence
    assert [] == list(place.state.requests.iterdir())


@pytest.mark.parametrize("command", ["status", "diff", "history"])
def test_history_of_a_newer_version(
    command: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a newer version wrote is refused with a sentence."""
    place.state.prepare()
    with contextlib.closing(sqlite3.connect(place.state.history)) as connection:
        connection.execute("PRAGMA user_version = 99")

    assert 1 == place.run(command)
    [sentence] = sentences(capsys)
    assert "expected schema version 1 or less, found 99" in sentence


@pytest.mark.parametrize("command", ["status", "diff", "history"])
def test_damaged_history(command: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no history any more is one sentence."""
    place.state.prepare()
    place.state.history.write_bytes(b"garbage" * 1000)

    assert 1 == place.run(command)
    [sentence] = sentences(capsys)
    assert "damaged" in sentence


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_place() -> Iterator[Place]:
    """A place that everybody may look at; tmp_path is the tester's own."""
    folder = Path(tempfile.mkdtemp(prefix="maint-", dir="/tmp"))
    folder.chmod(0o755)
    yield Place(folder).write(serverurl=f"unix://{folder}/s.sock")
    shutil.rmtree(folder)


@as_root
@pytest.mark.parametrize("command", ["status", "history", "diff", *ASKING])
def test_state_of_somebody_else(
    command: str, public_place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may not look into the state is told as whom to run the command."""
    public_place.state.prepare()
    public_place.run(command)  # so that everything is loaded: nobody may not read our Python
    capsys.readouterr()

    with nobody():
        code = public_place.run(command)

    assert 1 == code
    [sentence] = sentences(capsys)
    assert "run this as root or as the user that the listener runs as" in sentence


def test_decommission_of_a_living_listener(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the listener lives nothing is deleted, for it would push again."""
    place.write("[sink:pushgateway]\nurl = http://127.0.0.1:9\n")
    place.state.prepare()
    with place.state.lock():
        assert 1 == place.run("decommission")
    [sentence] = sentences(capsys)
    assert f"the listener lives (pid {os.getpid()}) and would push again" in sentence


def test_gateway_that_is_not_there(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway that cannot be reached is one sentence."""
    place.write(f"[sink:pushgateway]\nurl = http://127.0.0.1:{xmlrpc_server.free_port()}\n")

    assert 1 == place.run("decommission")
    [sentence] = sentences(capsys)
    assert "no connection to the Pushgateway" in sentence


def test_disk_that_fails(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the system that nobody expected is a sentence, too."""

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error", "/maint.conf")

    monkeypatch.setattr("supervisor_maint.cli.status._look", fail)

    assert 1 == place.run("status")
    assert ["[Errno 5] Input/output error: '/maint.conf'"] == sentences(capsys)


def test_interrupt(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with the shell's own code, and in silence."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("supervisor_maint.cli.status._look", interrupt)

    assert 130 == place.run("status")


def test_name_that_the_locale_has_no_letters_for(place: Place) -> None:
    """Where stdout is ASCII a name in other letters is escaped, and not the end of the command."""
    (place.folder / "café").write_text("")
    place.write(f"[permissions:cafe]\npath = {place.folder}/caf?\nmode = 0600\n")
    command = [sys.executable, "-m", "supervisor_maint", "permissions", "-c", str(place.config)]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=False)

    assert 0 == done.returncode
    assert rb"caf\xe9" in done.stdout


def test_reader_that_has_gone(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """``supervisor-maint snapshot | head`` ends quietly when head has seen enough."""
    with XmlrpcServer(SupervisordServer()) as server:
        place.write(serverurl=server.url)
        command = [sys.executable, "-m", "supervisor_maint", "snapshot", "-c", str(place.config)]
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
        finally:
            os.close(writer)

    assert (1, b"") == (done.returncode, done.stderr)
