"""Permission passes in the application: when one begins, and what becomes of what it found."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.app.permission_records import PermissionRecords
from supervisor_maint.errors import MaintError
from supervisor_maint.monitoring.facts import PATH_RESULTS, PermissionFacts
from supervisor_maint.permissions.endings import PassEnd
from supervisor_maint.permissions.report import PassReport, PathResult, Result, RuleResult
from tests.fakes.app import World, play
from tests.fakes.permission_walk import FakeWalk, keep, mended, report, told

HOUR = 3600.0
LOGS = RuleResult(rule="logs", ok=4, fixed=1, fixed_digest="d")
LOGS_FIXED = told(LOGS, paths=mended("logs", "/var/log/app.log"))


def facts(world: World) -> tuple[PermissionFacts, ...]:
    """Return what the newest report shows of the rules."""
    return world.reports[-1].permissions


def sentences(world: World) -> list[str]:
    """Return what was published for people."""
    found: list[str] = world.published[-1]["permissions"]["sentences"]
    return found


async def hour(world: World, walk: FakeWalk, *ends: PassEnd | MaintError) -> None:
    """Let an hour begin and its pass end, once for each end."""
    for end in ends:
        walk.end(end)
        world.tell_hour()
        await world.pass_seconds(HOUR)


def test_counters_begin_at_zero() -> None:
    """A rule has all of its series before the first pass, and no time of one."""

    async def story(world: World) -> None:
        keep(world, "logs", "web")
        await world.turns()

    logs, web = facts(play(story))

    assert ("logs", "web") == (logs.rule, web.rule)
    assert dict.fromkeys(PATH_RESULTS, 0) == logs.paths
    assert (None, False, False) == (logs.last_run_at, logs.has_problem, logs.is_churning)


def test_pass_is_made_each_hour_and_no_sooner() -> None:
    """Neither the start nor a TICK_5 begins a pass; TICK_3600 begins one."""
    began: list[int] = []

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        await world.pass_seconds(HOUR)
        began.append(walk.began)
        world.tell_hour()
        await world.turns()
        began.append(walk.began)

    play(story)

    assert [0, 1] == began


def test_what_a_pass_found_is_reported_kept_and_saved() -> None:
    """Counts grow with each pass, its document goes to the history, all is saved for the next."""

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        await hour(world, walk, LOGS_FIXED, LOGS_FIXED)

    world = play(story)
    (logs,) = facts(world)

    assert (8, 2, 0) == (logs.paths["ok"], logs.paths["fixed"], logs.paths["failed"])
    assert 1002.0 == logs.last_run_at
    made = report(LOGS, paths=mended("logs", "/var/log/app.log"))
    assert [made, made] == [
        PassReport.from_document(each["report"]) for each in world.history.permissions
    ]
    saved = PermissionRecords.restore(world.history.totals["permissions"])
    assert 8 == saved.rules["logs"].totals["ok"]


def test_next_listener_goes_on_counting() -> None:
    """Counters, and how often a path was mended on end, outlive the listener."""

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        await hour(world, walk, LOGS_FIXED, LOGS_FIXED)
        _, walk = keep(world, "logs")
        await hour(world, walk, LOGS_FIXED)

    (logs,) = facts(play(story))

    assert 12 == logs.paths["ok"]
    assert logs.is_churning


def test_nonsense_that_was_saved_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read is not gone on from, and the log says so."""

    async def story(world: World) -> None:
        world.app.totals.permissions = {"rules": {"logs": {"totals": 3}}}
        keep(world, "logs")
        await world.turns()

    (logs,) = facts(play(story))

    assert 0 == logs.paths["ok"]
    assert "begin to count permissions at 0" in caplog.text


def test_pass_that_is_still_going_is_not_doubled(caplog: pytest.LogCaptureFixture) -> None:
    """A tick during a pass begins none, is reported, and the next tick after its end begins one."""
    began: list[Any] = []

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        for _ in range(3):
            world.tell_hour()
            await world.pass_seconds(HOUR)
        began.append((walk.began, facts(world)[0].has_problem, sentences(world)))
        walk.end(LOGS_FIXED)
        await world.pass_seconds(1)
        began.append((walk.began, facts(world)[0].has_problem, sentences(world)))
        world.tell_hour()
        await world.turns()
        began.append(walk.began)

    play(story)
    told_of = "a pass is still going since before the last hour; none was begun"

    assert [(1, True, [told_of]), (1, False, []), 2] == began
    assert 1 == caplog.text.count(told_of)


def test_pass_waits_for_a_planned_run() -> None:
    """The hour's pass waits while a run is near, and is made once after it."""
    began: list[int] = []

    async def story(world: World) -> None:
        passes, walk = keep(world, "logs")
        passes.begin_hour()
        passes.consider(is_run_close=True)
        passes.begin_hour()
        passes.consider(is_run_close=True)
        began.append(walk.began)
        await world.turns()  # no run is near any more
        began.append(walk.began)
        walk.end(LOGS_FIXED)
        await world.pass_seconds(60)
        began.append(walk.began)

    play(story)

    assert [0, 1, 1] == began


