"""The turns of the listener: when it looks, when it saves, when it reports."""

from __future__ import annotations

import asyncio
import logging

import pytest

from supervisor_maint.errors import (
    StoreError,
    SupervisorShuttingDown,
    SupervisorTimeout,
    SupervisorUnreachable,
)
from supervisor_maint.processes import ProcessState
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.requests import Verb
from tests.fakes.app import NOW, World, play
from tests.fakes.watching import ns, status

AWAY = SupervisorUnreachable("nobody listens at unix:///s.sock")
HUNG = SupervisorTimeout("did not answer within 5 s")


async def settled(world: World) -> None:
    """Begin, and let everything settle."""
    await world.turns()
    await world.pass_seconds(11)
    world.supervisor.calls.clear()
    world.reports.clear()


def test_start_is_reported() -> None:
    """The first turn asks for configuration and snapshot, and reports."""
    world = play(World.turns)

    assert ["configs", "snapshot"] == world.supervisor.calls
    assert [True] == [facts.up for facts in world.reports]
    assert [b"report 1"] == world.outlet.submitted
    assert world.history.saves
    assert {ns("web"): 2**20} == world.reports[0].memory


def test_start_without_supervisord_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A supervisord that cannot be reached is reported as not up at once, and logged once."""

    async def story(world: World) -> None:
        world.supervisor.processes = AWAY
        await world.turns()
        for _ in range(10):
            await world.pass_seconds(5)

    with caplog.at_level(logging.ERROR):
        world = play(story)

    assert False is world.reports[0].up
    assert [f"cannot look at supervisord: {AWAY.msg}"] == [
        record.getMessage() for record in caplog.records
    ]


def test_supervisord_is_asked_again_after_a_failure() -> None:
    """It is asked again every 5 s, and its return is reported at once."""

    async def story(world: World) -> None:
        world.supervisor.processes = AWAY
        await world.turns()
        await world.pass_seconds(4.9)
        assert 1 == world.supervisor.calls.count("snapshot")
        world.supervisor.processes = (status("web", "RUNNING", 5),)
        await world.pass_seconds(0.2)

    world = play(story)

    assert 2 == world.supervisor.calls.count("snapshot")
    assert [False, True] == [facts.up for facts in world.reports]


def test_tick_asks_nothing() -> None:
    """An idle TICK_5 asks supervisord nothing and reports nothing, but saves the serials."""

    async def story(world: World) -> None:
        await settled(world)
        saves = world.history.saves
        for _ in range(9):
            world.teller.tick()
            await world.pass_seconds(5)
        assert saves < world.history.saves

    world = play(story)

    assert [] == world.supervisor.calls
    assert [] == world.reports
    assert 8 == world.history.meta["order"]["serial"]


def test_report_is_made_every_interval() -> None:
    """After ``push_interval`` without news there is a report, with a fresh snapshot."""

    async def story(world: World) -> None:
        await settled(world)
        await world.pass_seconds(59)
        assert [] == world.reports
        await world.pass_seconds(1)

    world = play(story)

    assert ["snapshot"] == world.supervisor.calls
    assert [world.now] == [facts.snapshot_at for facts in world.reports]


def test_settling_is_reported() -> None:
    """When a burst is over, the report is kept in the history and pushed at once."""

    async def story(world: World) -> None:
        await settled(world)
        world.history.reports.clear()
        world.teller.tick().process("web", "EXITED 5")
        world.supervisor.processes = (status("web", "EXITED", exit_status=3, spawn_error="Bad"),)
        await world.pass_seconds(5)
        assert [] == world.reports
        await world.pass_seconds(5.1)

    world = play(story)

    assert [{"state": 1}] == [facts.differences_by_kind for facts in world.reports]
    assert ["EXITED"] == [each["found"] for each in world.history.reports[0]["differences"]]


def test_hung_supervisord_does_not_hold_up_the_report() -> None:
    """While a call hangs the report is made on time, and again once it is known to be down."""

    async def story(world: World) -> None:
        await settled(world)
        world.gate.clear()
        await world.pass_seconds(60)
        assert [] == world.reports
        await world.pass_seconds(2)
        assert [True] == [facts.up for facts in world.reports]
        world.supervisor.processes = HUNG
        await world.pass_seconds(3)
        world.gate.set()
        await world.turns()

    world = play(story)

    assert [True, False] == [facts.up for facts in world.reports]


def test_one_look_at_a_time() -> None:
    """While a look is under way no other is begun, whatever comes."""

    async def story(world: World) -> None:
        world.gate.clear()
        for _ in range(5):
            world.teller.tick().process("web", "RUNNING 5", "EXITED 5")
            await world.pass_seconds(20)
        world.gate.set()
        await world.turns()

    assert 1 == play(story).supervisor.calls.count("snapshot")


def test_snapshots_are_spaced_by_what_they_cost() -> None:
    """After a snapshot of 2 s the next one has to wait for 6 s."""

    async def story(world: World) -> None:
        await settled(world)
        world.gate.clear()
        await world.pass_seconds(60)
        world.now += 2
        world.gate.set()
        await world.turns()
        looked_at = world.now
        world.app.pace.report_now()
        await world.pass_seconds(5.9)
        assert 1 == world.supervisor.calls.count("snapshot")
        world.app.pace.report_now()
        await world.pass_seconds(0.2)
        assert looked_at < world.app.observer.snapshot.taken_at

    assert 2 == play(story).supervisor.calls.count("snapshot")


def test_hour_is_kept() -> None:
    """TICK_3600 keeps a fresh snapshot with its memory, and drops what is old; once."""

    async def story(world: World) -> None:
        await settled(world)
        world.tell_hour()
        await world.pass_seconds(1)
        await world.pass_seconds(1)

    world = play(story)

    [(kind, document)] = world.history.snapshots
    assert "hourly" == kind
    assert NOW + 12 == document["taken_at"]
    assert 2**20 == document["processes"]["web:web"]["resident_bytes"]
    assert 1 == world.history.prunes


def test_hour_waits_for_supervisord() -> None:
    """While supervisord does not answer, no old snapshot is kept in the hour's place."""

    async def story(world: World) -> None:
        await settled(world)
        answer, world.supervisor.processes = world.supervisor.processes, AWAY
        world.tell_hour()
        await world.pass_seconds(6)
        assert [] == world.history.snapshots
        world.supervisor.processes = answer
        await world.pass_seconds(6)

    world = play(story)

    assert [NOW + 23] == [document["taken_at"] for _, document in world.history.snapshots]


