"""What a process wrote last, as the installed supervisord hands it out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supervisor_maint.errors import SupervisorFault
from supervisor_maint.processes import Namespec, OutputSizes, ProcessState
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes.real_supervisord import RealSupervisord
from tests.fakes.waiting import wait_until

SAY = """\
command=/bin/sh -c 'echo to stdout; echo "no such t\u00e4ble" >&2'
startsecs=0
autorestart=false
"""
PROGRAMS = f"""
[program:both]
{SAY}
[program:redirected]
{SAY}redirect_stderr=true
[program:silent]
{SAY}stdout_logfile=NONE
stderr_logfile=NONE
"""


@pytest.fixture(scope="module")
def client() -> Iterator[SupervisorClient]:
    with RealSupervisord(PROGRAMS) as server, SupervisorClient(server.url) as client:
        wait_until(lambda: 3 == client.snapshot().count(ProcessState.EXITED))
        yield client


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("both", "no such t\u00e4ble\n"),
        ("redirected", "to stdout\nno such t\u00e4ble\n"),
        ("silent", ""),
    ],
)
def test_output_tail(name: str, tail: str, client: SupervisorClient) -> None:
    """It is the stderr log, or the stdout log where stderr goes there, or nothing."""
    namespec = Namespec.parse(name)
    wait_until(lambda: len(tail) <= len(client.output_tail(namespec, 1000)))

    assert tail == client.output_tail(namespec, 1000)


def test_output_tail_may_begin_inside_a_character(client: SupervisorClient) -> None:
    """What is cut off at the beginning is left out, and the rest is there."""
    both = Namespec.parse("both")
    wait_until(lambda: client.output_tail(both, 1000).endswith("ble\n"))

    assert "ble\n" == client.output_tail(both, 5)


def test_output_of_nobody(client: SupervisorClient) -> None:
    """A process that supervisord does not know is a fault."""
    with pytest.raises(SupervisorFault, match="nobody"):
        client.output_tail(Namespec.parse("nobody"), 10)


def test_output_since_a_size(client: SupervisorClient) -> None:
    """Only what was written since is there, in whole characters; logs that are none hold 0."""
    both, silent = Namespec.parse("both"), Namespec.parse("silent")
    line = "no such t\u00e4ble\n"
    wait_until(lambda: client.output_tail(both, 1000) == line)
    stdout_bytes, line_bytes = len("to stdout\n"), len(line.encode())
    wait_until(lambda: client.output_sizes([both])[both].stdout == stdout_bytes)
    now = OutputSizes(line_bytes, stdout_bytes)

    assert {both: now, silent: OutputSizes()} == client.output_sizes([both, silent])
    assert {} == client.output_sizes([Namespec.parse("nobody")])
    assert "" == client.output_tail(both, 1000, since=now)
    assert "ble\n" == client.output_tail(both, 1000, since=OutputSizes(line_bytes - 5, 0))
    assert "out\n" == client.output_tail(both, 1000, since=OutputSizes(line_bytes, 6))


def test_output_of_a_log_that_was_rotated(client: SupervisorClient) -> None:
    """A log that holds less than before was begun anew: all of it was written since."""
    both = Namespec.parse("both")

    assert "ble\n" == client.output_tail(both, 4, since=OutputSizes(10**9, 10**9))
