"""Running the steps of a phase, one at a time and each once. No I/O here.

The intent is journalled with the action. A step that was under way when a listener died is run
again when it is idempotent; else nobody knows how it ended, and it counts as failed. The shell
waits for an orphan of it in both cases.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from supervisor_maint.maintenance.actions import AwaitStep, RotateLogs, RunStep, StepPhase
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.observation import StepOutcome, StepResult
from supervisor_maint.maintenance.plan import OnStepFailure, Step
from supervisor_maint.maintenance.run import StepRecord
from supervisor_maint.maintenance.turn import LOOK_AGAIN_SECONDS, Turn

# The shell ends a step at its time limit, after it waited for an orphan of the same step, which
# has the same limit; TERM, KILL and the report take a while more. Then it is not waited for.
REPORT_SECONDS = 60.0

_GOOD = frozenset({StepOutcome.SUCCEEDED, StepOutcome.LEFT_OUT})


class Progress(enum.Enum):
    """How far the steps of a phase are."""

    UNDER_WAY = "under_way"
    DONE = "done"
    ABORTED = "aborted"
    SKIP_RUN = "skip_run"


def absorb(turn: Turn) -> None:
    """Note how steps ended."""
    for result in turn.seen.results_of(StepResult):
        record = turn.run.step(result.phase, result.name)
        expected = record is not None and record.attempt == result.attempt
        if record is None or not expected or record.outcome is not StepOutcome.RUNNING:
            continue
        ended = attrs.evolve(record, outcome=result.outcome, reason=result.reason)
        _replace(turn, ended)
        if ended.outcome in _GOOD:
            turn.record(_told(ended))


def run(turn: Turn, phase: StepPhase, steps: Sequence[Step]) -> Progress:
    """Run the steps in their order, as far as is possible now.

    Of pre steps the first that aborts is the last that is run. Post steps undo things: all of
    them are run, and then the phase counts as aborted.
    """
    worst = Progress.DONE
    for step in steps:
        found = _run_one(turn, phase, step)
        if found is Progress.UNDER_WAY or (found is not Progress.DONE and phase is StepPhase.PRE):
            return found
        worst = found if found is not Progress.DONE else worst
    return worst


def leave_out(turn: Turn, phase: StepPhase, steps: Sequence[Step], reason: str) -> None:
    """Say of every step that was not begun that it will not be, and why."""
    for step in steps:
        if turn.run.step(phase, step.name) is None:
            _add_left_out(turn, phase, step, reason)


def are_ended(turn: Turn, phase: StepPhase, steps: Sequence[Step]) -> bool:
    """Wait for steps that are under way, and begin none; tell whether all have ended."""
    found = [_end_one(turn, phase, step) for step in steps]
    return Progress.UNDER_WAY not in found


def _end_one(turn: Turn, phase: StepPhase, step: Step) -> Progress:
    record = turn.run.step(phase, step.name)
    if record is None or record.outcome is not StepOutcome.RUNNING:
        return Progress.DONE
    if record.is_interrupted:
        return _await(turn, step, _again(turn, record))
    return _wait(turn, step, record)


def _run_one(turn: Turn, phase: StepPhase, step: Step) -> Progress:
    record = turn.run.step(phase, step.name)
    if record is None:
        return _begin(turn, phase, step)
    if record.is_interrupted:
        return _begin_again(turn, step, record)
    if record.outcome is StepOutcome.RUNNING:
        return _wait(turn, step, record)
    return _judge(turn, step, record)


def _begin(turn: Turn, phase: StepPhase, step: Step) -> Progress:
    if not turn.seen.journal_is_writable and not step.idempotent:
        _add_left_out(turn, phase, step, "its intent cannot be journalled")
        return Progress.DONE
    record = StepRecord(phase=phase, name=step.name, asked_at=turn.now)
    turn.change(steps=(*turn.run.steps, record))
    _ask(turn, step, record)
    return Progress.UNDER_WAY


def _begin_again(turn: Turn, step: Step, record: StepRecord) -> Progress:
    again = _again(turn, record)
    if not step.idempotent:
        return _await(turn, step, again)
    _ask(turn, step, again)
    return Progress.UNDER_WAY


def _again(turn: Turn, record: StepRecord) -> StepRecord:
    again = attrs.evolve(
        record, attempt=record.attempt + 1, asked_at=turn.now, is_interrupted=False
    )
    _replace(turn, again)
    return again


def _await(turn: Turn, step: Step, record: StepRecord) -> Progress:
    turn.act(AwaitStep(phase=record.phase, step=step, attempt=record.attempt))
    turn.wake_in(LOOK_AGAIN_SECONDS)
    return Progress.UNDER_WAY


def _ask(turn: Turn, step: Step, record: StepRecord) -> None:
    if record.phase is StepPhase.ROTATE:
        turn.act(RotateLogs(attempt=record.attempt, timeout_seconds=step.timeout_seconds))
    else:
        turn.act(RunStep(phase=record.phase, step=step, attempt=record.attempt))
    turn.record(f"{record.phase.value} step {step.name} begins")
    turn.wake_in(LOOK_AGAIN_SECONDS)


def _wait(turn: Turn, step: Step, record: StepRecord) -> Progress:
    limit = 2 * step.timeout_seconds + REPORT_SECONDS
    if not passed(record.asked_at, turn.now, limit):
        turn.wake_in(LOOK_AGAIN_SECONDS)
        return Progress.UNDER_WAY
    late = attrs.evolve(
        record, outcome=StepOutcome.UNKNOWN, reason=f"nothing was heard of it for {limit:g} s"
    )
    _replace(turn, late)
    return _judge(turn, step, late)


def _judge(turn: Turn, step: Step, record: StepRecord) -> Progress:
    if record.outcome in _GOOD:
        return Progress.DONE
    if record.outcome is StepOutcome.SKIP_RUN and record.phase is StepPhase.PRE:
        return Progress.SKIP_RUN
    turn.note(_told(record))
    return Progress.DONE if step.on_failure is OnStepFailure.CONTINUE else Progress.ABORTED


def failure(turn: Turn, phase: StepPhase, steps: Sequence[Step]) -> str:
    """Return the sentence about the first step of a phase that aborts."""
    for step in steps:
        record = turn.run.step(phase, step.name)
        aborts = step.on_failure is OnStepFailure.ABORT
        if record is not None and aborts and record.outcome not in _GOOD:
            return _told(record)
    return ""


def _told(record: StepRecord) -> str:
    reason = f": {record.reason}" if record.reason else ""
    outcome = record.outcome.value.replace("_", " ")
    return f"{record.phase.value} step {record.name} {outcome}{reason}"


def _add_left_out(turn: Turn, phase: StepPhase, step: Step, reason: str) -> None:
    record = StepRecord(
        phase=phase,
        name=step.name,
        asked_at=turn.now,
        outcome=StepOutcome.LEFT_OUT,
        reason=reason,
    )
    turn.change(steps=(*turn.run.steps, record))
    turn.note(_told(record))


def _replace(turn: Turn, record: StepRecord) -> None:
    key = (record.phase, record.name)
    turn.change(
        steps=tuple(record if (one.phase, one.name) == key else one for one in turn.run.steps)
    )
