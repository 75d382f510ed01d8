"""Deliveries to a sink, driven step by step: the executor runs only when the test says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring import delivery
from supervisor_maint.monitoring.access import HttpAccess
from supervisor_maint.monitoring.delivery import Delivery
from supervisor_maint.monitoring.facts import SinkStatus
from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from tests.fakes.gateway import FakeGateway, answer, hang
from tests.fakes.waiting import until
from tests.fakes.writing import FakeSink, HandExecutor

NOW = 1_700_000_000.0
AWAY = SinkError("nobody there")
REJECTED = SinkError("malformed", rejected=True)
DEADLINE_SECONDS = 60
LONGER_THAN_THE_FIRST_REST_SECONDS = 0.6


class Scene:
    """A delivery with everything around it in the test's hands."""

    def __init__(self) -> None:
        self.sink = FakeSink()
        self.executor = HandExecutor()
        self.now = NOW
        self.delivery = Delivery(self.sink, self.executor, lambda: self.now, jitter=lambda: 1.0)

    async def finish_write(self) -> None:
        """Let the write under way end, and the loop notice."""
        await until(lambda: bool(self.executor.calls))
        self.executor.run()
        for _ in range(5):
            await asyncio.sleep(0)


def play(story: Callable[[Scene], Coroutine[Any, Any, None]]) -> Scene:
    async def run() -> Scene:
        scene = Scene()
        await story(scene)
        return scene

    return asyncio.run(run())


def test_report_is_written() -> None:
    """A report goes to the sink, and the status says when it was taken."""

    async def story(scene: Scene) -> None:
        scene.delivery.submit(b"1")
        await scene.finish_write()

    scene = play(story)

    assert [b"1"] == scene.sink.written
    assert SinkStatus(ok=1, last_success_at=NOW) == scene.delivery.status()
    assert scene.delivery.name == "fake"


def test_submit_waits_for_nothing() -> None:
    """Nothing is written before submit returns, and one write at most is under way."""
    in_flight = []

    async def story(scene: Scene) -> None:
        for report in (b"1", b"2", b"3"):
            scene.delivery.submit(report)
            in_flight.append((len(scene.executor.calls), len(scene.sink.written)))

    play(story)

    assert [(1, 0), (1, 0), (1, 0)] == in_flight


def test_only_the_newest_follows() -> None:
    """What came during a write is one write, of the newest."""

    async def story(scene: Scene) -> None:
        for report in (b"1", b"2", b"3"):
            scene.delivery.submit(report)
        await scene.finish_write()
        await scene.finish_write()

    assert [b"1", b"3"] == play(story).sink.written


def test_newest_is_delivered_when_the_sink_is_back() -> None:
    """After a failure the newest report is written, once the sink has had its rest."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        for report in (b"1", b"2", b"3"):
            scene.delivery.submit(report)
        await scene.finish_write()
        await scene.finish_write()

    scene = play(story)

    assert [b"1", b"3"] == scene.sink.written
    assert (1, 1, None) == (
        scene.delivery.status().ok,
        scene.delivery.status().failed,
        scene.delivery.status().last_error,
    )


def test_resting_sink_is_left_alone() -> None:
    """A report that comes while the sink has its rest does not shorten the rest."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY, AWAY])
        scene.delivery.submit(b"1")
        await scene.finish_write()
        scene.now += 86400.0
        await scene.finish_write()
        scene.delivery.submit(b"2")
        assert not scene.executor.calls

    assert [b"1", b"1"] == play(story).sink.written


def test_failed_report_is_tried_again_by_itself() -> None:
    """Nothing new has to come for a report to be tried again."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        scene.delivery.submit(b"1")
        await scene.finish_write()
        await scene.finish_write()

    assert [b"1", b"1"] == play(story).sink.written


def test_rejected_report_is_given_up() -> None:
    """A rejected report is not written again, and the next one goes at once."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([REJECTED])
        scene.delivery.submit(b"1")
        await scene.finish_write()
        assert not scene.executor.calls
        scene.delivery.submit(b"2")
        assert len(scene.executor.calls) == 1
        await scene.finish_write()

    scene = play(story)

    assert [b"1", b"2"] == scene.sink.written
    assert scene.delivery.status().rejected == 1


def test_outage_is_logged_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is two lines, whatever its length."""
    caplog.set_level(logging.INFO, logger=delivery.__name__)

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([REJECTED, REJECTED, REJECTED])
        for report in (b"1", b"2", b"3", b"4"):
            scene.delivery.submit(report)
            await scene.finish_write()
            scene.now += 10.0

    play(story)

    assert [
        ("WARNING", "sink fake rejects reports: malformed"),
        ("INFO", "sink fake takes reports again after 30 s"),
    ] == [(record.levelname, record.getMessage()) for record in caplog.records]


def test_failure_says_that_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """The line of a failure tells the operator that nothing has to be done twice."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        scene.delivery.submit(b"1")
        await scene.finish_write()

    play(story)

    assert ["sink fake takes no reports, trying again: nobody there"] == caplog.messages


def test_unexpected_exception_is_reported_and_survived() -> None:
    """A mistake in a sink reaches the loop's exception handler, and the delivery goes on."""
    reported: list[dict[str, Any]] = []

    async def story(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: reported.append(context))
        scene.sink.errors.extend([ZeroDivisionError("oops")])
        scene.delivery.submit(b"1")
        await scene.finish_write()
        assert scene.delivery.status().last_error == "unexpected ZeroDivisionError"
        await scene.finish_write()

    scene = play(story)

    assert ["ZeroDivisionError('oops')"] == [repr(context["exception"]) for context in reported]
    assert (1, 1) == (scene.delivery.status().ok, scene.delivery.status().failed)


