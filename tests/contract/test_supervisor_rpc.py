"""What the client assumes of the installed supervisord's XML-RPC."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor import xmlrpc as supervisor_xmlrpc

from supervisor_maint import errors
from supervisor_maint.processes import Namespec, ProcessState
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.rpc import Call, SupervisorClient
from tests.fakes.real_supervisord import RealSupervisord
from tests.fakes.waiting import wait_until
from tests.fakes.xmlrpc_server import free_port

PROGRAMS = """\
[program:sleeper]
command=/bin/sleep 600
startsecs=0
stopwaitsecs=7
exitcodes=0,3

[program:bödögä]
command=/bin/sleep 600
startsecs=0

[program:twice]
command=/bin/sleep 600
process_name=%(program_name)s_%(process_num)02d
numprocs=2
startsecs=0
autostart=false

[program:oneshot]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=false

[program:killed]
command=/bin/sh -c "kill -9 $$"
startsecs=0
autorestart=false

[program:absent]
command=/nonexistent/command
autostart=false
"""

SLEEPER = Namespec("sleeper", "sleeper")
UNICODE = Namespec("bödögä", "bödögä")
ABSENT = Namespec("absent", "absent")
UNKNOWN = Namespec("nobody", "nobody")


@pytest.fixture(scope="module")
def supervisord() -> Iterator[RealSupervisord]:
    with RealSupervisord(PROGRAMS, identifier="host:9001") as running:
        yield running


@pytest.fixture
def client(supervisord: RealSupervisord) -> Iterator[SupervisorClient]:
    with SupervisorClient(supervisord.url, timeout_seconds=30) as opened:
        yield opened


def test_fault_codes_are_supervisors() -> None:
    """Every fault supervisor can answer with has our name and number."""
    theirs = {
        name: value
        for name, value in vars(supervisor_xmlrpc.Faults).items()
        if not name.startswith("_")
    }

    assert theirs == {code.name: code.value for code in FaultCode}


def test_states_are_supervisors() -> None:
    """Every process state has supervisor's name and number."""
    from supervisor.states import ProcessStates

    theirs = {
        name: value for name, value in vars(ProcessStates).items() if not name.startswith("_")
    }

    assert theirs == {state.name: state.value for state in ProcessState}


def test_identify_tells_pid_and_start(
    client: SupervisorClient, supervisord: RealSupervisord
) -> None:
    """The identity holds the pid, the identifier, the version and the start time from /proc."""
    assert supervisord.process is not None
    identity = client.identify()

    assert supervisord.process.pid == identity.pid
    assert "host:9001" == identity.identification
    assert "RUNNING" == identity.state
    assert identity.version.startswith("4.")
    assert time.time() - 3600 < identity.started_at < time.time() + 60


def test_snapshot_has_every_process(client: SupervisorClient) -> None:
    """A snapshot shows states, pids, times and exit statuses as our values."""
    wait_until(lambda: client.snapshot().count(ProcessState.EXITED) == 2)
    snapshot = client.snapshot()

    assert 7 == len(snapshot.processes)
    assert ProcessState.RUNNING is snapshot[UNICODE].state
    assert 3 == snapshot[Namespec("oneshot", "oneshot")].exit_status
    assert snapshot[Namespec("killed", "killed")].exit_status is None
    assert snapshot[ABSENT].started_at is None
    assert snapshot[ABSENT].pid is None
    sleeper = snapshot[SLEEPER]
    assert sleeper.pid is not None
    assert Path(f"/proc/{sleeper.pid}").exists()
    assert sleeper.started_at is not None
    assert sleeper.started_at <= snapshot.taken_at


