"""What the metrics and the clients are shown of planned runs, and what is remembered of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor_maint.app.past_runs import PastRuns
from supervisor_maint.app.plan_records import PlanRecords
from supervisor_maint.app.run_story import MOST_LINES, Story
from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance.invocation import StepEnd
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.store.records import LastRun
from supervisor_maint.store.requests import Verb
from tests.fakes.maintained import NOW, TOKYO, FirstLivesAreLarge, Scene, plan, tell_driven
from tests.fakes.watching import ns


def sentences(scene: Scene) -> list[str]:
    return list(scene.maintenance.document(scene.now)["sentences"])


def test_sentences_before_in_and_after_a_run() -> None:
    """Status says in a line a plan when it runs next and how it went, and what goes on now."""
    seen: list[list[str]] = []

    async def tale(scene: Scene) -> None:
        seen.append(sentences(scene))
        await scene.until(lambda: "a: is restarted" in scene.story)
        seen.append(sentences(scene))
        await scene.until_over()
        seen.append(sentences(scene))

    scene = tell_driven(tale)

    assert ["plan nightly: next run 2023-11-16 03:00:00 JST; never ran"] == seen[0]
    assert (
        f"run {scene.run.id} of nightly: restarting, began 2023-11-16 03:00:00 JST, "
        "1 of 2 restarted"
    ) == seen[1][-1]
    assert [
        "plan nightly: next run 2023-11-17 03:00:00 JST; last succeeded 2023-11-16 03:00:04 JST"
    ] == seen[2]


def test_sentences_of_a_run_that_waits() -> None:
    """A run that is due and held says what it waits for."""

    async def tale(scene: Scene) -> None:
        await scene.ask(Verb.HOLD, reason="deploy")
        await scene.until_phase("pending")
        await scene.pass_seconds(1)
        told = sentences(scene)
        held = "every plan is held until somebody resumes by me@here: deploy"
        assert "plan nightly: due since 2023-11-16 03:00:00 JST; never ran" == told[0]
        assert held == told[1]
        assert f"run {scene.run.id} waits: {held}" == told[-1]
        (facts,) = scene.maintenance.plan_facts(scene.now)
        assert not facts.in_progress
        assert facts.next_start_at is not None
        assert facts.next_start_at + 300 == facts.start_by_at

    tell_driven(tale)


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        ("needs_resume", "no run starts: it is damaged; look, then: supervisor-maint resume"),
        (None, None),
    ],
)
def test_blocked_journal_says_what_to_do(problem: str | None, sentence: str | None) -> None:
    """What blocks every run, and the command that ends it, are in the status."""

    async def tale(scene: Scene) -> None:
        if problem is not None:
            setattr(scene.runs.journal, problem, "it is damaged")
        await scene.maintenance.journal.read()
        told = [each for each in sentences(scene) if each.startswith("no run starts")]
        assert ([] if sentence is None else [sentence]) == told

    tell_driven(tale)


def test_published_run_has_batches_and_times() -> None:
    """A client is shown each process with its batch, and what is expected of it and of the run."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: "b: is being stopped" in scene.story)
        document = json.loads(json.dumps(scene.maintenance.document(scene.now)))
        run = document["run"]
        first, second = run["targets"]
        assert ("a", 1, "done", 1.5) == tuple(
            first[key] for key in ("process", "batch", "progress", "expected_seconds")
        )
        assert (2, "stopping", None) == tuple(
            second[key] for key in ("batch", "progress", "back_at")
        )
        assert first["back_at"] - first["stopped_at"] < 3
        assert 1.5 + 1.5 + 1.0 == run["expected_seconds"]
        assert "restarting" == run["phase"]
        assert list(range(len(run["story"]))) == [line["number"] for line in run["story"]]

    tell_driven(tale)


