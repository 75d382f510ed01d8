"""When runs begin by themselves: once for each scheduled time, and never two at once."""

from __future__ import annotations

import pytest

from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.store.requests import Verb
from tests.fakes.maintained import NOW, TOKYO, Scene, plan, tell, tell_driven

DAY = 86400.0
SCHEDULED = NOW + 10


def test_once_for_each_scheduled_time() -> None:
    """The next night has the next run, and the day none."""

    async def tale(scene: Scene) -> None:
        await scene.until_over()
        first = scene.run
        await scene.pass_seconds(DAY - 60, step=1800)
        assert first is scene.run
        await scene.until(lambda: scene.run is not first and scene.run.is_over)

    scene = tell_driven(tale)

    assert SCHEDULED + DAY == scene.run.scheduled_at
    assert 2 == scene.totals.plans.plans["nightly"].runs["succeeded"]


def test_plans_due_at_once_run_one_after_the_other() -> None:
    """In the order of the settings, each whole."""
    scene = tell_driven(both_ran, plans=[plan("first"), plan("second")])

    assert ["first", "second"] == [run.plan.name for run in scene.runs.lines]
    first, second = scene.runs.lines
    assert first.ended_at is not None
    assert first.ended_at <= second.created_at
    assert [2, 2] == [each.stops for each in scene.supervisor.programs.values()]


async def both_ran(scene: Scene) -> None:
    await scene.until(lambda: len(scene.runs.lines) == 2)


def test_plan_whose_turn_comes_too_late_is_skipped_with_the_reason() -> None:
    """It is written down while the other still runs, and names it."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.supervisor["a"].changes_at = scene.now + 20
        await scene.pass_seconds(12)
        assert not scene.run.is_over
        last = scene.runs.journal.last_runs["second"]
        assert (
            "skipped",
            f"run {scene.run.id} of first was under way until start_within was over",
        ) == (
            last.outcome,
            last.reason,
        )
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan("first"), plan("second", start_within_seconds=10.0)])

    assert ["second", "first"] == [run.plan.name for run in scene.runs.lines]
    assert {"first", "second"} == {
        document["run"]["plan"]["name"] for document in scene.runs.history.kept.values()
    }
    assert 1 == scene.totals.plans.plans["second"].runs["skipped"]


def test_run_by_hand_counts_whatever_is_asked_for_after_it() -> None:
    """A second one that is cancelled before it began does not call the night's run back."""

    async def tale(scene: Scene) -> None:
        await scene.ask(Verb.RUN)
        await scene.until_over()
        assert {"nightly": SCHEDULED + DAY} == scene.maintenance.timetable.next_starts(scene.now)
        await scene.ask(Verb.HOLD)
        await scene.ask(Verb.RUN)
        await scene.ask(Verb.CANCEL)
        await scene.ask(Verb.RESUME)
        await scene.pass_seconds(3600, step=5)
        assert {"nightly": SCHEDULED + DAY} == scene.maintenance.timetable.next_starts(scene.now)

    scene = tell_driven(tale)

    assert ["succeeded", "skipped"] == [run.phase.value for run in scene.runs.lines]
    assert 1 == scene.totals.plans.plans["nightly"].runs["skipped"]