def test_heartbeat_is_the_last_event() -> None:
    """The heartbeat is when the last event came, however often is reported since."""

    async def story(world: World) -> None:
        await world.turns()
        world.teller.tick()
        for _ in range(3):
            await world.pass_seconds(61)

    world = play(story)

    assert [None, NOW, NOW, NOW] == [facts.heartbeat_at for facts in world.reports]


def test_events_are_counted_by_name() -> None:
    """Each event counts under its name, and what nobody asked for as other."""

    async def story(world: World) -> None:
        world.teller.tick().tick().foreign().group("web", added=True)
        await world.turns()

    world = play(story)

    assert {"TICK_5": 2, "other": 1, "PROCESS_GROUP_ADDED": 1} == world.reports[0].events


def test_group_event_has_the_configuration_read_again() -> None:
    """After a group was added the next look asks for the configuration; others do not."""

    async def story(world: World) -> None:
        await settled(world)
        world.teller.tick().group("web", added=True)
        await world.pass_seconds(11)

    assert ["configs", "snapshot"] == play(story).supervisor.calls


def test_request_may_come_as_an_event() -> None:
    """A remote communication of our kind is a request; of another kind it is nothing."""
    body = '{"id": "1", "verb": "cancel", "args": {}, "asked_by": "me", "expires_at": 9e9}'

    async def story(world: World) -> None:
        for kind in ("maint", "deploy"):
            world.tell_remote(kind, body)
        await world.turns()

    assert (False, "no run is under way; nothing was changed") == play(story).answer()


def test_clock_set_back_silences_nobody() -> None:
    """After the clock was set back an hour, the next report comes within an interval."""

    async def story(world: World) -> None:
        await settled(world)
        await world.pass_seconds(-3600)
        await world.pass_seconds(60)
        await world.pass_seconds(15)

    assert play(story).reports


