"""The counts of one process, as its events and what a snapshot shows say."""

from __future__ import annotations

import pytest

from supervisor_maint.snapshots.tallies import Cause
from supervisor_maint.snapshots.watch import Watch
from tests.fakes.watching import NOW, OTHER_SUPERVISORD, Teller, ns, settled, snapshot, status

START = ("STARTING", "RUNNING 5")
STOP = ("STOPPING 5", "STOPPED 5")
AGAIN = ("STARTING", "RUNNING 6")


def told(*steps: str, planned: int | None = None) -> Watch:
    """A watch that heard these transitions, a second apart, under a supervisord just begun."""
    watch = Watch.begin(NOW)
    teller = Teller(watch).supervisord(running=True)
    if planned is not None:
        watch.plan_stop(ns("web:a"), planned)
    for step in steps:
        teller.wait(1).process("web:a", step)
    return watch


def tally(watch: Watch, at: float = NOW):
    return watch.tallies(at)[ns("web:a")]


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        pytest.param(START, (1, 0, 0, 0, 0), id="start"),
        pytest.param((*START, *STOP), (1, 0, 0, 0, 0), id="a stop is no exit"),
        pytest.param((*START, "EXITED 5"), (1, 0, 0, 0, 1), id="unexpected exit"),
        pytest.param((*START, "EXITED 5 ok"), (1, 0, 0, 1, 0), id="expected exit"),
        pytest.param(("STARTING", "BACKOFF") * 3, (0, 3, 0, 0, 0), id="failed starts"),
        pytest.param(("STARTING", "BACKOFF", "FATAL"), (0, 1, 1, 0, 0), id="fatal"),
        pytest.param(("EXITED 5",), (1, 0, 0, 0, 1), id="an exit implies the start"),
        pytest.param(("STOPPING 5",), (1, 0, 0, 0, 0), id="a stop from RUNNING implies it"),
        pytest.param(("STOPPING 5 STARTING", "STOPPED 5"), (0, 0, 0, 0, 0), id="never ran"),
    ],
)
def test_counts(steps, counts):
    """Entries into RUNNING, BACKOFF and FATAL, exits that were expected and that were not."""
    counted = tally(told(*steps))

    assert counts == (
        counted.starts,
        counted.start_failures,
        counted.fatals,
        counted.exits_expected,
        counted.exits_unexpected,
    )


@pytest.mark.parametrize(
    ("steps", "planned", "cause"),
    [
        pytest.param(START, None, None, id="the first start is no restart"),
        pytest.param(("STARTING", "BACKOFF", *START), None, None, id="nor after failed starts"),
        pytest.param((*START, *STOP, *AGAIN), None, "command", id="command"),
        pytest.param((*START, *STOP, *AGAIN), 5, "maintenance", id="maintenance"),
        pytest.param((*START, *STOP, *AGAIN), 4, "command", id="another pid was planned"),
        pytest.param((*START, "EXITED 5", *AGAIN), None, "exit", id="exit"),
        pytest.param((*START, "EXITED 5", *AGAIN), 5, "exit", id="an exit before the plan's stop"),
        pytest.param((*START, "EXITED 5 ok", *AGAIN), None, "exit", id="expected exit"),
        pytest.param(
            (*START, *STOP, "STARTING", "BACKOFF", *AGAIN), 5, "exit", id="failed start between"
        ),
        pytest.param(
            (
                *START,
                "EXITED 5",
                "STARTING",
                "STOPPING 6 STARTING",
                "STOPPED 6",
                "STARTING",
                "RUNNING 7",
            ),
            None,
            "exit",
            id="how RUNNING was left counts",
        ),
    ],
)
def test_cause_of_a_restart(steps, planned, cause):
    """A restart follows an earlier RUNNING, and its cause is how that was left."""
    expected = {each: int(each.value == cause) for each in Cause}

    assert expected == tally(told(*steps, planned=planned)).restarts


