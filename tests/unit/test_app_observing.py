"""Looking at supervisord: what is asked for, and what is made of the answers."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from supervisor_maint.errors import SupervisorFault, SupervisorTimeout, SupervisorUnreachable
from tests.fakes.app import World, play
from tests.fakes.watching import config, ns, status

FAULT = SupervisorFault("supervisord refused supervisor.readLog: NO_FILE", code=20)
LOG = (
    "2033-05-18 03:33:20,000 INFO exited: web (exit status 3; not expected)\n"
    "2033-05-18 03:33:21,000 INFO gave up: web entered FATAL state, too many start retries\n"
)


async def fatal(world: World) -> None:
    """Begin with web RUNNING, and have it settle as FATAL."""
    await world.turns()
    await world.pass_seconds(11)
    world.supervisor.calls.clear()
    world.supervisor.processes = (status("web", "FATAL", spawn_error="Exited too quickly"),)
    world.teller.tick().process("web", "EXITED 5", "STARTING", "BACKOFF", "FATAL")
    await world.pass_seconds(11)


def test_exit_status_is_learnt_from_the_log() -> None:
    """How a process ended that is not up is read from supervisord's log, once a report."""

    async def story(world: World) -> None:
        world.supervisor.log = LOG
        await fatal(world)

    world = play(story)

    assert ["snapshot", "log_tail"] == world.supervisor.calls
    assert {ns("web"): 3} == world.reports[-1].exit_statuses
    assert ["exit status 3; Exited too quickly"] == [
        each["detail"] for each in world.history.reports[-1]["differences"]
    ]


def test_log_is_left_alone_when_nothing_ended() -> None:
    """A report without a process that ended badly asks for no log."""

    async def story(world: World) -> None:
        await world.turns()
        await world.pass_seconds(11)
        world.supervisor.calls.clear()
        world.supervisor.processes = (status("web", "STOPPED"), status("new", "RUNNING", 6))
        world.teller.tick().process("web", "STOPPING 5", "STOPPED 5")
        await world.pass_seconds(11)

    assert ["snapshot"] == play(story).supervisor.calls


def test_unreadable_log_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A log that cannot be read leaves statuses unknown, is logged once, and is no outage."""

    async def story(world: World) -> None:
        world.supervisor.log = FAULT
        await fatal(world)
        for _ in range(3):
            world.teller.process("web", "STARTING", "BACKOFF", "FATAL")
            await world.pass_seconds(11)

    world = play(story)

    assert 4 == world.supervisor.calls.count("log_tail")
    assert 1 == caplog.text.count("exit statuses stay unknown")
    assert all(facts.up for facts in world.reports)


@pytest.mark.parametrize(
    ("trouble", "asked", "up"),
    [(FAULT, 1, True), (SupervisorTimeout("did not answer"), 2, False)],
    ids=["refused", "hung"],
)
def test_configuration_that_cannot_be_read(trouble: Any, asked: int, up: bool) -> None:
    """A fault costs the configuration alone; an outage is one, and it is asked for again."""

    async def story(world: World) -> None:
        world.supervisor.configurations = trouble
        await world.turns()
        await world.pass_seconds(61)

    world = play(story)

    assert asked == world.supervisor.calls.count("configs")
    assert up is world.reports[-1].up


def test_configuration_reaches_the_baseline() -> None:
    """What was read at the start is what a later reading is compared with."""

    async def story(world: World) -> None:
        world.supervisor.configurations = {ns("web"): config("web", command="old")}
        await world.turns()
        await world.pass_seconds(11)
        world.supervisor.configurations = {ns("web"): config("web", command="new")}
        world.teller.tick().group("other", added=True)
        await world.pass_seconds(11)

    assert {"config": 1} == play(story).reports[-1].differences_by_kind


def test_trouble_that_changes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each new reason is one line, however often it is met, and so is the recovery."""

    async def story(world: World) -> None:
        for reason in ("nobody listens", "nobody listens", "401", "nobody listens"):
            world.supervisor.processes = SupervisorUnreachable(reason)
            await world.pass_seconds(6)
        world.supervisor.processes = (status("web", "RUNNING", 5),)
        await world.pass_seconds(6)
        await world.pass_seconds(61)

    with caplog.at_level(logging.INFO):
        play(story)

    assert [
        "cannot look at supervisord: nobody listens",
        "cannot look at supervisord: 401",
        "cannot look at supervisord: nobody listens",
    ] == [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert 1 == caplog.text.count("looking at supervisord")


def test_memory_may_be_left_out() -> None:
    """Without the memory port nothing is measured, and what was known is dropped."""

    async def story(world: World) -> None:
        await world.turns()
        world.app.ports.memory = None
        await world.pass_seconds(61)

    world = play(story)

    assert [1, 0] == [len(facts.memory) for facts in world.reports]
