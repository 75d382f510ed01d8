"""The history: counters that survive, records that end, and a disk that may be full."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading

import attrs
import pytest

from supervisor_maint.errors import NewerSchema, StoreDamaged, StoreError
from supervisor_maint.store.database import Database
from supervisor_maint.store.history import History
from supervisor_maint.store.schema import HISTORY
from tests.fakes.full_disk import full_disk

DAY = 86400.0
PLENTY = 10**9


@pytest.fixture
def history(tmp_path):
    history = History(tmp_path / "history.sqlite", lambda: 1_700_000_000.0)
    yield history
    history.close()


def reopened(history):
    """Return what the next listener finds."""
    history.close()
    return history.load_watch()


def snapshots(history):
    """Return when each snapshot in the file was taken, and its document."""
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        query = "SELECT recorded_at, document FROM records WHERE kind = 'snapshot'"
        return [(taken_at, json.loads(text)) for taken_at, text in connection.execute(query)]


def damage(history):
    history.close()
    history.path.write_bytes(b"garbage" * 1000)


def test_first_start_finds_nothing(history):
    """A new history has no watch, no totals and no runs."""
    assert (None, None, []) == (history.load_watch(), history.load_totals(), history.runs(5))


def test_watch_is_kept(history):
    """What was saved of the watch is there after a restart."""
    history.save_watch({"serial": 7}, {"web:a": {"starts": 1}, "web:\u00e9": {"starts": 2}})

    assert ({"serial": 7}, {"web:a": {"starts": 1}, "web:\u00e9": {"starts": 2}}) == reopened(
        history
    )


def test_only_changes_are_saved(history):
    """What is not named stays; None drops a process, and is a value in the meta."""
    history.save_watch({"serial": 7, "settled_at": 1.0}, {"a": {"n": 1}, "b": {"n": 1}, "c": {}})
    history.save_watch({"settled_at": None}, {"a": {"n": 2}, "b": None})

    assert ({"serial": 7, "settled_at": None}, {"a": {"n": 2}, "c": {}}) == reopened(history)


def test_totals_go_with_the_watch(history):
    """The listener's own counters are saved with the serials, and stay when not named."""
    history.save_watch({"serial": 7}, {}, totals={"events_lost": 1})
    history.save_watch({"serial": 8}, {})

    assert ({"serial": 8}, {}) == reopened(history)
    assert {"events_lost": 1} == history.load_totals()


def test_watch_is_saved_whole_or_not_at_all(history):
    """Counters and serials never disagree: on a full disk neither is saved."""
    history.save_watch({"serial": 7}, {"a": {"n": 1}})
    with full_disk(), pytest.raises(StoreError):
        history.save_watch({"serial": 8}, {"a": {"n": 2}, "b": {"filling": "x" * 50_000}})

    assert ({"serial": 7}, {"a": {"n": 1}}) == reopened(history)


def test_full_disk_passes(history):
    """Saving works again once there is room, without a restart."""
    history.save_watch({"serial": 7}, {})
    with full_disk():
        for _ in range(3):
            with pytest.raises(StoreError):
                history.add_report(1.0, {"filling": "x" * 50_000})

    history.add_report(2.0, {"kept": True})

    with History.open_readonly(history.path) as reader:
        assert [{"kept": True}] == [record.document for record in reader.reports()]


def test_what_is_no_json_is_refused(history):
    """A document that would not come back as it is, is a programmer's error."""
    with pytest.raises(ValueError, match="expected a text as key"):
        history.save_watch({}, {"a": {1: 2}})


def test_damaged_history_is_set_aside(history):
    """A damaged file is kept beside the new one that is begun."""
    history.save_watch({"serial": 7}, {})
    damage(history)

    assert history.load_watch() is None
    assert b"garbage" == history.set_aside.read_bytes()[:7]
    history.save_watch({"serial": 8}, {})
    assert ({"serial": 8}, {}) == reopened(history)


