"""How processes ended that did not come back: their last exit, and the last they wrote.

XML-RPC no longer knows the exit of what was started again (Supervisor #1150); the log does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.errors import SupervisorError
from supervisor_maint.maintenance.run import Run
from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.supervisord import exits
from supervisor_maint.supervisord.exits import ExitFact

LOG_TAIL_BYTES = 64 * 1024
OUTPUT_TAIL_BYTES = 2000
# What somebody reads in the morning; the logs have the rest.
MOST_PROCESSES = 10
MOST_LINES = 10


async def describe(
    ports: RunPorts, run: Run, snapshot: Snapshot | None
) -> list[tuple[Namespec, str]]:
    """Return sentences about the processes that failed; what supervisord says until it is silent.

    ``snapshot`` is any of the run's: it tells which names more than one group has.
    """
    found: list[tuple[Namespec, str]] = []
    failures = [target.namespec for target in run.failures[:MOST_PROCESSES]]
    if not failures:
        return found
    supervisor = ports.supervisor()
    try:
        log = await ports.act(supervisor.log_tail, LOG_TAIL_BYTES)
        found += _exits(log, run, snapshot, failures)
        for namespec in failures:
            output = await ports.act(supervisor.output_tail, namespec, OUTPUT_TAIL_BYTES)
            found += [(namespec, f"wrote: {line}") for line in _last_lines(output)]
    except SupervisorError:
        return found
    return found


def _exits(
    log: str, run: Run, snapshot: Snapshot | None, failures: list[Namespec]
) -> Iterator[tuple[Namespec, str]]:
    everyone = snapshot.processes if snapshot else [target.namespec for target in run.targets or ()]
    facts: Mapping[Namespec, ExitFact] = exits.attribute(exits.parse_exits(log), everyone)
    since_at = int(run.created_at if run.first_stop_at is None else run.first_stop_at)
    for namespec in failures:
        fact = facts.get(namespec)
        if fact is not None and fact.logged_at >= since_at:
            yield namespec, f"ended last by {_ended_by(fact)}"


def _ended_by(fact: ExitFact) -> str:
    if fact.signal is not None:
        return f"{fact.signal}, core dumped" if fact.core_dumped else fact.signal
    if fact.exit_status is not None:
        return f"exit status {fact.exit_status}"
    return "a cause that supervisord's log does not know"


def _last_lines(output: str) -> list[str]:
    """Return the last whole lines with something in them, without control characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()][-MOST_LINES:]
    return ["".join(char if char.isprintable() else " " for char in line) for line in lines]
