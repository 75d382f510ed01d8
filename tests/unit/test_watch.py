"""The watch as the application uses it: start, look, report, save, come back."""

from __future__ import annotations

import json

import attrs
import pytest

from supervisor_maint.errors import NewerSchema, StoreDamaged
from supervisor_maint.snapshots.settling import Reason
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


@attrs.frozen
class Exit:
    exit_status: int | None = None
    signal: str | None = None


def restored(watch: Watch, at: float, supervisord=SUPERVISORD) -> Watch:
    """The next listener, after everything was saved as JSON."""
    changes = watch.take_changes()
    meta, processes = json.loads(json.dumps([changes.meta, changes.processes]))
    saved = {name: each for name, each in processes.items() if each is not None}
    return Watch.restore(meta, saved, started_at=at, supervisord=supervisord)


def kinds(watch: Watch) -> list[str]:
    return [each.kind.value for each in watch.differences]


def test_report_after_a_burst():
    """A report tells when it began, when it was made, why, and what differs."""
    watch, teller = settled(status("a", "RUNNING", 5))
    began_at = teller.at
    teller.process("a", "EXITED 5", "STARTING", "BACKOFF", "FATAL").wait(10)
    report = watch.observe(snapshot(status("a", "FATAL"), at=teller.at))

    assert (began_at, teller.at) == (report.began_at, report.made_at)
    assert Reason.TRANSITION is report.reason
    assert ["state"] == kinds(watch)
    assert report is watch.report
    assert ["a"] == [each["process"].split(":")[0] for each in report.to_document()["differences"]]


def test_crash_that_came_back_is_no_difference():
    """RUNNING again with another pid is as wanted."""
    watch, teller = settled(status("a", "RUNNING", 5))
    teller.process("a", "EXITED 5", "STARTING", "RUNNING 6").wait(10)
    report = watch.observe(snapshot(status("a", "RUNNING", 6), at=teller.at))

    assert () == report.differences


def test_difference_lasts_until_it_is_gone():
    """The next burst does not take FATAL for normal."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    teller.process("a", "EXITED 5", "STARTING", "BACKOFF", "FATAL").wait(10)
    shown = (status("a", "FATAL"), status("b", "RUNNING", 6))
    watch.observe(snapshot(*shown, at=teller.at))
    teller.process("b", "EXITED 6", "STARTING", "RUNNING 7").wait(10)
    watch.observe(snapshot(*shown, at=teller.at))

    assert ["state"] == kinds(watch)
    teller.process("a", "STARTING", "RUNNING 8").wait(10)
    watch.observe(snapshot(status("a", "RUNNING", 8), status("b", "RUNNING", 6), at=teller.at))
    assert [] == kinds(watch)


def test_restart_loop_is_flapping_at_each_settle_max():
    """What still moves is reported, again and again, until it settles."""
    watch, teller = settled(status("a", "RUNNING", 5))
    reports = []
    for _ in range(26):
        teller.process("a", "EXITED 5", "STARTING", "RUNNING 5").wait(5)
        reports.append(watch.observe(snapshot(status("a", "RUNNING", 5), at=teller.at)))
    reports = [report for report in reports if report is not None]

    assert [(ns("a"),), (ns("a"),)] == [report.flapping for report in reports]
    assert ["flapping"] == kinds(watch)
    watch.observe(snapshot(status("a", "RUNNING", 5), at=teller.wait(10).at))
    assert [] == kinds(watch)


def test_idle_tick_wants_nothing():
    """A TICK with nothing else asks supervisord nothing."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.observe(snapshot(status("a", "RUNNING"), at=teller.at))
    teller.wait(5).tick()

    assert watch.next_due(teller.at) is None


