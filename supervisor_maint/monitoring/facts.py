"""Everything the metrics are made of, as values. No I/O here.

The application puts one ``Facts`` together for each report; the metrics only read it. It is
read from whatever thread renders, so nothing in it may change after it is made. Times are
float seconds since the epoch, None while unknown: an unknown time is left out of a report,
because 0 looks 56 years old.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from supervisor_maint.processes import Namespec, ProcessStatus, Snapshot
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

_not_negative = attrs.validators.ge(0)

# Of a path that a permission rule is about; would_fix of passes that only report.
PATH_RESULTS = ("ok", "fixed", "would_fix", "failed", "skipped")


@attrs.frozen(kw_only=True)
class SinkStatus:
    """How the writes to one sink went.

    ``rejected`` counts answers that said no to the report itself, ``failed`` every other write
    that did not arrive. ``last_error`` is the sentence of the newest one, None when the last
    write was taken.
    """

    ok: int = attrs.field(default=0, validator=_not_negative)
    failed: int = attrs.field(default=0, validator=_not_negative)
    rejected: int = attrs.field(default=0, validator=_not_negative)
    last_success_at: float | None = None
    last_error: str | None = None


@attrs.frozen(kw_only=True)
class PlanFacts:
    """What is known of one maintenance plan; ``runs`` counts them by result, and ``differences``
    by kind what nobody but its last run could find.

    A run that still waits for what keeps it from starting is not ``in_progress``. ``start_by_at``
    is until when the run that is due next may begin.
    """

    name: str = attrs.field(validator=attrs.validators.min_len(1))
    in_progress: bool = False
    next_start_at: float | None = None
    start_by_at: float | None = None
    last_start_at: float | None = None
    last_completion_at: float | None = None
    last_success_at: float | None = None
    last_duration_seconds: float | None = None
    runs: Mapping[str, int] = attrs.field(factory=dict)
    differences: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class PermissionFacts:
    """What the passes of one permission rule found; ``paths`` counts them by result.

    ``has_problem`` when the last pass could not do all that the rule asks for, or did not end;
    ``is_churning`` when the last passes mended the same path each.
    """

    rule: str = attrs.field(validator=attrs.validators.min_len(1))
    paths: Mapping[str, int] = attrs.field(factory=dict)
    last_run_at: float | None = None
    has_problem: bool = False
    is_churning: bool = False


@attrs.frozen(kw_only=True)
class BuildFacts:
    """Which version of this package runs, on which Python."""

    version: str
    python: str


@attrs.frozen(kw_only=True, hash=False)
class Facts:
    """One consistent picture of supervisord, its processes and ourselves.

    ``up`` tells whether the last XML-RPC call answered; ``snapshot`` may be older than that, and
    None before the first. ``memory`` is in bytes. ``exit_statuses`` are those learnt from
    supervisord's log, for processes whose snapshot has none. ``errors`` counts the exceptions
    the loop survived by where it happened, ``store_errors`` by store, ``events`` by event name,
    ``differences_by_kind`` processes by ``DiffKind`` value. ``process_downtime`` holds seconds
    in the last planned restart, ``memory_given_back`` by how many bytes a process was smaller
    after it. ``monitoring`` counts by server how questions to Alertmanager and
    Prometheus ended; ``silence_ends_at`` is when the silence ends that is
    held. ``heartbeat_at`` is when the last event arrived, never when we pushed.
    """

    build: BuildFacts
    up: bool = False
    version: str | None = None
    identification: str | None = None
    snapshot: Snapshot | None = None
    memory: Mapping[Namespec, int] = attrs.field(factory=dict)
    wanted: Mapping[Namespec, bool] = attrs.field(factory=dict)
    tallies: Mapping[Namespec, ProcessTally] = attrs.field(factory=dict)
    exit_statuses: Mapping[Namespec, int] = attrs.field(factory=dict)
    differences_by_kind: Mapping[str, int] = attrs.field(factory=dict)
    heartbeat_at: float | None = None
    events: Mapping[str, int] = attrs.field(factory=dict)
    events_lost: int = attrs.field(default=0, validator=_not_negative)
    errors: Mapping[str, int] = attrs.field(factory=dict)
    store_errors: Mapping[str, int] = attrs.field(factory=dict)
    config_reload_successful: bool = True
    sinks: Mapping[str, SinkStatus] = attrs.field(factory=dict)
    plans: tuple[PlanFacts, ...] = ()
    window_start_at: float | None = None
    monitoring: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)
    window_deadline_at: float | None = None
    silence_ends_at: float | None = None
    hold_until_at: float | None = None
    process_downtime: Mapping[Namespec, float] = attrs.field(factory=dict)
    memory_given_back: Mapping[Namespec, int] = attrs.field(factory=dict)
    permissions: tuple[PermissionFacts, ...] = ()

    @property
    def snapshot_at(self) -> float | None:
        """When the snapshot was taken."""
        return None if self.snapshot is None else self.snapshot.taken_at

    @property
    def namespecs(self) -> tuple[Namespec, ...]:
        """The processes that have series: those of the snapshot, or all counted before there is
        one. A process that supervisord no longer has goes with its series.
        """
        if self.snapshot is not None:
            return tuple(self.snapshot.processes)
        return tuple(sorted({*self.wanted, *self.tallies}))

    @property
    def statuses(self) -> Iterator[ProcessStatus]:
        """The status of every process in the snapshot."""
        return iter(() if self.snapshot is None else self.snapshot.processes.values())

    @property
    def restart_causes(self) -> tuple[Cause, ...]:
        """The causes that a restart can have here: maintenance only where there is a plan."""
        return (*self._planned_causes, Cause.COMMAND, Cause.EXIT)

    @property
    def downtime_causes(self) -> tuple[Cause, ...]:
        """The causes that downtime can have here: what an operator stops is not down."""
        return (*self._planned_causes, Cause.EXIT)

    @property
    def _planned_causes(self) -> tuple[Cause, ...]:
        return (Cause.MAINTENANCE,) if self.plans or self._was_maintained else ()

    @property
    def _was_maintained(self) -> bool:
        """Tell whether something was restarted by a plan that is gone: its count must stay."""
        return any(tally.restarts.get(Cause.MAINTENANCE) for tally in self.tallies.values())