def test_counts_go_on_from_an_earlier_listener() -> None:
    """Counters of the sink survive the listener's restart."""
    before = SinkStatus(ok=41, last_success_at=NOW)

    async def run() -> SinkStatus:
        return Delivery(FakeSink(), HandExecutor(), status=before).status()

    assert before == asyncio.run(run())


def drain(prepare: Callable[[Scene], None], writes: int, timeout: float = DEADLINE_SECONDS) -> Any:
    """Submit a report, prepare, drain while so many writes end; return the answer and writes."""
    answers = []

    async def story(scene: Scene) -> None:
        scene.delivery.submit(b"1")
        prepare(scene)
        draining = asyncio.ensure_future(scene.delivery.drain(timeout))
        for _ in range(writes):
            await scene.finish_write()
        answers.append(await draining)

    scene = play(story)
    return answers[0], scene.sink.written


def test_drain_waits_for_the_write_under_way() -> None:
    """What is being written may end."""
    assert (True, [b"1"]) == drain(lambda scene: None, writes=1)


def test_drain_writes_the_newest() -> None:
    """The last report follows the one that is under way."""
    assert (True, [b"1", b"2"]) == drain(lambda scene: scene.delivery.submit(b"2"), writes=2)


def test_drain_writes_the_newest_also_after_a_failure() -> None:
    """The last report gets its one try without a rest."""

    def prepare(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        scene.delivery.submit(b"2")

    assert (True, [b"1", b"2"]) == drain(prepare, writes=2)


def test_drain_gives_up_after_one_try() -> None:
    """A sink that is away does not keep the listener from leaving."""
    assert (False, [b"1"]) == drain(lambda scene: scene.sink.errors.extend([AWAY]), writes=1)


def test_drain_says_when_the_report_was_rejected() -> None:
    """A last report that was refused did not arrive."""
    assert (False, [b"1"]) == drain(lambda scene: scene.sink.errors.extend([REJECTED]), writes=1)


def test_drain_leaves_a_hanging_write() -> None:
    """A write that does not end in time is left behind."""
    assert (False, []) == drain(lambda scene: None, writes=0, timeout=0.01)


def test_drain_ends_the_rest() -> None:
    """A report that waits for its next try gets it at once."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        scene.delivery.submit(b"1")
        await scene.finish_write()
        draining = asyncio.ensure_future(scene.delivery.drain(DEADLINE_SECONDS))
        await asyncio.sleep(0)
        assert len(scene.executor.calls) == 1
        await scene.finish_write()
        assert await draining

    assert [b"1", b"1"] == play(story).sink.written


def test_abandoned_delivery_writes_no_more() -> None:
    """A sink that the settings no longer name is not tried again, whatever waited for it."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.extend([AWAY])
        scene.delivery.submit(b"1")
        scene.delivery.abandon()
        await scene.finish_write()
        await asyncio.sleep(LONGER_THAN_THE_FIRST_REST_SECONDS)
        assert not scene.executor.calls

    assert [b"1"] == play(story).sink.written


def test_drain_of_nothing() -> None:
    """With nothing to write there is nothing to wait for."""

    async def run() -> bool:
        return await Delivery(FakeSink(), HandExecutor()).drain(DEADLINE_SECONDS)

    assert asyncio.run(run()) is True


def test_real_gateway_that_hangs_and_returns() -> None:
    """Through a real sink and a real thread, the newest report is there after an outage."""

    async def run(gateway: FakeGateway, executor: ThreadPoolExecutor) -> Delivery:
        target = PushgatewayTarget(
            url=gateway.url, instance="web01", access=HttpAccess(timeout_seconds=0.3)
        )
        outlet = Delivery(PushgatewaySink(target), executor)
        outlet.submit(b"1")
        await until(lambda: outlet.status().failed >= 2)
        for report in (b"2", b"3"):
            outlet.submit(report)
        gateway.behaviour = answer(202)
        await until(lambda: outlet.status().ok > 0)
        await outlet.drain(DEADLINE_SECONDS)
        return outlet

    with FakeGateway(hang) as gateway, ThreadPoolExecutor(1) as executor:
        outlet = asyncio.run(run(gateway, executor))
        seen = [push.body for push in gateway.pushes]

    assert seen[-1] == b"3"
    assert outlet.status().ok >= 1


def test_tried_waits_for_the_newest_report() -> None:
    """Also when it has to wait for the write under way; whether it is taken or refused."""

    async def story(scene: Scene) -> None:
        scene.delivery.submit(b"1")
        scene.delivery.submit(b"2")
        scene.sink.errors.extend([None, AWAY])
        waiting = asyncio.ensure_future(scene.delivery.tried())
        await scene.finish_write()
        assert not waiting.done()
        await scene.finish_write()
        await asyncio.wait_for(waiting, DEADLINE_SECONDS)

    scene = play(story)

    assert 1 == scene.delivery.status().failed


def test_tried_does_not_wait_for_a_sink_that_rests() -> None:
    """It has failed a moment ago, and is not tried before its time."""

    async def story(scene: Scene) -> None:
        scene.sink.errors.append(AWAY)
        scene.delivery.submit(b"1")
        await scene.finish_write()
        scene.delivery.submit(b"2")
        await asyncio.wait_for(scene.delivery.tried(), DEADLINE_SECONDS)

    assert [b"1"] == play(story).sink.written


def test_tried_returns_at_once_when_all_is_done() -> None:
    """Nothing was handed over, or everything was taken."""

    async def story(scene: Scene) -> None:
        await asyncio.wait_for(scene.delivery.tried(), DEADLINE_SECONDS)
        scene.delivery.submit(b"1")
        await scene.finish_write()
        await asyncio.wait_for(scene.delivery.tried(), DEADLINE_SECONDS)

    assert [b"1"] == play(story).sink.written