def test_first_start_after_a_reload_is_no_restart():
    """Another life of supervisord begins another count of restarts, not of starts."""
    watch, teller = settled(status("web:a", "RUNNING", 4))
    teller.process("web:a", "STOPPING 4", "STOPPED 4").supervisord(running=True)
    teller.process("web:a", "STARTING", "BACKOFF", "STARTING", "RUNNING 9")
    teller.process("web:a", "EXITED 9", "STARTING", "RUNNING 10")

    assert 3 == tally(watch).starts
    assert {Cause.MAINTENANCE: 0, Cause.COMMAND: 0, Cause.EXIT: 1} == tally(watch).restarts


def test_same_pid_under_another_supervisord_is_another_run():
    """In a container every process has the pid it had before the container was restarted."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    watch.observe(
        snapshot(status("web:a", "STARTING", 5), at=teller.at, supervisord=OTHER_SUPERVISORD)
    )
    Teller(watch, at=teller.at).supervisord(running=True).process("web:a", "RUNNING 5")

    assert 2 == tally(watch).starts


@pytest.mark.parametrize(
    ("steps", "planned", "cause", "seconds"),
    [
        pytest.param(START, None, "exit", 0, id="up"),
        pytest.param(("STARTING",), None, "exit", 0, id="never started"),
        pytest.param(("STARTING", "BACKOFF", "FATAL"), None, "exit", 0, id="never ran"),
        pytest.param((*START, "EXITED 5"), None, "exit", 10, id="grows while down"),
        pytest.param((*START, "EXITED 5", *AGAIN), None, "exit", 2, id="until RUNNING"),
        pytest.param((*START, "EXITED 5 ok"), None, "exit", 0, id="expected exit"),
        pytest.param((*START, *STOP), None, "command", 0, id="stopped by command"),
        pytest.param((*START, *STOP), 5, "maintenance", 11, id="from leaving RUNNING"),
        pytest.param((*START, *STOP, *AGAIN), 5, "maintenance", 3, id="planned"),
        pytest.param(
            (*START, *STOP, "STARTING", "BACKOFF"), None, "exit", 10, id="failed after a command"
        ),
        pytest.param(
            (*START, *STOP, "STARTING", "BACKOFF"), 5, "maintenance", 3, id="failed after a plan"
        ),
        pytest.param(
            (*START, "EXITED 5", "STARTING", "BACKOFF", "STOPPED"), None, "exit", 3, id="given up"
        ),
    ],
)
def test_downtime(steps, planned, cause, seconds):
    """Downtime runs from leaving RUNNING to the next RUNNING, by cause, if anybody minds."""
    watch = told(*steps, planned=planned)
    last_at = NOW + len(steps)

    assert seconds == tally(watch, last_at + 10).downtime_seconds[Cause(cause)]
    others = [each for each in Cause if each.value != cause]
    if "BACKOFF" not in steps:
        assert [0, 0] == [tally(watch, last_at + 10).downtime_seconds[each] for each in others]


def test_operators_stop_in_a_run_is_downtime_until_the_run_ends():
    """What is stopped by command in a run is down; after it, it is stopped on purpose."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    watch.begin_run()
    teller.process("web:a", "STOPPING 5", "STOPPED 5").wait(20)
    watch.end_run(teller.at)

    assert 20 == tally(watch, teller.at + 100).downtime_seconds[Cause.COMMAND]


def test_downtime_never_goes_down_with_the_clock():
    """A clock that is set back takes nothing away."""
    watch = told(*START, "EXITED 5")
    before = tally(watch, NOW + 100).downtime_seconds[Cause.EXIT]

    assert before == tally(watch, NOW + 50).downtime_seconds[Cause.EXIT]