@pytest.mark.parametrize("happens", ["process", "group", "supervisord", "loss"])
def test_what_happens_wants_a_snapshot(happens):
    """Anything that may have changed a process wants a look."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.observe(snapshot(status("a", "RUNNING"), at=teller.at))
    teller.wait(5)
    if happens == "process":
        teller.process("a", "STARTING")
    elif happens == "group":
        teller.group("b", added=True)
    elif happens == "supervisord":
        teller.supervisord(running=True)
    else:
        teller.skip().tick().tick()

    assert teller.at + 10 == watch.next_due(teller.at)


def test_look_that_finds_another_picture_waits_for_it_to_settle():
    """A difference that no event told of is reported, but not at the first sight."""
    watch, teller = settled(status("a", "RUNNING"))
    at = teller.wait(100).at
    shown = status("a", "STOPPED", started_at=NOW - 3000)

    assert watch.observe(snapshot(shown, at=at)) is None
    report = watch.observe(snapshot(shown, at=at + 10))
    assert Reason.LOOKED is report.reason
    assert ["state"] == kinds(watch)


def test_supervisord_that_is_not_running_is_not_judged():
    """While it goes down nothing is as wanted, and that says nothing."""
    watch, teller = settled(status("a", "RUNNING"))
    going = attrs.evolve(SUPERVISORD, state="SHUTDOWN")
    teller.supervisord(running=False).wait(61)

    assert watch.observe(snapshot(status("a", "STOPPED"), at=teller.at, supervisord=going)) is None
    assert [] == kinds(watch)


def test_start_time_that_jitters_is_the_same_supervisord():
    """A start time is computed, and may differ by a second from one time to the next."""
    watch, teller = settled(status("a", "RUNNING", 5))
    slewed = attrs.evolve(SUPERVISORD, started_at=SUPERVISORD.started_at + 1)
    watch.observe(snapshot(status("a", "RUNNING", 5), at=teller.wait(20).at, supervisord=slewed))
    teller.wait(10).tick()

    assert 1 == watch.tallies(NOW)[ns("a")].starts


def test_learnt_exits_are_in_the_differences():
    """What supervisord's log told goes into the differences, the report and the statuses."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    teller.process("a", "EXITED 5", "STARTING", "BACKOFF", "FATAL").wait(10)
    watch.observe(snapshot(status("a", "FATAL"), status("b", "RUNNING", 6), at=teller.at))
    watch.learn_exits({ns("a"): Exit(exit_status=1), ns("b"): Exit(exit_status=9)})

    assert ["exit status 1"] == [each.detail for each in watch.differences]
    assert watch.differences == watch.report.differences
    assert {ns("a"): 1} == watch.exit_statuses()


@pytest.mark.parametrize("happens", ["started", "seen running"])
def test_learnt_exit_is_forgotten(happens):
    """The status of an earlier end is not shown for a later one."""
    watch, teller = settled(status("a", "FATAL"))
    watch.learn_exits({ns("a"): Exit(exit_status=1)})
    if happens == "started":
        teller.process("a", "STARTING")
    else:
        watch.observe(snapshot(status("a", "RUNNING"), at=teller.at))

    assert {} == watch.exit_statuses()


def test_configuration_read_later_shows_in_the_report():
    """A configuration that was only read is a difference as soon as it is known."""
    watch, teller = settled(status("a", "RUNNING"))
    watch.configure({ns("a"): config("a")}, teller.at)
    watch.configure({ns("a"): config("a", command="new")}, teller.at)

    assert ["read, not applied"] == [each.detail for each in watch.differences]


def test_configuration_applied_by_update_is_wanted():
    """An operator who updates a group wants its new configuration."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.configure({ns("a"): config("a")}, teller.at)
    teller.process("a", "STOPPING 5", "STOPPED 5").group("a", added=False).group("a", added=True)
    teller.process("a", "STARTING", "RUNNING 6")
    watch.configure({ns("a"): config("a", command="new")}, teller.at)
    watch.observe(snapshot(status("a", "RUNNING", 6), at=teller.wait(20).at))

    assert [] == kinds(watch)


def test_configuration_applied_by_reload_is_a_difference():
    """A reload's changes stay visible until they are accepted."""
    watch, teller = settled(status("a", "RUNNING", 5))
    watch.configure({ns("a"): config("a")}, teller.at)
    teller.supervisord(running=False).supervisord(running=True)
    watch.configure({ns("a"): config("a", command="new")}, teller.at)
    watch.observe(snapshot(status("a", "RUNNING", 6), at=teller.wait(20).at))

    assert ["changed: command"] == [each.found for each in watch.differences]
    assert [""] == [each.detail for each in watch.differences]


# the death of the listener


