"""RESTARTING, turn by turn: down and up again, and who is asked, watched and nudged when."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance.actions import (
    Nudge,
    StartProcesses,
    StopProcesses,
    TakeSnapshot,
    WakeAt,
    WatchPid,
    When,
)
from supervisor_maint.maintenance.observation import AfterTaken, CallKind, CallOutcome
from supervisor_maint.maintenance.plan import Allowance, OnFailure, Strategy
from supervisor_maint.maintenance.restarting import NUDGE_SECONDS
from supervisor_maint.maintenance.run import Phase
from supervisor_maint.maintenance.target import Progress
from supervisor_maint.processes import Namespec
from tests.fakes.stage import A, B, S, Stage, T, nightly, status


def test_run_from_beginning_to_end() -> None:
    """One after the other is stopped, started when STOPPED, and done when RUNNING."""
    stage = Stage()
    stage.begin()
    assert Phase.RESTARTING is stage.run.phase
    stage.turn()
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)

    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPING)
    stage.turn()
    assert [WatchPid(A, 10)] == stage.wanted(WatchPid)
    assert [] == stage.wanted(StartProcesses)

    stage.move(A, S.STOPPED)
    stage.turn(seconds=0.5)
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)

    stage.move(A, S.STARTING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert [WakeAt(stage.now + 0.25)] == stage.wanted(WakeAt)
    stage.turn(seconds=1.0)
    assert [Nudge()] == stage.wanted(Nudge)

    stage.move(A, S.RUNNING)
    stage.turn()
    stage.turn()
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)
    stage.restart(B, 21)
    assert [TakeSnapshot(When.AFTER)] == stage.wanted(TakeSnapshot)

    stage.turn(AfterTaken(snapshot=stage.snapshot(), differences=("one",)))
    assert (Phase.SUCCEEDED, ("one",)) == (stage.run.phase, stage.run.differences)
    assert stage.now == stage.run.ended_at


def test_only_the_batch_is_looked_at_until_the_next_is_to_be_stopped() -> None:
    """A thousand statuses take supervisord half a second; a few take nothing."""
    stage = Stage()
    stage.begin()
    looked = [stage.run.watched]
    stage.turn()
    looked.append(stage.run.watched)
    stage.restart(A, 20)
    looked.append(stage.run.watched)
    stage.turn()
    looked.append(stage.run.watched)
    stage.turn(seconds=5)
    looked.append(stage.run.watched)

    assert [(A, B), (A,), (A, B), (B,), (A, B)] == looked


@pytest.mark.parametrize(
    ("answered_after", "seen_after", "nudged_after"),
    [
        pytest.param(0.3, 0.3, 1.3, id="spawned by the call, which was answered then"),
        pytest.param(0.3, 5.0, 6.0, id="it failed, and supervisord started it once more"),
    ],
)
def test_startsecs_are_counted_from_when_it_was_spawned(
    answered_after: float, seen_after: float, nudged_after: float
) -> None:
    """supervisord is nudged when startsecs can be over, and not before."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn(seconds=0.5)
    asked_at = stage.now
    stage.turn(*stage.answer(CallKind.START, A), seconds=answered_after)
    stage.move(A, S.STARTING, 20)
    stage.turn(seconds=asked_at + seen_after - stage.now)
    stage.turn(seconds=asked_at + nudged_after - 0.01 - stage.now)
    assert [] == stage.wanted(Nudge)
    stage.turn(seconds=0.02)

    assert [Nudge()] == stage.wanted(Nudge)