def test_configs_have_what_the_plan_needs(client: SupervisorClient) -> None:
    """getAllConfigInfo tells priorities, autostart, seconds and exit codes."""
    configs = client.configs()

    config = configs[SLEEPER]
    assert (999, 999, True) == (config.group_priority, config.process_priority, config.autostart)
    assert (0.0, 7.0, (0, 3)) == (config.start_seconds, config.stop_wait_seconds, config.exit_codes)
    assert "/bin/sleep 600" == config.command
    assert config.in_use
    assert not configs[Namespec("twice", "twice_01")].autostart


def test_look_knows_the_unknown(client: SupervisorClient) -> None:
    """A process that supervisord does not know has no status; the others have theirs."""
    look = client.look([UNKNOWN, UNICODE, SLEEPER])

    known = [namespec for namespec, status in look.statuses.items() if status is not None]
    assert ("RUNNING", None) == (look.supervisord_state, look.statuses[UNKNOWN])
    assert [UNICODE, SLEEPER] == known


def test_start_and_stop_do_not_wait(client: SupervisorClient) -> None:
    """Each process gets None or a sentence of its own, and one refusal spoils no other."""
    twins = [Namespec("twice", "twice_00"), Namespec("twice", "twice_01")]

    started = client.start([*twins, ABSENT, UNKNOWN, SLEEPER])
    wait_until(
        lambda: all(
            status.state is ProcessState.RUNNING for status in client.look(twins).statuses.values()
        )
    )
    stopped = client.stop([*twins, ABSENT])
    wait_until(
        lambda: all(
            status.state is ProcessState.STOPPED for status in client.look(twins).statuses.values()
        )
    )

    assert [None, None] == [started[twin] for twin in twins]
    assert "NO_FILE" in str(started[ABSENT])
    assert "knows no such process" in str(started[UNKNOWN])
    assert "started already" in str(started[SLEEPER])
    assert [None, None] == [stopped[twin] for twin in twins]
    assert "not running" in str(stopped[ABSENT])


def test_log_tail_is_the_end_of_the_log(
    client: SupervisorClient, supervisord: RealSupervisord
) -> None:
    """The tail is the end of supervisord's own log."""
    log = supervisord.log.read_text(encoding="utf-8")

    assert log.endswith(client.log_tail(50))


@pytest.mark.parametrize("cut", range(4))
def test_log_tail_may_begin_inside_a_character(cut: int) -> None:
    """Supervisord fails at a tail that begins inside a character; the next whole one is taken."""
    with RealSupervisord("") as running, SupervisorClient(running.url) as client:
        wait_until(lambda: "started with pid" in running.log.read_text(encoding="utf-8"))
        with running.log.open("a", encoding="utf-8") as log:
            log.write("x🙂 end\n")

        assert "🙂 end\n"[cut > 0 :] == client.log_tail(9 - cut)


def test_control_characters_in_the_log_are_left_out(
    client: SupervisorClient, supervisord: RealSupervisord
) -> None:
    """What XML cannot hold does not make the whole answer unreadable."""
    with supervisord.log.open("a", encoding="utf-8") as log:
        log.write("red \x1b[31m and \x00 tab\t\n")

    # not the last line: supervisord may have written one of its own meanwhile
    assert "red [31m and  tab\t\n" in client.log_tail(4096)


def test_remote_event_and_nudge_are_taken(client: SupervisorClient) -> None:
    """An event is accepted though nobody listens, also with text beyond ASCII."""
    accepted = client.call(
        "supervisor.sendRemoteCommEvent", "maint", '{"verb": "hold", "reason": "größer <&>"}'
    )
    client.nudge()

    assert True is accepted


def test_unknown_method_is_a_fault(client: SupervisorClient) -> None:
    """A method that is not there is a fault with its code."""
    with pytest.raises(errors.SupervisorFault) as caught:
        client.call("maint.reopenLogs")

    assert FaultCode.UNKNOWN_METHOD == caught.value.code


def test_multicall_has_bare_values(client: SupervisorClient) -> None:
    """Supervisord's multicall answers values bare, and faults as structs in their place."""
    answers = client.multicall([Call("supervisor.getPID"), Call("no.such")])

    assert isinstance(answers[0], int)
    assert FaultCode.UNKNOWN_METHOD == answers[1]["faultCode"]


