"""What people ask about planned runs, and what they are answered."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from supervisor_maint.errors import StoreError
from supervisor_maint.store.records import Hold
from supervisor_maint.store.requests import Verb
from tests.fakes.maintained import NOW, Scene, plan, tell_driven

WEEKLY = plan("weekly", schedule=None)
BOTH = [plan(), WEEKLY]


async def hold_nightly(scene: Scene, **args: Any) -> None:
    assert (await scene.ask(Verb.HOLD, plan="nightly", **args)).done


def test_run_begins_and_tells_its_id() -> None:
    """Who asks for a run gets its id, and the run says who asked."""

    async def tale(scene: Scene) -> None:
        answer = await scene.ask(Verb.RUN)
        assert (True, f"run {scene.run.id} of nightly begins") == (answer.done, answer.sentence)
        assert scene.run.id == answer.run_id
        assert ("me@here", None) == (scene.run.asked_by, scene.run.scheduled_at)
        await scene.until_over()

    scene = tell_driven(tale)

    assert "succeeded" == scene.run.phase.value
    assert scene.runs.journal.last_runs["nightly"].is_manual


def test_manual_run_counts_as_the_scheduled_one() -> None:
    """A run that somebody asked for a moment before the hour is the night's run."""

    async def tale(scene: Scene) -> None:
        await scene.ask(Verb.RUN)
        await scene.pass_seconds(60, step=0.5)

    scene = tell_driven(tale)

    assert 1 == len(scene.runs.lines)
    assert [1, 1] == [each.stops for each in scene.supervisor.programs.values()]


def test_runs_do_not_overlap() -> None:
    """While a run is under way another is refused, however many ask at once."""

    async def tale(scene: Scene) -> None:
        answers = await asyncio.gather(*(scene.ask(Verb.RUN, plan="weekly") for _ in range(3)))
        assert [False, False, True] == sorted(answer.done for answer in answers)
        first = scene.run.id
        answer = await scene.ask(Verb.RUN, plan="nightly")
        assert f"run {first} of weekly is under way; nothing was begun" == answer.sentence
        assert not answer.done
        assert first == scene.run.id

    tell_driven(tale, plans=BOTH)


@pytest.mark.parametrize(
    ("verb", "args", "sentence"),
    [
        (Verb.RUN, {}, "expected the name of a plan, known are: nightly, weekly"),
        (Verb.RUN, {"plan": "daily"}, "there is no plan 'daily', known are: nightly, weekly"),
        (Verb.RUN, {"plan": ["nightly"]}, "expected the name of a plan, found ['nightly']"),
        (Verb.RUN, {"plan": ""}, "there is no plan '', known are: nightly, weekly"),
        (Verb.HOLD, {"plan": 3}, "expected the name of a plan, found 3"),
        (Verb.HOLD, {"plan": "daily"}, "there is no plan 'daily', known are: nightly, weekly"),
        (Verb.RESUME, {"plan": "daily"}, "there is no plan 'daily', known are: nightly, weekly"),
        (Verb.CANCEL, {}, "no run is under way"),
        *(
            (
                Verb.HOLD,
                {"until_at": until_at},
                f"expected seconds since the epoch as the end of the hold, found {until_at!r}",
            )
            for until_at in ("06:30", [NOW + 60], True)
        ),
        *(
            (
                Verb.HOLD,
                {"until_at": until_at},
                "expected an end of the hold that is to come, and within ten years",
            )
            for until_at in (math.nan, math.inf, NOW, NOW - 1)
        ),
        (
            Verb.HOLD,
            {"reason": "x" * 1001},
            f"expected a reason of at most 1000 characters, found {'x' * 1001!r:.80}",
        ),
        (
            Verb.HOLD,
            {"reason": ["why"]},
            "expected a reason of at most 1000 characters, found ['why']",
        ),
    ],
)
def test_nonsense_is_answered_and_changes_nothing(
    verb: Verb, args: dict[str, Any], sentence: str
) -> None:
    """What cannot be carried out is refused with a sentence, and nothing happens."""

    async def tale(scene: Scene) -> None:
        answer = await scene.ask(verb, **args)
        assert (False, f"{sentence}; nothing was changed") == (answer.done, answer.sentence)
        assert None is scene.run
        assert {} == scene.runs.journal.holds
        assert 0 == sum(scene.totals.errors.values())

    tell_driven(tale, plans=BOTH)


