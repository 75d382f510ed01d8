"""Requests from people, and settings that change: what becomes of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from supervisor_maint.app import answering
from supervisor_maint.errors import Problem, SettingsError, StoreError, SupervisorUnreachable
from supervisor_maint.processes import ProcessState, Supervisord
from supervisor_maint.store.requests import Rejected, Verb
from tests.fakes.app import World, play
from tests.fakes.watching import ns, status

REFUSED = SettingsError(
    [
        Problem(file="/maint.conf", line=3, message="expected a duration, found 'x'"),
        Problem(file="/maint.conf", line=4, message="unknown key"),
    ]
)
FATAL = status("web", "FATAL", spawn_error="Exited too quickly")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no supervisord that hangs."""
    monkeypatch.setattr(answering, "LOOK_WITHIN_SECONDS", 60.0)


async def differing(world: World) -> None:
    """Begin with web RUNNING, and have it FATAL."""
    world.supervisor.processes = (status("web", "RUNNING", 5), status("job", "RUNNING", 6))
    await world.turns()
    await world.pass_seconds(11)
    world.supervisor.processes = (FATAL, status("job", "RUNNING", 6))
    world.teller.tick().process("web", "EXITED 5", "STARTING", "BACKOFF", "FATAL")
    await world.pass_seconds(11)


@pytest.mark.parametrize(
    ("names", "done", "sentence"),
    [
        (["web"], True, "accepted as wanted: web FATAL"),
        ([], True, "accepted as wanted: web FATAL"),
        (["job"], True, "nothing to accept: everything is as it is wanted"),
        (["web", "nobody"], False, "nothing was accepted: there is no process nobody"),
        (["web:*"], False, "nothing was accepted: expected NAME or GROUP:NAME, found 'web:*'"),
        ([""], False, "nothing was accepted: expected NAME or GROUP:NAME, found ''"),
        ("web", False, "nothing was accepted: expected a list of names, found 'web'"),
        ([1], False, "nothing was accepted: expected a list of names, found [1]"),
    ],
)
def test_accept(names: Any, done: bool, sentence: str) -> None:
    """``accept`` moves the baseline of what exists, or says why it moved nothing."""

    async def story(world: World) -> None:
        await differing(world)
        world.post(Verb.ACCEPT, names=names)
        await world.until(lambda: world.answer() is not None)

    world = play(story)

    assert (done, sentence) == world.answer()
    assert ("web" in sentence and done) is not bool(world.watch.differences)


def test_accepted_is_saved_before_it_is_confirmed() -> None:
    """When the answer is published, the baseline that it speaks of is in the history."""
    saved_when_answered = []

    async def story(world: World) -> None:
        await differing(world)
        published = world.app.ports.publish

        def publish(document: Any) -> None:
            published(document)
            if document["answers"]:
                saved_when_answered.append(world.history.processes["web:web"]["wanted"]["accepted"])

        world.app.ports.publish = publish
        world.post(Verb.ACCEPT, names=["web"])
        await world.until(lambda: world.answer() is not None)

    play(story)

    assert "FATAL" == saved_when_answered[0]


def test_accepted_process_that_is_gone() -> None:
    """A process that supervisord no longer has is wanted no more once that is accepted."""

    async def story(world: World) -> None:
        await differing(world)
        world.supervisor.processes = (FATAL,)
        world.post(Verb.ACCEPT, names=["job"])
        await world.until(lambda: world.answer() is not None)

    world = play(story)

    assert (True, "accepted as wanted: job absent") == world.answer()
    assert ns("job") not in world.watch.baseline.wanted


def unreachable(world: World) -> None:
    world.supervisor.processes = SupervisorUnreachable("nobody listens")


def hung(world: World) -> None:
    world.gate.clear()


