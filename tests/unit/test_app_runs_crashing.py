"""Runs whose listener dies, and runs whose journal cannot be written or read."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.errors import NewerSchema, StoreError
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.snapshots.tallies import Cause
from supervisor_maint.store.records import LastRun
from supervisor_maint.store.requests import Verb
from tests.fakes.maintained import NOW, Scene, plan, tell, tell_driven
from tests.fakes.runs import Death, at_once
from tests.fakes.watching import ns

FULL = StoreError("journal.db: no space left on device")


async def ended(scene: Scene) -> Scene:
    """Have the next listener see the run to its end, and return that listener."""
    following = scene.crashed()
    async with following.driven():
        await following.until_over()
    return following


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("calls", range(1, 70, 3))
def test_next_listener_goes_on(calls: int, is_carried_out: bool) -> None:
    """At whatever call the listener dies, the next restarts the rest, and nothing twice."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: scene.run is not None)
            scene.runs.call = Death(calls, is_carried_out)
            await scene.pass_seconds(12)
        scene.runs.call = at_once
        following = scene.crashed()
        async with following.driven():
            await following.pass_seconds(60, step=0.5)
        last = scene.runs.journal.last_runs["nightly"]
        assert ("succeeded", scene.run.id) == (last.outcome, last.run_id)
        assert [1, 1] == [each.stops for each in scene.supervisor.programs.values()]
        assert {"RUNNING"} == set(scene.supervisor.states.values())
        assert 1 == following.totals.plans.plans["nightly"].runs["succeeded"]

    tell(tale)


def test_run_is_taken_up_before_the_first_event() -> None:
    """The baseline is frozen again, and the stop under way counts as maintenance."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.watch.end_run(scene.now)  # a watch that was saved before the run
        following = scene.crashed()

        await following.maintenance.start(following.plans, following.maintenance.zone)

        assert following.watch.baseline.in_run
        assert following.run.deadline_at == following.totals.plans.window_deadline_at
        async with following.driven():
            await following.until_over()
        assert 1 == following.watch.tallies(following.now)[ns("a")].restarts[Cause.MAINTENANCE]

    tell(tale)


def test_story_loses_no_line_to_a_kill() -> None:
    """What a listener told of a run is there for the next, though it died in the middle."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: "b: is being stopped" in scene.story)
        following = scene.crashed()
        async with following.driven():
            assert scene.story == following.story[: len(scene.story)]

    tell(tale)


def test_story_is_saved_seldom_where_that_takes_long() -> None:
    """A run of a thousand processes is not written anew at every turn."""
    saved: list[str] = []

    async def tale(scene: Scene) -> None:
        def take_a_second(run_id: str) -> None:
            scene.clock[0] += 1.0
            saved.append(run_id)

        scene.runs.history.on_save = take_a_second
        await scene.until_over()

    scene = tell_driven(tale, *(f"p{number}" for number in range(20)))

    assert "succeeded" == scene.run.phase.value
    assert len(scene.story) > 3 * len(saved)


def test_before_and_story_are_found_again() -> None:
    """What an earlier listener saw is compared with, and its story goes on."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until_phase("restarting")
        following = await ended(scene)

        kept = scene.runs.history.kept[following.run.id]
        texts = [line["text"] for line in kept["story"]]
        assert following.run.is_compared
        assert () == following.run.notes
        assert texts.index("preparing") < texts.index(
            "the listener was restarted, and goes on with the run"
        )

    tell(tale)


def test_story_is_kept_by_who_leaves_in_good_order() -> None:
    """A listener that is told to leave keeps all that happened so far."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: "a: is restarted" in scene.story)
            await scene.maintenance.leave()
        following = scene.crashed()
        async with following.driven():
            assert "a: is restarted" in following.story

    tell(tale)


