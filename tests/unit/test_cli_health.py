"""``supervisor-maint health``: its line and exit codes, and that nothing can hold it up."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.cli import arguments, build_parser, main
from supervisor_maint.store.publication import Publication
from tests.fakes import bare_python, xmlrpc_server
from tests.fakes.commands import Place, SupervisordServer, info
from tests.fakes.gateway import FakeGateway, answer, hang
from tests.fakes.xmlrpc_server import XmlrpcServer

REPOSITORY = Path(__file__).resolve().parents[2]
TOO_MUCH = {
    "asyncio",
    "cronsim",
    "logging",
    "prometheus_client",
    "requests",
    "rich",
    "sqlite3",
    "supervisor_maint.maintenance",
    "supervisor_maint.permissions",
    "supervisor_maint.settings.kinds",
    "supervisor_maint.store.requests",
    "xml.etree",
}
LINE = "SUPERVISOR WARNING - 1 of 2 processes down as planned by nightly | wanted=2;;;0"
RUN = {
    "plan": "nightly",
    "phase": "restarting",
    "deadline_at": time.time() + 3600,
    "targets": [{"process": "job"}],
}


@pytest.fixture
def supervisord() -> SupervisordServer:
    return SupervisordServer(info("web"), info("job"))


@pytest.fixture
def place(tmp_path: Path, supervisord: SupervisordServer) -> Iterator[Place]:
    with XmlrpcServer(supervisord) as server:
        yield Place(tmp_path).write(serverurl=server.url)


def publish(place: Place, **changes: Any) -> None:
    place.state.prepare()
    wanted = {"web:web": True, "job:job": True}
    status = {"heartbeat_at": time.time(), "wanted": wanted, "maintenance": {}, **changes}
    Publication(place.state.status).publish(status)


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stdout, and check that there is nothing else anywhere."""
    out, err = capsys.readouterr()
    assert (1, "") == (len(out.splitlines()), err)
    return out.strip()


