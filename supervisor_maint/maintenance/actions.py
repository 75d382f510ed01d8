"""What a run wants done, as values. No I/O here.

The shell performs an action only after the run that came with it is in the journal, does not
wait for it, and reports how it ended as one of ``observation.Result`` at a later wake-up.
"""

from __future__ import annotations

import enum
from typing import Union

import attrs

from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.readiness import Probe
from supervisor_maint.processes import Namespec


class When(enum.Enum):
    """Which of a run's two snapshots."""

    BEFORE = "before"
    AFTER = "after"


class StepPhase(enum.Enum):
    """Which part of a run a step belongs to; a log rotation is a step of its own."""

    PRE = "pre"
    ROTATE = "rotate"
    POST = "post"


@attrs.frozen
class StopProcesses:
    """Have processes stopped, in one multicall that does not wait. ``CallResult`` for each."""

    namespecs: tuple[Namespec, ...]


@attrs.frozen
class StartProcesses:
    """Have processes started, in this order, in one multicall that does not wait."""

    namespecs: tuple[Namespec, ...]


@attrs.frozen(kw_only=True)
class RunStep:
    """Start a step's child once no earlier child of it lives; then ``StepResult``."""

    phase: StepPhase
    step: Step
    attempt: int


@attrs.frozen(kw_only=True)
class AwaitStep:
    """Start nothing: wait until no child of the step lives, then ``StepResult`` UNKNOWN."""

    phase: StepPhase
    step: Step
    attempt: int


@attrs.frozen(kw_only=True)
class RotateLogs:
    """Rotate the logs, once; then ``StepResult`` of phase ROTATE."""

    attempt: int
    timeout_seconds: float


@attrs.frozen(kw_only=True)
class AskBlockers:
    """Find out what keeps the run from starting (``blockers.find``); then ``BlockersAnswer``."""

    checks: tuple[Step, ...]


@attrs.frozen
class TakeSnapshot:
    """Take and keep a full snapshot; then ``BeforeTaken``, ``AfterTaken`` or ``NotTaken``."""

    when: When


@attrs.frozen
class Announce:
    """Have everybody who watches told of the run; then ``Published``, and then ``Announced``."""


@attrs.frozen(kw_only=True)
class CheckReady:
    """Ask one process once whether it is ready; then ``ReadyAnswer`` with the same pid."""

    namespec: Namespec
    pid: int
    probe: Probe
    timeout_seconds: float


@attrs.frozen
class WatchPid:
    """Wake up, nudging supervisord, when this process dies. Asked again as long as it counts."""

    namespec: Namespec
    pid: int


@attrs.frozen
class Nudge:
    """Make supervisord's loop turn now."""


@attrs.frozen
class WakeAt:
    """Come back at this time at the latest; replaces what was asked before."""

    at: float


@attrs.frozen
class Record:
    """A line of the run's story: for the log, the live progress and the history."""

    text: str
    namespec: Namespec | None = None


Action = Union[
    StopProcesses,
    StartProcesses,
    RunStep,
    AwaitStep,
    RotateLogs,
    AskBlockers,
    Announce,
    TakeSnapshot,
    CheckReady,
    WatchPid,
    Nudge,
    WakeAt,
    Record,
]
