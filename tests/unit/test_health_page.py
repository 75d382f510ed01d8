"""The page /health: whom it asks, how often, and what it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from supervisor_maint.errors import ListenerAbsent, SupervisorTimeout
from supervisor_maint.monitoring.health import Listener, OpenRun
from supervisor_maint.monitoring.sinks.health_page import HealthPage
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus, Snapshot
from tests.fakes.reports import running, snapshot

DEADLINE_SECONDS = 60
WEB = Namespec("web", "web")
UP = snapshot(running(WEB))
DOWN = snapshot(ProcessStatus(namespec=WEB, state=ProcessState.STOPPED))
ALIVE = Listener(is_alive=True, wanted={WEB: True})
IN_RUN = Listener(
    is_alive=True,
    wanted={WEB: True},
    run=OpenRun(plan="nightly", deadline_at=30.0, targets=frozenset({WEB})),
)


class Asked:
    """A supervisord that takes its time, on a clock of its own; it counts the questions."""

    def __init__(self, answer: Snapshot | SupervisorTimeout = UP, seconds: float = 0.0) -> None:
        self.answer = answer
        self.seconds = seconds
        self.now = 0.0
        self.count = 0

    def __call__(self) -> Snapshot:
        self.count += 1
        self.now += self.seconds
        if isinstance(self.answer, SupervisorTimeout):
            raise self.answer
        return self.answer

    def clock(self) -> float:
        return self.now

    def page(self, listener: Callable[[], Listener] = lambda: ALIVE) -> HealthPage:
        return HealthPage(self, listener, clock=self.clock, monotonic=self.clock)


@pytest.mark.parametrize(
    ("answer", "listener", "query", "status", "headers"),
    [
        (UP, ALIVE, {}, 200, {}),
        (UP, ALIVE, {"strict": "1"}, 200, {}),
        (DOWN, ALIVE, {}, 503, {}),
        (DOWN, IN_RUN, {}, 200, {}),
        (DOWN, IN_RUN, {"strict": "0"}, 200, {}),
        (DOWN, IN_RUN, {"strict": "1"}, 503, {"Retry-After": "30"}),
        (SupervisorTimeout("silent"), IN_RUN, {}, 503, {}),
    ],
)
def test_answer(
    answer: Snapshot | SupervisorTimeout,
    listener: Listener,
    query: dict[str, str],
    status: int,
    headers: dict[str, str],
) -> None:
    """It is 200 or 503 by the rule of probes; in planned downtime a strict 503 says until when."""
    reply = Asked(answer).page(lambda: listener)(query)

    assert status == reply.status
    assert {"Cache-Control": "no-store", **headers} == dict(reply.headers)
    assert reply.body.startswith(b"SUPERVISOR ")
    assert reply.body.endswith(b"\n")


@pytest.mark.parametrize(
    ("seconds", "lasts"), [pytest.param(0.01, 1.0, id="quick"), pytest.param(0.5, 2.5, id="slow")]
)
def test_answer_is_kept_for_a_moment(seconds: float, lasts: float) -> None:
    """Supervisord is asked once a second, or less often when that takes it long."""
    asked = Asked(seconds=seconds)
    page = asked.page()
    page({})
    asked.now += lasts - 0.1
    page({})
    before = asked.count
    asked.now += 0.2
    page({})

    assert (1, 2) == (before, asked.count)


def test_busy_listener_is_not_well() -> None:
    """A listener that does not say what it knows in time is answered for: 503, and why."""

    def busy() -> Listener:
        raise ListenerAbsent("the listener is too busy")

    reply = Asked().page(busy)({})

    assert 503 == reply.status
    assert b"SUPERVISOR UNKNOWN - the listener is too busy" in reply.body


class Gate:
    """Lets the first question through and holds every later one."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.opened = threading.Event()
        self.is_first = True

    def __call__(self) -> Snapshot:
        self.asked.release()
        if not self.is_first:
            self.opened.wait(DEADLINE_SECONDS)
        self.is_first = False
        return UP


def test_only_one_waits_for_a_supervisord_that_hangs() -> None:
    """While one asks, others get the answer from before, if it is not too old."""
    gate, clock = Gate(), Asked()
    page = HealthPage(gate, lambda: ALIVE, clock=clock.clock, monotonic=clock.clock)
    page({})
    gate.asked.acquire(timeout=DEADLINE_SECONDS)
    clock.now = 2.0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(page, {})
        gate.asked.acquire(timeout=DEADLINE_SECONDS)
        reply = page({})
        is_waiting = not waiting.done()
        gate.opened.set()

    assert (200, True) == (reply.status, is_waiting)
    assert 200 == waiting.result(DEADLINE_SECONDS).status


def test_too_old_an_answer_is_waited_for() -> None:
    """What was found long ago is no answer: the one who comes second waits for the first."""
    gate, clock = Gate(), Asked()
    page = HealthPage(gate, lambda: ALIVE, clock=clock.clock, monotonic=clock.clock)
    page({})
    gate.asked.acquire(timeout=DEADLINE_SECONDS)
    clock.now = 60.0
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(page, {})
        gate.asked.acquire(timeout=DEADLINE_SECONDS)
        second = pool.submit(page, {})
        gate.opened.set()
        statuses = [each.result(DEADLINE_SECONDS).status for each in (first, second)]

    assert [200, 200] == statuses
    assert not gate.asked.acquire(blocking=False)
