"""What must never happen to a planned run: twice, lost, or forgotten. On fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timezone
from typing import Any, Callable

from supervisor_maint.app.maintaining import Maintenance
from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import new_run
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.store.records import Hold, LastRun
from tests.fakes.app import NOW, World

NIGHTLY = Plan(name="nightly", schedule=Schedule.parse("* * * * *", "UTC"), settle_seconds=0.0)
FULL = StoreError("no space left on the device")
ENDED = LastRun(
    plan="nightly", run_id="1", scheduled_at=NOW // 60 * 60, ended_at=NOW, outcome="failed"
)


def play(story: Callable[[World, Maintenance], Awaitable[Any]]) -> Any:
    async def told() -> Any:
        world = World()
        await world.maintenance.start([NIGHTLY], timezone.utc)
        return await story(world, world.maintenance)

    return asyncio.run(told())


def test_two_requests_at_once_begin_one_run() -> None:
    """Of two people who ask at the same moment one gets a run, and the other is told."""

    async def story(_world: World, maintenance: Maintenance) -> list[tuple[bool, str]]:
        asked = (maintenance.run_now("nightly", by) for by in ("ann", "bob"))
        return list(await asyncio.gather(*asked))

    answers = play(story)
    assert [False, True] == sorted(done for done, _ in answers)
    assert any("is under way; nothing was begun" in sentence for _, sentence in answers)


def test_run_without_a_journal_never_begins() -> None:
    """What cannot be written down is not begun, and the answer says why."""

    async def story(world: World, maintenance: Maintenance) -> tuple[bool, str]:
        world.runs.journal.trouble = FULL
        return await maintenance.run_now("nightly", "ann")

    assert (False, f"no run without a journal: {FULL.msg}; nothing was begun") == play(story)


def test_end_that_is_not_written_counts() -> None:
    """A run whose end could not be journalled is not due again, and nothing begins before."""

    async def story(world: World, maintenance: Maintenance) -> tuple[float, bool]:
        world.runs.journal.trouble = FULL
        maintenance.journal.unwritten_end = ENDED
        done, _ = await maintenance.run_now("nightly", "ann")
        return maintenance.next_starts(NOW)["nightly"], done

    next_start_at, done = play(story)
    assert NOW < next_start_at
    assert not done


def test_end_is_written_once_it_can_be() -> None:
    """As soon as the journal takes it, the end is in it and the next run may begin."""

    async def story(world: World, maintenance: Maintenance) -> tuple[Any, bool]:
        maintenance.journal.unwritten_end = ENDED
        done, _ = await maintenance.run_now("nightly", "ann")
        return world.runs.journal.last_runs["nightly"], done

    assert (ENDED, True) == play(story)


def test_open_run_that_cannot_be_read_blocks_until_resume() -> None:
    """It stays in the journal, nothing begins, and ``resume`` lets runs begin again."""

    async def story(world: World, maintenance: Maintenance) -> list[Any]:
        world.runs.journal.run = {"id": "broken"}
        await maintenance.start([NIGHTLY], timezone.utc)
        refused = await maintenance.run_now("nightly", "ann")
        kept = world.runs.journal.run
        resumed = await maintenance.resume(None)
        begun = await maintenance.run_now("nightly", "ann")
        return [refused, kept, resumed, begun]

    refused, kept, resumed, begun = play(story)
    assert not refused[0]
    assert "no run starts until somebody resumes" in refused[1]
    assert {"id": "broken"} == kept
    assert (True, "every plan may run again") == resumed
    assert begun[0]


def test_open_run_is_taken_up() -> None:
    """The run that a crash left open goes on under its own id."""

    async def story(world: World, maintenance: Maintenance) -> tuple[Any, bool]:
        run = new_run("42", NIGHTLY, now=NOW, asked_by="ann")
        world.runs.journal.run = run.to_document()
        await maintenance.start([NIGHTLY], timezone.utc)
        assert maintenance.conductor.run is not None
        return maintenance.conductor.run.id, maintenance.is_active

    assert ("42", True) == play(story)


def test_lapsed_hold_is_forgotten() -> None:
    """A hold that is over is neither shown nor kept."""

    async def story(world: World, maintenance: Maintenance) -> tuple[Any, Any]:
        world.runs.journal.holds[None] = Hold(since_at=NOW - 20, until_at=NOW - 10)
        await maintenance.start([NIGHTLY], timezone.utc)
        shown = maintenance.document(NOW)["sentences"]
        await maintenance.journal.forget_lapsed(NOW)
        return shown, dict(world.runs.journal.holds)

    shown, kept = play(story)
    assert not any("is held" in sentence for sentence in shown)
    assert {} == kept


def test_check_that_fails_unexpectedly_blocks() -> None:
    """What raises where nobody expects it is a reason not to start, not a silence."""

    async def story(world: World, maintenance: Maintenance) -> tuple[str, ...]:
        world.runs.journal.trouble = RuntimeError("nobody expects this")
        return await maintenance.blockers(new_run("1", NIGHTLY, now=NOW))

    assert ("the check failed unexpectedly: the log says why",) == play(story)
