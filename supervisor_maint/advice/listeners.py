"""Advice on listener pools, ours and others'. No I/O here.

What supervisord does with them is in ``supervisor/process.py`` and ``dispatchers.py`` of 4.3.0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from supervisor.events import EventTypes

from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.supervisord.configured import ListenerPool

OUR_EVENTS = (
    "PROCESS_STATE",
    "PROCESS_GROUP",
    "SUPERVISOR_STATE_CHANGE",
    "REMOTE_COMMUNICATION",
    "TICK_5",
    "TICK_3600",
)
# A restart of everything makes STOPPING, STOPPED, STARTING and RUNNING of each process.
_EVENTS_PER_PROCESS = 4
_STANZA = "conf.d/supervisor/maint.conf"


def stanza(surroundings: Surroundings) -> Iterator[Advice]:
    """Look for our stanza: without one nothing listens, with two the second finds a lock."""
    ours = surroundings.our_pools
    if surroundings.configuration is not None and not ours:
        yield Advice(
            severity=Severity.WARNING,
            subject="[eventlistener:maint]",
            message="no stanza runs 'supervisor-maint listen', so nothing listens",
            what_to_do=f"include {_STANZA} in supervisord's configuration",
        )
    if sum(len(pool.processes) for pool in ours) > 1:
        yield Advice(
            severity=Severity.ERROR,
            subject=", ".join(_header(pool) for pool in ours),
            message="more than one process runs the listener, and a state_dir holds one",
            what_to_do="keep one stanza with numprocs=1 for each state_dir",
        )


def redirected_stderr(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of ``redirect_stderr``: supervisord refuses it, or takes a log line for an answer."""
    for pool in surroundings.pools:
        if pool.redirect_stderr or any(process.redirect_stderr for process in pool.processes):
            yield Advice(
                severity=Severity.ERROR,
                subject=_header(pool),
                message="redirect_stderr=true puts stderr between the answers of the listener, "
                "which goes deaf at the first line, where supervisord starts at all",
                what_to_do="remove redirect_stderr and set stderr_logfile",
            )


def shared_priorities(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of equal priorities: an event that one refuses is given to all of them."""
    by_priority: dict[int, list[ListenerPool]] = defaultdict(list)
    for pool in surroundings.pools:
        by_priority[pool.priority].append(pool)
    for priority, pools in sorted(by_priority.items()):
        if len(pools) > 1:
            yield Advice(
                severity=Severity.WARNING,
                subject=", ".join(_header(pool) for pool in pools),
                message=f"all have priority {priority}: an event that one of them does not "
                "acknowledge is given to every one, subscribed or not",
                what_to_do="give each a priority of its own",
            )


def buffer_size(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a buffer that a restart of everything would overflow."""
    configuration = surroundings.configuration
    wanted = _EVENTS_PER_PROCESS * configuration.process_count if configuration else 0
    for pool in surroundings.our_pools:
        if pool.buffer_size < wanted:
            yield Advice(
                severity=Severity.WARNING,
                subject=_header(pool),
                message=f"buffer_size={pool.buffer_size} is less than {_EVENTS_PER_PROCESS} for "
                "each process: supervisord drops the oldest event when it is full",
                what_to_do=f"set buffer_size=4096, or at least {wanted}",
            )


def missing_events(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of events we need and did not subscribe to."""
    for pool in surroundings.our_pools:
        missing = [event for event in OUR_EVENTS if not _is_covered(event, pool.events)]
        if missing:
            yield Advice(
                severity=Severity.WARNING,
                subject=_header(pool),
                message="events= lacks " + ", ".join(missing),
                what_to_do="set events=" + ",".join(OUR_EVENTS),
            )


def _is_covered(event: str, subscribed: tuple[str, ...]) -> bool:
    """Tell whether an event is subscribed to, itself or by what it is a kind of."""
    kind = getattr(EventTypes, event)
    kinds = tuple(getattr(EventTypes, name) for name in subscribed if hasattr(EventTypes, name))
    return issubclass(kind, kinds)


def unknown_events(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of events that do not exist: supervisord does not start with them."""
    for pool in surroundings.pools:
        if pool.unknown_events:
            yield Advice(
                severity=Severity.ERROR,
                subject=_header(pool),
                message="supervisord has no events "
                + ", ".join(pool.unknown_events)
                + ", and starts only if a plug-in makes them",
                what_to_do="correct events=",
            )


def not_restarted(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn when our listener would stay away after an end: a quiet one looks like a calm one."""
    for pool in surroundings.our_pools:
        modes = {process.autorestart for process in pool.processes} - {"true"}
        for mode in sorted(modes):
            yield Advice(
                severity=Severity.WARNING,
                subject=_header(pool),
                message=f"autorestart={mode}: a listener that ended is not started again",
                what_to_do="set autorestart=true",
            )


def _header(pool: ListenerPool) -> str:
    return f"[eventlistener:{pool.name}]"
