"""The metrics of supervisord and its processes: ``supervisor_*``. No I/O here.

Suffixes, labels and meaning of ``_up``, ``_state``, ``_exit_status`` and ``_start_time_seconds``
are those of node_exporter's deprecated supervisord collector, so that a dashboard migrates by
one substitution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.monitoring.families import (
    Family,
    Samples,
    by_namespec,
    counter,
    gauge,
    info,
    single,
)
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

_PROCESS = ("name", "group")
_UNCOUNTED = ProcessTally()


def _by_status(value: Callable[[ProcessStatus], float | None]) -> Callable[[Facts], Samples]:
    """Read one sample a process from its status, none while the value is unknown."""

    def read(facts: Facts) -> Samples:
        for status in facts.statuses:
            known = value(status)
            if known is not None:
                yield (status.namespec.name, status.namespec.group), known

    return read


def _tallies(facts: Facts) -> Iterator[tuple[Namespec, ProcessTally]]:
    for namespec in facts.namespecs:
        yield namespec, facts.tallies.get(namespec, _UNCOUNTED)


def _by_tally(count: Callable[[ProcessTally], float]) -> Callable[[Facts], Samples]:
    """Read one sample a process from its tally: 0 from the first report on."""

    def read(facts: Facts) -> Samples:
        for namespec, tally in _tallies(facts):
            yield (namespec.name, namespec.group), count(tally)

    return read


def _by_cause(
    causes: Callable[[Facts], tuple[Cause, ...]],
    counts: Callable[[ProcessTally], Mapping[Cause, float]],
) -> Callable[[Facts], Samples]:
    """Read one sample a process and cause: 0 from the first report on."""

    def read(facts: Facts) -> Samples:
        named = [(cause, cause.value) for cause in causes(facts)]
        for namespec, tally in _tallies(facts):
            found = counts(tally)
            for cause, name in named:
                yield (namespec.name, namespec.group, name), found.get(cause, 0)

    return read


def _supervisord(facts: Facts) -> Samples:
    if facts.version is not None and facts.identification is not None:
        yield (facts.version, facts.identification), 1


def _states(facts: Facts) -> Samples:
    if facts.snapshot is None:
        return
    counts = Counter(status.state for status in facts.statuses)
    for state in ProcessState:
        yield (state.name,), counts[state]


def _started_at(status: ProcessStatus) -> float | None:
    return status.started_at if status.state.is_up else None


def _exit_statuses(facts: Facts) -> Mapping[Namespec, float]:
    seen = {
        status.namespec: status.exit_status
        for status in facts.statuses
        if status.exit_status is not None
    }
    return {**facts.exit_statuses, **seen}


def _exits(facts: Facts) -> Samples:
    for namespec, tally in _tallies(facts):
        yield (namespec.name, namespec.group, "true"), tally.exits_expected
        yield (namespec.name, namespec.group, "false"), tally.exits_unexpected


PROCESS_FAMILIES: tuple[Family, ...] = (
    gauge(
        "supervisor_up",
        "Whether the last XML-RPC call to supervisord was answered: 1 or 0.",
        single(lambda facts: facts.up),
    ),
    info(
        "supervisor_info",
        "The version and the identification of supervisord.",
        _supervisord,
        *("version", "identification"),
    ),
    gauge(
        "supervisor_processes",
        "Number of processes in each state that Supervisor knows.",
        _states,
        "state",
    ),
    gauge(
        "supervisor_process_up",
        "Whether the process is STARTING, RUNNING or STOPPING: 1 or 0.",
        _by_status(lambda status: status.state.is_up),
        *_PROCESS,
    ),
    gauge(
        "supervisor_process_state",
        "State of the process by Supervisor's number: 0 STOPPED, 10 STARTING, 20 RUNNING, "
        "30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN.",
        _by_status(lambda status: status.state.value),
        *_PROCESS,
    ),
    gauge(
        "supervisor_process_exit_status",
        "Exit status of the process when it last exited; absent while unknown.",
        by_namespec(_exit_statuses),
        *_PROCESS,
    ),
    gauge(
        "supervisor_process_start_time_seconds",
        "When the process was started, in seconds since the epoch; absent when it is not up.",
        _by_status(_started_at),
        *_PROCESS,
    ),
    gauge(
        "supervisor_process_wanted",
        "Whether the baseline says that the process should be RUNNING: 1 or 0.",
        by_namespec(lambda facts: facts.wanted, default=0),
        *_PROCESS,
    ),
    counter(
        "supervisor_process_starts_total",
        "Number of times the process entered RUNNING.",
        _by_tally(lambda tally: tally.starts),
        *_PROCESS,
    ),
    counter(
        "supervisor_process_start_failures_total",
        "Number of times the process ended before startsecs and entered BACKOFF.",
        _by_tally(lambda tally: tally.start_failures),
        *_PROCESS,
    ),
    counter(
        "supervisor_process_fatal_total",
        "Number of times supervisord gave the process up and it entered FATAL.",
        _by_tally(lambda tally: tally.fatals),
        *_PROCESS,
    ),
    counter(
        "supervisor_process_exits_total",
        "Number of times the process ended by itself, by whether its exit status was expected.",
        _exits,
        *(*_PROCESS, "expected"),
    ),
    counter(
        "supervisor_process_restarts_total",
        "Number of times the process entered RUNNING again under the same supervisord, by cause.",
        _by_cause(lambda facts: facts.restart_causes, lambda tally: tally.restarts),
        *(*_PROCESS, "cause"),
    ),
    counter(
        "supervisor_process_downtime_seconds_total",
        "Seconds from leaving RUNNING to the next RUNNING, by cause; grows while it is down.",
        _by_cause(lambda facts: facts.downtime_causes, lambda tally: tally.downtime_seconds),
        *(*_PROCESS, "cause"),
    ),
    gauge(
        "supervisor_process_resident_memory_bytes",
        "Resident memory of the process and its children in bytes; absent while unknown.",
        by_namespec(lambda facts: facts.memory),
        *_PROCESS,
    ),
)