def test_history_begun_anew_gets_every_counter_back(history):
    """When the file is lost under a running listener, no counter is."""
    history.save_watch({"serial": 7}, {"a": {"n": 1}, "b": {"n": 1}}, totals={"lost": 1})
    damage(history)

    with pytest.raises(StoreDamaged):
        history.add_report(1.0, {})
    history.save_watch({"serial": 8}, {"a": {"n": 2}, "b": None})

    assert ({"serial": 8}, {"a": {"n": 2}}) == reopened(history)
    assert {"lost": 1} == history.load_totals()


def test_removed_history_gets_every_counter_back(history):
    """A file that somebody removes is an error once, and complete after the next save."""
    history.save_watch({"serial": 7}, {"a": {"n": 1}})
    history.path.unlink()

    with pytest.raises(StoreDamaged, match="removed or replaced"):
        history.save_watch({"serial": 8}, {})
    history.save_watch({"serial": 9}, {})

    assert ({"serial": 9}, {"a": {"n": 1}}) == reopened(history)


def test_counters_loaded_are_not_lost_either(history):
    """A listener that has only read its counters does not lose them with the file."""
    history.save_watch({"serial": 7}, {"a": {"n": 1}})
    next_one = History(history.path)
    next_one.load_watch()
    next_one.close()
    damage(history)

    with pytest.raises(StoreDamaged):
        next_one.save_watch({"serial": 8}, {})
    next_one.save_watch({"serial": 8}, {})

    assert ({"serial": 8}, {"a": {"n": 1}}) == reopened(next_one)
    next_one.close()


def test_newer_history_is_refused(history):
    """A newer version's history is refused by listener and client."""
    newer = attrs.evolve(HISTORY, migrations=(*HISTORY.migrations, ("CREATE TABLE more (a)",)))
    database = Database(path=history.path, schema=newer)
    with database.transaction():
        pass
    database.close()

    with pytest.raises(NewerSchema):
        history.save_watch({}, {}, totals={})
    with pytest.raises(NewerSchema):
        History.open_readonly(history.path)


def test_older_history_needs_the_listener(history, monkeypatch):
    """A client that is newer than the file says how it is brought up to date."""
    history.save_watch({}, {}, totals={})
    newer = attrs.evolve(HISTORY, migrations=(*HISTORY.migrations, ("CREATE TABLE more (a)",)))
    monkeypatch.setattr("supervisor_maint.store.history_reader.HISTORY", newer)

    with pytest.raises(StoreError, match="restart the listener"):
        History.open_readonly(history.path)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.touch()])
def test_no_history_yet_is_told(history, make):
    """Before the listener has written anything there is nothing to read."""
    make(history.path)

    with pytest.raises(StoreError, match="no history yet"):
        History.open_readonly(history.path)


def test_damaged_history_is_told_to_clients(history):
    """A client says that the file is damaged and moves nothing."""
    history.save_watch({}, {}, totals={})
    damage(history)

    with pytest.raises(StoreDamaged):
        History.open_readonly(history.path)
    assert history.path.exists()


def test_clients_read_while_the_listener_writes(history):
    """A reader sees what was there, neither waits for the other, newest first."""
    for number in range(45):
        history.add_report(float(number), {"number": number})
    with History.open_readonly(history.path) as reader:
        reports = reader.reports()
        seen = [next(reports).document["number"]]
        history.add_report(99.0, {"number": 99})
        history.prune(0.0, keep_seconds=DAY, max_bytes=PLENTY)
        seen += [record.document["number"] for record in reports]

        assert list(range(44, -1, -1)) == seen
        assert [99, 44] == [record.document["number"] for record in reader.reports(limit=2)]


def test_records_of_one_moment_are_all_read(history):
    """Paging neither repeats nor leaves out what happened at the same time."""
    for number in range(50):
        history.add_report(5.0, {"number": number})

    with History.open_readonly(history.path) as reader:
        numbers = [record.document["number"] for record in reader.reports()]

    assert list(range(49, -1, -1)) == numbers


