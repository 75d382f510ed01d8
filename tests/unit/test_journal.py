"""The journal: what was written is there, whatever dies."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from supervisor_maint.errors import NewerSchema, StoreDamaged, StoreError
from supervisor_maint.store.aside import find_aside
from supervisor_maint.store.database import Database
from supervisor_maint.store.files import free_bytes
from supervisor_maint.store.journal import LEAST_FREE_BYTES, Journal
from supervisor_maint.store.records import Hold, JournalState, LastRun
from supervisor_maint.store.schema import JOURNAL
from tests.fakes.full_disk import full_disk

RUN = {"id": "r1", "state": "RESTARTING", "stopped": ["web:a", "web:\udce9"]}
NIGHTLY = LastRun(
    plan="nightly",
    run_id="r1",
    scheduled_at=100.0,
    started_at=101.0,
    ended_at=150.0,
    outcome="succeeded",
)
HOLD = Hold(plan="nightly", reason="release", asked_by="kim", since_at=1.0, until_at=9.0)
KILLS = 20


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite", lambda: 1_700_000_000.0)
    yield journal
    journal.close()


def reopened(journal):
    """Return what the next listener reads."""
    journal.close()
    return journal.load()


def test_new_journal_is_empty(journal):
    """A first start finds nothing and is not blocked."""
    assert JournalState() == journal.load()


def test_run_is_kept(journal):
    """The open run is there after a restart, with a revision that grows."""
    assert 1 == journal.save_run({"id": "r1"})
    assert 2 == journal.save_run(RUN)

    state = reopened(journal)

    assert (RUN, 2) == (state.run, state.revision)


def test_closed_run_is_gone_and_recorded(journal):
    """Closing a run records it in the same write; the revision goes on."""
    journal.save_run(RUN)

    journal.save_run(None, finished=NIGHTLY)

    state = reopened(journal)
    assert (None, 2, {"nightly": NIGHTLY}) == (state.run, state.revision, state.last_runs)


@pytest.mark.parametrize("document", [{"id": "r", "at": float("nan")}, {"id": "r", "ids": {1: 2}}])
def test_run_that_is_no_json_is_refused(journal, document):
    """What would not come back as it is, is not written."""
    with pytest.raises(ValueError, match="JSON"):
        journal.save_run(document)

    assert journal.load().run is None


@pytest.mark.parametrize(("own", "kept"), [(None, 100.0), (90.0, 100.0), (110.0, 110.0)])
def test_manual_run_keeps_the_scheduled_time(journal, own, kept):
    """A run that somebody asked for does not make what is dealt with due again."""
    manual = attrs.evolve(NIGHTLY, run_id="r2", is_manual=True, scheduled_at=own, ended_at=900.0)
    journal.record_plan(NIGHTLY)

    journal.record_plan(manual)

    expected = attrs.evolve(manual, scheduled_at=kept)
    assert {"nightly": expected} == reopened(journal).last_runs


def test_skipped_plan_is_recorded(journal):
    """A plan that was skipped has a last run with the reason."""
    skipped = LastRun(
        plan="nightly", scheduled_at=100.0, ended_at=400.0, outcome="skipped", reason="held"
    )

    journal.record_plan(skipped)

    assert {"nightly": skipped} == reopened(journal).last_runs


@pytest.mark.parametrize("free", [None, LEAST_FREE_BYTES, LEAST_FREE_BYTES + 1])
def test_journal_with_room_for_a_run_can_be_written(tmp_path, free):
    """There is room, or the file system does not tell."""
    journal = Journal(tmp_path / "journal.sqlite", free_bytes=lambda _: free)

    journal.check_writable()
    journal.close()


def test_nearly_full_disk_blocks_a_run(tmp_path):
    """What could be begun and not be written down to its end is not begun."""
    journal = Journal(tmp_path / "journal.sqlite", free_bytes=lambda _: 3 * 2**20)

    with pytest.raises(StoreError, match=r"expected 16 MiB free .*, found 3\.0 MiB; free"):
        journal.check_writable()
    journal.save_hold(HOLD)
    journal.close()


def test_free_space_is_what_we_may_use(tmp_path):
    """It is that of the file system; where there is no folder nobody knows."""
    free = free_bytes(tmp_path)

    assert free is not None
    assert 0 < free <= os.statvfs(tmp_path).f_bfree * os.statvfs(tmp_path).f_frsize + 2**30
    assert free_bytes(tmp_path / "none") is None


def test_holds_are_kept_and_replaced(journal):
    """Each plan has one hold, and so has every plan together."""
    everything = Hold(since_at=1.0)
    longer = attrs.evolve(HOLD, until_at=99.0)
    for hold in (HOLD, everything, longer):
        journal.save_hold(hold)

    assert (everything, longer) == reopened(journal).holds


def test_dropping_a_hold_tells_whether_there_was_one(journal):
    """Resuming what is not held can be told from resuming what is."""
    journal.save_hold(Hold(since_at=1.0))

    assert [False, True, False] == [journal.drop_hold(plan) for plan in ("nightly", None, None)]
    assert () == journal.load().holds


@pytest.mark.parametrize(
    ("hold", "plan", "now", "expected"),
    [
        (HOLD, "nightly", 8.9, True),
        (HOLD, "nightly", 9.0, False),
        (HOLD, "weekly", 5.0, False),
        (Hold(since_at=1.0), "weekly", 1e12, True),
    ],
)
def test_hold_covers(hold, plan, now, expected):
    """A hold covers its plan, or every plan, until its end."""
    assert expected is hold.covers(plan, now)


@pytest.mark.parametrize(
    "fields", [{"plan": ""}, {"outcome": "great"}, {"ended_at": None}, {"reason": None}]
)
def test_invalid_last_run_cannot_exist(fields):
    """A last run that means nothing is refused where it is made."""
    with pytest.raises((ValueError, TypeError)):
        attrs.evolve(NIGHTLY, **fields)


def spoil_header(path):
    path.write_bytes(b"garbage" * 1000)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:4100])


def spoil_document(path):
    database = Database(path=path, schema=JOURNAL)
    with database.transaction() as connection:
        connection.execute("UPDATE holds SET document = '{\"plan\": 5}'")
    database.close()


@pytest.mark.parametrize("damage", [spoil_header, cut_off, spoil_document])
def test_unreadable_journal_blocks_runs_until_resume(journal, damage):
    """A damaged journal is set aside, and the new one blocks over restarts until resume."""
    journal.save_hold(HOLD)
    journal.close()
    damage(journal.path)

    state = journal.load()

    (aside,) = find_aside(journal.path)
    assert () == state.holds
    assert "the file is damaged" in state.needs_resume
    assert aside.name in state.needs_resume
    assert state == reopened(journal)
    journal.clear_needs_resume()
    assert reopened(journal).needs_resume is None


def test_damage_in_the_middle_is_an_error_once(journal):
    """A journal that is taken away under the listener fails the write, then blocks."""
    journal.save_run(RUN)
    journal.path.unlink()

    with pytest.raises(StoreDamaged, match="removed or replaced"):
        journal.save_run(RUN)
    journal.save_run(RUN)

    state = reopened(journal)
    assert RUN == state.run
    assert "removed or replaced" in state.needs_resume


def test_journal_lost_for_good_still_blocks(journal):
    """Even if the listener dies between setting aside and beginning anew, runs are blocked."""
    journal.save_run(RUN)
    journal.close()
    journal.path.rename(journal.path.with_name("journal.sqlite.damaged-20240101T000000Z"))

    assert "could not be read" in journal.load().needs_resume


def test_newer_journal_is_refused_and_its_run_readable(journal):
    """A newer version's journal is refused; its open run can be finished."""
    journal.save_run(RUN)
    journal.close()
    newer = attrs.evolve(JOURNAL, migrations=(*JOURNAL.migrations, ("CREATE TABLE more (a)",)))
    database = Database(path=journal.path, schema=newer)
    with database.transaction():
        pass
    database.close()

    with pytest.raises(NewerSchema):
        journal.load()
    with pytest.raises(NewerSchema):
        journal.check_writable()
    assert RUN == journal.read_newer_run()


