"""What the listener goes on from: whole, absent, damaged, senseless, newer, unreadable."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor_maint.app.totals import Totals
from supervisor_maint.cli import restoring
from supervisor_maint.cli.restoring import Restored, restore
from supervisor_maint.errors import NewerSchema, StoreError
from supervisor_maint.store.history import History
from tests.fakes.app import World
from tests.fakes.commands import Place
from tests.fakes.full_disk import full_disk
from tests.fakes.watching import NOW, ns


async def ran(world: World) -> None:
    """Web starts and settles."""
    world.teller.tick().process("web", "STARTING", "RUNNING 5")
    await world.turns()
    await world.pass_seconds(11)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path).write()
    place.state.prepare()
    return place


@pytest.fixture
def history(place: Place) -> Iterator[History]:
    history = History(place.state.history)
    yield history
    history.close()


def restored(place: Place, history: History, hang: bool = False) -> Restored:
    async def run() -> Restored:
        world = World()
        if hang:
            world.gate.clear()
        return await restore(place.settings(), world.app.ports, history)

    return asyncio.run(run())


def starts(restored: Restored) -> int:
    tallies = restored.watch.tallies(NOW + 100)
    return tallies[ns("web")].starts if ns("web") in tallies else 0


def test_first_start(place: Place, history: History) -> None:
    """Without a history everything begins at 0, and is saved from now on."""
    found = restored(place, history)

    assert (Totals(), False) == (found.totals, found.is_saving_suspended)
    assert not found.watch.baseline.is_established


def test_counts_and_baseline_go_on(place: Place, history: History) -> None:
    """What an earlier listener saved is where this one goes on."""
    place.remember(ran)
    found = restored(place, history)

    assert 1 == starts(found)
    assert 1 == found.totals.events["TICK_5"]
    assert {ns("web"): True} == found.watch.wanted()
    assert found.watch.is_identity_sure


def test_supervisord_that_hangs(
    place: Place, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisord that does not say who it is in time is met at the first look."""
    monkeypatch.setattr(restoring, "IDENTIFY_WITHIN_SECONDS", 0.01)
    place.remember(ran)
    found = restored(place, history, hang=True)

    assert 1 == starts(found)
    assert not found.watch.is_identity_sure


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def senseless_process(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE watch SET document = '{\"runs\": 5}' WHERE part = 'process'")
        connection.commit()


def senseless_totals(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE watch SET document = '[1]' WHERE part = 'totals'")
        connection.commit()


@pytest.mark.parametrize("spoil", [garbage, senseless_process, senseless_totals])
def test_damaged_history_is_begun_anew(
    spoil: Callable[[Path], None], place: Place, history: History
) -> None:
    """What cannot be believed is set aside, and the listener begins at 0 and saves."""
    place.remember(ran)
    spoil(place.state.history)
    found = restored(place, history)

    assert (0, False) == (starts(found), found.is_saving_suspended)
    assert history.set_aside is not None
    history.save_watch({"serial": 1}, {})
    assert ({"serial": 1}, {}) == history.load_watch()


def test_newer_history_is_refused(place: Place, history: History) -> None:
    """What a newer version wrote is left alone, with a sentence."""
    with contextlib.closing(sqlite3.connect(place.state.history)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(NewerSchema, match="found 99"):
        restored(place, history)


def test_unreadable_history_is_not_overwritten(
    place: Place,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When what is there cannot be read, the listener works all the same and saves nothing."""

    def fail(_history: History) -> None:
        raise StoreError("disk I/O error")

    place.remember(ran)
    monkeypatch.setattr(History, "load_watch", fail)
    found = restored(place, history)

    assert (0, True) == (starts(found), found.is_saving_suspended)
    assert 1 == found.totals.store_errors["history"]
    assert "begin to count at 0, and save nothing: disk I/O error" in caplog.text


def test_first_start_on_a_full_disk(
    place: Place, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is nothing to lose, saving is tried again."""
    with full_disk(0):
        found = restored(place, history)

    assert not found.is_saving_suspended
    assert 1 == found.totals.store_errors["history"]
    assert "begin to count at 0, and try to save" in caplog.text
