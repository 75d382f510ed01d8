"""Whether an exit was expected, as a real supervisord shows it without an event."""

from __future__ import annotations

from supervisor_maint.processes import ProcessState
from supervisor_maint.snapshots.expected import exited_as_expected
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes.real_supervisord import RealSupervisord
from tests.fakes.waiting import wait_until

PROGRAM = """\
[program:{name}]
command=/bin/sh -c "{command}"
exitcodes={codes}
startsecs=0
autorestart=false

"""
PROGRAMS = "".join(
    PROGRAM.format(name=name, command=command, codes=codes)
    for name, command, codes in (
        ("zero", "exit 0", "0"),
        ("two", "exit 2", "0,2"),
        ("unexpected", "exit 3", "0"),
        ("killed", "kill -9 $$", "0"),
    )
)


def test_spawn_error_tells_that_an_exit_was_not_expected() -> None:
    """spawnerr is empty for an exit that was expected, also after a signal, and only then."""
    with (
        RealSupervisord(PROGRAMS) as running,
        SupervisorClient(running.url, timeout_seconds=30) as client,
    ):
        wait_until(lambda: client.snapshot().count(ProcessState.EXITED) == 4)
        shown, configs = client.snapshot().processes, client.configs()
    expected = {
        namespec.name: exited_as_expected(status, configs[namespec])
        for namespec, status in shown.items()
    }

    assert {"zero": True, "two": True, "unexpected": False, "killed": False} == expected
    assert "Bad exit code 3" in {status.spawn_error for status in shown.values()}
