"""Runs and monitoring: the deadline before the first stop, the silence, and who cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from supervisor_maint.app.run_ports import Alerting
from supervisor_maint.errors import MonitoringError
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.monitoring.gates import Alert, Sample
from supervisor_maint.monitoring.silences import Terms
from tests.fakes.alerting import (
    AWAY,
    TERMS,
    FakeAlertmanager,
    FakePrometheus,
    alerting,
    never,
)
from tests.fakes.maintained import Scene, plan, tell

LEAD_SECONDS = 30.0
MARKER = Alert({"alertname": "SupervisorPlannedMaintenance", "instance": "web01:9910"})


def told(tale: Callable[[Scene, FakeAlertmanager], Any], *, terms: Terms | None = TERMS,
         **values: Any) -> tuple[Scene, FakeAlertmanager]:  # fmt: skip
    """Tell a tale of a plan beside an Alertmanager, driven by one listener."""
    known: list[FakeAlertmanager] = []

    async def driven(scene: Scene) -> None:
        known.append(FakeAlertmanager(lambda: scene.now))
        scene.runs.alerting = alerting(known[0], terms=terms)
        async with scene.driven():
            await tale(scene, known[0])

    plans = [plan(**{"lead_seconds": LEAD_SECONDS, **values})]
    return tell(driven, plans=plans), known[0]


def stops(scene: Scene) -> list[str]:
    return [line for line in scene.story if line.endswith("is being stopped")]


def place(scene: Scene, text: str) -> int:
    """Where in the story a line is that has this text."""
    return next(number for number, line in enumerate(scene.story) if text in line)


def test_silence_is_there_before_the_first_stop() -> None:
    """It lasts until the deadline and the tail, and the story says so."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("restarting")
        assert ["s1"] == alertmanager.open
        await scene.until(lambda: bool(stops(scene)))

    scene, alertmanager = told(tale)
    silence = alertmanager.kept["s1"]

    assert f"supervisor-maint/web01/{scene.run.id}" == silence.created_by
    assert TERMS.matchers == silence.matchers
    assert place(scene, "alerts are silenced until") < place(scene, "is being stopped")


