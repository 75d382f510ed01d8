"""What is wanted: what an operator did counts, what supervisord's coming back did does not."""

from __future__ import annotations

import pytest

from supervisor_maint.snapshots.diff import DiffKind
from supervisor_maint.snapshots.watch import Watch
from tests.fakes.watching import (
    NOW,
    OTHER_SUPERVISORD,
    SUPERVISORD,
    Teller,
    config,
    ns,
    settled,
    snapshot,
    status,
)


def settle(watch: Watch, teller: Teller, *statuses, supervisord=SUPERVISORD):
    """Look a minute later, when what can settle has."""
    teller.wait(61)
    return watch.observe(snapshot(*statuses, at=teller.at, supervisord=supervisord))


def wanted(watch: Watch) -> dict[str, str]:
    return {str(each): found.state.name for each, found in watch.baseline.wanted.items()}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(status("a", "RUNNING"), "RUNNING", id="RUNNING"),
        pytest.param(status("a", "STOPPED"), "STOPPED", id="STOPPED"),
        pytest.param(status("a", "EXITED", exit_status=0), "EXITED", id="expected exit"),
        pytest.param(
            status("a", "EXITED", exit_status=1, spawn_error="Bad exit code 1"),
            "RUNNING",
            id="unexpected exit",
        ),
        pytest.param(status("a", "FATAL"), "RUNNING", id="FATAL: somebody tried to start it"),
        pytest.param(status("a", "BACKOFF"), "RUNNING", id="BACKOFF"),
        pytest.param(status("a", "STOPPING"), "STOPPED", id="STOPPING"),
    ],
)
def test_first_baseline_is_what_has_settled(shown, expected):
    """The first settling ever makes the baseline, with what can be wanted of each process."""
    watch, _ = settled(shown)

    assert {"a": expected} == wanted(watch)


def test_nothing_is_wanted_before_the_first_settling():
    """Looking makes no baseline."""
    watch = Watch.begin(NOW)
    watch.observe(snapshot(status("a", "RUNNING"), at=NOW + 1))

    assert {} == watch.wanted()


@pytest.mark.parametrize(
    ("before", "steps", "shown", "expected"),
    [
        pytest.param(
            status("a", "STOPPED"),
            ("STARTING", "RUNNING 6"),
            status("a", "RUNNING", 6),
            "RUNNING",
            id="started by an operator",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            ("STOPPING 5", "STOPPED 5"),
            status("a", "STOPPED"),
            "STOPPED",
            id="stopped by command",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            ("EXITED 5 ok",),
            status("a", "EXITED", exit_status=0),
            "EXITED",
            id="exited as expected",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            ("EXITED 5",),
            status("a", "EXITED", exit_status=1, spawn_error="Bad exit code 1"),
            "RUNNING",
            id="never an unexpected exit",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            ("EXITED 5", "STARTING", "BACKOFF", "FATAL"),
            status("a", "FATAL"),
            "RUNNING",
            id="never FATAL",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            ("EXITED 5", "STARTING", "BACKOFF"),
            status("a", "BACKOFF"),
            "RUNNING",
            id="never BACKOFF",
        ),
        pytest.param(
            status("a", "RUNNING", 5),
            (),
            status("a", "STOPPED"),
            "RUNNING",
            id="no transition of its own",
        ),
    ],
)
def test_baseline_follows_an_operator(before, steps, shown, expected):
    """At a settling the baseline takes over what an operator did, and nothing else."""
    watch, teller = settled(before)
    teller.process("a", *steps)
    settle(watch, teller, shown)
    settle(watch, teller, shown)

    assert {"a": expected} == wanted(watch)


def test_baseline_moves_at_a_settling_only():
    """A look before things have settled moves nothing."""
    watch, teller = settled(status("a", "RUNNING", 5))
    teller.process("a", "STOPPING 5", "STOPPED 5").wait(3)

    assert watch.observe(snapshot(status("a", "STOPPED"), at=teller.at)) is None
    assert {"a": "RUNNING"} == wanted(watch)


def test_report_names_what_the_baseline_took_over():
    """An operator sees what is wanted from now on."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    teller.process("a", "STOPPING 5", "STOPPED 5")
    report = settle(watch, teller, status("a", "STOPPED"), status("b", "RUNNING", 6))

    assert (ns("a"),) == report.moved
    assert () == report.differences


def test_planned_stop_is_not_wanted():
    """What we stopped and did not start again is a difference."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.plan_stop(ns("a"), 5)
    teller.process("a", "STOPPING 5", "STOPPED 5")
    settle(watch, teller, status("a", "STOPPED"))

    assert {"a": "RUNNING"} == wanted(watch)