def test_expected_time_is_learnt_from_past_runs() -> None:
    """After a run, what its processes took is what is expected of the next."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].stop_seconds = 4.0
        await scene.until_over()
        await scene.ask(Verb.RUN)
        await scene.until(lambda: bool(scene.run.targets))
        first, _ = scene.maintenance.document(scene.now)["run"]["targets"]
        assert 5.0 <= first["expected_seconds"] < 6.0

    tell_driven(tale)


def test_slower_start_is_a_difference() -> None:
    """A process that takes much longer from its start to RUNNING than in past runs is told."""

    async def tale(scene: Scene) -> None:
        starts = {"b:b": 0.1}
        scene.runs.history.kept["old"] = {"downtime_seconds": {}, "start_seconds": starts}
        scene.supervisor.start_seconds[ns("b")] = 4.0
        await scene.until_over()

    scene = tell_driven(tale)

    (difference,) = scene.runs.history.kept[scene.run.id]["differences"]
    (facts,) = scene.maintenance.plan_facts(scene.now)
    assert {"slower": 1} == facts.differences
    assert ("b:b", "slower", "0.1 s") == tuple(
        difference[key] for key in ("process", "kind", "expected")
    )


def test_memory_given_back_is_remembered_of_what_was_restarted() -> None:
    """What a process took before its restart less what it took after it is kept for the metrics."""

    async def tale(scene: Scene) -> None:
        scene.memory = FirstLivesAreLarge()
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(exclude=("b",))])

    assert {ns("a"): 3000} == scene.totals.plans.memory_given_back


def test_failed_step_is_in_the_story_and_the_notes() -> None:
    """A post step that fails is no secret, though the run succeeded."""

    async def tale(scene: Scene) -> None:
        scene.runs.commands.ends["warm"] = StepEnd(outcome=StepOutcome.FAILED, reason="exit 3")
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(post=(Step.after("warm", "warm"),))])

    assert ["post step warm failed: exit 3"] == scene.maintenance.document(scene.now)["run"][
        "notes"
    ]
    assert "-: post step warm failed: exit 3" in scene.story


def test_restart_log_that_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the run has succeeded."""

    async def tale(scene: Scene) -> None:
        def refuse(_run: Any) -> None:
            raise StoreError("restart.log: the disk is full")

        scene.maintenance.ports.log_line = refuse
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value
    assert "cannot write the line about the run: restart.log: the disk is full" in caplog.text


def last(outcome: str, run_id: str | None = "1", **values: Any) -> LastRun:
    known = {"plan": "p", "started_at": NOW, "ended_at": NOW + 5, "scheduled_at": NOW}
    return LastRun(run_id=run_id, outcome=outcome, **{**known, **values})


def test_plan_record_counts_each_run_once() -> None:
    """The same run again, from the journal after a crash, is not counted."""
    record = PlanRecords().know("p", "0 3 * * *", NOW)

    told = [record.note(last(*each)) for each in (("succeeded",), ("succeeded",), ("failed", "2"))]

    assert [True, False, True] == told
    assert {"succeeded": 1, "failed": 1, "skipped": 0} == dict(record.runs)
    assert NOW + 5 == record.last_completion_at == record.last_success_at
    assert 5.0 == record.last_duration_seconds


def test_skipped_run_is_no_completion() -> None:
    """A skip is counted and moves no time of a run that took place."""
    record = PlanRecords().know("p", "0 3 * * *", NOW)
    record.note(last("succeeded"))

    record.note(last("skipped", None, scheduled_at=NOW + 86400, ended_at=NOW + 86800))

    assert 1 == record.runs["skipped"]
    assert NOW + 5 == record.last_completion_at


def test_what_a_run_alone_finds_lasts_until_the_next_one() -> None:
    """A skip changes nothing; what is a difference from the baseline as well is counted there."""
    record = PlanRecords().know("p", "0 3 * * *", NOW)
    record.note(last("failed"), differences=["slower", "state", "slower", "memory"])
    record.note(last("skipped", None, scheduled_at=NOW + 86400, ended_at=NOW + 86800))

    assert {"slower": 2, "memory": 1} == record.differences

    record.note(last("succeeded", "r2"))

    assert {} == record.differences


