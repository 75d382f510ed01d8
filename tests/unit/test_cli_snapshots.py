"""Snapshots that were kept: listed, shown and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from supervisor_maint.app.recording import snapshot_document
from supervisor_maint.cli import snapshots
from supervisor_maint.processes import Namespec, Supervisord
from supervisor_maint.store.history import History
from tests.fakes.commands import Place, SupervisordServer
from tests.fakes.watching import SUPERVISORD, ns, snapshot, status
from tests.fakes.xmlrpc_server import XmlrpcServer

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 28, 4, 30, tzinfo=TOKYO).timestamp()
MIB = 2**20


def clock(hour: int, minute: int = 0, second: int = 0) -> float:
    return datetime(2026, 11, 28, hour, minute, second, tzinfo=TOKYO).timestamp()


STARTED = clock(0)
WEB = status("web", "RUNNING", 5, started_at=STARTED)
JOB = status("job", "RUNNING", 7, started_at=STARTED)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place at 04:30 in Tokyo, whose supervisord has web running."""
    monkeypatch.setattr(snapshots.time, "time", lambda: NOW)
    with XmlrpcServer(SupervisordServer()) as server:
        place = Place(tmp_path).write(serverurl=server.url)
        place.state.prepare()
        yield place


@pytest.fixture
def night(place: Place) -> Place:
    """Keep a night in which job broke at 3, and web was restarted and given back memory."""
    restarted = status("web", "RUNNING", 6, started_at=clock(3, 0, 7))
    broken = status("job", "FATAL")
    history = History(place.state.history)
    for at, web, job, sizes in (
        (clock(2), WEB, JOB, {ns("web"): 84 * MIB, ns("job"): MIB}),
        (clock(3, 4), restarted, broken, {ns("web"): 32 * MIB}),
        (clock(4), restarted, broken, {ns("web"): 33 * MIB}),
    ):
        keep(history, at, [web, job], sizes)
    history.close()
    return place


def words(text: str) -> list[str]:
    """Return the lines that are no rule, with single spaces."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line.strip("─")]


def keep(
    history: History,
    at: float,
    statuses: list,
    sizes: Mapping[Namespec, int],
    supervisord: Supervisord = SUPERVISORD,
) -> None:
    taken = snapshot(*statuses, at=at, supervisord=supervisord)
    history.add_snapshot(at, "hourly", snapshot_document(taken, sizes))


def test_list(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest come first, with what ran and what it took."""
    assert 0 == night.run("snapshots")

    head, newest, _, oldest = words(capsys.readouterr().out)
    assert "snapshot processes memory states" == head
    assert "2026-11-28 04:00:00 JST 2 33.0 MiB 1 RUNNING, 1 FATAL" == newest
    assert "2026-11-28 02:00:00 JST 2 85.0 MiB 2 RUNNING" == oldest


def test_list_as_json(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` has the same, and ``--limit`` holds."""
    assert 0 == night.run("snapshots", "--json", "--limit", "1")

    assert [
        {"taken_at": clock(4), "states": {"RUNNING": 1, "FATAL": 1}, "resident_bytes": 33 * MIB}
    ] == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("02:00", "02:00:00"),
        ("03:00", "03:04:00"),
        ("2026-11-28T02:20", "02:00:00"),
        ("2026-11-27T18:00Z", "03:04:00"),
        ("2020-01-01", "02:00:00"),
        ("05:00", "02:00:00"),  # yesterday's: it is 04:30
    ],
)
def test_nearest_is_shown(
    when: str, found: str, night: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time means the snapshot nearest to it, which says when it was taken."""
    assert 0 == night.run("snapshots", when)

    first, head, *_ = words(capsys.readouterr().out)
    assert f"2026-11-28 {found} JST, 2 processes" == first
    assert "process state pid started exit status memory" == head


def test_one_as_json(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` is the document as it was kept."""
    assert 0 == night.run("snapshots", "02:00", "--json")

    document = json.loads(capsys.readouterr().out)
    assert (clock(2), 5) == (document["taken_at"], document["processes"]["web:web"]["pid"])


def test_two_are_compared(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What differed between 02:00 and 04:00 is told of each process."""
    assert 0 == night.run("snapshots", "02:00", "04:00")

    assert [
        "from 2026-11-28 02:00:00 JST to 2026-11-28 04:00:00 JST: 2 of 2 processes differ",
        "process state pid started memory",
        "job RUNNING -> FATAL 7 -> - - 1.0 MiB -> -",
        "web RUNNING 5 -> 6 2026-11-28 03:00:07 JST 84.0 MiB -> 33.0 MiB",
    ] == words(capsys.readouterr().out)


def test_two_as_json(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` has both sides of each process that differs."""
    assert 0 == night.run("snapshots", "03:00", "02:00", "--json")

    document = json.loads(capsys.readouterr().out)
    assert (clock(3, 4), clock(2), False) == (
        document["before"],
        document["after"],
        document["supervisord_restarted"],
    )
    assert {"job:job", "web:web"} == document["processes"].keys()
    job = document["processes"]["job:job"]
    assert ("FATAL", "RUNNING") == (job["before"]["state"], job["after"]["state"])


def test_nothing_differs(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing differs that is all that is said."""
    assert 0 == night.run("snapshots", "03:00", "04:00")

    assert [
        "from 2026-11-28 03:04:00 JST to 2026-11-28 04:00:00 JST: none of 2 processes differ"
    ] == words(capsys.readouterr().out)


def test_compared_with_the_present(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """``now`` asks supervisord; another one is told of, and so is what is new or gone."""
    assert 0 == night.run("snapshots", "04:00", "now")

    first, another, *rows = words(capsys.readouterr().out)
    assert first.endswith(": 2 of 2 processes differ")
    assert "supervisord itself was restarted" == another
    assert any(row.startswith("job FATAL -> absent") for row in rows)
    assert any(row.startswith("web RUNNING 6 -> 5") for row in rows)


def test_both_times_mean_the_same(night: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Two times that are nearest to one snapshot are no comparison."""
    assert 1 == night.run("snapshots", "01:00", "02:00")

    assert (
        "both times are nearest to the snapshot of 2026-11-28 02:00:00 JST; supervisor-maint "
        "snapshots shows which are kept" in capsys.readouterr().err
    )


def test_none_is_kept_yet(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first full hour there is none, and that is said."""
    place.remember(lambda world: world.turns())

    assert (0, 1) == (place.run("snapshots"), place.run("snapshots", "02:00"))

    told = capsys.readouterr()
    assert "No snapshot is kept yet: the listener keeps one at every full hour.\n" == told.out
    assert "no snapshot is kept yet: the listener keeps one at every full hour" in told.err


def test_what_is_no_time(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no time is wrong usage."""
    with pytest.raises(SystemExit) as left:
        place.run("snapshots", "yesterday")

    assert 2 == left.value.code
    assert "expected a time such as 02:00, 2026-11-28T02:00 or now, found 'yesterday'" in (
        capsys.readouterr().err
    )
