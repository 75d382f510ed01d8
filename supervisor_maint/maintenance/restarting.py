"""RESTARTING: down and up again, as many at once as the plan allows. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor_maint.maintenance import batches, calls, readying
from supervisor_maint.maintenance.actions import Nudge
from supervisor_maint.maintenance.batches import Member
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.meeting import has_run_to_its_end, meet
from supervisor_maint.maintenance.observation import CallOutcome
from supervisor_maint.maintenance.plan import OnFailure, OnOverrun, Strategy
from supervisor_maint.maintenance.run import Phase
from supervisor_maint.maintenance.target import Call, Progress, Seen, Target
from supervisor_maint.maintenance.turn import LOOK_AGAIN_SECONDS, Turn
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus

# Where no pid can be watched, a death is looked for this often (4 Hz); the look itself makes
# supervisord's loop turn.
POLL_SECONDS = 0.25
# When startsecs are over, supervisord is made to look this often until it says RUNNING.
NUDGE_SECONDS = 0.025
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
    due = tuple(_due(turn))
    for due_at in due:
        if due_at > turn.now:
            turn.wake_at(due_at)
    over = [due_at for due_at in due if due_at <= turn.now]
    if over:
        _nudge(turn, max(over))


def _nudge(turn: Turn, due_at: float) -> None:
    """Have supervisord look: at once for what is due since the last time, else now and then."""
    nudged_at = turn.run.nudged_at
    if nudged_at is None or nudged_at < due_at or passed(nudged_at, turn.now, NUDGE_SECONDS):
        turn.change(nudged_at=turn.now)
        turn.act(Nudge())
    turn.wake_at((turn.run.nudged_at or turn.now) + NUDGE_SECONDS)


def _due(turn: Turn) -> Iterator[float]:
    """Yield when each STARTING process is due to be RUNNING; not what is long overdue."""
    spawned = _spawned(turn)
    for target in turn.targets:
        if target.is_settled or target.seen is None:
            continue
        seconds = target.chosen.start_seconds
        if target.seen.state is ProcessState.STARTING and not target.seen_for(
            seconds + LOOK_AGAIN_SECONDS, turn.now
        ):
            yield spawned.get(target.namespec, target.seen.since_at) + seconds


def _spawned(turn: Turn) -> dict[Namespec, float]:
    """Estimate when processes were spawned that were seen STARTING after a call of ours.

    supervisord spawns one after the other, answers when it has spawned the last, and counts the
    startsecs of each from its own moment: each has an equal share of the time of the call.
    """
    calls_made: dict[tuple[float, float], list[Target]] = {}
    for target in turn.targets:
        call = target.start
        if call is not None and call.answered_at is not None and _is_started_by(call, target.seen):
            calls_made.setdefault((call.asked_at, call.answered_at), []).append(target)
    return {
        target.namespec: asked_at + (answered_at - asked_at) * place / len(targets)
        for (asked_at, answered_at), targets in calls_made.items()
        for place, target in enumerate(targets, start=1)
    }


def _is_started_by(call: Call, seen: Seen | None) -> bool:
    """Tell whether a process is what a call has started, and not a later start."""
    if seen is None or call.answered_at is None or call.outcome is not CallOutcome.ACCEPTED:
        return False
    return not passed(call.answered_at, seen.since_at, LOOK_AGAIN_SECONDS)
