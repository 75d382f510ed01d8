"""RESTARTING: down and up again, as many at once as the plan allows. No I/O here."""

from __future__ import annotations

from supervisor_maint.maintenance import batches, calls, readying
from supervisor_maint.maintenance.actions import Nudge
from supervisor_maint.maintenance.batches import Member
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import has_run_to_its_end, meet
from supervisor_maint.maintenance.plan import OnFailure, OnOverrun, Strategy
from supervisor_maint.maintenance.run import Phase
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.maintenance.turn import LOOK_AGAIN_SECONDS, Turn
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus

# Where no pid can be watched, a death is looked for this often (4 Hz); the look itself makes
# supervisord's loop turn.
POLL_SECONDS = 0.25
# When startsecs are over, supervisord is made to look this often until it says RUNNING.
NUDGE_SECONDS = 0.05
# While something is under way, the others are looked at this often: as often as TICK_5 comes.
LOOK_WIDE_SECONDS = 5.0
# A group whose missing members forbid any further stop is given this long to mend itself.
HELD_BACK_SECONDS = 30.0
# What is on its way, or failed, is away even while it runs.
_WELL = frozenset({Progress.WAITING, Progress.DONE, Progress.LEFT})


def restart(turn: Turn) -> None:
    """Take the run through RESTARTING, as far as is possible now."""
    is_wide, settled = turn.run.looks_wide, _settled(turn)
    turn.each_target(lambda target: met(turn, target))
    readying.settle_ready(turn)
    if turn.run.is_overrun(turn.now):
        turn.change(reason=turn.run.reason or _overrun(turn))
    reason = _why_recover(turn)
    if reason:
        turn.recover(reason)
        return
    _start(turn)
    if _may_stop(turn):
        _stop(turn, is_wide=is_wide)
    _look_next(turn, is_wide=is_wide, is_news=_settled(turn) > settled)
    _go_on(turn)


def _settled(turn: Turn) -> int:
    return sum(target.is_settled for target in turn.targets)


def _look_next(turn: Turn, *, is_wide: bool, is_news: bool) -> None:
    """Look at all that may forbid a stop when there may be a next one, and now and then."""
    if is_wide:
        turn.change(looks_wide=False, looked_wide_at=turn.now)
    elif is_news or passed(turn.run.looked_wide_at or 0.0, turn.now, LOOK_WIDE_SECONDS):
        turn.change(looks_wide=True)
        turn.wake_at(turn.now)


def met(turn: Turn, target: Target) -> Target:
    """Return the target as its status shows it, or as it was when nothing is known of it."""
    if target.namespec not in turn.statuses:
        return target
    return meet(target, turn.statuses[target.namespec], turn.now)


def _why_recover(turn: Turn) -> str:
    """Return why the run cannot go on, an empty text when it can."""
    if not turn.seen.journal_is_writable:
        return "the journal cannot be written"
    failures = turn.run.failures
    if failures and turn.run.plan.on_failure is OnFailure.STOP:
        return failed(failures[0])
    if turn.run.is_late(turn.now):
        return _overrun(turn)
    if turn.run.is_overrun(turn.now) and turn.run.plan.on_overrun is OnOverrun.RECOVER:
        return _overrun(turn)
    return ""


def failed(target: Target) -> str:
    """Say which process failed, and how."""
    return f"{target.namespec}: {target.reason}"


def _overrun(turn: Turn) -> str:
    undone = sum(not target.is_settled for target in turn.targets)
    limit = turn.run.plan.max_duration_seconds
    count = f"{undone} of {len(turn.targets)}"
    return f"overrun: {count} could not be restarted within max_duration ({limit:g} s)"


def _may_stop(turn: Turn) -> bool:
    cancelled = turn.run.cancelled_by is not None
    return turn.seen.can_act and not cancelled and not turn.run.is_overrun(turn.now)


def _start(turn: Turn) -> None:
    if not turn.seen.can_act or _must_wait_for_all(turn):
        return
    calls.start(turn, {t.namespec for t, s in _seen(turn) if _wants_start(turn, t, s)})


def _wants_start(turn: Turn, target: Target, status: ProcessStatus) -> bool:
    return not target.is_settled and calls.wants_start(target, status, turn.now)


def _must_wait_for_all(turn: Turn) -> bool:
    """Tell whether something is still to go down before anything may come up."""
    if turn.run.plan.strategy is not Strategy.ALL_AT_ONCE:
        return False
    may_stop = _may_stop(turn)
    return any(
        (target.progress is Progress.WAITING and may_stop)
        or (target.progress is Progress.STOPPING and not _is_down(turn, target))
        for target in turn.targets
    )


