"""RECOVERING: what we stopped is started, then the post steps, once. No I/O here.

Starting needs no journal and has no deadline: only the last stop counts, and whether it was ours.
A process that takes longer to stop than it may is not waited for by the post steps, but by the
run: it would stay stopped because of us.
"""

from __future__ import annotations

import enum

from supervisor_maint.maintenance import calls, restarting, steps
from supervisor_maint.maintenance.actions import StepPhase
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import MEANT_SECONDS, come_back_limit_seconds
from supervisor_maint.maintenance.run import LATE_SECONDS, Phase, rotation
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.maintenance.turn import Turn
from supervisor_maint.maintenance.verifying import compare, post_steps
from supervisor_maint.processes import ProcessState, ProcessStatus

# How long a process is tried to be started that supervisord does not start.
TRY_SECONDS = 60.0
# A process that is stuck is looked at as seldom as supervisord's own TICK_5 comes.
STUCK_SECONDS = 5.0
# The least time that a listener takes before it gives up, however late it begins.
LEAST_SECONDS = 120.0


class Standing(enum.Enum):
    """What recovery has still to do about a process."""

    OVER = "over"
    BUSY = "busy"
    STUCK = "stuck"
    STOPPED = "stopped"


def recover(turn: Turn) -> None:
    """Take the run through RECOVERING, as far as is possible now."""
    turn.each_target(lambda target: _back(turn, restarting.met(turn, target)))
    for target in turn.targets:
        _tell_of(turn, target)
    standings = {target: _standing(turn, target) for target in turn.targets}
    _start(turn, standings)
    left = {standing for standing in standings.values() if standing is not Standing.OVER}
    if left <= {Standing.STUCK} or _is_given_up(turn):
        _finish(turn, standings)
    else:
        calls.watch_pids(turn)
        restarting.wake_for_processes(turn)


def _back(turn: Turn, target: Target) -> Target:
    """Settle a process that runs again; recovery does not ask whether it is ready."""
    runs = target.seen is not None and target.seen.state is ProcessState.RUNNING
    if runs and target.progress is Progress.COMING_BACK:
        return target.back(turn.now)
    return target


def _tell_of(turn: Turn, target: Target) -> None:
    """Say of a process that failed that it runs after all, once."""
    seen = target.seen
    if seen is None or seen.since_at != turn.now or target.progress is not Progress.FAILED:
        return
    runs_anew = seen.state is ProcessState.RUNNING and seen.pid != target.chosen.pid
    if runs_anew and target.was_stopped:
        turn.record("runs again", target.namespec)


def _standing(turn: Turn, target: Target) -> Standing:
    if not target.needs_recovery:
        return Standing.OVER
    if target.namespec not in turn.statuses:
        return Standing.BUSY
    status = turn.statuses[target.namespec]
    if status is None:
        return Standing.OVER
    if target.may_yet_be_stopped(turn.now):
        return Standing.BUSY
    if status.state is ProcessState.STOPPED:
        return _stopped(turn, target, status)
    return _moving(target, status, turn.now)


def _stopped(turn: Turn, target: Target, status: ProcessStatus) -> Standing:
    if not target.may_be_started(status):
        return Standing.OVER
    is_tried = target.start is not None and passed(_since_at(turn), turn.now, TRY_SECONDS)
    return Standing.OVER if is_tried else Standing.STOPPED


def _moving(target: Target, status: ProcessStatus, now: float) -> Standing:
    state = status.state
    if state is ProcessState.STOPPING and not target.touched_since(status):
        asked_at = now if target.stop is None else target.stop.asked_at
        return Standing.STUCK if passed(asked_at, now, target.stop_limit_seconds) else Standing.BUSY
    if state in (ProcessState.STARTING, ProcessState.BACKOFF):
        since_at = now if target.coming_since_at is None else target.coming_since_at
        slow = passed(since_at, now, come_back_limit_seconds(target))
        return Standing.OVER if slow else Standing.BUSY
    is_passing = state is ProcessState.EXITED and not target.seen_for(MEANT_SECONDS, now)
    return Standing.BUSY if is_passing else Standing.OVER


def _start(turn: Turn, standings: dict[Target, Standing]) -> None:
    if not turn.seen.can_act:
        return
    stopped = {target for target, standing in standings.items() if standing is Standing.STOPPED}
    statuses = turn.statuses
    calls.start(
        turn,
        {
            target.namespec
            for target in stopped
            if (status := statuses[target.namespec]) and calls.wants_start(target, status, turn.now)
        },
    )


def _since_at(turn: Turn) -> float:
    return max(turn.run.phase_since_at, turn.run.resumed_at or 0.0)


def _is_given_up(turn: Turn) -> bool:
    late_at = (turn.run.deadline_at or 0.0) + LATE_SECONDS
    return turn.now > late_at and passed(_since_at(turn), turn.now, LEAST_SECONDS)


def _finish(turn: Turn, standings: dict[Target, Standing]) -> None:
    if not _have_steps_ended(turn):
        return
    needless = turn.run.first_stop_at is None or turn.run.is_late(turn.now)
    if not (needless or compare(turn)) or post_steps(turn) is steps.Progress.UNDER_WAY:
        return
    left = [target for target, standing in standings.items() if standing is not Standing.OVER]
    if left and not _is_given_up(turn):
        turn.wake_in(STUCK_SECONDS)
        return
    for target in left:
        turn.note(f"{target.namespec} could not be started again: {_seen_as(target)}")
    turn.enter(Phase.FAILED)


def _have_steps_ended(turn: Turn) -> bool:
    """Tell whether what PREPARING had begun is over: post steps undo it, so they come after."""
    plan = turn.run.plan
    pre_ended = steps.are_ended(turn, StepPhase.PRE, plan.pre)
    return steps.are_ended(turn, StepPhase.ROTATE, (rotation(plan),)) and pre_ended


def _seen_as(target: Target) -> str:
    return (
        "supervisord did not answer" if target.seen is None else f"it is {target.seen.state.name}"
    )