def test_silence_does_not_keep_a_run_waiting() -> None:
    """The lead is only a cap: once the silence is there, the run goes on."""

    async def tale(scene: Scene, _alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("restarting")
        assert scene.run.phase_since_at < scene.run.preparing_since_at + 1

    told(tale)


def test_silence_is_brought_forward_and_closed_to_its_tail() -> None:
    """With the first stop the deadline is known; with the success only the tail is left."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("restarting")
        await scene.until(lambda: len(alertmanager.ends) == 2)
        assert scene.run.deadline_at + TERMS.tail_seconds == alertmanager.ends[-1]
        await scene.until_over()

    scene, alertmanager = told(tale)

    assert scene.run.phase.value == "succeeded"
    assert scene.run.ended_at + TERMS.tail_seconds == alertmanager.kept["s1"].ends_at
    assert ["s1"] == list(alertmanager.kept)


def test_silence_is_told_once_for_each_end() -> None:
    """However often it is looked for: Alertmanager gives back its end in milliseconds."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.pass_seconds(0.0004)
        await scene.until_phase("verifying")
        before = len(alertmanager.asked)
        await scene.until(lambda: len(alertmanager.asked) > before + 1)

    scene, alertmanager = told(tale, settle_seconds=60.0)
    lines = [line for line in scene.story if "alerts are silenced until" in line]

    assert len(alertmanager.ends) == len(lines)


def test_failed_run_pages_at_once() -> None:
    """What it left broken is silenced no more."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        scene.supervisor["a"].breaks = True
        await scene.until_over()
        assert [] == alertmanager.open

    told(tale)


def test_lost_silence_is_made_again() -> None:
    """An Alertmanager that was killed has forgotten it."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("verifying")
        await scene.work()
        alertmanager.forget()
        lost_at = scene.now
        await scene.until(lambda: bool(alertmanager.open))
        assert scene.run.phase.value == "verifying"
        assert scene.now <= lost_at + TERMS.renew_seconds + 1

    told(tale, settle_seconds=60.0)


def test_held_silence_is_looked_at_alone() -> None:
    """The list of all hosts' silences is asked for when the run begins, and when it is over."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("verifying")
        await scene.work()
        before = len(alertmanager.asked)
        await scene.pass_seconds(30)
        assert {"silence"} == set(alertmanager.asked[before:])
        await scene.until_over()
        await scene.work()
        assert alertmanager.asked[-2].startswith("silences of")

    told(tale, settle_seconds=60.0)


def test_silence_that_was_lost_and_came_back_is_ended_too() -> None:
    """A node of a cluster has it again from another; no second one outlives the run."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        await scene.until_phase("verifying")
        kept = dict(alertmanager.kept)
        alertmanager.forget()
        await scene.until(lambda: bool(alertmanager.open))
        alertmanager.kept.update(kept)
        assert ["s1", "s2"] == sorted(alertmanager.open)
        await scene.until_over()
        await scene.work()
        latest = scene.run.ended_at + TERMS.tail_seconds
        assert all(each.ends_at <= latest for each in alertmanager.kept.values())

    told(tale, settle_seconds=60.0)


@pytest.mark.parametrize("asking", [None, never], ids=["away", "hanging"])
def test_run_goes_on_without_alertmanager(asking: Any) -> None:
    """After the lead and no later; one that is away is told of in the story."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        alertmanager.trouble = AWAY
        scene.runs.asking = asking or scene.runs.asking
        await scene.until_phase("preparing")
        began_at = scene.now
        await scene.until_phase("restarting")
        assert LEAD_SECONDS <= scene.now - began_at <= LEAD_SECONDS + 1
        await scene.until_over()

    scene, _ = told(tale)

    assert scene.run.phase.value == "succeeded"
    warned = [line for line in scene.story if "alerts may not be silenced: nobody there" in line]
    assert len(warned) == (0 if asking else 1)


def test_alertmanager_that_comes_back_is_told() -> None:
    """As soon as it answers, also past the lead; and the trouble is over for who looks."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        alertmanager.trouble = AWAY
        await scene.until_phase("verifying")
        sentences = scene.maintenance.document(scene.now)["sentences"]
        assert "alerts may not be silenced: nobody there" in sentences
        alertmanager.trouble = None
        await scene.until(lambda: bool(alertmanager.open))
        await scene.work()
        document = scene.maintenance.document(scene.now)
        assert document["silence"]["id"] == "s1"
        assert not any("may not" in sentence for sentence in document["sentences"])
        assert any("silence s1" in sentence for sentence in document["sentences"])
        assert scene.maintenance.silence_ends_at == document["silence"]["ends_at"]

    told(tale, settle_seconds=60.0)


def test_requests_are_counted_by_how_they_end() -> None:
    """From 0 on, so that the first failure is an increase."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        counts = scene.totals.monitoring["alertmanager"]
        assert counts == {"ok": 0, "failed": 0, "rejected": 0}
        alertmanager.trouble = MonitoringError("odd", rejected=True)
        await scene.until(lambda: bool(counts["rejected"]))
        alertmanager.trouble = AWAY
        await scene.until(lambda: bool(counts["failed"]))
        alertmanager.trouble = None
        await scene.until(lambda: bool(counts["ok"]))

    told(tale)


def test_marker_is_waited_for_without_a_silence() -> None:
    """Who mutes by inhibition alone goes on when the alert that inhibits is there."""

    async def tale(scene: Scene, alertmanager: FakeAlertmanager) -> None:
        stranger = Alert({**MARKER.labels, "instance": "web011"})
        alertmanager.muted = [stranger]
        await scene.until_phase("preparing")
        await scene.pass_seconds(5)
        assert scene.run.phase.value == "preparing"
        alertmanager.muted = [stranger, MARKER]
        await scene.until_phase("restarting")
        assert {} == alertmanager.kept

    told(tale, terms=None)


def test_deadline_is_pushed_before_the_first_stop() -> None:
    """A sink that hangs costs its cap; the lead begins when the push is done."""
    pushed: list[Any] = []

    async def tale(scene: Scene) -> None:
        async def push() -> None:
            pushed.append((scene.totals.plans.window_deadline_at, len(stops(scene))))

        scene.runs.push = push
        async with scene.driven():
            await scene.until(lambda: bool(stops(scene)))

    scene = tell(tale, plans=[plan()])

    assert len(pushed) == 1
    assert pushed[0][0] >= scene.run.deadline_at
    assert pushed[0][1] == 0


def test_sink_that_hangs_delays_no_further_than_the_cap() -> None:
    """5 s, and the run goes on."""

    async def tale(scene: Scene) -> None:
        scene.runs.push = never
        async with scene.driven():
            await scene.until_phase("preparing")
            began_at = scene.now
            await scene.until_phase("restarting")
            assert 5 <= scene.now - began_at <= 6

    tell(tale, plans=[plan()])


def test_next_listener_finds_the_silence_again() -> None:
    """By who created it: it is neither doubled nor forgotten."""

    async def tale(scene: Scene) -> None:
        alertmanager = FakeAlertmanager(lambda: scene.now)
        scene.runs.alerting = alerting(alertmanager)
        async with scene.driven():
            await scene.until(lambda: bool(stops(scene)))
        await scene.jump(5)
        following = scene.crashed()
        async with following.driven():
            await following.until_over()
        assert ["s1"] == list(alertmanager.kept)
        assert following.run.ended_at + TERMS.tail_seconds == alertmanager.kept["s1"].ends_at

    tell(tale, plans=[plan(lead_seconds=LEAD_SECONDS)])


def test_silence_that_is_found_again_is_told_once() -> None:
    """The next listener does not tell what the last one has told; another end it does tell."""

    async def tale(scene: Scene) -> None:
        alertmanager = FakeAlertmanager(lambda: scene.now)
        scene.runs.alerting = alerting(alertmanager)
        async with scene.driven():
            await scene.until_phase("verifying")
        following = scene.crashed()
        async with following.driven():
            await following.until(lambda: following.maintenance.announcer.silence is not None)
            found = list(following.story)
            alertmanager.forget()
            await following.until(lambda: "silence s2" in following.story[-1])
        lines = [line for line in found if "alerts are silenced until" in line]
        assert len(alertmanager.ends) - 1 == len(lines) == len(set(lines))

    tell(tale, plans=[plan(lead_seconds=LEAD_SECONDS, settle_seconds=60.0)])


def test_silence_of_a_dead_listener_ends_soon_after_the_deadline() -> None:
    """Nobody is left to end it, so it was never made to last longer."""

    async def tale(scene: Scene) -> None:
        alertmanager = FakeAlertmanager(lambda: scene.now)
        scene.runs.alerting = alerting(alertmanager)
        async with scene.driven():
            await scene.until(lambda: len(alertmanager.ends) == 2)
        assert scene.run.deadline_at + TERMS.tail_seconds == alertmanager.kept["s1"].ends_at

    tell(tale, plans=[plan(lead_seconds=LEAD_SECONDS)])


def test_silence_left_by_a_listener_that_died_at_the_end_is_closed() -> None:
    """The journal remembers the last run of each plan, and whose silence to look for."""

    async def tale(scene: Scene) -> None:
        alertmanager = FakeAlertmanager(lambda: scene.now)
        scene.runs.alerting = alerting(alertmanager)
        async with scene.driven():
            await scene.until_phase("verifying")
            alertmanager.trouble = AWAY
            await scene.until_over()
        alertmanager.trouble = None
        assert scene.run.ended_at + TERMS.tail_seconds < alertmanager.kept["s1"].ends_at
        following = scene.crashed()
        async with following.driven():
            pass
        assert scene.run.ended_at + TERMS.tail_seconds == alertmanager.kept["s1"].ends_at

    tell(tale, plans=[plan(lead_seconds=LEAD_SECONDS)])


def is_decided(run: Run) -> bool:
    return bool(run.blockers) or run.phase is not Phase.PENDING


def blocked(around: Alerting, **values: str) -> tuple[str, ...]:
    """Have a plan want to run, and return what keeps it."""

    async def tale(scene: Scene) -> None:
        scene.runs.alerting = around
        async with scene.driven():
            await scene.until(lambda: scene.run is not None and is_decided(scene.run))
            await scene.pass_seconds(1)

    scene = tell(tale, plans=[attrs.evolve(plan(), **values)])
    found: tuple[str, ...] = scene.run.blockers
    return found


ALERTS = {"block_on_alerts": 'severity="critical", instance=~"{instance}.*"'}
QUERY = {"block_on_query": "up == 0"}
CRITICAL = Alert({"alertname": "Down", "severity": "critical", "instance": "web01"})
LAST_FAILED = Alert(
    {**CRITICAL.labels, "alertname": "SupervisorMaintenanceFailed", "plan": "nightly"}
)


def _alertmanager(**values: Any) -> FakeAlertmanager:
    return FakeAlertmanager(lambda: 0.0, **values)


@pytest.mark.parametrize(
    ("around", "asked", "expected"),
    [
        (alerting(_alertmanager(firing=[CRITICAL])), ALERTS, ["firing: Down of web01"]),
        (alerting(_alertmanager(muted=[CRITICAL])), ALERTS, []),
        (alerting(_alertmanager(firing=[LAST_FAILED])), ALERTS, []),
        (alerting(_alertmanager(firing=[MARKER])), ALERTS, []),
        (alerting(_alertmanager(trouble=AWAY)), ALERTS, ["nobody can tell: nobody there"]),
        (alerting(), ALERTS, ["nobody can be asked: [alertmanager] is gone"]),
        (alerting(None, FakePrometheus([Sample(1.0)])), QUERY, ["it returns 1"]),
        (alerting(None, FakePrometheus()), QUERY, []),
        (alerting(None, FakePrometheus(trouble=AWAY)), QUERY, ["nobody can tell: nobody there"]),
        (alerting(), QUERY, ["nobody can be asked: [prometheus] is gone"]),
        (alerting(), {}, []),
    ],
)
def test_monitoring_blocks_and_fails_closed(
    around: Alerting, asked: dict[str, str], expected: list[str]
) -> None:
    """What fires, what returns something, and what cannot be asked keeps a run from starting."""
    key = next(iter(asked), "")

    assert tuple(f"{key}: {reason}" for reason in expected) == blocked(around, **asked)


def test_query_is_about_this_instance() -> None:
    """The instance is put into a query before it is asked."""
    prometheus = FakePrometheus()
    blocked(alerting(None, prometheus), block_on_query='up{instance="{instance}"} == 0')

    assert {'up{instance="web01"} == 0'} == set(prometheus.asked)


def test_plan_keeps_its_defaults() -> None:
    """A plan that says nothing asks nobody and waits for nobody."""
    assert (0.0, "", "") == (
        Plan(name="x").lead_seconds,
        Plan(name="x").block_on_alerts,
        Plan(name="x").block_on_query,
    )