def test_reload_does_not_move_the_baseline():
    """What a reload started or stopped is a difference, and stays one."""
    watch, teller = settled(status("a", "STOPPED"), status("b", "RUNNING", 5))
    teller.supervisord(running=False).process("b", "STOPPING 5", "STOPPED 5")
    teller.supervisord(running=True).process("a", "STARTING", "RUNNING 9")
    shown = (status("a", "RUNNING", 9), status("b", "STOPPED"))
    first = settle(watch, teller, *shown)
    teller.process("a", "EXITED 9", "STARTING", "RUNNING 10")
    settle(watch, teller, status("a", "RUNNING", 10), status("b", "STOPPED"))

    assert {"a": "RUNNING", "b": "RUNNING"} == wanted(watch)
    assert [ns("a"), ns("b")] == [each.namespec for each in first.differences]
    assert [ns("b")] == [each.namespec for each in watch.differences]


def test_operators_stop_just_before_a_reload_is_wanted():
    """What was done while supervisord was running counts, though a reload undid it at once."""
    watch, teller = settled(status("a", "RUNNING", 5))
    teller.process("a", "STOPPING 5", "STOPPED 5").supervisord(running=False)
    teller.supervisord(running=True).process("a", "STARTING", "RUNNING 9")
    settle(watch, teller, status("a", "RUNNING", 9))

    assert {"a": "STOPPED"} == wanted(watch)
    assert [DiffKind.STATE] == [each.kind for each in watch.differences]


def test_what_flaps_after_a_reload_stays_frozen_until_it_settles():
    """Coming up late because of the reload is not an operator's start."""
    watch, teller = settled(status("a", "STOPPED"))
    teller.supervisord(running=False).supervisord(running=True).wait(61)
    teller.process("a", "STARTING")
    watch.observe(snapshot(status("a", "STARTING"), at=teller.wait(2).at))
    teller.process("a", "RUNNING 9")
    settle(watch, teller, status("a", "RUNNING", 9))

    assert {"a": "STOPPED"} == wanted(watch)


def test_killed_supervisord_does_not_move_the_baseline():
    """Another supervisord's boot is compared with what was wanted before."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.observe(snapshot(at=teller.at, supervisord=OTHER_SUPERVISORD))
    teller = Teller(watch, at=teller.at).supervisord(running=True)
    teller.process("a", "STARTING", "BACKOFF", "FATAL")
    settle(watch, teller, status("a", "FATAL"), supervisord=OTHER_SUPERVISORD)
    settle(watch, teller, status("a", "FATAL"), supervisord=OTHER_SUPERVISORD)

    assert {"a": "RUNNING"} == wanted(watch)
    assert [("RUNNING", "FATAL")] == [(each.expected, each.found) for each in watch.differences]


def test_run_does_not_move_the_baseline():
    """During a planned run nothing is taken over."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.begin_run()
    teller.process("a", "STOPPING 5", "STOPPED 5")
    watch.end_run(teller.at)
    settle(watch, teller, status("a", "STOPPED"))

    assert {"a": "RUNNING"} == wanted(watch)


