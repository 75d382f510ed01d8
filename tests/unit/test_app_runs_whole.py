"""Whole planned runs: a supervisord that obeys, and every decision journalled before it acts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor_maint.errors import SupervisorTimeout
from supervisor_maint.maintenance.plan import OnFailure, Step, Strategy
from supervisor_maint.snapshots.tallies import Cause
from supervisor_maint.store.requests import Verb
from tests.fakes.maintained import NOW, TOKYO, Scene, plan, tell, tell_driven
from tests.fakes.watching import ns

SCHEDULED = NOW + 10
WEB = ("web:web_0", "web:web_1", "web:web_2", "job")


async def nightly(scene: Scene) -> None:
    """The night comes, and the run with it."""
    await scene.until_over()


def test_rolling_run_restarts_everything_one_at_a_time() -> None:
    """Every process is restarted once, and never is more than one away."""
    scene = tell_driven(nightly, *WEB)

    assert "succeeded" == scene.run.phase.value
    assert {"RUNNING"} == set(scene.supervisor.states.values())
    assert [1] * 4 == [each.stops for each in scene.supervisor.programs.values()]
    assert 3 == scene.supervisor.fewest_running
    assert scene.run.created_at - SCHEDULED < 1


def test_all_at_once_stops_everything_first() -> None:
    """With all-at-once everything is down for a moment, and the run is as short as one restart."""
    scene = tell_driven(nightly, *WEB, plans=[plan(strategy=Strategy.ALL_AT_ONCE)])

    assert "succeeded" == scene.run.phase.value
    assert 0 == scene.supervisor.fewest_running
    assert [1] * 4 == [each.stops for each in scene.supervisor.programs.values()]
    assert 1 == scene.supervisor.calls.count("stop")
    assert 1 == scene.supervisor.calls.count("start")


def test_run_is_journalled_before_any_action() -> None:
    """What supervisord is asked to stop is in the journal as being stopped already."""

    async def tale(scene: Scene) -> None:
        stop, seen = scene.supervisor.stop, []

        def watched(namespecs: Any) -> Any:
            targets = {each["chosen"]["namespec"]: each for each in journal_targets(scene)}
            seen.extend(targets[each.qualified]["progress"] for each in namespecs)
            return stop(namespecs)

        scene.supervisor.stop = watched  # type: ignore[method-assign]
        await scene.until_over()

        assert ["stopping"] * 2 == seen

    tell_driven(tale)


def journal_targets(scene: Scene) -> Any:
    """Return the processes of the open run, as the journal has them now."""
    run = scene.runs.journal.run
    assert run is not None
    return json.loads(json.dumps(run))["targets"]


def test_restarts_count_as_maintenance() -> None:
    """What the run restarts is counted as maintenance, and the baseline does not move."""

    async def tale(scene: Scene) -> None:
        await scene.until_phase("restarting")
        assert scene.watch.baseline.in_run
        await scene.until_over()

    scene = tell_driven(tale)

    counted = scene.watch.tallies(scene.now)[ns("a")].restarts
    assert 1 == counted[Cause.MAINTENANCE]
    assert 0 == counted[Cause.COMMAND]
    assert not scene.watch.baseline.in_run


def test_end_is_kept_everywhere() -> None:
    """Journal, history, restart log, counts and the window's deadline all know of the end."""
    scene = tell_driven(nightly)
    run, records = scene.run, scene.totals.plans

    assert scene.runs.journal.run is None
    assert "succeeded" == scene.runs.journal.last_runs["nightly"].outcome
    assert 1 == records.plans["nightly"].runs["succeeded"]
    assert run.ended_at == records.plans["nightly"].last_success_at
    assert records.window_start_at is not None
    assert run.created_at <= records.window_start_at < run.ended_at == records.window_deadline_at
    assert {ns("a"), ns("b")} == set(records.downtime_seconds)
    assert [run] == scene.runs.lines
    kept = scene.runs.history.kept[run.id]
    assert "succeeded" == kept["run"]["phase"]
    assert {"a:a", "b:b"} == set(kept["downtime_seconds"]) == set(kept["start_seconds"])
    assert {"a:a", "b:b"} == set(kept["before"]["processes"]) == set(kept["after"]["processes"])
    assert "succeeded" == kept["story"][-1]["text"]
    json.dumps(dict(kept))


def test_moves_are_reported_and_no_more() -> None:
    """Each transition has the metrics written, once."""
    scene = tell_driven(nightly)

    assert ["pending", "preparing", "restarting", "verifying", "succeeded"] == list(
        dict.fromkeys(scene.moved)
    )
    assert len(scene.moved) <= 7


