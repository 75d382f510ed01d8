"""Asking supervisord for stops and starts, and taking its answers. No I/O here.

What is asked is journalled first, in the run that comes with the action. An answer that never
came is not asked for again before the world was looked at, and then only while the process
shows that nothing happened.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from supervisor_maint.maintenance.actions import StartProcesses, StopProcesses, WatchPid
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import REPEAT_SECONDS
from supervisor_maint.maintenance.observation import CallKind, CallOutcome, CallResult
from supervisor_maint.maintenance.target import Progress, Target, asked
from supervisor_maint.maintenance.turn import Turn
from supervisor_maint.processes import Namespec, ProcessStatus


def absorb(turn: Turn) -> None:
    """Note how supervisord answered."""
    answers = {(a.namespec, a.kind): a for a in turn.seen.results_of(CallResult)}
    if answers:
        turn.each_target(lambda target: _answered(target, answers, turn.now))


_Answers = dict[tuple[Namespec, CallKind], CallResult]


def _answered(target: Target, answers: _Answers, now: float) -> Target:
    stop = answers.get((target.namespec, CallKind.STOP))
    if stop is not None and target.stop is not None:
        target = attrs.evolve(target, stop=target.stop.answered(stop.outcome, stop.reason, now))
    start = answers.get((target.namespec, CallKind.START))
    if start is not None and target.start is not None:
        target = attrs.evolve(target, start=target.start.answered(start.outcome, start.reason, now))
    return target


def stop(turn: Turn, namespecs: Collection[Namespec]) -> None:
    """Have processes stopped, in the order of the targets."""
    chosen = tuple(t.namespec for t in turn.targets if t.namespec in namespecs)
    if not chosen:
        return
    turn.each_target(
        lambda target: _stop(target, turn.now) if target.namespec in chosen else target
    )
    if turn.run.first_stop_at is None:
        turn.change(first_stop_at=turn.now)
    turn.act(StopProcesses(chosen))


def start(turn: Turn, namespecs: Collection[Namespec]) -> None:
    """Have processes started, in the order of the targets."""
    chosen = tuple(t.namespec for t in turn.targets if t.namespec in namespecs)
    if not chosen:
        return
    turn.each_target(
        lambda target: _start(target, turn.now) if target.namespec in chosen else target
    )
    turn.act(StartProcesses(chosen))


def _stop(target: Target, now: float) -> Target:
    return attrs.evolve(target, stop=asked(target.stop, now), progress=Progress.STOPPING)


def _start(target: Target, now: float) -> Target:
    return attrs.evolve(target, start=asked(target.start, now))


def wants_start(target: Target, status: ProcessStatus, now: float) -> bool:
    """Tell whether a process is to be started now, for the first time or again."""
    if target.may_yet_be_stopped(now) or not target.may_be_started(status):
        return False
    call = target.start
    if call is None:
        return True
    return call.outcome is not CallOutcome.PENDING and passed(call.asked_at, now, REPEAT_SECONDS)


def watch_pids(turn: Turn) -> None:
    """Have the processes watched that are on their way down."""
    for target in turn.targets:
        status = turn.statuses.get(target.namespec)
        if target.progress is Progress.STOPPING and status is not None and status.pid is not None:
            turn.act(WatchPid(target.namespec, status.pid))
