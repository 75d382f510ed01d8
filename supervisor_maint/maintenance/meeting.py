"""What the sight of a process means for the run. No I/O here.

``meet`` takes a target and the status supervisord tells of it now, whatever led to it, and says
how far it is. Nobody's report is needed: a process is back when another one than before runs,
whoever restarted it.
"""

from __future__ import annotations

from typing import Callable

import attrs

from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.observation import CallOutcome
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.processes import ProcessState, ProcessStatus

# supervisord's loop sleeps up to a second between seeing an exit and starting anew, and after a
# boot between STOPPED and the first start; what lasts longer was meant.
MEANT_SECONDS = 2.0
# A stop that had no effect is asked for again this much later, when its turn is still to come.
REPEAT_SECONDS = 2.0
# A start has an effect within the call, or it had none.
START_LIMIT_SECONDS = 30.0
# startretries (3) tries of startsecs each, and the pauses between them, which grow by a second.
_TRIES = 4
_PAUSES_SECONDS = 30.0


def come_back_limit_seconds(target: Target) -> float:
    """How long a process may be STARTING and BACKOFF before it counts as not coming back."""
    return _TRIES * target.chosen.start_seconds + _PAUSES_SECONDS


def meet(target: Target, status: ProcessStatus | None, now: float) -> Target:
    """Return the target as the status shows it; None: supervisord does not know it any more.

    A RUNNING process that replaced the one before is COMING_BACK, and so is one that has run to
    its end as expected, whether it was seen RUNNING or not; whether it is ready is not for here.
    One that was back and died again is COMING_BACK once more, for a program that does not stay up
    must not be given to the rest. While a stop of ours may yet be carried out, nothing that is
    seen counts.
    """
    if status is None:
        gone = target.settled(Progress.LEFT, "supervisord does not know it any more")
        return target if target.is_settled else gone
    target = target.looked_at(status, now).confirmed_by(status, now)
    if target.moves_again(status):
        target = attrs.evolve(target.coming_back(now), coming_since_at=now)
    if target.is_settled or target.may_yet_be_stopped(now):
        return target
    return _MEETINGS[status.state](target, status, now)


def ended_well(status: ProcessStatus) -> bool:
    """Tell whether an EXITED process ran to its end as its ``exitcodes`` expect.

    By supervisord's own word: ``spawnerr`` says "Bad exit code N" of what it did not expect.
    """
    return status.exit_status is not None and not status.spawn_error


def has_run_to_its_end(target: Target, status: ProcessStatus, now: float) -> bool:
    """Tell whether it ended as its ``exitcodes`` expect, and supervisord does not start it again.

    It ended on purpose: nobody misses it.
    """
    is_over = status.state is ProcessState.EXITED and target.seen_for(MEANT_SECONDS, now)
    return is_over and ended_well(status)


def broken(target: Target, reason: str) -> Target:
    """Settle a process that will not come back: a failure only if it was us who stopped it."""
    return target.settled(Progress.FAILED if target.was_stopped else Progress.LEFT, reason)


def _running(target: Target, status: ProcessStatus, now: float) -> Target:
    if not target.is_as_before(status):
        return target.coming_back(now)
    if target.stop is None:
        return target
    if target.stop.outcome is CallOutcome.REFUSED:
        return target.settled(Progress.FAILED, f"it could not be stopped: {target.stop.reason}")
    if passed(target.stop.first_asked_at, target.stop.asked_at, target.stop_limit_seconds):
        return target.settled(Progress.FAILED, "it runs on, though its stop was asked for")
    if passed(target.stop.asked_at, now, REPEAT_SECONDS):
        return target.waiting_again()
    return target


def _starting(target: Target, status: ProcessStatus, now: float) -> Target:
    limit = come_back_limit_seconds(target)
    if status.pid is not None and target.is_as_before(status):
        slow = target.seen_for(limit, now)
        return broken(target, f"it is STARTING for more than {limit:g} s") if slow else target
    target = target.coming_back(now)
    if passed(target.coming_since_at or now, now, limit):
        return broken(target, f"it is {status.state.name}, {limit:g} s after it was started")
    return target


def _stopping(target: Target, status: ProcessStatus, now: float) -> Target:
    limit = target.stop_limit_seconds
    if target.stop is None or target.touched_since(status):
        since_long = target.seen_for(limit, now)
        return broken(target, f"it is STOPPING for more than {limit:g} s") if since_long else target
    if passed(target.stop.asked_at, now, limit):
        return broken(target, f"it did not stop within {limit:g} s")
    return target


def _stopped(target: Target, status: ProcessStatus, now: float) -> Target:
    if not target.may_be_started(status):
        meant = target.seen_for(MEANT_SECONDS, now)
        return target.settled(Progress.LEFT, "somebody else stopped it") if meant else target
    if target.start is None:
        return target
    if target.start.outcome is CallOutcome.REFUSED:
        return broken(target, f"it could not be started: {target.start.reason}")
    if passed(target.start.first_asked_at, now, START_LIMIT_SECONDS):
        return broken(target, f"starting it had no effect for {START_LIMIT_SECONDS:g} s")
    return target


def _ended(target: Target, status: ProcessStatus, now: float) -> Target:
    if status.state is ProcessState.EXITED and not target.seen_for(MEANT_SECONDS, now):
        return target
    # EXITED is reached from our start, and from a new process, by running only: seen or not.
    ran_anew = target.start is not None or target.touched_since(status)
    if ran_anew and ended_well(status):
        return target.coming_back(now)
    return broken(target, _ended_how(status))


def _ended_how(status: ProcessStatus) -> str:
    reason = f"it is {status.state.name}"
    if status.state is ProcessState.EXITED and status.exit_status is not None:
        reason += f" with exit status {status.exit_status}"
    return f"{reason}: {status.spawn_error}" if status.spawn_error else reason


_MEETINGS: dict[ProcessState, Callable[[Target, ProcessStatus, float], Target]] = {
    ProcessState.RUNNING: _running,
    ProcessState.STARTING: _starting,
    ProcessState.BACKOFF: _starting,
    ProcessState.STOPPING: _stopping,
    ProcessState.STOPPED: _stopped,
    ProcessState.EXITED: _ended,
    ProcessState.FATAL: _ended,
    ProcessState.UNKNOWN: _ended,
}
