"""Saving what must outlive the listener, one save after the other and one over the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from supervisor_maint.app.totals import PLACES, STORES, Totals
from supervisor_maint.errors import StoreError
from supervisor_maint.monitoring.facts import SinkStatus
from tests.fakes.app import World, play

FULL = StoreError("the disk is full")


class SlowStore:
    """Writes when it is told to, in the order in which it was asked, as one thread does."""

    def __init__(self, world: World) -> None:
        self._history = world.history
        self._waiting: list[tuple[asyncio.Future[None], Any]] = []
        world.app.ports.store = self.call

    async def call(self, function: Any, *args: Any, **kwargs: Any) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((future, lambda: function(*args, **kwargs)))
        await future

    async def write(self, trouble: BaseException | None = None) -> None:
        """Let the oldest write happen, or fail; also when nobody waits for it any more."""
        future, work = self._waiting.pop(0)
        self._history.trouble = trouble
        outcome = None
        try:
            work()
        except StoreError as error:
            outcome = error
        if future.cancelled():
            return
        future.set_exception(outcome) if outcome else future.set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


def starts(saved: Mapping[str, Any]) -> int:
    return int(saved["web:web"]["runs"]["starts"])


async def two_saves(world: World, *, cancel: bool = False) -> tuple[SlowStore, Any]:
    """Have one save under way with 1 start, and then another with 2."""
    store = SlowStore(world)
    world.teller.tick().process("web", "RUNNING 5", "EXITED 5")
    first = asyncio.ensure_future(world.app.recorder.save())
    await asyncio.sleep(0)
    if cancel:
        first.cancel()
        await asyncio.sleep(0)
    world.teller.process("web", "RUNNING 6")
    second = asyncio.ensure_future(world.app.recorder.save())
    await asyncio.sleep(0)
    return store, second


@pytest.mark.parametrize("cancel", [False, True], ids=["waited for", "cancelled"])
@pytest.mark.parametrize("trouble", [None, FULL], ids=["written", "not written"])
def test_save_during_a_save(cancel: bool, trouble: BaseException | None) -> None:
    """Whatever becomes of the first save, the second has all of it, and the newest."""

    async def story(world: World) -> None:
        store, second = await two_saves(world, cancel=cancel)
        await store.write(trouble)
        await store.write()
        await second

    assert 2 == starts(play(story).history.processes)


def test_both_saves_fail() -> None:
    """What two saves could not write the third does."""

    async def story(world: World) -> None:
        store, second = await two_saves(world)
        await store.write(FULL)
        await store.write(FULL)
        await second
        third = asyncio.ensure_future(world.app.recorder.save())
        await asyncio.sleep(0)
        await store.write()
        await third

    assert 2 == starts(play(story).history.processes)


def test_written_changes_are_not_written_again() -> None:
    """A process that did not change since it was saved is not saved again."""

    async def story(world: World) -> None:
        world.teller.tick().process("web", "RUNNING 5", "EXITED 5")
        await world.app.recorder.save()
        world.history.processes.clear()
        world.teller.tick()
        await world.app.recorder.save()

    assert {} == play(story).history.processes


def test_suspended_recorder_writes_nothing() -> None:
    """What could not be read is not overwritten, and nothing but saving stops."""

    async def story(world: World) -> None:
        world.app.recorder.suspended = True
        await world.turns()
        await world.pass_seconds(11)

    world = play(story)

    assert (0, []) == (world.history.saves, world.history.reports)
    assert 2 == len(world.reports)


def test_totals_survive() -> None:
    """What is saved of the totals comes back, with the counts of the sinks."""
    totals = Totals()
    totals.events["TICK_5"] += 2
    totals.errors["turn"] += 1
    totals.store_errors["history"] += 3
    totals.sinks["textfile"] = SinkStatus(ok=4, last_success_at=1.5, last_error="full")

    assert totals == Totals.restore(totals.to_document())


def test_totals_begin_at_zero() -> None:
    """Every place and every store is there from the first report, at 0."""
    totals = Totals.restore({"something": "newer"})

    assert dict.fromkeys(PLACES, 0) == totals.errors
    assert dict.fromkeys(STORES, 0) == totals.store_errors


@pytest.mark.parametrize(
    "document",
    [[], {"events": 5}, {"sinks": []}, {"sinks": {"a": {"ok": -1}}}, {"sinks": {"a": {"b": 1}}}],
)
def test_totals_refuse_nonsense(document: Any) -> None:
    """A document that is none raises what its reader expects."""
    with pytest.raises((AttributeError, TypeError, ValueError)):
        Totals.restore(document)


def test_sinks_are_saved_with_the_totals() -> None:
    """The counts of the sinks are saved, for a counter must not begin again."""

    async def story(world: World) -> None:
        await world.turns()
        await world.pass_seconds(61)

    world = play(story)

    assert 1 <= world.history.totals["sinks"]["fake"]["ok"]
