"""From RUNNING to ready: asking the processes that came back. No I/O here."""

from __future__ import annotations

import attrs

from supervisor_maint.maintenance import readiness
from supervisor_maint.maintenance.actions import CheckReady
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import MEANT_SECONDS, broken
from supervisor_maint.maintenance.observation import ReadyAnswer
from supervisor_maint.maintenance.readiness import PROBE_SECONDS, Readiness
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.maintenance.turn import Turn
from supervisor_maint.processes import Namespec, ProcessState

# A question whose answer did not come by then, the shell's own limit past, is asked again.
_LOST_SECONDS = 2 * PROBE_SECONDS


def absorb(turn: Turn) -> None:
    """Note the answers to readiness questions, if they are about the process seen last."""
    answers = {answer.namespec: answer for answer in turn.seen.results_of(ReadyAnswer)}
    if answers:
        turn.each_target(lambda target: _answered(target, answers.get(target.namespec)))


def _answered(target: Target, answer: ReadyAnswer | None) -> Target:
    if answer is None or target.seen is None or target.seen.pid != answer.pid:
        return target
    return attrs.evolve(
        target,
        ready_in_a_row=target.ready_in_a_row + 1 if answer.is_ready else 0,
        not_ready_reason="" if answer.is_ready else answer.reason,
        is_ready_asked=False,
    )


def settle_ready(turn: Turn) -> None:
    """Settle every process that came back and is ready, and ask the others."""
    turn.each_target(lambda target: _settled(turn, target))


def _settled(turn: Turn, target: Target) -> Target:
    if _is_back(target):
        return _ready(turn, target)
    return _ended(turn, target) if _has_ended(target, turn.now) else target


def _is_back(target: Target) -> bool:
    running = target.seen is not None and target.seen.state is ProcessState.RUNNING
    return running and target.progress is Progress.COMING_BACK


def _has_ended(target: Target, now: float) -> bool:
    ended = target.seen is not None and target.seen.state is ProcessState.EXITED
    return ended and target.progress is Progress.COMING_BACK and target.seen_for(MEANT_SECONDS, now)


def _ended(turn: Turn, target: Target) -> Target:
    """Settle what has run to its end as expected; what has not is settled by ``meeting``."""
    if readiness.find(turn.run.plan.readiness, target.namespec) is None:
        return target.back(turn.now)
    return broken(target, "it ended before it was ready")


def _ready(turn: Turn, target: Target) -> Target:
    check = readiness.find(turn.run.plan.readiness, target.namespec)
    if check is None or target.ready_in_a_row >= check.successes:
        return target.back(turn.now)
    if target.seen_for(check.timeout_seconds, turn.now):
        last = f": {target.not_ready_reason}" if target.not_ready_reason else ""
        # Also when it was not us who restarted it: it counts as away, and the run stops.
        return target.settled(
            Progress.FAILED, f"it is not ready after {check.timeout_seconds:g} s{last}"
        )
    return _asked(turn, target, check)


def _asked(turn: Turn, target: Target, check: Readiness) -> Target:
    pause = _LOST_SECONDS if target.is_ready_asked else check.interval_seconds
    asked_at = target.ready_asked_at
    if asked_at is not None and not passed(asked_at, turn.now, pause):
        turn.wake_at(asked_at + pause)
        return target
    if target.seen is None or target.seen.pid is None or not turn.seen.can_act:
        return target
    turn.wake_in(_LOST_SECONDS)
    turn.act(_question(check, target.namespec, target.seen.pid))
    return attrs.evolve(target, ready_asked_at=turn.now, is_ready_asked=True)


def _question(check: Readiness, namespec: Namespec, pid: int) -> CheckReady:
    return CheckReady(
        namespec=namespec, pid=pid, probe=check.probe(namespec), timeout_seconds=PROBE_SECONDS
    )
