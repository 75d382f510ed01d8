"""What a run is told when it is woken: the world as it is, and what ended since. No I/O here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar, Union

import attrs

from supervisor_maint.maintenance.actions import StepPhase, When
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec, ProcessConfig, ProcessStatus, Snapshot

R = TypeVar("R")


class CallKind(enum.Enum):
    """Which call to supervisord."""

    START = "start"
    STOP = "stop"


class CallOutcome(enum.Enum):
    """How a call ended. UNKNOWN: no answer came, so it may have been carried out or may yet be."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class StepOutcome(enum.Enum):
    """How a step ended. UNKNOWN: it was begun, and nobody saw its end."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIP_RUN = "skip_run"
    UNKNOWN = "unknown"
    LEFT_OUT = "left_out"


@attrs.frozen(kw_only=True)
class CallResult:
    """How the start or stop of one process was answered; ``reason`` is the fault's sentence."""

    kind: CallKind
    namespec: Namespec
    outcome: CallOutcome
    reason: str = ""


@attrs.frozen(kw_only=True)
class ReadyAnswer:
    """The answer to one readiness question."""

    namespec: Namespec
    pid: int
    is_ready: bool
    reason: str = ""


@attrs.frozen(kw_only=True)
class StepResult:
    """How a step, or the log rotation, ended. Exit 75 of a pre step is SKIP_RUN."""

    phase: StepPhase
    name: str
    attempt: int
    outcome: StepOutcome
    reason: str = ""


@attrs.frozen
class BlockersAnswer:
    """What keeps the run from starting: ``blockers.find``, or why nobody could tell."""

    blockers: tuple[str, ...]


@attrs.frozen(kw_only=True, hash=False)
class BeforeTaken:
    """The ``before`` snapshot, with the configuration and the pools known at that moment."""

    snapshot: Snapshot
    configs: Mapping[Namespec, ProcessConfig]
    pools: Pools


@attrs.frozen(kw_only=True, hash=False)
class AfterTaken:
    """The ``after`` snapshot, and a sentence for each difference from ``before``."""

    snapshot: Snapshot
    differences: tuple[str, ...] = ()


@attrs.frozen
class NotTaken:
    """A snapshot could not be taken."""

    when: When
    reason: str


@attrs.frozen
class Published:
    """The run's deadline was written to every sink, or could not be: the lead begins."""


@attrs.frozen
class Announced:
    """Everybody who is told of the run knows (the marker alert is there): no need to wait on."""


Result = Union[
    CallResult,
    ReadyAnswer,
    StepResult,
    BlockersAnswer,
    BeforeTaken,
    AfterTaken,
    NotTaken,
    Published,
    Announced,
]


@attrs.frozen(kw_only=True, hash=False)
class Observation:
    """One look at the world.

    ``statuses`` are those of ``run.watched``, asked for *after* every one of ``results`` had
    arrived; None for a process that supervisord does not know (any more), absent for one that
    was not asked about. ``supervisord_state`` is None when it did not answer. ``cancelled_by``
    is who asked to cancel. ``journal_is_writable`` is False when the decision made a moment ago
    could not be journalled.
    """

    statuses: Mapping[Namespec, ProcessStatus | None] = attrs.field(factory=dict)
    results: tuple[Result, ...] = ()
    supervisord_state: str | None = "RUNNING"
    cancelled_by: str | None = None
    journal_is_writable: bool = True

    @property
    def can_act(self) -> bool:
        """Tell whether supervisord answers and is not on its way down."""
        return self.supervisord_state == "RUNNING"

    def results_of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the results of one kind, in their order."""
        return tuple(result for result in self.results if isinstance(result, kind))