def test_password_is_asked_for_and_taken() -> None:
    """With a password on the socket: nobody, a wrong user, and the right one."""
    credentials = "username=max\npassword=gehéim"
    with RealSupervisord("", credentials=credentials) as running:
        with (
            SupervisorClient(running.url) as client,
            pytest.raises(errors.SupervisorUnauthorized, match="found: none"),
        ):
            client.identify()
        with (
            SupervisorClient(running.url, username="moritz", password="wrong!") as client,
            pytest.raises(errors.SupervisorUnauthorized) as caught,
        ):
            client.identify()
        with SupervisorClient(running.url, username="max", password="gehéim") as client:
            client.nudge()

    assert "user 'moritz', refused" in caught.value.msg
    assert "wrong!" not in caught.value.msg


def test_client_survives_reload_kill_and_return() -> None:
    """The same client works after a reload; a dead supervisord is one sentence."""
    with (
        RealSupervisord("") as running,
        SupervisorClient(running.url, timeout_seconds=30) as client,
    ):
        assert running.process is not None
        before = client.identify()
        client.call("supervisor.restart")
        wait_until(lambda: _log_count(running, "supervisord started") == 2)
        wait_until(lambda: _answers(client))
        assert before == client.identify()

        running.kill()
        with pytest.raises(errors.SupervisorUnreachable):
            client.identify()

        running.start()
        wait_until(lambda: _answers(client))
        assert running.process.pid == client.identify().pid != before.pid


def test_shutdown_is_told_apart() -> None:
    """While supervisord shuts down every call says so."""
    stubborn = """\
[program:stubborn]
command=/bin/sh -c "trap '' TERM; echo ready > ready; while :; do /bin/sleep 0.05; done"
directory=%(here)s
startsecs=0
stopwaitsecs=20
"""
    with (
        RealSupervisord(stubborn) as running,
        SupervisorClient(running.url, timeout_seconds=30) as client,
    ):
        wait_until((running.folder / "ready").exists)
        pid = client.snapshot()[Namespec("stubborn", "stubborn")].pid
        assert pid is not None
        client.call("supervisor.shutdown")
        try:
            for ask in (client.snapshot, client.identify, client.nudge, client.configs):
                with pytest.raises(errors.SupervisorShuttingDown):
                    ask()
            with pytest.raises(errors.SupervisorShuttingDown):
                client.start([Namespec("stubborn", "stubborn")])
        finally:
            os.kill(pid, signal.SIGKILL)


def test_stopped_supervisord_times_out(supervisord: RealSupervisord) -> None:
    """A supervisord that hangs is a timeout, and answers the same client when it is back."""
    assert supervisord.process is not None
    with SupervisorClient(supervisord.url, timeout_seconds=0.5) as client:
        os.kill(supervisord.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(errors.SupervisorTimeout, match=r"did not answer within 0\.5 s"):
                client.nudge()
        finally:
            os.kill(supervisord.process.pid, signal.SIGCONT)
        wait_until(lambda: _answers(client))


def test_inet_server_answers_too() -> None:
    """The same over TCP, with user and password in the URL."""
    port = free_port()
    inet = f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=a\npassword=b\n"
    with (
        RealSupervisord(inet) as running,
        SupervisorClient(f"http://a:b@localhost:{port}/", timeout_seconds=30) as client,
    ):
        assert running.process is not None
        identity = client.identify()

        assert running.process.pid == identity.pid
        assert identity.started_at > 0


def _answers(client: SupervisorClient) -> bool:
    try:
        client.nudge()
    except errors.SupervisorError:
        return False
    return True


def _log_count(running: RealSupervisord, text: str) -> int:
    return running.log.read_text(encoding="utf-8").count(text)