def restored(watch: Watch, at: float, supervisord=None) -> Watch:
    changes = watch.take_changes()
    return Watch.restore(changes.meta, changes.processes, started_at=at, supervisord=supervisord)


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [
        pytest.param(status("web:a", "FATAL", started_at=NOW + 50), 1021, id="down all the time"),
        pytest.param(status("web:a", "FATAL", started_at=NOW + 900), 11, id="tried meanwhile"),
        pytest.param(status("web:a", "RUNNING", 9, started_at=NOW + 900), 1, id="up again"),
        pytest.param(status("web:a", "STOPPED", started_at=NOW + 50), 1, id="stopped meanwhile"),
    ],
)
def test_downtime_while_no_listener_ran(shown, seconds):
    """It counts only if the process is seen not to have been started since."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5", "STARTING", "BACKOFF", "FATAL").wait(1).tick()
    watch = restored(watch, teller.at + 1000)
    later = Teller(watch, at=teller.at + 1010, first=teller.number + 1)
    watch.observe(snapshot(shown, at=later.at))
    later.tick()

    assert seconds == tally(watch, later.at + 10).downtime_seconds[Cause.EXIT]


@pytest.mark.parametrize(
    ("is_other", "is_announced", "seconds"),
    [
        pytest.param(True, False, 1010, id="killed: down since it was last known up"),
        pytest.param(True, True, 0, id="shut down by command"),
        pytest.param(False, False, 0, id="reload is a command"),
    ],
)
def test_downtime_while_no_supervisord_ran(is_other, is_announced, seconds):
    """What was RUNNING under a supervisord that was killed is down until it runs again."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    if is_announced:
        teller.supervisord(running=False)
    known = OTHER_SUPERVISORD if is_other else snapshot().supervisord
    watch = restored(watch, teller.at + 1000, known)
    later = Teller(watch, at=teller.at + 1010, first=0 if is_other else teller.number + 1)
    later.supervisord(running=True).process("web:a", "STARTING", "RUNNING 5")

    assert seconds == tally(watch, later.at + 10).downtime_seconds[Cause.EXIT]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(status("web:a", "RUNNING", 6), {"starts": 2}, id="another pid"),
        pytest.param(status("web:a", "RUNNING", 5), {"starts": 1}, id="the same pid"),
        pytest.param(
            status("web:a", "EXITED", exit_status=0), {"exits_expected": 1}, id="expected exit"
        ),
        pytest.param(
            status("web:a", "EXITED", spawn_error="Bad exit code 1", exit_status=1),
            {"exits_unexpected": 1},
            id="unexpected exit",
        ),
        pytest.param(status("web:a", "BACKOFF"), {"start_failures": 1, "fatals": 0}, id="BACKOFF"),
        pytest.param(status("web:a", "FATAL"), {"start_failures": 1, "fatals": 1}, id="FATAL"),
        pytest.param(
            status("web:a", "STOPPED"), {"exits_expected": 0, "exits_unexpected": 0}, id="STOPPED"
        ),
    ],
)
def test_snapshot_fills_in_what_no_event_told(shown, expected):
    """What the stream has passed without telling is counted from the snapshot, once."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    for _ in range(2):
        watch.observe(snapshot(shown, at=teller.wait(20).at))
        teller.skip().tick().wait(10).tick()

    for name, count in expected.items():
        assert count == getattr(tally(watch), name), name


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(status("web:a", "RUNNING", 6), id="restarted"),
        pytest.param(status("web:a", "STOPPED", started_at=NOW - 3000), id="stopped"),
        pytest.param(status("web:a", "STARTING", 6), id="being restarted"),
    ],
)
def test_snapshot_waits_for_the_stream(shown):
    """What events still in the pool will tell is counted once, with their cause."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    watch.observe(snapshot(shown, at=teller.at + 20))
    teller.tick().wait(25).process("web:a", "STOPPING 5", "STOPPED 5", "STARTING", "RUNNING 6")
    teller.wait(5).tick()

    assert 2 == tally(watch).starts
    assert 1 == tally(watch).restarts[Cause.COMMAND]
    assert 0 == tally(watch, teller.at + 10).downtime_seconds[Cause.EXIT]


def test_snapshot_older_than_an_event_changes_nothing():
    """An answer that was on its way while events came knows less than they do."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5", "STARTING", "RUNNING 6").wait(1)
    shown = status("web:a", "EXITED", exit_status=1, spawn_error="Bad exit code 1")
    watch.observe(snapshot(shown, at=teller.at))
    teller.wait(5).tick().process("web:a", "STOPPING 6", "STOPPED 6")

    assert 1 == tally(watch).exits_unexpected


def test_snapshot_older_than_the_removal_of_a_group_changes_nothing():
    """The old processes of a group that was removed and added are not counted to the new."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "STOPPING 5", "STOPPED 5")
    teller.group("web", added=False).group("web", added=True).wait(1)
    watch.observe(snapshot(status("web:a", "RUNNING", 5), at=teller.at))
    teller.wait(5).tick().process("web:a", "STARTING", "RUNNING 6")

    assert 1 == tally(watch).starts


