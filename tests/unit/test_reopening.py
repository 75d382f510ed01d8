"""Reopening logs through the plug-in, and without it by a real supervisord and SIGUSR2."""

from __future__ import annotations

import os
import shutil
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint import errors
from supervisor_maint.processes import Namespec, ProcessState
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.reopening import UnopenedLog, reopen_logs
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes import xmlrpc_server as fake
from tests.fakes.real_supervisord import RealSupervisord
from tests.fakes.waiting import wait_until
from tests.fakes.xmlrpc_server import Behaviour, XmlrpcServer

PROGRAMS = """\
[program:talker]
command=/bin/sleep 600
startsecs=0
stdout_logfile=%(here)s/logs/talker.out.log
stderr_logfile=%(here)s/logs/talker.err.log

[program:stopped]
command=/bin/sleep 600
autostart=false
stdout_logfile=%(here)s/never/stopped.log
stderr_logfile=NONE

[program:quiet]
command=/bin/sleep 600
startsecs=0
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
"""
TALKER = Namespec("talker", "talker")
NO_PLUGIN = fake.fault(FaultCode.UNKNOWN_METHOD.value, "UNKNOWN_METHOD")


@pytest.fixture(scope="module")
def running() -> Iterator[RealSupervisord]:
    real = RealSupervisord(PROGRAMS)
    (real.folder / "logs").mkdir()
    (real.folder / "never").mkdir()
    with real:
        (real.folder / "never").rmdir()
        yield real


@pytest.fixture
def supervisord(running: RealSupervisord) -> RealSupervisord:
    """Give each test a folder of logs as it should be; what is open is open all the same."""
    shutil.rmtree(running.folder / "logs", ignore_errors=True)
    (running.folder / "logs").mkdir()
    for log in ("talker.out.log", "talker.err.log"):
        (running.folder / "logs" / log).touch()
    running.log.touch()
    return running


@pytest.fixture
def client(supervisord: RealSupervisord) -> Iterator[SupervisorClient]:
    with SupervisorClient(supervisord.url, timeout_seconds=30) as opened:
        wait_until(lambda: opened.snapshot()[TALKER].state is ProcessState.RUNNING)
        yield opened


def _signals(supervisord: RealSupervisord) -> int:
    """Count the signals that supervisord has had, by all of its logs."""
    logs = supervisord.folder.glob("supervisord.log*")
    return sum(log.read_text().count("received SIGUSR2") for log in logs)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], ()),
        (
            [["web:web_1", "gone"], ["supervisord", "full"]],
            (
                UnopenedLog(owner="web:web_1", reason="gone"),
                UnopenedLog(owner="supervisord", reason="full"),
            ),
        ),
    ],
)
def test_plugin_does_it(told: Any, expected: tuple[UnopenedLog, ...]) -> None:
    """With the plug-in one call is all; what it did not reopen is returned."""
    with XmlrpcServer(fake.answer(told)) as server, SupervisorClient(server.url) as client:
        found = reopen_logs(client, own_log=None)

    assert expected == found
    assert ((), "maint.reopenLogs") == xmlrpc.client.loads(server.requests[0])
    assert 1 == len(server.requests)


@pytest.mark.parametrize("told", [7, "text", [1], [["one"]], [["a", "b", "c"]]])
def test_answer_of_another_shape(told: Any) -> None:
    """What is no list of pairs is an error of supervisord's."""
    with (
        XmlrpcServer(fake.answer(told)) as server,
        SupervisorClient(server.url) as client,
        pytest.raises(errors.SupervisorError, match=r"expected from maint\.reopenLogs"),
    ):
        reopen_logs(client, own_log=None)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (
            fake.fault(FaultCode.SHUTDOWN_STATE.value, "SHUTDOWN_STATE"),
            errors.SupervisorShuttingDown,
        ),
        (fake.fault(FaultCode.FAILED.value, "FAILED: unexpected"), errors.SupervisorFault),
        (fake.hang_up, errors.SupervisorUnreachable),
    ],
)
def test_refusal_does_not_lead_to_a_signal(
    behaviour: Behaviour, expected: type[errors.SupervisorError]
) -> None:
    """Only a plug-in that is not there makes way for SIGUSR2."""
    with (
        XmlrpcServer(behaviour) as server,
        SupervisorClient(server.url) as client,
        pytest.raises(expected),
    ):
        reopen_logs(client, own_log="/var/log/supervisord.log")


def test_no_signal_to_a_pid_of_another_machine() -> None:
    """A pid that is no supervisord here gets no signal."""
    identity = [2_000_000_000, {"statecode": 1, "statename": "RUNNING"}, "web01", "4.3.0", []]
    with (
        XmlrpcServer(NO_PLUGIN, fake.answer(identity)) as server,
        SupervisorClient(server.url) as client,
        pytest.raises(errors.SupervisorError, match="cannot send SIGUSR2 to supervisord"),
    ):
        reopen_logs(client, own_log="/var/log/supervisord.log")


def _rename(*logs: Path) -> None:
    for log in logs:
        log.rename(f"{log}.1")


def test_signal_reopens_every_log_before_it_returns(
    supervisord: RealSupervisord, client: SupervisorClient
) -> None:
    """Without the plug-in SIGUSR2 does it; a program that does not run is no obstacle."""
    logs = [supervisord.log, *sorted((supervisord.folder / "logs").iterdir())]
    before = _signals(supervisord)
    _rename(*logs)
    doubts = reopen_logs(client, own_log=str(supervisord.log))

    assert () == doubts
    assert 3 == len(logs)
    assert logs == [log for log in logs if log.exists()]
    assert before + 1 == _signals(supervisord)


def _remove_folder(supervisord: RealSupervisord) -> None:
    shutil.rmtree(supervisord.folder / "logs")


def _pipe(supervisord: RealSupervisord) -> None:
    (supervisord.folder / "logs/talker.out.log").unlink()
    os.mkfifo(supervisord.folder / "logs/talker.out.log")


def _folder_in_the_way(supervisord: RealSupervisord) -> None:
    (supervisord.folder / "logs/talker.out.log").unlink()
    (supervisord.folder / "logs/talker.out.log").mkdir()


def _loop(supervisord: RealSupervisord) -> None:
    (supervisord.folder / "logs/talker.out.log").unlink()
    (supervisord.folder / "logs/talker.out.log").symlink_to("talker.out.log")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_remove_folder, "a new log cannot be made in"),
        (_pipe, "is no regular file"),
        (_folder_in_the_way, "is no regular file"),
        (_loop, "Too many levels of symbolic links"),
    ],
)
def test_log_in_doubt_keeps_supervisord_from_being_signalled(
    supervisord: RealSupervisord, client: SupervisorClient, spoil: Any, said: str
) -> None:
    """A log that cannot be opened again would end supervisord, so nothing is done."""
    before = _signals(supervisord)
    spoil(supervisord)
    doubts = reopen_logs(client, own_log=str(supervisord.log))
    client.nudge()

    assert {"talker:talker"} == {doubt.owner for doubt in doubts}
    assert said in str(doubts[0])
    assert before == _signals(supervisord)


def test_own_log_must_be_known(supervisord: RealSupervisord, client: SupervisorClient) -> None:
    """Supervisord's own log is a log in doubt when nobody knows where it is."""
    before = _signals(supervisord)
    (doubt,) = reopen_logs(client, own_log=None)

    assert "log of supervisord: where it is, is not known" == str(doubt)
    assert before == _signals(supervisord)
