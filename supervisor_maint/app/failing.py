"""How processes ended that did not come back: their last exit, and the last they wrote.

XML-RPC no longer knows the exit of what was started again (Supervisor #1150); the log does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.errors import SupervisorError
from supervisor_maint.maintenance.run import Run
from supervisor_maint.processes import Namespec, OutputSizes, Snapshot
from supervisor_maint.supervisord import exits
from supervisor_maint.supervisord.exits import ExitFact

LOG_TAIL_BYTES = 64 * 1024
OUTPUT_TAIL_BYTES = 2000
# What somebody reads in the morning; the logs have the rest.
MOST_PROCESSES = 10
MOST_LINES = 10


async def describe(
    ports: RunPorts,
    run: Run,
    snapshot: Snapshot | None,
    output_before: Mapping[Namespec, OutputSizes],
) -> list[tuple[Namespec, str]]:
    """Return sentences about the processes that failed; what supervisord says until it is silent.

    ``snapshot`` is any of the run's: it tells which names more than one group has.
    ``output_before`` is what the logs held when the run started a process.
    """
    found: list[tuple[Namespec, str]] = []
    failures = [target.namespec for target in run.failures[:MOST_PROCESSES]]
    if not failures:
        return found
    everyone = snapshot.processes if snapshot else [target.namespec for target in run.targets or ()]
    try:
        facts = await ends(ports, run, everyone)
        for namespec in failures:
            if namespec in facts:
                found.append((namespec, f"ended last by {_ended_by(facts[namespec])}"))
        for namespec in failures:
            told = await _last_words(ports, namespec, output_before.get(namespec))
            found += [(namespec, line) for line in told]
    except SupervisorError:
        return found
    return found


async def ends(
    ports: RunPorts, run: Run, everyone: Collection[Namespec]
) -> Mapping[Namespec, ExitFact]:
    """Return how processes ended since the run began to stop any. Raises SupervisorError.

    ``everyone`` is every process of supervisord.
    """
    log = await ports.act(ports.supervisor().log_tail, LOG_TAIL_BYTES)
    since_at = int(run.created_at if run.first_stop_at is None else run.first_stop_at)
    facts = exits.attribute(exits.parse_exits(log), everyone)
    return {name: fact for name, fact in facts.items() if fact.logged_at >= since_at}


async def _last_words(
    ports: RunPorts, namespec: Namespec, since: OutputSizes | None
) -> Iterable[str]:
    """Tell what a process wrote since the run started it, or last, where that is not known."""
    tail = ports.supervisor().output_tail
    output = await ports.act(tail, namespec, OUTPUT_TAIL_BYTES, since=since)
    lines = _last_lines(output)
    if since is None:
        return [f"wrote last, maybe before this run: {line}" for line in lines]
    return [f"wrote: {line}" for line in lines] or ["wrote nothing since it was started"]


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