def test_process_that_does_not_come_back_fails_the_run() -> None:
    """The run stops there, says how it ended, and leaves the rest as it was."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].breaks = True
        scene.supervisor.log = (
            "2033-05-18 03:33:20,000 INFO exited: a (exit status 3; not expected)\n"
        )
        scene.supervisor.output = "of an earlier night\n"
        scene.supervisor.last_words = "starting\nno such table\n"
        await scene.until_over()

    scene = tell_driven(tale)

    assert "failed" == scene.run.phase.value
    assert "a: it is FATAL: Exited too quickly" == scene.run.reason
    assert {"a": "FATAL", "b": "RUNNING"} == scene.supervisor.states
    assert 0 == scene.supervisor["b"].stops
    told = [line["text"] for line in scene.runs.history.kept[scene.run.id]["story"]]
    assert ["ended last by exit status 3", "wrote: starting", "wrote: no such table"] == told[-3:]
    assert 1 == scene.totals.plans.plans["nightly"].runs["failed"]


def test_differences_know_the_exit_status_that_the_story_tells() -> None:
    """How a process ended is learnt from supervisord's log for both."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].breaks = True
        scene.supervisor.log = (
            "2033-05-18 03:33:20,000 INFO exited: a (exit status 3; not expected)\n"
        )
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(on_failure=OnFailure.CONTINUE)])

    kept = scene.runs.history.kept[scene.run.id]
    assert ["exit status 3; Exited too quickly"] == [each["detail"] for each in kept["differences"]]
    assert "ended last by exit status 3" in [line["text"] for line in kept["story"]]


@pytest.mark.parametrize(
    ("last_words", "told"),
    [("no such table\n", "wrote: no such table"), ("", "wrote nothing since it was started")],
)
def test_only_what_was_written_since_the_start_is_quoted(last_words: str, told: str) -> None:
    """What a process wrote in earlier nights is none of this run's."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].breaks = True
        scene.supervisor.output = "of an earlier night\n"
        scene.supervisor.last_words = last_words
        await scene.until_over()

    assert f"a: {told}" == tell_driven(tale).story[-1]


def test_output_that_may_be_older_says_so() -> None:
    """A listener that did not see the start quotes the last lines, and says what they may be."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].breaks = True
        scene.supervisor.output = "no such table\n"
        async with scene.driven():
            await scene.until(lambda: scene.supervisor.states["a"] == "STARTING")
        following = scene.crashed()
        async with following.driven():
            await following.until_over()

        assert "a: wrote last, maybe before this run: no such table" == following.story[-1]

    tell(tale)


def test_output_that_cannot_be_measured_keeps_nothing_from_being_started() -> None:
    """The start comes all the same."""

    async def tale(scene: Scene) -> None:
        def refuse(_namespecs: Any) -> Any:
            raise SupervisorTimeout("no answer")

        scene.supervisor.output_sizes = refuse  # type: ignore[method-assign]
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value


def test_on_failure_continue_goes_on() -> None:
    """With on_failure = continue the rest is restarted, and the run has failed all the same."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["a"].breaks = True
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(on_failure=OnFailure.CONTINUE)])

    assert "failed" == scene.run.phase.value
    assert 1 == scene.supervisor["b"].stops
    assert "RUNNING" == scene.supervisor.states["b"]


def test_steps_run_once_and_in_order() -> None:
    """Pre steps come first, post steps last, each once, and post steps are told the result."""
    steps = {
        "pre": (Step.before("drain", "drain"),),
        "post": (Step.after("warm", "warm"),),
        "checks": (Step.before("deploy", "deploy"),),
    }
    scene = tell_driven(nightly, plans=[plan(**steps)])

    ran = [(each.phase, each.step.name, each.result) for each in scene.runs.commands.ran]
    assert [("check", "deploy", None), ("pre", "drain", None), ("post", "warm", "succeeded")] == ran


def test_cancel_finishes_the_batch() -> None:
    """A cancelled run starts what it stopped, stops nothing more, and has failed."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        answer = await scene.ask(Verb.CANCEL)
        assert (True, scene.run.id) == (answer.done, answer.run_id)
        assert scene.runs.journal.run["cancelled_by"] == "me@here"
        await scene.until_over()

    scene = tell_driven(tale)

    assert "failed" == scene.run.phase.value
    assert "cancelled by me@here" == scene.run.reason
    assert {"a": "RUNNING", "b": "RUNNING"} == scene.supervisor.states
    assert 0 == scene.supervisor["b"].stops