def test_everything_comes_back():
    """Counts, baseline, configuration and differences outlive the listener."""
    watch, teller = settled(status("web:a", "RUNNING", 5), status("ü:é", "RUNNING", 6))
    watch.configure({ns("web:a"): config("web:a")}, teller.at)
    teller.process("web:a", "EXITED 5", "STARTING", "BACKOFF", "FATAL").wait(10)
    watch.observe(snapshot(status("web:a", "FATAL"), status("ü:é", "RUNNING", 6), at=teller.at))
    tallies = watch.tallies(teller.at)
    again = restored(watch, teller.at)

    assert tallies == again.tallies(teller.at)
    assert watch.wanted() == again.wanted()
    assert watch.baseline.wanted == again.baseline.wanted
    assert watch.differences == again.differences
    assert watch.configurations.running == again.configurations.running


def test_only_what_changed_is_saved():
    """A save costs what happened, not what there is."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    teller.wait(10).tick()
    watch.take_changes()
    watch.observe(snapshot(status("a", "RUNNING", 5), status("b", "RUNNING", 6), at=teller.at))
    teller.wait(10).tick().process("a", "STOPPING 5")

    assert {"a:a"} == set(watch.take_changes().processes)


def test_removed_process_is_saved_as_none():
    """The store forgets it."""
    watch, teller = settled(status("a", "RUNNING"), status("b", "RUNNING"))
    watch.take_changes()
    teller.group("b", added=False)

    assert {"b:b": None} == watch.take_changes().processes


def test_listener_start_reports_against_the_last_baseline():
    """What changed while no listener ran is a difference; what events tell is followed."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    watch = restored(watch, teller.wait(100).at)
    teller.watch = watch
    teller.process("b", "STOPPING 6", "STOPPED 6").wait(20)
    report = watch.observe(snapshot(status("a", "STOPPED"), status("b", "STOPPED"), at=teller.at))

    assert Reason.LISTENER_START is report.reason
    assert [ns("a")] == [each.namespec for each in report.differences]
    assert (ns("b"),) == report.moved


def test_listener_start_under_another_supervisord_freezes():
    """After a reboot everything is compared, and nothing taken over."""
    watch, teller = settled(status("a", "RUNNING", 5), status("b", "STOPPED"))
    watch = restored(watch, teller.wait(100).at, OTHER_SUPERVISORD)
    teller = Teller(watch, at=teller.at).supervisord(running=True)
    teller.process("a", "STARTING", "BACKOFF", "FATAL").process("b", "STARTING", "RUNNING 9")
    shown = snapshot(
        status("a", "FATAL"),
        status("b", "RUNNING", 9),
        at=teller.wait(20).at,
        supervisord=OTHER_SUPERVISORD,
    )
    report = watch.observe(shown)

    assert Reason.SUPERVISORD_START is report.reason
    assert ["state", "state"] == kinds(watch)
    assert 0 == watch.events_lost


def test_crash_between_acknowledge_and_save_shows_as_loss():
    """Events that were received and not saved are not counted, and are counted as lost."""
    watch, teller = settled(status("a", "RUNNING", 5))
    again = restored(watch, teller.at)
    teller.process("a", "EXITED 5", "STARTING", "BACKOFF")
    teller.watch = again
    teller.process("a", "STARTING").tick()

    assert 3 == again.events_lost
    assert 0 == again.tallies(teller.at)[ns("a")].start_failures


def test_nothing_saved_is_a_first_start():
    """An empty store begins a watch."""
    watch = Watch.restore({}, {}, started_at=NOW, supervisord=SUPERVISORD)

    assert not watch.baseline.is_established
    assert NOW + 10 == watch.next_due(NOW)


def test_unknown_keys_are_ignored():
    """What a newer version of the same schema added does not matter."""
    watch, teller = settled(status("a", "RUNNING", 5))
    teller.wait(10).tick()
    changes = watch.take_changes()
    processes = {
        name: {**each, "new": 1, "runs": {**each["runs"], "new": 1}}
        for name, each in changes.processes.items()
    }
    again = Watch.restore({**changes.meta, "new": 1}, processes, started_at=NOW)

    assert watch.wanted() == again.wanted()


def test_newer_version_is_refused():
    """A sentence says what to install."""
    with pytest.raises(NewerSchema, match="version 99"):
        Watch.restore({"version": 99}, {}, started_at=NOW)


@pytest.mark.parametrize("meta", [{"version": 1}, {"version": 1, "order": 3}])
def test_nonsense_is_refused(meta):
    """Damage is told from absence."""
    with pytest.raises(StoreDamaged, match="make no sense"):
        Watch.restore(meta, {}, started_at=NOW)