def test_fatal_after_a_backoff_that_was_told_is_one_failure():
    """A snapshot adds only the entry that no event told."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5", "STARTING", "BACKOFF")
    watch.observe(snapshot(status("web:a", "FATAL"), at=teller.wait(20).at))
    teller.skip().tick().wait(5).tick()

    assert (1, 1) == (tally(watch).start_failures, tally(watch).fatals)


@pytest.mark.parametrize(
    ("steps", "cause"),
    [
        pytest.param(("STOPPING 5", "STOPPED 5"), None, id="a failed start may have followed"),
        pytest.param(("EXITED 5",), "exit", id="an exit stays one"),
        pytest.param((), None, id="the end was lost"),
    ],
)
def test_restart_after_lost_events_has_the_cause_that_is_certain(steps, cause):
    """A start is counted, but not under a cause that another may have replaced."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", *steps).skip(3).process("web:a", "RUNNING 6").tick()

    assert 3 == watch.events_lost
    assert 2 == tally(watch).starts
    assert {each: int(each.value == cause) for each in Cause} == tally(watch).restarts


def test_each_pid_is_counted_once():
    """A run that is told twice, under whatever numbers, is one run."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5")
    for _ in range(2):
        teller.process("web:a", "STARTING", "RUNNING 6", "EXITED 6")
        teller.process("web:a", "STARTING", "RUNNING 7", "STOPPING 7", "STOPPED 7")

    assert (3, 2) == (tally(watch).starts, tally(watch).exits_unexpected)
    assert 2 == sum(tally(watch).restarts.values())


def test_run_that_has_ended_is_not_up_again():
    """Its start told once more ends no downtime."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5", "RUNNING 5")

    assert 10 == tally(watch, teller.at + 10).downtime_seconds[Cause.EXIT]


def test_supervisord_that_was_stopping_has_begun_again():
    """A listener that is started after STOPPING was heard is one of the next life."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    teller.process("web:a", "EXITED 5").supervisord(running=False)
    teller.watch = restored(watch, teller.at, snapshot().supervisord)
    teller.process("web:a", "STARTING", "RUNNING 9")

    assert 0 == sum(tally(teller.watch).restarts.values())


@pytest.mark.parametrize(
    ("last_start", "cause"),
    [
        pytest.param(NOW - 3000, "command", id="the run we know was the last"),
        pytest.param(NOW + 5, None, id="there was another, which ended somehow"),
    ],
)
def test_stop_that_no_event_told_is_by_command_if_that_is_certain(last_start, cause):
    """STOPPED is the end of the run we know only when supervisord started none after it."""
    watch, teller = settled(status("web:a", "RUNNING", 5))
    shown = status("web:a", "STOPPED", started_at=last_start)
    watch.observe(snapshot(shown, at=teller.skip(2).wait(20).at))
    teller.wait(10).tick().tick().process("web:a", *AGAIN)

    assert {each: int(each.value == cause) for each in Cause} == tally(watch).restarts


def test_counts_go_with_a_removed_group():
    """The series of a process that is removed go with it."""
    watch, teller = settled(status("web:a", "RUNNING"), status("job", "RUNNING"))
    teller.group("web", added=False)

    assert [ns("job")] == list(watch.tallies(NOW))


def test_counts_go_with_a_process_that_the_stream_has_passed():
    """A process that is gone without an event loses its series too."""
    watch, teller = settled(status("web:a", "RUNNING"), status("job", "RUNNING"))
    watch.observe(snapshot(status("job", "RUNNING"), at=teller.wait(20).at))
    teller.wait(10).tick()

    assert [ns("job")] == list(watch.tallies(NOW))


def test_new_process_begins_with_zeros():
    """Every process that is seen has counts at once, for an increase needs a beginning."""
    watch = Watch.begin(NOW)
    watch.observe(snapshot(status("web:a", "STOPPED")))

    assert 0 == tally(watch).starts