def test_problems_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A rule's problem is logged when it is new, shown while it lasts, and a metric says so."""
    failed = [
        PathResult(
            rule="logs",
            path=f"/var/log/{name}",
            had="0600",
            wanted="0644",
            result=Result.FAILED,
            reason="read-only file system",
        )
        for name in "ab"
    ]
    broken = told(
        RuleResult(rule="logs", failed=2),
        RuleResult(rule="web", problem="owner 'web': there is no such user"),
        paths=failed,
    )

    async def story(world: World) -> None:
        _, walk = keep(world, "logs", "web", "tmp")
        await hour(world, walk, broken, broken)

    world = play(story)

    assert [
        "logs: 2 paths could not be mended, first /var/log/a: read-only file system",
        "web: owner 'web': there is no such user",
    ] == sentences(world)
    assert [True, True, False] == [each.has_problem for each in facts(world)]
    assert 1 == caplog.text.count("2 paths could not be mended")
    assert 1 == caplog.text.count("there is no such user")


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        (PassEnd(reason="ended by SIGKILL"), "the last pass made no report: ended by SIGKILL"),
        (MaintError("cannot start 'python'"), "the last pass made no report: cannot start"),
    ],
)
def test_pass_without_a_report_is_told(end: PassEnd | MaintError, problem: str) -> None:
    """A pass that tells nothing is a problem of every rule, and no count changes."""

    async def story(world: World) -> None:
        _, walk = keep(world, "logs", "web")
        await hour(world, walk, LOGS_FIXED, end)

    world = play(story)

    assert [True, True] == [each.has_problem for each in facts(world)]
    assert 4 == facts(world)[0].paths["ok"]
    assert problem in sentences(world)[0]
    assert problem.partition(": ")[2] in world.history.permissions[-1]["problem"]


def test_churn_is_named() -> None:
    """A path that three passes on end mended is churn; one that comes and goes is not."""
    steady, other = "/var/log/app.log", "/var/log/other.log"
    ends = [
        told(RuleResult(rule="logs", fixed=len(paths)), paths=mended("logs", *paths))
        for paths in ([steady, other], [steady], [steady, other])
    ]
    churning: list[bool] = []

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        for end in ends:
            await hour(world, walk, end)
            churning.append(facts(world)[0].is_churning)

    world = play(story)

    assert [False, False, True] == churning
    assert [
        f"logs: {steady} mended at each of the last 3 passes: something undoes it in between"
    ] == sentences(world)


def test_churn_is_named_though_its_paths_are_not_listed() -> None:
    """Exactly the same paths at three passes are churn too, whichever they are."""
    same = RuleResult(rule="logs", fixed=7, fixed_digest="same")
    other = RuleResult(rule="logs", fixed=7, fixed_digest="other")
    churning: list[bool] = []

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        for found in (same, same, other, same, same, same):
            await hour(world, walk, told(found))
            churning.append(facts(world)[0].is_churning)

    world = play(story)

    assert [False, False, False, False, False, True] == churning
    assert "logs: the same 7 paths mended at each of the last 3 passes" in sentences(world)[0]


def test_nothing_to_mend_is_no_churn() -> None:
    """Passes that mend nothing mend nothing each time, and that is as it should be."""

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        await hour(world, walk, *4 * [told(RuleResult(rule="logs", ok=3))])

    assert not facts(play(story))[0].is_churning


def test_history_keeps_some_of_the_paths() -> None:
    """Of a pass that mended many, the history keeps the first, and how many more there were."""
    paths = mended("logs", *(f"/var/log/{number:04}" for number in range(1000)))

    async def story(world: World) -> None:
        _, walk = keep(world, "logs")
        await hour(world, walk, told(RuleResult(rule="logs", fixed=1000), paths=paths))

    (kept,) = play(story).history.permissions

    assert paths[:100] == list(PassReport.from_document(kept["report"]).paths)
    assert 900 == kept["report"]["paths_left_out"]


def test_rule_that_is_gone_has_no_series() -> None:
    """A reload takes rules away and back; their counters go on."""
    shown: list[list[tuple[str, int]]] = []

    async def story(world: World) -> None:
        passes, walk = keep(world, "logs", "web")
        await hour(world, walk, LOGS_FIXED)
        for rules in (("web",), (), ("logs",)):
            passes.rules = rules
            if rules:
                walk.end(told(*(RuleResult(rule=name, ok=1) for name in rules)))
            world.tell_hour()
            await world.pass_seconds(HOUR)
            shown.append([(each.rule, each.paths["ok"]) for each in facts(world)])

    play(story)

    assert [[("web", 1)], [], [("logs", 5)]] == shown


def test_exception_in_a_pass_is_survived() -> None:
    """What nobody expected is counted, and the next hour has its pass."""

    async def story(world: World) -> None:
        passes, walk = keep(world, "logs")
        passes.walk = _raise
        world.tell_hour()
        await world.pass_seconds(HOUR)
        passes.walk = walk
        await hour(world, walk, LOGS_FIXED)

    world = play(story)

    assert 1 == world.app.totals.errors["permissions"]
    assert 4 == facts(world)[0].paths["ok"]


async def _raise() -> PassEnd:
    raise RuntimeError("nobody expected this")


def test_listener_without_rules_has_none() -> None:
    """Without a rule there is no series and nothing in the status."""

    async def story(world: World) -> None:
        world.tell_hour()
        await world.turns()

    world = play(story)

    assert () == facts(world)
    assert {} == world.published[-1]["permissions"]