def test_all_well(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """With a listener and everything up it is OK, in either format."""
    publish(place)
    with place.state.lock():
        codes = [place.run("health"), place.run("health", "--format", "probe")]
    nagios, probe = capsys.readouterr().out.splitlines()

    assert [0, 0] == codes
    assert nagios.startswith("SUPERVISOR OK - 2 of 2 processes up | wanted=2;;;0 down=0;;0;0 ")
    assert "SUPERVISOR OK - 2 of 2 processes up" == probe


@pytest.mark.parametrize(("format_", "code"), [("nagios", 1), ("probe", 0)])
def test_planned(
    place: Place,
    supervisord: SupervisordServer,
    capsys: pytest.CaptureFixture[str],
    format_: str,
    code: int,
) -> None:
    """What a run took away is a WARNING, and passes as a probe."""
    supervisord.processes = (info("web"), info("job", "STOPPED"))
    publish(place, maintenance={"run": RUN})
    with place.state.lock():
        found = place.run("health", "--format", format_)

    assert code == found
    assert "WARNING - 1 of 2 processes down as planned by nightly" in shown(capsys)


@pytest.mark.parametrize(("format_", "code"), [("nagios", 2), ("probe", 1)])
def test_down(
    place: Place,
    supervisord: SupervisordServer,
    capsys: pytest.CaptureFixture[str],
    format_: str,
    code: int,
) -> None:
    """What is down without a plan is CRITICAL, and fails as a probe."""
    supervisord.processes = (info("web"), info("job", "STOPPED"))
    publish(place)
    with place.state.lock():
        found = place.run("health", "--format", format_)

    assert code == found
    assert "CRITICAL - 1 of 2 processes down: job STOPPED" in shown(capsys)


def test_no_listener_ever(
    place: Place, supervisord: SupervisordServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no listener has ever run, supervisord's word is taken, and that is a WARNING."""
    assert 1 == place.run("health")
    assert "WARNING - the listener is not running | wanted=2" in shown(capsys)
    supervisord.processes = (info("web"), info("job", "FATAL"))
    assert 2 == place.run("health")
    assert "CRITICAL - 1 of 2 processes down: job FATAL; the listener" in shown(capsys)


def test_where_supervisord_is_comes_from_the_listener(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a serverurl the one that the listener published is asked; without that, UNKNOWN."""
    url = place.keys.pop("serverurl")
    place.write()
    publish(place, serverurl=url)
    with place.state.lock():
        assert 0 == place.run("health")
    assert "2 of 2 processes up" in shown(capsys)
    place.state.status.unlink()
    assert 3 == place.run("health")
    assert "UNKNOWN - the server URL of supervisord is not known" in shown(capsys)


def test_supervisord_is_gone(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A supervisord that does not listen is CRITICAL, in a window too."""
    publish(place, maintenance={"run": RUN})
    place.write(serverurl=f"unix://{place.folder}/none.sock")
    with place.state.lock():
        codes = [place.run("health"), place.run("health", "--format", "probe")]

    assert [2, 1] == codes
    assert "CRITICAL - there is no socket" in capsys.readouterr().out


@pytest.mark.parametrize("behaviour", [xmlrpc_server.hang, xmlrpc_server.dribble])
def test_supervisord_hangs(
    tmp_path: Path,
    behaviour: xmlrpc_server.Behaviour,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A supervisord that is silent, or never comes to an end, is CRITICAL when time is over.

    What limits it here is --timeout, not what limits the listener.
    """
    with XmlrpcServer(behaviour) as server:
        place = Place(tmp_path).write(serverurl=server.url)
        assert 2 == place.run("health", "--timeout", "0.1")
    line = shown(capsys)
    assert "SUPERVISOR CRITICAL - " in line
    assert "rpc_timeout" not in line


def test_loading_is_part_of_the_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Time runs from before anything is loaded for the check: there is a line when it is over."""
    with XmlrpcServer(xmlrpc_server.hang) as server:
        place = Place(tmp_path).write(serverurl=server.url)
        args = build_parser(["health"]).parse_args(["health", "--config", str(place.config)])
        args.began_at -= 3600
        assert 2 == args.run(args)
    assert "SUPERVISOR CRITICAL - no answer within 2 s" in shown(capsys)


def test_configuration_that_takes_too_long_is_done_without(
    place: Place, supervisord: SupervisordServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """When autostart is not known in time, what has failed counts."""
    supervisord.processes = (info("job", "FATAL"),)

    def slow(request: xmlrpc_server.Request) -> None:
        is_config = b"getAllConfigInfo" in request.body
        (xmlrpc_server.hang if is_config else supervisord)(request)

    with XmlrpcServer(slow) as server:
        place.write(serverurl=server.url)
        assert 2 == place.run("health", "--timeout", "0.5")
    assert "job FATAL" in capsys.readouterr().out


def test_refused_by_supervisord(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is not let in cannot tell."""
    with XmlrpcServer(xmlrpc_server.body(b"", 401)) as server:
        place.write(serverurl=server.url)
        assert 3 == place.run("health")
    assert "UNKNOWN - supervisord at" in shown(capsys)


def test_state_cannot_be_read(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the listener's state it is UNKNOWN, and the line names the way around."""
    place.state.prepare()
    place.state.status.mkdir()

    assert 3 == place.run("health")
    assert "; or ask the page of the listener with --url" in shown(capsys)


def test_state_of_something_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What no listener can have published is UNKNOWN."""
    publish(place, wanted=[3])

    assert 3 == place.run("health")
    assert "expected the status of a listener" in shown(capsys)


def test_settings_are_wrong(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong settings are UNKNOWN in one line; what is wrong in other sections does not matter."""
    place.write("[sink:http]\nlisten = nowhere\n")
    publish(place)
    with place.state.lock():
        assert 0 == place.run("health")
    shown(capsys)
    place.write(settle="soon", stetle="3s")
    assert 3 == place.run("health")
    assert "unknown key, did you mean 'settle'?" in shown(capsys)
    assert 1 == place.run("health", "--format", "probe")


def test_no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a configuration file it is UNKNOWN, not CRITICAL."""
    monkeypatch.setattr(arguments, "CONFIG_PLACES", (f"{tmp_path}/a.conf",))
    monkeypatch.delenv(arguments.CONFIG_VARIABLE, raising=False)

    assert 3 == main(["health"])
    assert "UNKNOWN - settings: expected a configuration file" in shown(capsys)


@pytest.mark.parametrize(
    ("status", "codes"), [(200, (1, 0)), (503, (1, 1))], ids=["planned", "planned and strict"]
)
@pytest.mark.parametrize("path", ["", "/", "/health", "/health?strict=1"])
def test_page(
    status: int, codes: tuple[int, int], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With ``--url`` the page is asked: its line is printed, and its status decides a probe."""
    with FakeGateway(answer(status, f"{LINE}\n".encode())) as page:
        url = page.url + path
        found = (
            main(["health", "--url", url]),
            main(["health", "--url", url, "--format", "probe"]),
        )
    nagios, probe = capsys.readouterr().out.splitlines()

    assert codes == found
    assert (LINE, LINE.partition(" | ")[0]) == (nagios, probe)
    assert {"/health", "/health?strict=1"} >= {request.path for request in page.pushes}


def test_page_of_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Another page is UNKNOWN."""
    with FakeGateway(answer(200, b"It works!")) as page:
        assert 3 == main(["health", "--url", page.url])
    assert "is it the page of supervisor-maint?" in shown(capsys)


def test_nobody_serves_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """A page that nobody serves is CRITICAL: who serves it is down."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert 2 == main(["health", "--url", url])
    assert f"CRITICAL - nobody answers at {url}/health" in shown(capsys)


def test_page_hangs(capsys: pytest.CaptureFixture[str]) -> None:
    """A page that does not come is CRITICAL when time is over."""
    with FakeGateway(hang) as page:
        assert 2 == main(["health", "--url", page.url, "--timeout", "0.1"])
    assert "SUPERVISOR CRITICAL - " in shown(capsys)


def test_little_is_loaded(place: Place) -> None:
    """A check that runs all day loads no more than it needs."""
    publish(place)
    script = (
        "import sys\n"
        "from supervisor_maint.cli import main\n"
        f"main(['health', '--config', {str(place.config)!r}])\n"
        "print(*sys.modules)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "supervisor_maint.monitoring.health" in printed
    assert set() == TOO_MUCH & set(printed) - bare_python.modules()


@pytest.mark.parametrize(
    "words",
    [
        ("--url", "ftp://web01/health"),
        ("--url", "web01:9910"),
        ("--url", "http://web01:99999"),
        ("--url", "http://web01:port"),
        ("--url", "http://me:secret@web01/"),
        ("--url", "http://:secret@web01/"),
        ("--timeout", "0"),
        ("--timeout", "soon"),
        ("--format", "xml"),
        ("--nonsense",),
    ],
    ids=" ".join,
)
def test_wrong_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage says what was expected, and is UNKNOWN: 2 would page somebody."""
    with pytest.raises(SystemExit) as ended:
        main(["health", *words])
    told = capsys.readouterr()

    assert 3 == ended.value.code
    assert words[0] in told.err
    assert "SUPERVISOR UNKNOWN - wrong usage: supervisor-maint health --help\n" == told.out


def test_help_is_no_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """It exits 0, as everywhere."""
    with pytest.raises(SystemExit) as ended:
        main(["health", "--help"])

    assert 0 == ended.value.code
    assert "UNKNOWN -" not in capsys.readouterr().out
