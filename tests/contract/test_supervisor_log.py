"""What is read out of supervisord's own log, from the log of a real one."""

from __future__ import annotations

import time

from supervisor_maint.processes import Namespec, ProcessState
from supervisor_maint.supervisord.exits import attribute, parse_exits
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes.real_supervisord import RealSupervisord
from tests.fakes.waiting import wait_until

PROGRAMS = """\
[program:expected]
command=/bin/sh -c "exit 2"
exitcodes=2
startsecs=0
autorestart=false

[program:unexpected]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=false

[program:killed]
command=/bin/sh -c "kill -9 $$"
startsecs=0
autorestart=false

[program:fatal]
command=/bin/sh -c "exit 7"
startsecs=60
startretries=0

[program:absent]
command=/nonexistent/command
startretries=0

[program:stopped]
command=/bin/sh -c "echo ready > ready; exec /bin/sleep 600"
directory=%(here)s
startsecs=0

[program:bödögä]
command=/bin/sh -c "exit 4"
startsecs=0
autorestart=false
"""


def test_log_tells_how_each_process_ended() -> None:
    """Exit status, signal, expectation and stops, as supervisord writes them."""
    began_at = time.time()
    stopped = Namespec("stopped", "stopped")
    with (
        RealSupervisord(PROGRAMS) as running,
        SupervisorClient(running.url, timeout_seconds=30) as client,
    ):
        # Before its exec a child still has supervisord's handlers, and does not heed a SIGTERM.
        wait_until((running.folder / "ready").exists)
        wait_until(lambda: client.snapshot()[stopped].state is ProcessState.RUNNING)
        client.stop([stopped])
        wait_until(lambda: _are_still(client))
        everyone = client.snapshot().processes
        facts = attribute(parse_exits(client.log_tail(65536)), everyone)
    by_name = {namespec.name: fact for namespec, fact in facts.items()}

    assert {Namespec("absent", "absent")} == everyone.keys() - facts.keys()
    assert (2, True) == (by_name["expected"].exit_status, by_name["expected"].expected)
    assert (3, False) == (by_name["unexpected"].exit_status, by_name["unexpected"].expected)
    assert ("SIGKILL", None) == (by_name["killed"].signal, by_name["killed"].exit_status)
    assert (7, False) == (by_name["fatal"].exit_status, by_name["fatal"].expected)
    assert ("SIGTERM", True) == (by_name["stopped"].signal, by_name["stopped"].stopped)
    assert 4 == by_name["bödögä"].exit_status
    assert all(began_at - 60 < fact.logged_at < time.time() + 60 for fact in facts.values())


def _are_still(client: SupervisorClient) -> bool:
    return not any(
        status.state.is_moving or status.state is ProcessState.RUNNING
        for status in client.snapshot().processes.values()
    )
