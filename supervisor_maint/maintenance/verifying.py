"""VERIFYING and FINISHING: settled, compared with before, and the post steps. No I/O here."""

from __future__ import annotations

from supervisor_maint.maintenance import restarting, steps
from supervisor_maint.maintenance.actions import StepPhase, TakeSnapshot, When
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import ended_well
from supervisor_maint.maintenance.observation import AfterTaken, NotTaken
from supervisor_maint.maintenance.run import Phase
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.maintenance.turn import LOOK_AGAIN_SECONDS, Turn
from supervisor_maint.processes import ProcessState, ProcessStatus

# What still moves after this long is flapping (semantics: settle_max).
SETTLE_MAX_SECONDS = 60.0
# How long the ``after`` snapshot and its comparison are waited for.
_COMPARE_SECONDS = 60.0

_BROKEN = frozenset({ProcessState.BACKOFF, ProcessState.FATAL, ProcessState.UNKNOWN})


def verify(turn: Turn) -> None:
    """Wait until all has settled, compare, and say whether it stayed up."""
    if not turn.seen.journal_is_writable:
        turn.recover("the journal cannot be written")
    elif turn.run.cancelled_by is not None:
        turn.recover("")
    elif _is_settled(turn) and compare(turn):
        _judge(turn)


def _is_settled(turn: Turn) -> bool:
    since_at, settle = turn.run.phase_since_at, turn.run.plan.settle_seconds
    if not turn.targets or turn.run.is_compared or turn.run.asked_at is not None:
        return True
    if not passed(since_at, turn.now, settle):
        turn.wake_at(since_at + settle)
        return False
    statuses = [turn.statuses.get(target.namespec) for target in turn.targets]
    moves = any(status is not None and status.state.is_moving for status in statuses)
    if moves and not passed(since_at, turn.now, max(settle, SETTLE_MAX_SECONDS)):
        turn.wake_in(LOOK_AGAIN_SECONDS)
        return False
    return True


def compare(turn: Turn) -> bool:
    """Have the ``after`` snapshot taken; tell whether that is done, or never will be."""
    for result in turn.seen.results_of(NotTaken):
        if result.when is When.AFTER:
            turn.note(f"no comparison: {result.reason}")
            turn.change(is_compared=True)
    taken = turn.seen.results_of(AfterTaken)
    if taken:
        turn.change(is_compared=True, differences=taken[-1].differences)
        found = taken[-1].snapshot.processes
        turn.each_target(lambda target: _checked(target, found.get(target.namespec)))
    if turn.run.is_compared:
        return True
    return _ask_after(turn)


def _ask_after(turn: Turn) -> bool:
    if turn.run.asked_at is None:
        turn.change(asked_at=turn.now)
        turn.act(TakeSnapshot(When.AFTER))
    if passed(turn.run.asked_at or turn.now, turn.now, _COMPARE_SECONDS):
        turn.note(f"no comparison: the snapshot did not come within {_COMPARE_SECONDS:g} s")
        turn.change(is_compared=True)
        return True
    turn.wake_in(LOOK_AGAIN_SECONDS)
    return False


def _checked(target: Target, status: ProcessStatus | None) -> Target:
    """Fail a process that was back and did not stay; one that somebody stopped is left."""
    if target.progress is not Progress.DONE or status is None or not target.was_stopped:
        return target
    ended_badly = status.state is ProcessState.EXITED and not ended_well(status)
    if status.state in _BROKEN or ended_badly:
        return target.settled(Progress.FAILED, f"it did not stay up: {status.state.name}")
    return target


def _judge(turn: Turn) -> None:
    failures = turn.run.failures
    if failures or turn.run.reason:
        turn.recover(restarting.failed(failures[0]) if failures else "")
    else:
        turn.enter(Phase.FINISHING)


def finish(turn: Turn) -> None:
    """Run the post steps of a run that succeeded or is skipped, and end it."""
    found = post_steps(turn)
    if found is steps.Progress.UNDER_WAY:
        return
    if turn.run.is_skipped:
        turn.enter(Phase.SKIPPED)
    elif found is steps.Progress.DONE:
        turn.enter(Phase.SUCCEEDED)
    else:
        turn.recover(steps.failure(turn, StepPhase.POST, turn.run.plan.post))


def post_steps(turn: Turn) -> steps.Progress:
    """Run the post steps, as far as is possible now; none if nothing was begun."""
    post = turn.run.plan.post
    if not turn.run.has_acted:
        steps.leave_out(turn, StepPhase.POST, post, "no step was begun and nothing stopped")
    elif turn.run.is_late(turn.now):
        steps.leave_out(
            turn, StepPhase.POST, post, "the run is more than an hour past its deadline"
        )
    return steps.run(turn, StepPhase.POST, post)