@pytest.mark.parametrize(
    "nonsense", [{"before": {"taken_at": 1}}, {"story": [{"at": 1}]}, {"downtime_seconds": [1]}]
)
def test_nonsense_in_the_history_disturbs_nobody(nonsense: dict[str, Any]) -> None:
    """A record that makes no sense costs what was in it, and no run."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        run_id = scene.run.id
        scene.runs.history.kept[run_id] = {**scene.runs.history.kept[run_id], **nonsense}
        scene.runs.history.kept["other"] = nonsense

        assert "succeeded" == (await ended(scene)).run.phase.value

    tell(tale)


def test_end_that_was_not_counted_is_counted() -> None:
    """A listener that dies between the end's journal and its count leaves a deadline open."""

    async def tale(scene: Scene) -> None:
        scene.maintenance.set_plans(scene.plans, scene.maintenance.zone)
        scene.totals.plans.window_deadline_at = NOW + 300
        scene.runs.journal.last_runs["nightly"] = LastRun(
            plan="nightly",
            run_id="abc",
            scheduled_at=NOW + 10,
            started_at=NOW + 10,
            ended_at=NOW + 30,
            outcome="succeeded",
        )
        await scene.jump(60)
        for _ in range(2):
            scene = scene.crashed()
            await scene.maintenance.start(scene.plans, scene.maintenance.zone)

        record = scene.totals.plans.plans["nightly"]
        assert (1, NOW + 30) == (record.runs["succeeded"], record.last_success_at)
        assert NOW + 30 == scene.totals.plans.window_deadline_at

    tell(tale)


def test_clock_that_is_set_back_closes_the_window() -> None:
    """What ended while the clock was hours ahead mutes nobody once it is right."""

    async def tale(scene: Scene) -> None:
        scene.totals.plans.window_deadline_at = NOW + 9 * 3600
        async with scene.driven():
            await scene.pass_seconds(60)

    scene = tell(tale)

    assert scene.totals.plans.window_deadline_at <= scene.now


def test_journal_that_fails_in_the_middle() -> None:
    """No further stop, what was stopped is started, and the run fails with the reason."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.runs.journal.trouble = FULL
        await scene.until_over()
        assert scene.maintenance.conductor.owes_end
        await scene.pass_seconds(10)
        assert scene.runs.journal.run is not None
        scene.runs.journal.trouble = None
        await scene.pass_seconds(2)

    scene = tell_driven(tale)

    assert {"a": "RUNNING", "b": "RUNNING"} == scene.supervisor.states
    assert 0 == scene.supervisor["b"].stops
    assert ("failed", "the journal cannot be written") == (scene.run.phase.value, scene.run.reason)
    assert None is scene.runs.journal.run
    assert "failed" == scene.runs.journal.last_runs["nightly"].outcome
    assert None is scene.maintenance.journal.problem
    assert scene.totals.store_errors["journal"] > 1
    assert 1 == len(scene.runs.lines)


def test_no_run_begins_while_an_end_is_owed() -> None:
    """The run is over and the journal does not know: a second one would be its second time."""

    async def tale(scene: Scene) -> None:
        await scene.until_phase("verifying")
        scene.runs.journal.trouble = FULL
        await scene.until_over()
        run_id = scene.run.id
        await scene.pass_seconds(10)
        answer = await scene.ask(Verb.RUN)
        assert not answer.done
        assert f"no run without a journal: {FULL.msg}; nothing was begun" == answer.sentence
        assert run_id == scene.run.id

    tell_driven(tale)


def test_what_the_journal_missed_is_written_later() -> None:
    """A failure that passes leaves no journal behind that knows less than was done."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.runs.journal.trouble = FULL
        await scene.until_phase("recovering")
        scene.runs.journal.trouble = None
        await scene.jump(0.25)
        assert "recovering" == scene.runs.journal.run["phase"]

    tell_driven(tale)


def test_post_steps_that_cannot_be_journalled() -> None:
    """Without a journal an idempotent post step is run, another left out with a note."""
    post = (Step.after("warm", "warm"), Step.after("mail", "mail", idempotent=False))

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.runs.journal.trouble = FULL
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(post=post)])

    assert ["warm"] == [each.step.name for each in scene.runs.commands.ran]
    assert any("post step mail left out" in note for note in scene.run.notes)


def test_no_run_begins_without_a_journal() -> None:
    """A scheduled run waits for the journal, and begins when it works again."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.trouble = FULL
        await scene.pass_seconds(60, step=1)
        assert None is scene.run
        assert FULL.msg == scene.maintenance.document(scene.now)["problem"]
        scene.runs.journal.trouble = None
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value


def test_missed_run_that_cannot_be_recorded() -> None:
    """It is tried again without a traceback each second, and does not count as close."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.trouble = FULL
        await scene.jump(3600)
        await scene.pass_seconds(60, step=5)
        assert not scene.maintenance.is_close(scene.now)
        assert 0 == scene.totals.errors["maintenance"]
        scene.runs.journal.trouble = None
        await scene.pass_seconds(30, step=5)

    scene = tell_driven(tale)

    assert "skipped" == scene.runs.journal.last_runs["nightly"].outcome
    assert 1 == scene.totals.plans.plans["nightly"].runs["skipped"]