@pytest.mark.parametrize("phase", ["finishing", "recovering"])
def test_cancel_may_come_too_late(phase: str) -> None:
    """Who cancels a run that ends anyway is told so."""
    slow = Step.after("warm", "warm", idempotent=False)

    async def tale(scene: Scene) -> None:
        scene.runs.commands.hangs.add("warm")
        scene.supervisor["a"].breaks = phase == "recovering"
        await scene.until_phase(phase)
        await scene.until(lambda: bool(scene.runs.commands.ran))
        answer = await scene.ask(Verb.CANCEL)

        assert not answer.done
        assert (
            f"run {scene.run.id} is about to end, too late to cancel it; nothing was changed"
            == (answer.sentence)
        )

    tell_driven(tale, plans=[plan(post=(slow,))])


def test_stopping_by_an_operator_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """What an operator stopped before stays stopped, and is no target."""

    async def tale(scene: Scene) -> None:
        scene.supervisor.stop([ns("b")])
        await scene.until_over()

    scene = tell_driven(tale)

    assert {"a": "RUNNING", "b": "STOPPED"} == scene.supervisor.states
    assert "succeeded" == scene.run.phase.value


def test_unexpected_exception_in_an_action_does_not_stop_the_run() -> None:
    """A stop whose call breaks in a way nobody foresaw is taken for lost, and the run goes on."""

    async def tale(scene: Scene) -> None:
        stop, broken = scene.supervisor.stop, [True]

        def breaks_once(namespecs: Any) -> Any:
            if broken.pop() if broken else False:
                raise RuntimeError("a bug")
            return stop(namespecs)

        scene.supervisor.stop = breaks_once  # type: ignore[method-assign]
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert 1 == scene.totals.errors["action"]
    assert [1, 1] == [each.stops for each in scene.supervisor.programs.values()]


def test_unexpected_exception_in_a_turn_does_not_stop_the_run() -> None:
    """A look that breaks in a way nobody foresaw is counted, and the next turn comes."""

    async def tale(scene: Scene) -> None:
        look, broken = scene.supervisor.look, [True]

        def breaks_once(namespecs: Any) -> Any:
            if broken:
                broken.pop()
                raise RuntimeError("a bug")
            return look(namespecs)

        scene.supervisor.look = breaks_once  # type: ignore[method-assign]
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert 1 == scene.totals.errors["maintenance"]


def test_reload_in_the_middle_holds_for_the_next_run() -> None:
    """A plan that is removed during its run runs to its end as it began."""

    async def tale(scene: Scene) -> None:
        await scene.until_phase("restarting")
        scene.maintenance.set_plans([], TOKYO)
        (facts,) = scene.maintenance.plan_facts(scene.now)
        assert facts.in_progress
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert () == scene.maintenance.plan_facts(scene.now)


def test_full_disk_of_the_history_disturbs_nothing() -> None:
    """A history that cannot be written is logged, and the run succeeds."""
    from supervisor_maint.errors import StoreError

    async def tale(scene: Scene) -> None:
        scene.runs.history.trouble = StoreError("the disk is full")
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert {} == scene.runs.history.kept
    assert "succeeded" == scene.runs.journal.last_runs["nightly"].outcome


def test_supervisord_that_goes_away_is_waited_for() -> None:
    """While supervisord shuts down or is silent nothing is asked of it; then the run goes on."""
    from supervisor_maint.errors import SupervisorShuttingDown

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        scene.supervisor.trouble = SupervisorShuttingDown("supervisord is shutting down")
        await scene.pass_seconds(20)
        assert not scene.run.is_over
        scene.supervisor.trouble = None
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert [1, 1] == [each.stops for each in scene.supervisor.programs.values()]


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
def test_clock_may_be_set_in_a_run(seconds: float) -> None:
    """A clock that jumps in the middle leaves nothing stopped, and the run ends."""

    async def tale(scene: Scene) -> None:
        await scene.until(lambda: scene.supervisor.states["a"] == "STOPPING")
        for program in scene.supervisor.programs.values():
            if program.changes_at is not None:
                program.changes_at += seconds
        await scene.jump(seconds)
        await scene.until_over()

    scene = tell_driven(tale)

    assert {"a": "RUNNING", "b": "RUNNING"} == scene.supervisor.states


def test_loop_does_not_spin() -> None:
    """At one moment supervisord is looked at a few times, for what was just asked of it."""
    looked_at: list[float] = []

    async def tale(scene: Scene) -> None:
        look = scene.supervisor.look

        def counted(namespecs: Any) -> Any:
            looked_at.append(scene.now)
            return look(namespecs)

        scene.supervisor.look = counted  # type: ignore[method-assign]
        await scene.until_over()

    tell_driven(tale)

    assert max(looked_at.count(at) for at in set(looked_at)) <= 6