def test_newer_journal_without_a_run(journal):
    """A journal in which no run is open has none to finish."""
    journal.save_run(RUN)
    journal.save_run(None)

    assert journal.read_newer_run() is None


def test_newer_journal_that_is_none(tmp_path):
    """What cannot be read is a StoreError."""
    (tmp_path / "j").write_bytes(b"garbage" * 1000)

    with pytest.raises(StoreError):
        Journal(tmp_path / "j").read_newer_run()


def test_full_disk_is_told_and_passes(journal):
    """On a full disk the check and every write fail; afterwards they work again."""
    journal.save_run(RUN)
    with full_disk():
        with pytest.raises(StoreError):
            journal.check_writable()
        with pytest.raises(StoreError):
            journal.save_run({**RUN, "filling": "x" * 50_000})

    journal.check_writable()
    state = reopened(journal)
    assert (RUN, None) == (state.run, state.needs_resume)


def test_disk_that_is_full_from_the_start(journal):
    """A journal that cannot even be begun is an error, and is begun later."""
    with full_disk(0), pytest.raises(StoreError):
        journal.load()

    assert JournalState() == journal.load()


def test_missing_directory_is_told(tmp_path):
    """Without its directory the journal is an error."""
    with pytest.raises(StoreError, match="no such file"):
        Journal(tmp_path / "none" / "journal.sqlite").check_writable()


def kill_while_it_writes(path, acknowledged):
    """Kill a writer after some acknowledged writes, and return what it acknowledged later."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.journal_writer", str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        for _ in range(acknowledged):
            child.stdout.readline()
        child.kill()
        return child.stdout.read()


def test_killed_writer_loses_nothing_it_has_acknowledged(journal):
    """After each of 20 kill -9 the last acknowledged write is there, whole, and nothing older."""
    chance = random.Random(7)
    last = 0
    for _ in range(KILLS):
        wanted = chance.randint(1, 12)
        rest = kill_while_it_writes(journal.path, wanted)
        acknowledged = last + wanted + rest.count(b"\n")

        state = reopened(journal)
        journal.close()

        assert state.revision in (acknowledged, acknowledged + 1)
        assert state.revision == state.run["number"]
        assert state.needs_resume is None
        last = state.revision