def test_missed_time_is_recorded_once() -> None:
    """A listener that comes too late says so, and waits for the next night."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            pass
        await scene.jump(600)
        following = scene.crashed()
        async with following.driven():
            await following.pass_seconds(60, step=5)
        assert None is following.run
        assert "skipped" == following.runs.journal.last_runs["nightly"].outcome
        [line], [kept] = following.runs.lines, following.runs.history.kept.values()
        assert ("skipped", SCHEDULED) == (line.phase.value, line.scheduled_at)
        assert ("skipped", line.reason) == (kept["run"]["phase"], kept["run"]["reason"])
        assert 1 == following.totals.plans.plans["nightly"].runs["skipped"]
        assert {"nightly": SCHEDULED + DAY} == following.maintenance.timetable.next_starts(
            following.now
        )

    tell(tale)


def test_run_that_outlives_start_within_was_not_missed() -> None:
    """Its end is written down before anybody asks which scheduled times are over."""

    async def tale(scene: Scene) -> None:
        await scene.until_over()
        await scene.pass_seconds(30)

    scene = tell_driven(tale, plans=[plan(start_within_seconds=2.0)])

    assert ["succeeded"] == [run.phase.value for run in scene.runs.lines]
    assert "succeeded" == scene.runs.journal.last_runs["nightly"].outcome
    assert 0 == scene.totals.plans.plans["nightly"].runs["skipped"]


def test_run_whose_end_cannot_be_journalled_was_not_missed() -> None:
    """It is no skipped one either while its end is still to be written down."""

    async def tale(scene: Scene) -> None:
        def mend(_run_id: str) -> None:
            if scene.run.is_over:
                scene.runs.journal.trouble = None

        await scene.until_phase("verifying")
        scene.runs.journal.trouble = StoreError("journal.db: no space left on device")
        scene.runs.history.on_save = mend
        await scene.until_over()
        await scene.pass_seconds(30)

    scene = tell_driven(tale, plans=[plan(start_within_seconds=2.0)])

    assert ["failed"] == [run.phase.value for run in scene.runs.lines]
    assert "failed" == scene.runs.journal.last_runs["nightly"].outcome
    assert 0 == scene.totals.plans.plans["nightly"].runs["skipped"]


def test_listener_that_comes_in_time_begins() -> None:
    """Within start_within the run begins, late as it is."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            pass
        await scene.jump(200)
        following = scene.crashed()
        async with following.driven():
            await following.until_over()
        assert ("succeeded", SCHEDULED) == (following.run.phase.value, following.run.scheduled_at)

    tell(tale)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_clock_that_jumps_while_nothing_runs(seconds: float) -> None:
    """Forward over the time: skipped. Back: the time comes, and with it the run, once."""

    async def tale(scene: Scene) -> None:
        await scene.jump(seconds)
        await scene.jump(SCHEDULED - scene.now if seconds < 0 else 0)
        await scene.pass_seconds(30)

    scene = tell_driven(tale)

    outcome = scene.runs.journal.last_runs["nightly"].outcome
    assert ("skipped" if seconds > 0 else "succeeded") == outcome


def test_clock_that_was_wrong_at_first() -> None:
    """A plan that was first seen in a year to come is not forgotten until then."""

    async def tale(scene: Scene) -> None:
        scene.clock[0] += 365 * DAY
        async with scene.driven():
            pass
        scene.clock[0] = NOW
        following = scene.crashed()
        async with following.driven():
            await following.until_over()
        assert "succeeded" == following.run.phase.value

    tell(tale)


def test_clock_that_was_wrong_for_a_while() -> None:
    """A time dealt with in a year to come does not keep the nights until then without a run."""

    async def tale(scene: Scene) -> None:
        await scene.jump(365 * DAY)
        assert "skipped" == scene.runs.journal.last_runs["nightly"].outcome
        await scene.jump(NOW - scene.now)
        assert {"nightly": SCHEDULED} == scene.maintenance.timetable.next_starts(scene.now)
        await scene.until_over()
        assert {"nightly": SCHEDULED + DAY} == scene.maintenance.timetable.next_starts(scene.now)

    scene = tell_driven(tale)

    assert ("succeeded", SCHEDULED) == (scene.run.phase.value, scene.run.scheduled_at)


def test_new_plan_misses_nothing() -> None:
    """What was scheduled before a plan was known is not missed."""

    async def tale(scene: Scene) -> None:
        await scene.jump(3600)
        scene.maintenance.set_plans([plan("added")], TOKYO)
        await scene.pass_seconds(30, step=5)
        assert "added" not in scene.runs.journal.last_runs
        assert None is scene.run

    tell_driven(tale, plans=[])


@pytest.mark.parametrize(("before_seconds", "is_close"), [(120, False), (61, False), (60, True)])
def test_hourly_work_waits_for_a_run_that_is_near(before_seconds: float, is_close: bool) -> None:
    """A run is close from a minute before its time until its end."""
    schedule = Schedule.parse("0 4 * * *", TOKYO)

    async def tale(scene: Scene) -> None:
        await scene.jump(SCHEDULED + 3600 - before_seconds - scene.now)
        assert is_close is scene.maintenance.is_close(scene.now)
        await scene.jump(before_seconds)
        await scene.until_phase("restarting")
        assert scene.maintenance.is_close(scene.now)
        await scene.until_over()
        assert not scene.maintenance.is_close(scene.now)

    tell_driven(tale, plans=[plan(schedule=schedule)])