def test_runs_are_found_by_id(history):
    """A run is kept once, however often it is saved, and found by its id."""
    history.save_run("r1", 10.0, {"outcome": "open"})
    history.save_run("r2", 20.0, {"outcome": "failed"})
    history.save_run("r1", 10.0, {"outcome": "succeeded"})

    with History.open_readonly(history.path) as reader:
        assert ["r2", "r1"] == [record.name for record in reader.runs()]
        assert {"outcome": "succeeded"} == reader.run("r1").document
        assert reader.run("r3") is None
    assert ["r2"] == [record.name for record in history.runs(1)]


def test_snapshots_say_why_they_were_taken(history):
    """A snapshot is kept with its kind."""
    history.add_snapshot(1.0, "hourly", {"processes": {}})

    assert [(1.0, {"kind": "hourly", "processes": {}})] == snapshots(history)


def test_prune_drops_what_is_old(history):
    """What is older than wanted goes, the watch stays."""
    history.save_watch({"serial": 7}, {})
    for day in range(100):
        history.add_report(day * DAY, {})

    history.prune(100 * DAY, keep_seconds=90 * DAY, max_bytes=PLENTY)

    with History.open_readonly(history.path) as reader:
        left = [record.recorded_at for record in reader.reports()]
    assert (90, 10 * DAY) == (len(left), min(left))
    assert ({"serial": 7}, {}) == reopened(history)


def test_prune_drops_what_is_too_much(history):
    """The oldest bulk goes first, runs stay, and the file on disk shrinks."""
    history.save_run("r1", 0.0, {})
    for number in range(400):
        history.add_snapshot(float(number), "hourly", {"filling": "x" * 10_000})
    wanted = 1_000_000

    history.prune(500.0, keep_seconds=DAY, max_bytes=wanted)

    files = [history.path.with_name(history.path.name + suffix) for suffix in ("", "-wal")]
    assert sum(file.stat().st_size for file in files) <= wanted + 4096
    with History.open_readonly(history.path) as reader:
        assert reader.run("r1") is not None
    assert 399.0 == max(taken_at for taken_at, _ in snapshots(history))


def test_prune_ends_when_nothing_is_left(history):
    """A limit below what the watch needs drops every record and no counter."""
    history.save_watch({"serial": 7}, {"a": {"filling": "x" * 50_000}})
    history.add_report(1.0, {})

    history.prune(2.0, keep_seconds=DAY, max_bytes=1)

    with History.open_readonly(history.path) as reader:
        assert [] == list(reader.reports())
    assert {"a": {"filling": "x" * 50_000}} == reopened(history)[1]


def test_other_thread_may_write(history):
    """The thread that writes need not be the one that opened the file."""
    history.save_watch({"serial": 7}, {})
    thread = threading.Thread(target=history.save_watch, args=({"serial": 8}, {}))
    thread.start()
    thread.join()

    assert ({"serial": 8}, {}) == history.load_watch()


def test_spoiled_document_is_damage(history):
    """A document that is no JSON any more is damage, for listener and client."""
    history.save_watch({"serial": 7}, {})
    history.add_report(1.0, {})
    history.close()
    with contextlib.closing(sqlite3.connect(history.path)) as connection, connection:
        connection.execute("UPDATE watch SET document = '{'")
        connection.execute("UPDATE records SET document = '[]'")

    with History.open_readonly(history.path) as reader, pytest.raises(StoreDamaged):
        list(reader.reports())
    assert history.load_watch() is None
    assert history.set_aside.exists()


def test_history_that_makes_no_sense_is_begun_anew(history):
    """What can be read but not understood is set aside, and never saved again."""
    history.save_watch({"serial": "nonsense"}, {"web:a": {"starts": 1}})
    history.load_watch()

    history.begin_anew()
    history.save_watch({"serial": 1}, {})

    assert history.set_aside.exists()
    assert ({"serial": 1}, {}) == reopened(history)