@pytest.mark.parametrize("trouble", [unreachable, hung])
def test_accept_without_supervisord(
    trouble: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When supervisord does not answer in time, nothing is accepted, and that is the answer."""
    monkeypatch.setattr(answering, "LOOK_WITHIN_SECONDS", 0.3)

    async def story(world: World) -> None:
        await differing(world)
        trouble(world)
        for number in "12":
            world.post(Verb.ACCEPT, key=number)
        await world.until(lambda: world.answer("1") is not None and world.answer("2") is not None)

    world = play(story)

    assert (False, "nothing was accepted: supervisord does not answer") == world.answer("2")
    assert world.watch.differences


def test_accept_while_supervisord_ends() -> None:
    """What stops because supervisord does is not taken for wanted."""

    async def story(world: World) -> None:
        await differing(world)
        world.supervisor.supervisord = Supervisord(pid=7, started_at=1.0, state="SHUTDOWN")
        world.post(Verb.ACCEPT)
        await world.until(lambda: world.answer() is not None)

    assert (False, "nothing was accepted: supervisord is SHUTDOWN") == play(story).answer()


def test_accept_looks_afresh() -> None:
    """What is accepted is what is there when it is asked for, not what was seen before."""

    async def story(world: World) -> None:
        await differing(world)
        world.supervisor.processes = (status("web", "STOPPED"), status("job", "RUNNING", 6))
        world.post(Verb.ACCEPT, names=["web"])
        await world.until(lambda: world.answer() is not None)

    assert ProcessState.STOPPED is play(story).watch.baseline.wanted[ns("web")].state


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (
            Verb.RUN,
            "expected the name of a plan, known are: none; add a [maintenance:NAME]; nothing was "
            "changed",
        ),
        (Verb.CANCEL, "no run is under way; nothing was changed"),
    ],
)
def test_what_needs_a_plan_is_refused(verb: Verb, sentence: str) -> None:
    """Without a plan there is nothing to run or cancel, and the answer says so."""

    async def story(world: World) -> None:
        world.post(verb)
        await world.turns()

    assert (False, sentence) == play(story).answer()


def test_late_request_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """What expired before it was taken is not carried out, not answered, and logged."""

    async def story(world: World) -> None:
        world.post(Verb.RELOAD, expires_in=-0.1)
        await world.turns()

    world = play(story)

    assert world.answer() is None
    assert "drop request 1 to reload: it is too late" in caplog.text


def test_request_is_carried_out_once() -> None:
    """The same request as a file and as an event, before and after its answer, is done once."""

    async def story(world: World) -> None:
        world.reloads = [None]
        for _ in range(2):
            world.post(Verb.RELOAD)
            world.post(Verb.RELOAD)
            await world.turns()

    world = play(story)

    assert (True, "the settings hold now") == world.answer()
    assert [] == world.reloads


def test_what_is_no_request_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no request is dropped with its reason; the others are carried out."""

    async def story(world: World) -> None:
        world.mailbox.waiting.append(Rejected(source="x.json", reason="x.json holds no request"))
        world.tell_remote("maint", "no json")
        world.post(Verb.HOLD)
        await world.turns()

    world = play(story)

    assert world.answer() is not None
    assert "drop a request: x.json holds no request" in caplog.text
    assert "drop a request: event holds no request" in caplog.text


def test_unreadable_mailbox_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be read is logged; the turn goes on to its report."""

    async def story(world: World) -> None:
        world.mailbox.trouble = StoreError("requests: not permitted")
        await world.turns()

    world = play(story)

    assert "cannot take requests: requests: not permitted" in caplog.text
    assert 1 <= len(world.reports)


def test_failing_request_is_answered() -> None:
    """An unexpected exception in one request is its answer, counted; the next is carried out."""

    async def story(world: World) -> None:
        world.reloads = [RuntimeError("a bug")]
        world.post(Verb.RELOAD, key="1")
        world.post(Verb.HOLD, key="2")
        await world.turns()

    world = play(story)

    assert (False, "the listener failed unexpectedly: its log has the traceback") == world.answer()
    assert world.answer("2") is not None
    assert 1 == world.app.totals.errors["request"]


async def ask(world: World, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        world.post(Verb.HOLD, key=str(number))
    await world.turns()


def test_many_answers_at_once() -> None:
    """Whoever asked is answered, however many others ask in the same second."""

    async def story(world: World) -> None:
        await ask(world, 10 * answering.ANSWERS_KEPT)
        await world.pass_seconds(5)
        await ask(world, 1, first=10_000)

    world = play(story)

    assert world.answer("0") is not None


def test_old_answers_are_not_kept() -> None:
    """Answers that nobody can be waiting for are dropped, but for a few."""

    async def story(world: World) -> None:
        await ask(world, answering.ANSWERS_KEPT + 3)
        await world.pass_seconds(answering.ANSWERED_FOR_SECONDS)
        await ask(world, 1, first=10_000)

    world = play(story)

    assert answering.ANSWERS_KEPT == len(world.published[-1]["answers"])
    assert (None, True) == (world.answer("3"), world.answer("4") is not None)


def test_answers_are_bounded() -> None:
    """Whoever asks without end does not fill the memory: the oldest answers go."""

    async def story(world: World) -> None:
        await ask(world, answering.ANSWERS_AT_MOST + 3)

    world = play(story)

    assert answering.ANSWERS_AT_MOST == len(world.published[-1]["answers"])
    assert world.answer("2") is None


def by_request(world: World) -> None:
    world.post(Verb.RELOAD)


def by_signal(world: World) -> None:
    world.app.reload()


def by_file(world: World) -> None:
    world.settings_changed = True
    world.teller.tick()


@pytest.mark.parametrize("ask", [by_request, by_signal, by_file])
def test_refused_settings(ask: Callable[[World], None], caplog: pytest.LogCaptureFixture) -> None:
    """Bad settings are refused whole, with every problem logged and the metric at 0 at once."""

    async def story(world: World) -> None:
        await world.turns()
        world.reports.clear()
        world.reloads = [REFUSED]
        ask(world)
        await world.turns()

    world = play(story)

    assert [False] == [facts.config_reload_successful for facts in world.reports]
    assert world.published[-1]["config_reload_successful"] is False
    for problem in REFUSED.problems:
        assert f"settings refused, the old ones hold: {problem}" in caplog.text
    if ask is by_request:
        assert (False, f"settings refused, the old ones hold:\n{REFUSED.msg}") == world.answer()


@pytest.mark.parametrize("ask", [by_request, by_signal, by_file])
def test_good_settings(ask: Callable[[World], None]) -> None:
    """Good settings hold at once, and the metric is back at 1."""

    async def story(world: World) -> None:
        world.app.clerk.config_reload_successful = False
        await world.turns()
        world.reports.clear()
        world.reloads = [None]
        ask(world)
        await world.turns()

    assert [True] == [facts.config_reload_successful for facts in play(story).reports]


def test_unchanged_settings_are_left_alone() -> None:
    """A TICK_5 looks at the files, and reads nothing when none has changed."""

    async def story(world: World) -> None:
        world.teller.tick()
        await world.turns()

    assert 0 == play(story).app.totals.errors["reload"]


def test_exception_in_a_reload_is_survived() -> None:
    """An unexpected exception while settings are read is counted, and the turns go on."""

    async def story(world: World) -> None:
        world.reloads = [RuntimeError("a bug"), None]
        world.app.reload()
        await world.turns()
        world.app.reload()
        await world.turns()

    world = play(story)

    assert 1 == world.app.totals.errors["reload"]
    assert [] == world.reloads


def test_reload_asked_for_during_a_reload_follows_it() -> None:
    """A file that changes while settings are being read is read after that."""

    async def story(world: World) -> None:
        gate = asyncio.Event()
        began = []

        async def reload() -> None:
            began.append(True)
            await gate.wait()

        world.app.clerk.reload = reload
        for _ in range(3):
            world.app.reload()
            await world.turns()
        assert 1 == len(began)
        gate.set()
        await world.until(lambda: len(began) == 2)

    play(story)


def test_unpublished_status_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A status that cannot be published is one log line and a count; metrics are pushed."""

    async def story(world: World) -> None:
        world.publish_trouble = StoreError("the disk is full")
        await world.turns()
        await world.pass_seconds(61)

    with caplog.at_level(logging.ERROR):
        world = play(story)

    assert 1 == caplog.text.count("cannot publish the status")
    assert world.app.totals.store_errors["status"] >= 2
    assert len(world.outlet.submitted) >= 2
