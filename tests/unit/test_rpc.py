"""The client's reading of answers, from a real HTTP server that says what it is told."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from supervisor_maint import errors
from supervisor_maint.processes import Namespec, ProcessState
from supervisor_maint.supervisord import answers
from supervisor_maint.supervisord.rpc import Call, SupervisorClient
from tests.fakes import xmlrpc_server as fake
from tests.fakes.xmlrpc_server import Behaviour, XmlrpcServer

WEB = Namespec("web", "web_1")
NONE: dict[str, Any] = {}


def _info(**changes: Any) -> dict[str, Any]:
    return {
        "name": "web_1",
        "group": "web",
        "state": 20,
        "pid": 4711,
        "start": 1000,
        "stop": 0,
        "exitstatus": 0,
        "spawnerr": "",
        "description": "pid 4711, uptime 0:00:05",
        "stdout_logfile": "/var/log/web.log",
        "stderr_logfile": "",
        **changes,
    }


def _config(**changes: Any) -> dict[str, Any]:
    return {
        "name": "web_1",
        "group": "web",
        "group_prio": 5,
        "process_prio": 999,
        "autostart": True,
        "startsecs": 1,
        "stopwaitsecs": 10,
        "exitcodes": [0, 2],
        "command": "/bin/web",
        "stdout_logfile": "auto",
        "stderr_logfile": "none",
        "inuse": False,
        **changes,
    }


IDENTITY = (2_000_000_000, {"statecode": 1, "statename": "RUNNING"}, "web01", "4.3.0")


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        (NONE, "namespec", WEB),
        (NONE, "state", ProcessState.RUNNING),
        ({"state": 77}, "state", ProcessState.UNKNOWN),
        (NONE, "pid", 4711),
        ({"pid": 0}, "pid", None),
        (NONE, "started_at", 1000.0),
        (NONE, "stopped_at", None),
        ({"start": 0}, "started_at", None),
        ({"state": 100, "exitstatus": 3}, "exit_status", 3),
        ({"state": 100, "exitstatus": 0}, "exit_status", 0),
        ({"state": 100, "exitstatus": -1}, "exit_status", None),
        ({"state": 200, "exitstatus": 0}, "exit_status", None),
        ({"state": 20, "exitstatus": 1}, "exit_status", None),
        ({"spawnerr": "Exited too quickly"}, "spawn_error", "Exited too quickly"),
    ],
)
def test_process_info_is_read(changes: Mapping[str, Any], field: str, expected: object) -> None:
    """0 is no pid and never; only what EXITED by itself has an exit status."""
    assert expected == getattr(answers.process_status(_info(**changes)), field)


def test_config_info_is_read_in_order() -> None:
    """The order is by group priority, then process priority; auto and none are no paths."""
    configs = answers.process_configs(
        [_config(name="b", process_prio=2), _config(name="a", process_prio=3), _config(group="z")]
    )
    config = configs[Namespec("web", "b")]

    assert ["web:b", "web:a", "z:web_1"] == [namespec.qualified for namespec in configs]
    assert ("", "") == (config.stdout_logfile, config.stderr_logfile)
    assert (0, 2) == config.exit_codes
    assert not config.in_use


def test_snapshot_is_one_call() -> None:
    """One request holds everything; the time is when the answer had come."""
    with XmlrpcServer(fake.answer([*IDENTITY, [_info()]])) as server:
        with SupervisorClient(server.url, clock=lambda: 1234.5) as client:
            snapshot = client.snapshot()

        assert 1 == len(server.requests)
    assert 1234.5 == snapshot.taken_at
    assert 4711 == snapshot[WEB].pid
    supervisord = snapshot.supervisord
    assert ("web01", "4.3.0", "RUNNING") == (
        supervisord.identification,
        supervisord.version,
        supervisord.state,
    )
    assert 0.0 == supervisord.started_at  # no such process on this machine


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.snapshot(),
        lambda client: client.identify(),
        lambda client: client.configs(),
        lambda client: client.look([WEB]),
        lambda client: client.start([WEB]),
        lambda client: client.stop([WEB]),
    ],
)
@pytest.mark.parametrize(
    "behaviour",
    [
        fake.body(b"<html>hello</html>"),
        fake.body(b""),
        fake.body(b"\xff\xfe\x00"),
        fake.body(b"<?xml version='1.0'?><methodResponse></methodResponse>"),
        fake.body(b"<methodResponse><params><param><value><int>x</int></value></param></params>"),
        fake.body(b"<methodResponse><params><param></param></params></methodResponse>"),
        fake.answer("text"),
        fake.answer(5),
        fake.answer([{}]),
        fake.answer([[{}]] * 5),
        fake.answer([1] * 5),
        fake.answer([1] * 4),
    ],
)
def test_nonsense_is_an_error_of_ours(
    ask: Callable[[SupervisorClient], object], behaviour: Behaviour
) -> None:
    """Whatever answers, a foreign exception never comes out."""
    with XmlrpcServer(behaviour) as server, SupervisorClient(server.url) as client:
        try:
            ask(client)
        except errors.SupervisorError as error:
            assert server.url in error.msg


@pytest.mark.parametrize(
    "answer",
    [fake.fault(6, "SHUTDOWN_STATE"), fake.answer([{"faultCode": 6, "faultString": "SHUTDOWN"}])],
)
def test_shutdown_is_told_apart(answer: Behaviour) -> None:
    """SHUTDOWN_STATE is the same alone and inside a multicall, also when starting."""
    with XmlrpcServer(answer) as server, SupervisorClient(server.url) as client:
        for ask in (client.start, client.stop):
            with pytest.raises(errors.SupervisorShuttingDown):
                ask([WEB])


def test_start_never_waits_and_says_why_not() -> None:
    """Each process is asked for without waiting; a refusal is a sentence in its place."""
    refused = {"faultCode": 60, "faultString": "ALREADY_STARTED: web:web_1"}
    with XmlrpcServer(fake.answer([True, refused])) as server:
        with SupervisorClient(server.url) as client:
            found = client.start([Namespec("job", "job"), WEB])

        (calls,), method = xmlrpc.client.loads(server.requests[0])
    assert "system.multicall" == method
    assert [["job:job", False], ["web:web_1", False]] == [call["params"] for call in calls]  # type: ignore[index,call-overload]
    assert found[Namespec("job", "job")] is None
    assert "started already" in str(found[WEB])


def test_nothing_asked_is_nothing_sent() -> None:
    """No process, no request."""
    with XmlrpcServer(fake.hang) as server, SupervisorClient(server.url) as client:
        assert {} == client.start([]) == client.stop([])
        assert [] == server.requests


def test_control_characters_are_left_out() -> None:
    """A character that XML forbids does not make every process unreadable."""
    answer = xmlrpc.client.dumps(("a\x1b[1mb\x00c\td",), methodresponse=True).encode()
    with XmlrpcServer(fake.body(answer)) as server, SupervisorClient(server.url) as client:
        assert "a[1mbc\td" == client.call("supervisor.readLog", -100, 0)


def test_credentials_come_from_arguments_then_url() -> None:
    """Given ones win over those in the URL; the client shows neither."""
    with XmlrpcServer(fake.answer(1)) as server:
        url = server.url.replace("http://", "http://max:secret@")
        with SupervisorClient(url) as client:
            client.call("a.b")
            assert "secret" not in repr(client)
        with SupervisorClient(url, username="moritz", password="other") as client:
            client.call("a.b")

        assert ["Basic bWF4OnNlY3JldA==", "Basic bW9yaXR6Om90aGVy"] == server.authorizations


def test_multicall_without_all_answers_is_refused() -> None:
    """Answers that cannot be matched with calls are not guessed at."""
    with (
        XmlrpcServer(fake.answer([1])) as server,
        SupervisorClient(server.url) as client,
        pytest.raises(errors.SupervisorError, match="without its answers"),
    ):
        client.multicall([Call("a.b"), Call("a.c")])


def test_log_tail_needs_a_length() -> None:
    """Supervisord would send its whole log for a length of 0."""
    with SupervisorClient("unix:///nobody") as client, pytest.raises(ValueError, match="least 1"):
        client.log_tail(0)
