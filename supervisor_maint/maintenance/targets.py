"""Which processes a plan restarts, in which order, and why the rest is left alone. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from supervisor_maint.maintenance import patterns
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
)

# What supervisord takes when the configuration says nothing: its documentation of [program:x].
DEFAULT_PRIORITY = 999
DEFAULT_START_SECONDS = 1.0
DEFAULT_STOP_WAIT_SECONDS = 10.0


@attrs.frozen(kw_only=True)
class Pools:
    """What is known of which groups are listener pools, and our own group.

    A group in neither set is unknown: nobody said what it is, so it may be a pool.
    """

    pools: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    own_group: str | None = None

    def is_pool(self, group: str) -> bool:
        """Tell whether a group is our own, or known to be a listener pool."""
        return group == self.own_group or group in self.pools

    def is_unknown(self, group: str) -> bool:
        """Tell whether nobody knows what a group is."""
        return not self.is_pool(group) and group not in self.programs


@attrs.frozen(kw_only=True)
class Chosen:
    """A process to restart, as it was when chosen, with what its configuration says."""

    namespec: Namespec
    pid: int | None
    started_at: float | None
    group_priority: int = DEFAULT_PRIORITY
    process_priority: int = DEFAULT_PRIORITY
    start_seconds: float = DEFAULT_START_SECONDS
    stop_wait_seconds: float = DEFAULT_STOP_WAIT_SECONDS

    @property
    def order(self) -> tuple[int, str, int, str]:
        """What processes are sorted by: group priority first, then process priority."""
        spec = self.namespec
        return self.group_priority, spec.group, self.process_priority, spec.name


@attrs.frozen
class LeftAlone:
    """A process that a plan does not touch, and why."""

    namespec: Namespec
    reason: str


@attrs.frozen(kw_only=True)
class Selection:
    """What a plan means in a snapshot.

    ``unknown_groups`` are groups of chosen processes that may be listener pools: with any of
    them nothing may be restarted. ``unmatched`` are words in ``programs`` that mean nothing,
    ``unmatched_excludes`` those in ``exclude``.
    """

    chosen: tuple[Chosen, ...]
    left_alone: tuple[LeftAlone, ...]
    unknown_groups: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    unmatched_excludes: tuple[str, ...] = ()


def select(
    plan: Plan, snapshot: Snapshot, configs: Mapping[Namespec, ProcessConfig], pools: Pools
) -> Selection:
    """Choose what a plan restarts, sorted by (group priority, process priority)."""
    statuses = snapshot.processes.values()
    reasons = {status.namespec: _why_not(plan, status, pools) for status in statuses}
    chosen = [
        _chosen(status, configs.get(status.namespec))
        for status in statuses
        if reasons[status.namespec] is None
    ]
    unknown = {one.namespec.group for one in chosen if pools.is_unknown(one.namespec.group)}
    return Selection(
        chosen=tuple(sorted(chosen, key=lambda one: one.order)),
        left_alone=tuple(LeftAlone(spec, why) for spec, why in reasons.items() if why is not None),
        unknown_groups=tuple(sorted(unknown)),
        unmatched=_unmatched(plan.programs, snapshot.processes),
        unmatched_excludes=_unmatched(plan.exclude, snapshot.processes),
    )


def _why_not(plan: Plan, status: ProcessStatus, pools: Pools) -> str | None:
    """Return why a process is left alone, None when it is not."""
    group = status.namespec.group
    if group == pools.own_group:
        return "it belongs to this listener's own group"
    if pools.is_pool(group):
        return "it is an event listener"
    if patterns.first_match(plan.programs, status.namespec) is None:
        return "the plan does not name it"
    excluded_by = patterns.first_match(plan.exclude, status.namespec)
    if excluded_by is not None:
        return f"excluded by {excluded_by!r}"
    return _not_up(status.state)


def _not_up(state: ProcessState) -> str | None:
    if state in (ProcessState.RUNNING, ProcessState.STARTING):
        return None
    if state is ProcessState.BACKOFF:
        return "it was broken before: BACKOFF"
    return f"it was {state.name} before"


def _chosen(status: ProcessStatus, config: ProcessConfig | None) -> Chosen:
    known = Chosen(namespec=status.namespec, pid=status.pid, started_at=status.started_at)
    if config is None:
        return known
    return attrs.evolve(
        known,
        group_priority=config.group_priority,
        process_priority=config.process_priority,
        start_seconds=config.start_seconds,
        stop_wait_seconds=config.stop_wait_seconds,
    )


def _unmatched(words: Iterable[str], namespecs: Iterable[Namespec]) -> tuple[str, ...]:
    known = tuple(namespecs)
    return tuple(
        word for word in words if not any(patterns.matches(word, namespec) for namespec in known)
    )
