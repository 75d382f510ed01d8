"""A run: a value that is journalled, and the table of what may follow what. No I/O here.

Everything about the order of a run's phases is in ``TRANSITIONS``. What a run does in a phase is
in the module named for it; ``advance`` puts them together.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
from attrs.validators import min_len

from supervisor_maint.maintenance import documents
from supervisor_maint.maintenance.actions import StepPhase
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.documents import each_revived_by, revived_by, volatile
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Plan, Step
from supervisor_maint.maintenance.target import Progress, Target, revive_target
from supervisor_maint.maintenance.targets import LeftAlone
from supervisor_maint.processes import Namespec
from supervisor_maint.store.records import LastRun

# Beside their own time limits, what waiting for an orphan and starting children may take.
PREPARE_MARGIN_SECONDS = 120.0
# After this long past its deadline a run only starts what it stopped, and reports.
LATE_SECONDS = 3600.0
# How long the first stop waits for the deadline to be written, whatever hangs: a push that is
# under way and one more, of a sink with the default time limit.
PUBLISH_SECONDS = 5.0


class Phase(enum.Enum):
    """Where a run stands. The last three are its outcomes."""

    PENDING = "pending"
    PREPARING = "preparing"
    RESTARTING = "restarting"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    RECOVERING = "recovering"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


TRANSITIONS: Mapping[Phase, frozenset[Phase]] = MappingProxyType(
    {
        Phase.PENDING: frozenset({Phase.PREPARING, Phase.SKIPPED}),
        Phase.PREPARING: frozenset({Phase.RESTARTING, Phase.FINISHING, Phase.RECOVERING}),
        Phase.RESTARTING: frozenset({Phase.VERIFYING, Phase.RECOVERING}),
        Phase.VERIFYING: frozenset({Phase.FINISHING, Phase.RECOVERING}),
        Phase.FINISHING: frozenset({Phase.SUCCEEDED, Phase.SKIPPED, Phase.RECOVERING}),
        Phase.RECOVERING: frozenset({Phase.FAILED}),
        Phase.SUCCEEDED: frozenset(),
        Phase.FAILED: frozenset(),
        Phase.SKIPPED: frozenset(),
    }
)


@attrs.frozen(kw_only=True)
class StepRecord:
    """What became of a step. ``is_interrupted``: a listener died while it was under way."""

    phase: StepPhase = attrs.field(metadata=revived_by(StepPhase))
    name: str
    attempt: int = 1
    asked_at: float
    outcome: StepOutcome = attrs.field(
        default=StepOutcome.RUNNING, metadata=revived_by(StepOutcome)
    )
    reason: str = ""
    is_interrupted: bool = False


def _revive_plan(document: Any) -> Plan:
    return documents.from_document(Plan, document)


def _revive_step_record(document: Any) -> StepRecord:
    return documents.from_document(StepRecord, document)


def _revive_left_alone(document: Any) -> LeftAlone:
    return LeftAlone(Namespec.parse(document["namespec"]), document["reason"])


@attrs.frozen(kw_only=True)
class Run:
    """One run of a plan, from being wanted to its outcome.

    ``scheduled_at`` is None for a run that ``asked_by`` asked for. ``reason`` says why it fails or
    is skipped, ``notes`` what else went wrong. ``targets`` are None until they were chosen.
    ``preparing_since_at`` is when it was announced.
    ``deadline_at`` is until when alerts may be muted: ``max_duration`` from the beginning of
    RESTARTING, where the first stop is made. Before, it is the latest that this can become, so
    that it is only ever brought forward. ``is_compared``: ``differences`` are known, or never
    will be.
    """

    id: str = attrs.field(validator=min_len(1))
    plan: Plan = attrs.field(metadata=revived_by(_revive_plan))
    scheduled_at: float | None = None
    asked_by: str | None = None
    created_at: float
    start_by_at: float
    phase: Phase = attrs.field(default=Phase.PENDING, metadata=revived_by(Phase))
    phase_since_at: float
    preparing_since_at: float | None = None
    deadline_at: float | None = None
    first_stop_at: float | None = None
    cancelled_by: str | None = None
    is_skipped: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()
    targets: tuple[Target, ...] | None = attrs.field(
        default=None, metadata=each_revived_by(revive_target)
    )
    left_alone: tuple[LeftAlone, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_left_alone)
    )
    steps: tuple[StepRecord, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_step_record)
    )
    differences: tuple[str, ...] = ()
    is_compared: bool = False
    ended_at: float | None = None
    resumed_at: float | None = None
    blockers: tuple[str, ...] = attrs.field(default=(), metadata=volatile())
    asked_at: float | None = attrs.field(default=None, metadata=volatile())
    held_back_since: tuple[tuple[str, float], ...] = attrs.field(default=(), metadata=volatile())
    looks_wide: bool = attrs.field(default=True, metadata=volatile())
    looked_wide_at: float | None = attrs.field(default=None, metadata=volatile())
    nudged_at: float | None = attrs.field(default=None, metadata=volatile())
    is_announcing: bool = attrs.field(default=False, metadata=volatile())
    published_at: float | None = attrs.field(default=None, metadata=volatile())
    is_announced: bool = attrs.field(default=False, metadata=volatile())

    @property
    def is_over(self) -> bool:
        """Tell whether it has its outcome."""
        return not TRANSITIONS[self.phase]

    @property
    def has_begun(self) -> bool:
        """Tell whether nothing keeps it from starting any more."""
        return self.phase is not Phase.PENDING

    @property
    def prepare_seconds(self) -> float:
        """How long PREPARING may take at most."""
        steps = sum(2 * step.timeout_seconds for step in self.plan.pre)
        rotation = self.plan.rotate_timeout_seconds if self.plan.rotate_logs else 0.0
        lead = PUBLISH_SECONDS + self.plan.lead_seconds
        return steps + rotation + lead + PREPARE_MARGIN_SECONDS

    def is_overrun(self, now: float) -> bool:
        """Tell whether ``max_duration`` is over, in RESTARTING."""
        return passed(self.phase_since_at, now, self.plan.max_duration_seconds)

    def is_late(self, now: float) -> bool:
        """Tell whether it is so long past its deadline that it only starts what it stopped."""
        return self.deadline_at is not None and now > self.deadline_at + LATE_SECONDS

    @property
    def has_acted(self) -> bool:
        """Tell whether a step was begun or a process stopped."""
        return bool(self.steps) or self.first_stop_at is not None

    @property
    def watched(self) -> tuple[Namespec, ...]:
        """The processes whose status the next observation must show.

        While processes are under way only these; before the next is stopped, every process whose
        absence may forbid it.
        """
        targets = self.targets or ()
        if self.phase is Phase.RESTARTING:
            under_way = tuple(target for target in targets if target.is_under_way)
            targets = under_way if under_way and not self.looks_wide else self._unfinished
        elif self.phase is Phase.RECOVERING:
            targets = tuple(target for target in targets if target.needs_recovery)
        elif self.phase is not Phase.VERIFYING:
            targets = ()
        return tuple(target.namespec for target in targets)

    @property
    def _unfinished(self) -> tuple[Target, ...]:
        """The targets of the groups in which something is left to do, each group whole."""
        targets = self.targets or ()
        groups = {target.namespec.group for target in targets if not target.is_settled}
        return tuple(target for target in targets if target.namespec.group in groups)

    @property
    def failures(self) -> tuple[Target, ...]:
        """The processes that did not come back, or could not be restarted."""
        return tuple(t for t in self.targets or () if t.progress is Progress.FAILED)

    def step(self, phase: StepPhase, name: str) -> StepRecord | None:
        """Return what became of a step; None when it was not begun."""
        return next((one for one in self.steps if (one.phase, one.name) == (phase, name)), None)

    def to_document(self) -> documents.Document:
        """Return the run as JSON can hold it."""
        return dict(documents.to_document(self))

    def needs_journal_after(self, journalled: Run) -> bool:
        """Tell whether it says something that the journal, holding another, does not know."""
        return not documents.have_same_document(self, journalled)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Run:
        """Build a run from its document. Raises ValueError when it is none."""
        return documents.from_document(cls, document)


def new_run(
    run_id: str,
    plan: Plan,
    *,
    now: float,
    scheduled_at: float | None = None,
    asked_by: str | None = None,
) -> Run:
    """Begin a run of a plan: scheduled for a time, or asked for by somebody."""
    return Run(
        id=run_id,
        plan=plan,
        scheduled_at=scheduled_at,
        asked_by=asked_by,
        created_at=now,
        start_by_at=(now if scheduled_at is None else scheduled_at) + plan.start_within_seconds,
        phase_since_at=now,
    )


def missed_run(run_id: str, plan: Plan, last_run: LastRun) -> Run:
    """Return what is kept of a scheduled time that passed without a run: one that is skipped."""
    run = new_run(run_id, plan, now=last_run.ended_at, scheduled_at=last_run.scheduled_at)
    return attrs.evolve(
        run, phase=Phase.SKIPPED, reason=last_run.reason, ended_at=last_run.ended_at
    )


def resumed(run: Run, now: float) -> Run:
    """Return a run as the next listener finds it: of what was under way no answer will come."""
    targets = run.targets
    if targets is not None:
        targets = tuple(_without_answers(target, now) for target in targets)
    steps = tuple(
        attrs.evolve(one, is_interrupted=one.outcome is StepOutcome.RUNNING) for one in run.steps
    )
    return attrs.evolve(run, targets=targets, steps=steps, resumed_at=now)


def _without_answers(target: Target, now: float) -> Target:
    stop, start = target.stop, target.start
    return attrs.evolve(target, stop=stop and stop.lost(now), start=start and start.lost(now))


def rotation(plan: Plan) -> Step:
    """Return the log rotation as the step it is: never run twice, and never a reason to stop."""
    return Step.after(
        "rotate-logs",
        "logrotate",
        timeout_seconds=plan.rotate_timeout_seconds,
        idempotent=False,
    )