def _is_down(turn: Turn, target: Target) -> bool:
    status = turn.statuses.get(target.namespec)
    return status is not None and status.state is ProcessState.STOPPED


def _stop(turn: Turn, *, is_wide: bool) -> None:
    members = tuple(_member(turn, target) for target in turn.targets)
    calls.stop(turn, batches.next_stops(turn.run.plan, members))
    if is_wide:
        _give_up_held_back(turn, members)


def _give_up_held_back(turn: Turn, members: tuple[Member, ...]) -> None:
    """Fail what may not be stopped because others of its group stay away."""
    allowed = turn.run.plan.max_unavailable
    if turn.run.plan.strategy is Strategy.ALL_AT_ONCE:
        return
    held = {
        group[0].namespec.group: batches.held_back_by(group, allowed)
        for group in batches.open_groups(turn.run.plan, members)
    }
    known = dict(turn.run.held_back_since)
    since = {group: known.get(group, turn.now) for group, away in held.items() if away}
    if since != known:
        turn.change(held_back_since=tuple(since.items()))
    over = {group for group, at in since.items() if passed(at, turn.now, HELD_BACK_SECONDS)}
    if over:
        turn.each_target(
            lambda target: (
                _held_back(target, held[target.namespec.group])
                if target.namespec.group in over
                else target
            )
        )


def _held_back(target: Target, away: tuple[Namespec, ...]) -> Target:
    if target.progress is not Progress.WAITING:
        return target
    names = ", ".join(str(namespec) for namespec in away)
    return target.settled(Progress.FAILED, f"not restarted, because {names} is away")


def _member(turn: Turn, target: Target) -> Member:
    status = turn.statuses.get(target.namespec)
    is_gone = status is None and target.namespec in turn.statuses
    waits = target.progress is Progress.WAITING
    runs = status is not None and status.state is ProcessState.RUNNING
    is_here = runs or (status is not None and has_run_to_its_end(target, status, turn.now))
    return Member(
        namespec=target.namespec,
        group_priority=target.chosen.group_priority,
        process_priority=target.chosen.process_priority,
        is_settled=target.is_settled,
        is_begun=target.stop is not None,
        is_away=not is_gone and not (is_here and target.progress in _WELL),
        may_stop=waits and runs,
    )


def _seen(turn: Turn) -> list[tuple[Target, ProcessStatus]]:
    found = ((target, turn.statuses.get(target.namespec)) for target in turn.targets)
    return [(target, status) for target, status in found if status is not None]


def _go_on(turn: Turn) -> None:
    if all(target.is_settled for target in turn.targets):
        turn.enter(Phase.VERIFYING)
    elif _may_stop(turn) or not turn.seen.can_act or _is_under_way(turn):
        calls.watch_pids(turn)
        wake_for_processes(turn)
    else:
        turn.recover("")


def _is_under_way(turn: Turn) -> bool:
    return any(target.is_under_way for target in turn.targets)


def wake_for_processes(turn: Turn) -> None:
    """Come back when supervisord may have something new to say, and have it look."""
    turn.wake_in(POLL_SECONDS if turn.seen.can_act and _is_under_way(turn) else LOOK_AGAIN_SECONDS)
    for target in turn.targets:
        if target.seen is not None and target.seen.state is ProcessState.STARTING:
            _wake_for_start(turn, target, _spawned_at(target, target.seen.since_at))


def _spawned_at(target: Target, seen_at: float) -> float:
    """Return a moment that the process was spawned at or after; it was STARTING when seen.

    A call that starts a hundred is answered when the last of them is spawned, and supervisord
    counts the startsecs of each from its own moment.
    """
    if target.start is None or passed(target.start.asked_at, seen_at, LOOK_AGAIN_SECONDS):
        return seen_at  # another start than the one that was asked for
    return target.start.asked_at


def _wake_for_start(turn: Turn, target: Target, since_at: float) -> None:
    if target.is_settled:
        return
    if turn.now < since_at + target.chosen.start_seconds:
        turn.wake_at(since_at + target.chosen.start_seconds)
    elif not target.seen_for(target.chosen.start_seconds + LOOK_AGAIN_SECONDS, turn.now):
        turn.act(Nudge())
        turn.wake_in(NUDGE_SECONDS)
