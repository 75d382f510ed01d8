"""Which groups are listener pools: the plug-in tells, else supervisord's own configuration."""

from __future__ import annotations

import os
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.errors import MaintError, SupervisorFault, SupervisorUnreachable
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.supervisord.configured_pools import main
from supervisor_maint.supervisord.pools import find_own_log, find_pools
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes.commands import SupervisordServer, info
from tests.fakes.xmlrpc_server import Request, XmlrpcServer

CONFIGURATION = """
[supervisord]
logfile=%(here)s/own.log
[program:web]
command=sleep 1
[group:both]
programs=web
[eventlistener:maint]
command=sleep 1
events=TICK_5
[include]
files=more/*.conf
"""
INCLUDED = """
[program:job]
command=sleep 1
[eventlistener:crashmail]
command=sleep 1
events=PROCESS_STATE
"""
UNKNOWN_METHOD, FAILED = 1, 30


class Server(SupervisordServer):
    """A supervisord of this machine; ``pools`` is what our plug-in answers, a fault without."""

    def __init__(self) -> None:
        super().__init__(info("web"), info("maint"))
        self.pools: list[str] | None = None
        self.fault = UNKNOWN_METHOD

    def __call__(self, request: Request) -> None:
        _, method = xmlrpc.client.loads(request.body)
        if method == "maint.getListenerPools" and self.pools is None:
            fault = xmlrpc.client.Fault(self.fault, str(method))
            request.reply(xmlrpc.client.dumps(fault).encode())
        else:
            super().__call__(request)

    def _value(self, method: str, params: Any) -> Any:
        return self.pools if method == "maint.getListenerPools" else super()._value(method, params)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(server: Server) -> Iterator[SupervisorClient]:
    with XmlrpcServer(server) as running, SupervisorClient(running.url) as client:
        yield client


@pytest.fixture
def configuration(tmp_path: Path) -> str:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "job.conf").write_text(INCLUDED)
    file = tmp_path / "supervisord.conf"
    file.write_text(CONFIGURATION)
    return str(file)


def test_plugin_tells(server: Server, client: SupervisorClient) -> None:
    """With the plug-in no file is read: what is no pool is a group of programs."""
    server.pools = ["maint"]

    assert Pools(
        pools=frozenset({"maint"}), programs=frozenset({"web"}), own_group="maint"
    ) == find_pools(client, configuration="/nowhere", own_group="maint")


def test_configuration_tells_without_the_plugin(
    client: SupervisorClient, configuration: str
) -> None:
    """Pools and groups of programs are told apart, also of an included file."""
    assert Pools(
        pools=frozenset({"maint", "crashmail"}), programs=frozenset({"both", "job"}), own_group=None
    ) == find_pools(client, configuration=configuration, own_group=None)


def test_modules_of_the_present_folder_are_not_imported(
    client: SupervisorClient,
    configuration: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that is named as a module in the folder we happen to be in is not run."""
    for name in ("json", "supervisor"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)

    found = find_pools(client, configuration=configuration, own_group=None)

    assert {"maint", "crashmail"} == found.pools


def test_another_fault_is_no_answer(server: Server, client: SupervisorClient) -> None:
    """A plug-in that fails is not passed over: nobody knows."""
    server.fault = FAILED

    with pytest.raises(SupervisorFault):
        find_pools(client, configuration=None, own_group=None)


def test_supervisord_that_does_not_answer() -> None:
    """Nobody to ask is an error of its own."""
    with SupervisorClient("http://127.0.0.1:1") as client, pytest.raises(SupervisorUnreachable):
        find_pools(client, configuration=None, own_group=None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot read supervisord's configuration: "),
        ("[program:web]\n", "does not include supervisord section"),
    ],
)
def test_configuration_that_cannot_be_read(
    text: str | None, sentence: str, client: SupervisorClient, tmp_path: Path
) -> None:
    """Without the plug-in and without a file nobody knows, and it is said why."""
    file = tmp_path / "other.conf"
    if text is not None:
        file.write_text(text)

    with pytest.raises(MaintError, match=sentence):
        find_pools(client, configuration=str(file), own_group=None)


def test_configuration_of_a_pid_that_is_gone(client: SupervisorClient) -> None:
    """Without a file in the settings it is looked for at supervisord's pid."""
    with pytest.raises(MaintError, match="pid 2000000000"):
        find_pools(client, configuration=None, own_group=None)


def test_own_log(client: SupervisorClient, configuration: str) -> None:
    """supervisord's own log is where its configuration says."""
    assert str(Path(configuration).with_name("own.log")) == find_own_log(
        client, configuration=configuration
    )


def test_child_prints_json(configuration: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The child tells everything in one line, and fails with a sentence."""
    assert 0 == main([str(os.getpid()), configuration])
    assert '"pools": ["crashmail", "maint"]' in capsys.readouterr().out
    assert 1 == main([str(os.getpid()), "/nowhere.conf"])
    assert "/nowhere.conf" in capsys.readouterr().err