def test_plan_records_survive() -> None:
    """What is saved is read again as it was; what an older version did not save is empty."""
    records = PlanRecords(
        downtime_seconds={ns("a"): 1.5},
        memory_given_back={ns("a"): -9},
        window_start_at=NOW - 300,
        window_deadline_at=NOW,
    )
    records.know("p", "0 3 * * *", NOW).note(last("failed"), differences=["memory"])

    assert records == PlanRecords.restore(json.loads(json.dumps(records.to_document())))
    assert PlanRecords() == PlanRecords.restore({})


def test_window_begins_once() -> None:
    """A window begins when its run does, wherever its end is moved and however late the run is."""
    records = PlanRecords()
    steps = [
        (400.0, None, 100.0),
        (300.0, None, 120.0),
        (300.0, None, 350.0),
        (300.0, 360.0, 360.0),
    ]
    for deadline_at, ended_at, now in steps:
        records.follow_window(deadline_at, ended_at, now)

        assert 100.0 == records.window_start_at
    assert 300.0 == records.window_deadline_at

    records.follow_window(900.0, None, 500.0)

    assert (500.0, 900.0) == (records.window_start_at, records.window_deadline_at)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((None, None), (None, None)),
        ((NOW - 300, NOW - 5), (NOW - 300, NOW - 5)),
        ((NOW - 300, NOW + 9 * 3600), (NOW - 300, NOW)),
        ((NOW + 9 * 3600, NOW + 9 * 3600 + 60), (NOW, NOW)),
    ],
)
def test_window_without_a_run_is_over(
    window: tuple[float | None, float | None], expected: tuple[float | None, float | None]
) -> None:
    """A run that ended by a clock that was hours ahead mutes nobody for hours."""
    records = PlanRecords(window_start_at=window[0], window_deadline_at=window[1])
    records.close_window(NOW)

    assert expected == (records.window_start_at, records.window_deadline_at)


def test_another_schedule_is_known_from_now_on() -> None:
    """What the new schedule would have had before is not missed."""
    records = PlanRecords()
    records.know("p", "0 3 * * *", NOW)

    assert NOW == records.know("p", "0 3 * * *", NOW + 9).known_since_at
    assert NOW + 9 == records.know("p", "0 4 * * *", NOW + 9).known_since_at


def test_past_runs_take_the_median_of_the_newest_five() -> None:
    """Documents come newest first; what has neither key is passed over."""
    kept = [{"start_seconds": {"a": second}} for second in (1.0, 2.0, 9.0, 9.0, 9.0, 50.0, 60.0)]

    past = PastRuns.of([{}, *kept])

    assert 9.0 == past.typical_start_seconds(ns("a"))
    assert None is past.typical_start_seconds(ns("b"))
    assert 1.0 == past.starts[ns("a")][-1]


def test_story_keeps_its_numbers() -> None:
    """Lines are counted on when the oldest are lost, and a story goes on where it was."""
    story = Story()
    for count in range(MOST_LINES + 1):
        story.add(NOW, str(count))

    assert 1 == story.to_document()[0]["number"]
    assert [MOST_LINES] == [line["number"] for line in story.to_document(newest=1)]
    again = Story.restore(json.loads(json.dumps(story.to_document(newest=2))))
    again.add(NOW, "more", "a:a")
    assert [0, 1, 2] == [line["number"] for line in again.to_document()]


def test_next_runs_are_shown_in_their_zone() -> None:
    """A plan without a schedule runs on request only."""

    async def tale(scene: Scene) -> None:
        assert TOKYO is scene.maintenance.zone
        assert ["plan weekly: on request only; never ran"] == sentences(scene)

    tell_driven(tale, plans=[plan("weekly", schedule=None)])