def test_exception_in_a_turn_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is logged with its traceback and counted; the next turn comes."""

    async def story(world: World) -> None:
        world.history.trouble = RuntimeError("a bug")
        running = asyncio.ensure_future(world.app.run())
        while not world.app.totals.errors["turn"]:
            await asyncio.sleep(0.005)
        world.history.trouble = None
        while not world.history.saves:
            world.app.woken.set()
            await asyncio.sleep(0.005)
        world.app.stop()
        await running

    world = play(story)

    assert "a bug" in caplog.text
    assert "Traceback" in caplog.text
    assert world.history.totals["errors"]["turn"] >= 1


def test_exception_in_a_look_is_survived() -> None:
    """A look that fails unexpectedly counts as a failure, and is not begun again at once."""

    async def story(world: World) -> None:
        world.supervisor.processes = RuntimeError("a bug")
        await world.turns()
        await world.pass_seconds(1)

    world = play(story)

    assert 1 == world.app.totals.errors["look"]
    assert 1 == world.supervisor.calls.count("snapshot")


def test_shutdown_of_supervisord_ends_the_turns() -> None:
    """Fault SHUTDOWN_STATE freezes the baseline and ends quietly."""

    async def story(world: World) -> None:
        await settled(world)
        world.supervisor.processes = SupervisorShuttingDown("supervisord is shutting down")
        world.now += 60
        await world.app.run()

    world = play(story)

    assert world.watch.baseline.is_frozen
    assert 0 == sum(world.app.totals.errors.values())


def test_stop_ends_the_turns() -> None:
    """``stop`` ends the run, also while it waits."""

    async def story(world: World) -> None:
        running = asyncio.ensure_future(world.app.run())
        while not world.reports:
            await asyncio.sleep(0.005)
        world.app.stop()
        await running

    world = play(story)

    assert 0 == sum(world.app.totals.errors.values())


def test_cancelled_run_leaves_no_turn_behind() -> None:
    """When the run is cancelled, the turn under way has ended too."""

    async def story(world: World) -> None:
        forever = asyncio.Event()

        async def never(*_args: object, **_kwargs: object) -> None:
            await forever.wait()

        world.app.ports.store = never
        running = asyncio.ensure_future(world.app.run())
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert [] == [each for each in left if "turn" in repr(each)]

    play(story)


def test_requests_are_answered_while_supervisord_hangs() -> None:
    """A turn waits for no call: what needs no supervisord is answered at once."""

    async def story(world: World) -> None:
        world.gate.clear()
        await world.turns()
        world.reloads = [None]
        world.post(Verb.RELOAD)
        await world.turns()

    assert (True, "the settings hold now") == play(story).answer()


def test_what_was_not_written_is_written_later(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is one log line; once there is room, everything since is saved."""
    full = StoreError("the disk is full")

    async def story(world: World) -> None:
        world.history.trouble = full
        for _ in range(5):
            world.teller.tick().process("web", "RUNNING 5", "EXITED 5")
            await world.pass_seconds(61)
        world.history.trouble = None
        await world.pass_seconds(61)

    with caplog.at_level(logging.INFO):
        world = play(story)
    messages = [record.getMessage() for record in caplog.records]

    assert 1 == messages.count("cannot save, and go on without: the disk is full")
    assert 1 == messages.count("saving works again")
    assert 1 == world.history.processes["web:web"]["runs"]["starts"]
    assert world.reports[-1].store_errors["history"] >= 5
    assert 6 == len([facts for facts in world.reports if facts.up])


def test_restored_counts_go_on() -> None:
    """What the history has of an earlier listener is where this one goes on from."""

    async def story(world: World) -> None:
        world.teller.tick().process("web", "STARTING", "RUNNING 5")
        await world.pass_seconds(11)
        watch = Watch.restore(
            world.history.meta,
            world.history.processes,
            started_at=world.now,
            supervisord=world.supervisor.supervisord,
        )
        later = World(watch)
        later.now = world.now
        await later.turns()
        tally = later.reports[0].tallies[ns("web")]
        assert 1 == tally.starts
        assert {ns("web"): True} == later.reports[0].wanted
        assert ProcessState.RUNNING is later.reports[0].snapshot[ns("web")].state

    play(story)