@pytest.mark.parametrize("verb", [Verb.RUN, Verb.HOLD, Verb.RESUME])
def test_journal_that_cannot_be_written_confirms_nothing(verb: Verb) -> None:
    """What was not journalled is not confirmed."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.trouble = StoreError("the disk is full")
        answer = await scene.ask(verb)
        assert (False, "nothing was changed: the disk is full") == (answer.done, answer.sentence)
        assert None is scene.run

    tell_driven(tale)


def test_hold_is_journalled_and_told() -> None:
    """A hold is in the journal before it is confirmed, and the answer says how long it lasts."""

    async def tale(scene: Scene) -> None:
        answer = await scene.ask(Verb.HOLD, plan="nightly", reason="disk\n swap", until_at=NOW + 60)
        assert (
            "nightly is held until 2023-11-16 03:00:50 JST by me@here: disk  swap"
            == answer.sentence
        )
        assert (
            Hold(
                plan="nightly",
                reason="disk  swap",
                asked_by="me@here",
                since_at=scene.now,
                until_at=NOW + 60,
            )
            == (scene.runs.journal.holds["nightly"])
        )
        assert NOW + 60 == scene.maintenance.hold_until_at

    tell_driven(tale)


def test_hold_during_a_run_says_that_the_run_goes_on() -> None:
    """A hold ends no run, and who holds is told so."""

    async def tale(scene: Scene) -> None:
        await scene.until_phase("restarting")
        answer = await scene.ask(Verb.HOLD)
        assert answer.sentence.endswith(f"; run {scene.run.id} goes on: cancel it, or let it end")
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value


def test_held_run_waits_and_is_skipped() -> None:
    """A run that is held until start_within is over is skipped, and says why."""

    async def tale(scene: Scene) -> None:
        await hold_nightly(scene, reason="deploy")
        await scene.until_phase("pending")
        await scene.pass_seconds(15, step=1)
        assert ("nightly is held until somebody resumes by me@here: deploy",) == scene.run.blockers
        assert not scene.watch.baseline.in_run
        await scene.pass_seconds(300, step=5)

    scene = tell_driven(tale)

    assert "skipped" == scene.run.phase.value
    assert "nightly is held until somebody resumes by me@here: deploy" == scene.run.reason
    assert 0 == scene.supervisor["a"].stops
    assert 1 == scene.totals.plans.plans["nightly"].runs["skipped"]


def test_run_that_waits_tells_the_end_of_the_hold_as_the_hold_was_told() -> None:
    """In the zone of the settings, as everything else that people are shown."""

    async def tale(scene: Scene) -> None:
        held = await scene.ask(Verb.HOLD, plan="nightly", until_at=NOW + 60)
        await scene.until_phase("pending")
        await scene.pass_seconds(15, step=1)
        assert (held.sentence,) == scene.run.blockers
        assert "03:00:50 JST" in held.sentence

    tell_driven(tale)


def test_resume_lets_a_waiting_run_begin() -> None:
    """A run that waits for a hold begins within a quarter of a minute after resume."""

    async def tale(scene: Scene) -> None:
        await hold_nightly(scene)
        await scene.until_phase("pending")
        await scene.pass_seconds(60, step=1)
        assert "nightly may start again" == (await scene.ask(Verb.RESUME, plan="nightly")).sentence
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value


def test_lapsed_hold_is_forgotten() -> None:
    """A hold that is over is shown no more, and dropped from the journal."""

    async def tale(scene: Scene) -> None:
        await hold_nightly(scene, until_at=NOW + 5)
        await scene.jump(6)
        assert [] == scene.maintenance.document(scene.now)["holds"]
        assert {} == scene.runs.journal.holds

    tell_driven(tale)


@pytest.mark.parametrize(
    ("held", "resumed", "sentence"),
    [
        ([], None, "no hold was on every plan"),
        (["nightly"], None, "no hold was on every plan; but nightly is held until"),
        ([None], None, "every plan may start again"),
        ([None, "weekly"], None, "every plan may start again; but weekly is held until"),
        ([None], "nightly", "nightly was not held; but every plan is held until"),
        (["weekly"], "nightly", "nightly was not held"),
        (["removed"], "removed", "removed may start again"),
    ],
)
def test_resume_says_what_is_still_held(
    held: list[str | None], resumed: str | None, sentence: str
) -> None:
    """Who resumes learns at once which other hold is in the way."""

    async def tale(scene: Scene) -> None:
        for name in held:
            scene.runs.journal.save_hold(Hold(plan=name, asked_by="x", since_at=NOW))
        await scene.maintenance.journal.read()
        answer = await scene.ask(Verb.RESUME, plan=resumed)
        assert answer.done
        assert sentence == answer.sentence.partition(" somebody resumes by x")[0]

    tell_driven(tale, plans=BOTH)


@pytest.mark.parametrize(
    ("held", "resumed", "ending"),
    [("weekly", None, "resume weekly"), (None, "nightly", "resume")],
)
def test_resume_says_how_the_other_hold_is_ended(
    held: str | None, resumed: str | None, ending: str
) -> None:
    """At 3 a.m. nobody guesses which name ends which hold."""

    async def tale(scene: Scene) -> None:
        scene.runs.journal.save_hold(Hold(plan=held, asked_by="x", since_at=NOW))
        await scene.maintenance.journal.read()
        answer = await scene.ask(Verb.RESUME, plan=resumed)
        assert answer.sentence.endswith(f" is held until somebody resumes by x; say {ending}")

    tell_driven(tale, plans=BOTH)


def test_checks_run_only_when_all_else_is_well() -> None:
    """A check step is not run for a plan that is held."""
    from supervisor_maint.maintenance.invocation import StepEnd
    from supervisor_maint.maintenance.observation import StepOutcome
    from supervisor_maint.maintenance.plan import Step

    async def tale(scene: Scene) -> None:
        scene.runs.commands.ends["deploy"] = StepEnd(outcome=StepOutcome.FAILED, reason="not now")
        await hold_nightly(scene)
        await scene.until_phase("pending")
        await scene.pass_seconds(30, step=1)
        assert [] == scene.runs.commands.ran
        await scene.ask(Verb.RESUME, plan="nightly")
        await scene.pass_seconds(20, step=1)
        assert ("check deploy: not now",) == scene.run.blockers
        scene.runs.commands.ends.clear()
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan(checks=(Step.before("deploy", "deploy"),))])

    assert "succeeded" == scene.run.phase.value


def test_cancel_of_a_waiting_run_skips_it() -> None:
    """A run that waits is cancelled at once."""

    async def tale(scene: Scene) -> None:
        await hold_nightly(scene)
        await scene.until_phase("pending")
        assert (await scene.ask(Verb.CANCEL)).done
        await scene.work()

    scene = tell_driven(tale)

    assert ("skipped", "cancelled by me@here") == (scene.run.phase.value, scene.run.reason)


def test_nobody_who_knows_the_pools_blocks() -> None:
    """When nobody can tell which groups are listener pools, the run waits, and says why."""

    async def tale(scene: Scene) -> None:
        pools, scene.runs.pools = scene.runs.pools, None
        await scene.until_phase("pending")
        await scene.pass_seconds(5)
        why = "nobody knows the pools"
        assert (f"nobody knows which groups are listener pools: {why}",) == scene.run.blockers
        scene.runs.pools = pools
        await scene.until_over()

    assert "succeeded" == tell_driven(tale).run.phase.value
