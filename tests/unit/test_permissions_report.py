"""The report of a pass: counted whole, listed in part, the same as a document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor_maint.permissions.report import (
    PATHS_LISTED,
    PassReport,
    PathResult,
    Result,
    RuleResult,
    Tally,
    listed,
    printable,
)

PATH = PathResult(
    rule="logs", path="/a", had="0644 root:root", wanted="0640 root:adm", result=Result.FIXED
)
REPORT = PassReport(
    started_at=1.5,
    ended_at=2.5,
    is_dry_run=False,
    is_root=True,
    rules=(RuleResult(rule="logs", ok=3, fixed=1, fixed_digest="ab"),),
    paths=(PATH,),
    paths_left_out=2,
)


def test_document_is_json_and_comes_back() -> None:
    """A report survives the way from the child to the listener."""
    text = json.dumps(REPORT.as_document())

    assert REPORT == PassReport.from_document(json.loads(text))


def test_what_a_later_release_adds_is_passed_over() -> None:
    """A listener that was not started again after an upgrade reads the reports of the new one."""
    document = REPORT.as_document()
    document["rules"] = [{**rule, "colours": 7} for rule in document["rules"]]
    document["paths"] = [{**path, "colour": "red"} for path in document["paths"]]

    assert REPORT == PassReport.from_document({**document, "weather": "fair"})


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"version": 2},
        {"version": 1},
        {**REPORT.as_document(), "rules": [{"colour": "red"}]},
        {**REPORT.as_document(), "rules": [7]},
        {**REPORT.as_document(), "paths": [{"rule": "logs", "result": "eaten"}]},
    ],
)
def test_other_document_is_refused(broken: dict[str, Any]) -> None:
    """What is no report, or a newer one, is a sentence."""
    with pytest.raises(ValueError, match="expected"):
        PassReport.from_document(broken)


@pytest.mark.parametrize(
    ("counts", "has_drift", "has_trouble"),
    [
        ({"ok": 5, "skipped": 1}, False, False),
        ({"fixed": 1}, True, False),
        ({"would_fix": 1}, True, False),
        ({"failed": 1}, True, True),
        ({"problem": "there is no user"}, True, True),
    ],
)
def test_drift_and_trouble(counts: dict[str, Any], has_drift: bool, has_trouble: bool) -> None:
    """What was or would be mended has drifted; what could not be is trouble too."""
    report = PassReport(
        started_at=0,
        ended_at=0,
        is_dry_run=False,
        is_root=True,
        rules=(RuleResult(rule="r", **counts),),
    )

    assert (has_drift, has_trouble) == (report.has_drift, report.has_trouble)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/var/log/a b", "/var/log/a b"),
        ("/x/ü", "/x/ü"),
        ("/x/two\nlines", r"/x/two\nlines"),
        ("/x/\x1b[31mred", r"/x/\x1b[31mred"),
        ("/x/\udcff\udc80", r"/x/\xff\x80"),
        ("/x/back\\slash", r"/x/back\\slash"),
        ("/x/\u202egpj", r"/x/\u202egpj"),
        ("/" * 500 + "\n" * 500, "/" * 500 + r"\n" * 500),
        ("/" * 501 + "\n" * 501, "/" * 500 + "…" + r"\n" * 500),
    ],
)
def test_path_can_be_printed(path: str, shown: str) -> None:
    """A path shows as one line of printable characters that has an end."""
    assert shown == printable(path)


def _tally(rule: str, *paths: str) -> Tally:
    tally = Tally(rule)
    for path in paths:
        tally.count(Result.FIXED, path)
        if tally.has_room:
            tally.paths.append(
                PathResult(rule=rule, path=path, had="", wanted="", result=Result.FIXED)
            )
    return tally


def test_all_are_counted_and_the_first_are_listed() -> None:
    """However many paths drifted, the list has an end and the counts have none."""
    tallies = [_tally("a", *map(str, range(PATHS_LISTED + 5))), _tally("b", "x")]
    paths, left_out = listed(tallies)

    assert (PATHS_LISTED, 6) == (len(paths), left_out)
    assert PATHS_LISTED + 5 == tallies[0].result.fixed


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ((1500, 3, 2), (995, 3, 2)),
        ((2, 1500), (2, 998)),
        ((1500, 1500), (500, 500)),
        ((700, 400, 100), (500, 400, 100)),
        ((400, 300), (400, 300)),
        ((1500, 0, 1500, 1500), (333, 0, 333, 334)),
    ],
)
def test_rule_with_many_paths_leaves_room_for_the_others(
    found: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    """Each rule has a fair share of the list, and what one does not need the others have."""
    tallies = [_tally(f"{rule}", *map(str, range(count))) for rule, count in enumerate(found)]
    paths, left_out = listed(tallies)
    rules = [path.rule for path in paths]

    assert kept == tuple(rules.count(str(rule)) for rule in range(len(found)))
    assert sorted(rules) == rules
    assert sum(found) - sum(kept) == left_out
    assert list(found) == [tally.result.fixed for tally in tallies]


def test_digest_tells_the_same_paths_in_any_order() -> None:
    """The digest is the same for the same paths, and another for others."""
    digests = [_tally("a", *paths).result.fixed_digest for paths in ("xyz", "zyx", "xyw", "")]

    assert digests[0] == digests[1] != digests[2]
    assert "" == digests[3]


def test_counts_of_two_processes_are_added() -> None:
    """What the second process counted is as if the first had."""
    whole, half, other = _tally("a", "x", "y", "z"), _tally("a", "x"), _tally("a", "y", "z")
    for tally, times in ((whole, 3), (half, 1), (other, 2)):
        tally.ok, tally.links, tally.is_there = times, times, times > 1
        for _ in range(times):
            tally.lack("root")
    half.add_all(json.loads(json.dumps(other.as_document())))

    assert whole == half


@pytest.mark.parametrize(
    ("lacking", "problem"),
    [
        ({}, None),
        ({"root": 1}, "1 path needs root: run supervisor-maint permissions as root"),
        (
            {"root": 2, "root or user 7": 1},
            "3 paths need root: run supervisor-maint permissions as root",
        ),
    ],
)
def test_want_of_rights_is_told_once(lacking: dict[str, int], problem: str | None) -> None:
    """However many paths need root, the rule says so in one sentence."""
    assert problem == Tally("a", lacking=lacking).result.problem