def test_each_start_of_a_call_is_due_when_its_share_of_the_call_is_over() -> None:
    """supervisord spawns one after the other: it is made to look as each is due, and only then."""
    stage = Stage(nightly(max_unavailable=Allowance(2)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A), *stage.answer(CallKind.STOP, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPED)
    stage.turn(seconds=0.5)
    stage.move(A, S.STARTING, 20)
    stage.move(B, S.STARTING, 21)
    answers = (*stage.answer(CallKind.START, A), *stage.answer(CallKind.START, B))
    stage.turn(*answers, seconds=0.4)  # A is due 1.2 s after the call, and B 1.4 s
    nudged = []
    for milliseconds in range(600, 1100, 10):
        stage.turn(seconds=0.6 if milliseconds == 600 else 0.01)
        if stage.wanted(Nudge):
            nudged.append(0.4 + milliseconds / 1000)

    most = (nudged[-1] - nudged[0]) / NUDGE_SECONDS + 2  # one more as B becomes due
    assert {1.21, 1.41} <= {round(nudge, 2) for nudge in nudged}
    assert (True, True) == (nudged[0] > 1.2, len(nudged) <= most)


def test_lost_stop_is_asked_for_again() -> None:
    """When nothing happened, and nobody else is away."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A, outcome=CallOutcome.UNKNOWN), seconds=5)
    assert [] == stage.wanted(StopProcesses)

    stage.turn(seconds=1)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_on_failure_continue_goes_on_with_the_rest() -> None:
    """The rest is restarted, and the run fails in the end."""
    plan = nightly(max_unavailable=Allowance(2), on_failure=OnFailure.CONTINUE)
    stage = Stage(plan)
    stage.begin()
    stage.turn()
    assert [StopProcesses((A, B))] == stage.wanted(StopProcesses)

    stage.turn(*stage.answer(CallKind.STOP, A, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPED)
    stage.turn()
    stage.move(A, S.FATAL)
    stage.turn(*stage.answer(CallKind.START, A, B))
    assert (Progress.FAILED, Phase.RESTARTING) == (stage.progress(A), stage.run.phase)

    stage.move(B, S.RUNNING, 21)
    stage.turn()
    assert Phase.VERIFYING is stage.run.phase
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert (Phase.FAILED, "web:web1: it is FATAL") == (stage.run.phase, stage.run.reason)


def test_all_at_once_starts_nothing_before_all_is_down() -> None:
    """Stop everything, then start everything, in the order of priority."""
    stage = Stage(nightly(strategy=Strategy.ALL_AT_ONCE))
    stage.begin()
    stage.turn()
    assert [StopProcesses((A, B))] == stage.wanted(StopProcesses)
    stage.turn(*stage.answer(CallKind.STOP, A, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPING)
    stage.turn()
    assert [] == stage.wanted(StartProcesses)

    stage.move(B, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A, B))] == stage.wanted(StartProcesses)


def test_cancel_finishes_the_batch() -> None:
    """What is under way comes back, the rest stays as it is, the run fails as cancelled."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A), cancelled_by="ann")
    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)

    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert [] == stage.wanted(StopProcesses)
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert (Phase.FAILED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


def test_supervisord_that_does_not_answer_is_waited_for() -> None:
    """Nothing is asked of it, and nothing is decided without it."""
    stage = Stage()
    stage.begin()
    stage.turn(supervisord_state=None, statuses={})
    assert [] == stage.wanted(StopProcesses)
    stage.turn(seconds=2)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_each_group_is_given_its_own_time_to_mend_itself() -> None:
    """One that is held back later is not given up with the one that was first."""
    c, d = Namespec("db", "db1"), Namespec("db", "db2")
    stage = Stage(nightly(max_groups=2, on_failure=OnFailure.CONTINUE))
    stage.statuses |= {spec: status(spec, S.RUNNING, pid=30 + n) for n, spec in enumerate((c, d))}
    stage.begin()
    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StopProcesses((c,))] == stage.wanted(StopProcesses)
    stage.turn(*stage.answer(CallKind.STOP, c))
    _pass_seconds(stage, until=T + 12)
    stage.move(c, S.STOPPED)
    _pass_seconds(stage, until=T + 13)
    stage.move(c, S.FATAL)
    stage.turn(*stage.answer(CallKind.START, c))
    _pass_seconds(stage, until=T + 38)
    assert (Progress.FAILED, Progress.WAITING) == (stage.progress(B), stage.progress(d))

    _pass_seconds(stage, until=T + 50)
    assert Progress.FAILED is stage.progress(d)


def _pass_seconds(stage: Stage, until: float) -> None:
    while stage.now < until:
        stage.turn(seconds=1)