def test_journal_that_cannot_be_read_at_first() -> None:
    """The open run is taken up as soon as the journal can be read, and none begins before."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.runs.journal.reading_trouble = StoreError("journal.db: input/output error")
        following = scene.crashed()
        async with following.driven():
            await following.pass_seconds(5)
            assert None is following.run
            assert not (await following.ask(Verb.RUN)).done
            scene.runs.journal.reading_trouble = None
            await following.until_over()
        assert "succeeded" == following.run.phase.value

    tell(tale)


def test_open_run_that_is_none_blocks_until_resume() -> None:
    """A run that cannot be read is not guessed at: nothing starts until somebody resumes."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.run = {"id": "x", "plan": 3}
        async with scene.driven():
            await scene.pass_seconds(20)
            assert None is scene.run
            refused = await scene.ask(Verb.RUN)
            assert (False, "nothing was begun") == (refused.done, refused.sentence[-17:])
            assert {"id": "x", "plan": 3} == scene.runs.journal.run
            answer = await scene.ask(Verb.RESUME)
            assert "every plan may start again" == answer.sentence
            await scene.until_over()
        assert "succeeded" == scene.run.phase.value

    tell(tale)


def test_run_of_a_newer_version_is_finished_with_starts() -> None:
    """A journal of a newer version is not written; what its run stopped is started."""

    async def tale(scene: Scene) -> None:
        async with scene.driven():
            await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        journal = scene.runs.journal
        journal.newer_run, journal.run = journal.run, None
        journal.trouble = journal.reading_trouble = NewerSchema("journal.db is of version 9")
        await scene.jump(1)
        assert "STOPPED" == scene.supervisor.states["a"]
        following = await ended(scene)

        assert {"a": "RUNNING", "b": "RUNNING"} == scene.supervisor.states
        assert 0 == scene.supervisor["b"].stops
        assert "failed" == following.run.phase.value
        assert "journal.db is of version 9" == following.maintenance.journal.problem

    tell(tale)


def test_resume_after_a_lost_journal() -> None:
    """A journal that took a lost one's place lets runs start only after resume."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.needs_resume = "journal.db: the file is damaged"
        async with scene.driven():
            await scene.until_phase("pending")
            assert ("no run without a journal: journal.db: the file is damaged",) == (
                scene.run.blockers
            )
            answer = await scene.ask(Verb.RESUME)
            assert (True, "every plan may start again") == (answer.done, answer.sentence)
            await scene.until_over()
        assert "succeeded" == scene.run.phase.value

    tell(tale)


def test_plan_that_could_not_begin_says_why() -> None:
    """A run that was blocked until start_within was over is skipped with that reason."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.run = {"id": "x", "plan": 3}
        async with scene.driven():
            await scene.pass_seconds(330, step=5)
        last = scene.runs.journal.last_runs["nightly"]
        assert "skipped" == last.outcome
        assert last.reason.startswith("no run without a journal: the run that it holds is none: ")

    tell(tale)


def test_history_is_written_when_it_can_be_again() -> None:
    """A run that ended while the disk was full is kept once there is room."""

    async def tale(scene: Scene) -> None:
        scene.runs.history.trouble = FULL
        await scene.until_over()
        assert {} == scene.runs.history.kept
        scene.runs.history.trouble = None
        await scene.jump(5)
        assert "succeeded" == scene.runs.history.kept[scene.run.id]["run"]["phase"]

    tell_driven(tale)


def test_asking_that_fails_unexpectedly_blocks() -> None:
    """What raises where nobody expects it is a reason not to start, not a silence."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.check_trouble = RuntimeError("nobody expects this")
        await scene.until_phase("pending")
        await scene.pass_seconds(1)
        assert ("asking failed unexpectedly: the log says why",) == scene.run.blockers

    tell_driven(tale)