def test_shutdown_fault_freezes_as_the_event_does():
    """Fault SHUTDOWN_STATE may be seen before the event, or instead of it."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.freeze()
    teller.process("a", "STOPPING 5", "STOPPED 5").supervisord(running=True)
    settle(watch, teller, status("a", "STOPPED"))

    assert {"a": "RUNNING"} == wanted(watch)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(status("new", "RUNNING"), "RUNNING", id="RUNNING"),
        pytest.param(status("new", "STOPPED"), "STOPPED", id="autostart=false"),
        pytest.param(status("new", "FATAL"), "RUNNING", id="FATAL at once"),
    ],
)
def test_group_added_by_update_is_wanted(shown, expected):
    """An operator who adds a group wants its processes."""
    watch, teller = settled(status("a", "RUNNING"))
    teller.group("new", added=True)
    settle(watch, teller, status("a", "RUNNING"), shown)

    assert {"a": "RUNNING", "new": expected} == wanted(watch)


def test_group_removed_by_update_is_not_wanted():
    """An operator who removes a group does not want it."""
    watch, teller = settled(status("a", "RUNNING"), status("b", "RUNNING"))
    teller.process("b", "STOPPING 100", "STOPPED 100").group("b", added=False)
    report = settle(watch, teller, status("a", "RUNNING"))

    assert {"a": "RUNNING"} == wanted(watch)
    assert () == report.differences


def test_groups_that_a_reload_changed_are_differences():
    """What a reload added or left out was not said with supervisorctl."""
    watch, teller = settled(status("a", "RUNNING"))
    teller.supervisord(running=False).group("b", added=True).supervisord(running=True)
    report = settle(watch, teller, status("b", "RUNNING"))

    assert [DiffKind.MISSING, DiffKind.ADDED] == [each.kind for each in report.differences]


def test_groups_of_a_booting_supervisord_are_not_added_by_an_operator():
    """Supervisord tells of its groups before it says that it runs."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.observe(snapshot(at=teller.at, supervisord=OTHER_SUPERVISORD))
    teller = Teller(watch, at=teller.at).group("b", added=True).supervisord(running=True)
    shown = (status("a", "RUNNING"), status("b", "RUNNING"))
    report = settle(watch, teller, *shown, supervisord=OTHER_SUPERVISORD)

    assert [DiffKind.ADDED] == [each.kind for each in report.differences]


def test_own_stanza_updated_is_wanted():
    """Our own group is added anew without supervisord's coming back."""
    watch, teller = settled(status("a", "RUNNING"))
    changes = watch.take_changes()
    watch = Watch.restore(
        changes.meta, changes.processes, started_at=teller.at, supervisord=SUPERVISORD
    )
    teller.watch = watch
    teller.new_pool().group("maint", added=True).tick()
    settle(watch, teller, status("a", "RUNNING"), status("maint", "RUNNING"))

    assert {"a": "RUNNING", "maint": "RUNNING"} == wanted(watch)


@pytest.mark.parametrize(
    "shown",
    [
        status("a", "RUNNING"),
        status("a", "STOPPED"),
        status("a", "EXITED", exit_status=3, spawn_error="Bad exit code 3"),
        status("a", "FATAL"),
        status("a", "BACKOFF"),
        status("a", "STARTING"),
        status("a", "STOPPING"),
        status("a", "UNKNOWN"),
    ],
    ids=lambda shown: shown.state.name,
)
def test_accepted_state_is_no_difference(shown):
    """Whatever it is, after accept it is wanted or at least known."""
    watch, teller = settled(status("a", "STOPPED" if shown.state == 20 else "RUNNING"))
    settle(watch, teller, shown)
    settle(watch, teller, shown)
    last = snapshot(shown, at=teller.at)

    assert (ns("a"),) == watch.accept(None, last, teller.at)
    assert () == watch.differences
    assert () == watch.compare(last)


def test_accept_of_one_process_leaves_the_others():
    """Only the named difference goes."""
    watch, teller = settled(status("a", "RUNNING"), status("b", "RUNNING"))
    shown = snapshot(status("a", "FATAL"), status("b", "FATAL"), at=teller.wait(61).at)
    watch.observe(shown)
    settle(watch, teller, *shown.processes.values())
    moved = watch.accept([ns("a")], shown, teller.at)

    assert (ns("a"),) == moved
    assert [ns("b")] == [each.namespec for each in watch.differences]
    assert {ns("a"): False, ns("b"): True} == watch.wanted()


def test_accept_takes_over_what_is_missing_and_added():
    """A process that is gone is wanted no more, a new one is."""
    watch, teller = settled(status("a", "RUNNING"))
    shown = snapshot(status("b", "RUNNING"), at=teller.at)

    assert (ns("a"), ns("b")) == watch.accept(None, shown, teller.at)
    assert {"b": "RUNNING"} == wanted(watch)


def test_accept_takes_over_the_configuration():
    """A configuration that was read and not applied is accepted too."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.configure({ns("a"): config("a")}, NOW)
    watch.configure({ns("a"): config("a", command="new")}, NOW)
    shown = snapshot(status("a", "RUNNING"), at=teller.at)
    watch.accept(None, shown, teller.at)

    assert () == watch.compare(shown)


def test_accepted_fatal_is_wanted_again_when_an_operator_starts_it():
    """accept holds until somebody does something else."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.accept(None, snapshot(status("a", "FATAL"), at=teller.at), teller.at)
    teller.process("a", "STARTING", "RUNNING 9")
    settle(watch, teller, status("a", "RUNNING", 9))

    assert {ns("a"): True} == watch.wanted()
