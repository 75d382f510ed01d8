"""PENDING and PREPARING: whether to begin, with what, and the pre steps. No I/O here."""

from __future__ import annotations

from supervisor_maint.maintenance import blockers, readiness, steps
from supervisor_maint.maintenance.actions import (
    Announce,
    AskBlockers,
    StepPhase,
    TakeSnapshot,
    When,
)
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.observation import (
    Announced,
    BeforeTaken,
    BlockersAnswer,
    NotTaken,
    Published,
)
from supervisor_maint.maintenance.run import PUBLISH_SECONDS, Phase, rotation
from supervisor_maint.maintenance.target import Target
from supervisor_maint.maintenance.targets import select
from supervisor_maint.maintenance.turn import LOOK_AGAIN_SECONDS, Turn

# Check steps take as long as their own limits; an answer that is missing this much later is lost.
_ANSWER_MARGIN_SECONDS = 60.0
_SNAPSHOT_AGAIN_SECONDS = 5.0


def pend(turn: Turn) -> None:
    """Ask what blocks, again and again until start_within is over."""
    if turn.run.cancelled_by is not None:
        _skip(turn, f"cancelled by {turn.run.cancelled_by}")
        return
    answers = turn.seen.results_of(BlockersAnswer)
    if not turn.seen.journal_is_writable:
        turn.change(blockers=("no run without a journal: it cannot be written",))
    elif answers:
        turn.change(blockers=answers[-1].blockers)
        if not answers[-1].blockers and turn.now <= turn.run.start_by_at:
            _begin(turn)
            return
    if turn.now > turn.run.start_by_at:
        _skip(turn, _why_skipped(turn))
        return
    _ask_blockers(turn, is_answered=bool(answers))


def _begin(turn: Turn) -> None:
    turn.enter(Phase.PREPARING)
    plan = turn.run.plan
    deadline_at = turn.now + turn.run.prepare_seconds + plan.max_duration_seconds
    turn.change(preparing_since_at=turn.now, deadline_at=deadline_at)


def _skip(turn: Turn, reason: str) -> None:
    turn.change(reason=reason, is_skipped=True)
    turn.enter(Phase.SKIPPED)


def _why_skipped(turn: Turn) -> str:
    if turn.run.blockers:
        return "; ".join(turn.run.blockers)
    return "start_within was over before anybody could say that nothing blocks"


def _ask_blockers(turn: Turn, *, is_answered: bool) -> None:
    asked_at = turn.run.asked_at
    pause = blockers.ASK_AGAIN_SECONDS
    if not is_answered and not turn.run.blockers:
        checks = turn.run.plan.checks
        pause += _ANSWER_MARGIN_SECONDS + sum(check.timeout_seconds for check in checks)
    if asked_at is None or passed(asked_at, turn.now, pause):
        turn.change(asked_at=turn.now)
        turn.act(AskBlockers(checks=turn.run.plan.checks))
        asked_at = turn.now
    turn.wake_at(min(asked_at + pause, turn.run.start_by_at + LOOK_AGAIN_SECONDS))


def prepare(turn: Turn) -> None:
    """Announce, choose the targets, run the pre steps, rotate the logs, wait till it is known."""
    reason = _why_recover(turn)
    if reason:
        turn.recover(reason)
        return
    _announce(turn)
    if turn.run.targets is None:
        _choose(turn)
    else:
        _run_steps(turn)


def _why_recover(turn: Turn) -> str:
    if not turn.seen.journal_is_writable:
        return "the journal cannot be written"
    if turn.run.cancelled_by is not None:
        return f"cancelled by {turn.run.cancelled_by}"
    limit = turn.run.prepare_seconds
    if passed(turn.run.phase_since_at, turn.now, limit):
        return f"overrun: preparing took longer than {limit:g} s, nothing was stopped"
    return ""


def _choose(turn: Turn) -> None:
    taken = turn.seen.results_of(BeforeTaken)
    if not taken:
        _ask_before(turn)
        return
    selection = select(turn.run.plan, taken[-1].snapshot, taken[-1].configs, taken[-1].pools)
    if selection.unknown_groups:
        _give_up(turn, blockers.unknown_groups(selection.unknown_groups))
        return
    problems = readiness.problems(
        turn.run.plan.readiness, [chosen.namespec for chosen in selection.chosen]
    )
    if problems:
        _give_up(turn, problems[0])
        return
    for word in selection.unmatched:
        turn.note(f"programs: {word!r} means no process")
    turn.change(
        targets=tuple(Target(chosen=chosen) for chosen in selection.chosen),
        left_alone=selection.left_alone,
    )
    count = len(selection.chosen)
    turn.record(f"{count} {'process is' if count == 1 else 'processes are'} to be restarted")
    _run_steps(turn)


def _ask_before(turn: Turn) -> None:
    failures = turn.seen.results_of(NotTaken)
    for failure in failures:
        turn.note(f"no snapshot: {failure.reason}")
    asked_at = turn.run.asked_at
    if failures:
        turn.change(asked_at=None)
    elif asked_at is None or passed(asked_at, turn.now, _ANSWER_MARGIN_SECONDS):
        turn.change(asked_at=turn.now)
        turn.act(TakeSnapshot(When.BEFORE))
    turn.wake_in(_SNAPSHOT_AGAIN_SECONDS)


def _give_up(turn: Turn, reason: str) -> None:
    turn.change(reason=reason, is_skipped=True)
    turn.enter(Phase.FINISHING)


def _run_steps(turn: Turn) -> None:
    pre = turn.run.plan.pre
    found = steps.run(turn, StepPhase.PRE, pre)
    if found is steps.Progress.SKIP_RUN:
        _give_up(turn, _why_step_skips(turn))
    elif found is steps.Progress.ABORTED:
        turn.recover(steps.failure(turn, StepPhase.PRE, pre))
    elif found is steps.Progress.DONE and _is_rotated(turn) and _is_announced(turn):
        _go(turn)


def _why_step_skips(turn: Turn) -> str:
    last = turn.run.steps[-1]
    return f"pre step {last.name} says so: {last.reason or 'exit status 75'}"


def _is_rotated(turn: Turn) -> bool:
    if not turn.run.plan.rotate_logs:
        return True
    found = steps.run(turn, StepPhase.ROTATE, (rotation(turn.run.plan),))
    return found is not steps.Progress.UNDER_WAY


def _announce(turn: Turn) -> None:
    """Have the run announced while everything else is prepared, and take what became of it."""
    if not turn.run.is_announcing:
        turn.change(is_announcing=True)
        turn.act(Announce())
    if turn.seen.results_of(Published) and turn.run.published_at is None:
        turn.change(published_at=turn.now)
    if turn.seen.results_of(Announced):
        turn.change(is_announced=True)


def _is_announced(turn: Turn) -> bool:
    """Tell whether the first stop need not wait any more: everybody knows, or the lead is over."""
    run, lead = turn.run, turn.run.plan.lead_seconds
    if run.is_announced or passed(run.phase_since_at, turn.now, PUBLISH_SECONDS + lead):
        return True
    if run.published_at is None:
        turn.wake_at(run.phase_since_at + PUBLISH_SECONDS + lead)
        return False
    if passed(run.published_at, turn.now, lead):
        return True
    turn.wake_at(run.published_at + lead)
    return False


def _go(turn: Turn) -> None:
    turn.enter(Phase.RESTARTING)
    deadline_at = turn.now + turn.run.plan.max_duration_seconds
    turn.change(deadline_at=min(deadline_at, turn.run.deadline_at or deadline_at))
