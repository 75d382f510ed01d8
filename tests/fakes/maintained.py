"""Planned restarts in a test's hands: a supervisord that obeys, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint.app.maintaining import Maintenance
from supervisor_maint.app.totals import Totals
from supervisor_maint.effects import Memory
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.requests import Answer, Request, Verb
from tests.fakes.obeying import Obeying
from tests.fakes.runs import RunWorld
from tests.fakes.watching import Teller, snapshot

TOKYO = ZoneInfo("Asia/Tokyo")
# 02:59:50 in Tokyo, ten seconds before the nightly plan of the tests
NOW = 1_700_071_190.0
DEADLINE_SECONDS = 60
STEP_SECONDS = 0.25
# More than a turn and what it performs take when nothing blocks.
_LOOP_STEPS = 40


def plan(name: str = "nightly", **values: Any) -> Plan:
    """A plan for 03:00 in Tokyo that settles within a second, unless told otherwise."""
    known = {"schedule": Schedule.parse("0 3 * * *", TOKYO), "settle_seconds": 1.0}
    return Plan(name=name, **{**known, **values})


class FirstLivesAreLarge:
    """A process takes 5000 bytes, and 2000 after it was restarted."""

    def __init__(self) -> None:
        self._first: dict[Namespec, int] = {}

    def resident(self, pids: Mapping[Namespec, int]) -> Mapping[Namespec, int]:
        return {
            namespec: 5000 if self._first.setdefault(namespec, pid) == pid else 2000
            for namespec, pid in pids.items()
        }


# No repr: asyncio.run asks for its task's, and with it for the result's, which is the world.
@attrs.define(kw_only=True, repr=False)
class Scene:
    """One listener's planned restarts; ``crashed`` is the next listener in the same world."""

    supervisor: Obeying
    runs: RunWorld
    watch: Watch
    totals: Totals
    clock: list[float]
    plans: Sequence[Plan]
    memory: Memory | None = None
    moved: list[str] = attrs.field(factory=list)
    maintenance: Maintenance = attrs.field(init=False)

    @classmethod
    def build(cls, *names: str, plans: Sequence[Plan]) -> Scene:
        clock = [NOW]
        supervisor = Obeying(lambda: clock[0], *names)
        pools = Pools(programs=frozenset(each.group for each in supervisor.programs))
        watch = Watch.begin(NOW - 100)
        watch.observe(snapshot(*supervisor.snapshot().processes.values(), at=NOW - 50))
        supervisor.teller = Teller(watch, at=NOW).tick()
        return cls(
            supervisor=supervisor,
            runs=RunWorld(supervisor=supervisor, clock=lambda: clock[0], pools=pools),
            watch=watch,
            totals=Totals(),
            clock=clock,
            plans=plans,
        )

    def __attrs_post_init__(self) -> None:
        self.maintenance = Maintenance.build(
            ports=self.runs.ports(),
            watch=self.watch,
            totals=self.totals,
            memory=lambda: self.memory,
            moved=self._note_move,
            changed=lambda: None,
        )

    def _note_move(self) -> None:
        run = self.maintenance.conductor.run
        self.moved.append("-" if run is None else run.phase.value)

    @property
    def now(self) -> float:
        return self.clock[0]

    @property
    def run(self) -> Any:
        return self.maintenance.conductor.run

    @property
    def story(self) -> list[str]:
        """The run's story so far, one process or none a line."""
        lines = self.maintenance.conductor.story.to_document()
        return [f"{line['process'] or '-'}: {line['text']}" for line in lines]

    @asynccontextmanager
    async def driven(self) -> AsyncIterator[None]:
        """Take up what the journal holds and drive, until the end of the block: a crash."""
        await self.maintenance.start(self.plans, TOKYO)
        driving = asyncio.ensure_future(self.maintenance.drive())
        try:
            await self.work()
            yield
        finally:
            driving.cancel()
            await asyncio.wait({driving})

    def crashed(self) -> Scene:
        """Return the next listener; what the last one did not journal is gone."""
        return Scene(
            supervisor=self.supervisor,
            runs=self.runs,
            watch=self.watch,
            totals=Totals.restore(self.totals.to_document()),
            clock=self.clock,
            plans=self.plans,
        )

    async def work(self) -> None:
        """Turn until nothing is left to do at this moment."""
        self.maintenance.wake()
        for _ in range(_LOOP_STEPS):
            await asyncio.sleep(0)

    async def jump(self, seconds: float) -> None:
        """Set the clock, and turn."""
        self.clock[0] += seconds
        await self.work()

    async def pass_seconds(self, seconds: float, step: float = STEP_SECONDS) -> None:
        """Let time pass, a quarter of a second at a time."""
        until = self.now + seconds
        while self.now < until:
            await self.jump(min(step, until - self.now))

    async def until(self, condition: Callable[[], bool], within: float = 120.0) -> None:
        """Let time pass until the condition holds."""
        until = self.now + within
        while not condition():
            assert self.now < until, f"not within {within:g} s; the story:\n" + "\n".join(
                self.story
            )
            await self.jump(STEP_SECONDS)

    async def until_phase(self, phase: str) -> None:
        await self.until(lambda: self.run is not None and self.run.phase.value == phase)

    async def until_over(self) -> None:
        await self.until(lambda: self.run is not None and self.run.is_over)
        await self.work()

    async def ask(self, verb: Verb, **args: Any) -> Answer:
        """Ask for something, and go on turning until it is answered."""
        request = Request(
            id="1", verb=verb, args=args, asked_by="me@here", expires_at=self.now + 30
        )
        answering = asyncio.ensure_future(self.maintenance.serve(request))
        for _ in range(100):
            if answering.done():
                break
            await self.work()
        assert answering.done(), f"{verb} was not answered"
        return answering.result()


Tale = Callable[[Scene], Coroutine[Any, Any, None]]


def tell(tale: Tale, *names: str, plans: Sequence[Plan] | None = None) -> Scene:
    """Tell a tale about these processes, and return the scene."""

    async def told() -> Scene:
        scene = Scene.build(*(names or ("a", "b")), plans=[plan()] if plans is None else plans)
        await asyncio.wait_for(tale(scene), DEADLINE_SECONDS)
        return scene

    return asyncio.run(told())


def tell_driven(tale: Tale, *names: str, plans: Sequence[Plan] | None = None) -> Scene:
    """Tell a tale that one listener lives through."""

    async def driven(scene: Scene) -> None:
        async with scene.driven():
            await tale(scene)

    return tell(driven, *names, plans=plans)
