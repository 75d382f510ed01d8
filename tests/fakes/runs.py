"""What a planned run touches, in memory: journal, children, pids, and an obeying supervisord."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from supervisor_maint.app.run_ports import Alerting, RunPorts
from supervisor_maint.effects import Supervisor
from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance.invocation import Invocation, StepEnd
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.readiness import Probe
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.store.records import Hold, JournalState, LastRun, Record


@attrs.define
class FakeJournal:
    """Remembers like the real one; raises ``trouble`` from every write while there is one."""

    run: Mapping[str, Any] | None = None
    holds: dict[str | None, Hold] = attrs.field(factory=dict)
    last_runs: dict[str, LastRun] = attrs.field(factory=dict)
    newer_run: Mapping[str, Any] | None = None
    needs_resume: str | None = None
    reading_trouble: BaseException | None = None
    trouble: BaseException | None = None
    check_trouble: BaseException | None = None
    saved: list[Mapping[str, Any] | None] = attrs.field(factory=list)

    def load(self) -> JournalState:
        if self.reading_trouble is not None:
            raise self.reading_trouble
        return JournalState(
            run=self.run,
            holds=tuple(self.holds.values()),
            last_runs=dict(self.last_runs),
            needs_resume=self.needs_resume,
        )

    def read_newer_run(self) -> Mapping[str, Any] | None:
        return self.newer_run

    def close(self) -> None:
        """A fake holds no file."""

    def save_run(self, run: Mapping[str, Any] | None, *, finished: LastRun | None = None) -> int:
        self._write()
        self.run = run
        self.saved.append(run)
        if finished is not None:
            self._remember(finished)
        return len(self.saved)

    def save_hold(self, hold: Hold) -> None:
        self._write()
        self.holds[hold.plan] = hold

    def drop_hold(self, plan: str | None) -> bool:
        self._write()
        return self.holds.pop(plan, None) is not None

    def record_plan(self, last_run: LastRun) -> None:
        self._write()
        self._remember(last_run)

    def clear_needs_resume(self) -> None:
        self._write()
        self.needs_resume = None

    def check_writable(self) -> None:
        if self.check_trouble is not None:
            raise self.check_trouble
        self._write()

    def _remember(self, last_run: LastRun) -> None:
        self.last_runs[last_run.plan] = last_run.after(self.last_runs.get(last_run.plan))

    def _write(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@attrs.define
class FakeRunHistory:
    """Keeps runs by their ids; ``on_save`` is called with each id."""

    kept: dict[str, Mapping[str, Any]] = attrs.field(factory=dict)
    trouble: BaseException | None = None
    on_save: Callable[[str], None] = lambda _run_id: None

    def save_run(self, run_id: str, started_at: float, document: Mapping[str, Any]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.on_save(run_id)
        self.kept[run_id] = document

    def runs(self, limit: int) -> Sequence[Record]:
        newest = list(self.kept.items())[::-1][:limit]
        return [Record(recorded_at=0.0, name=name, document=each) for name, each in newest]


@attrs.define
class FakeCommands:
    """Steps that end at once, as ``ends`` says by their names; those in ``hangs`` never do."""

    ends: dict[str, StepEnd] = attrs.field(factory=dict)
    hangs: set[str] = attrs.field(factory=set)
    ran: list[Invocation] = attrs.field(factory=list)

    async def run(self, invocation: Invocation) -> StepEnd:
        self.ran.append(invocation)
        if invocation.step.name in self.hangs:
            await asyncio.Event().wait()
        return self.ends.get(invocation.step.name, StepEnd(outcome=StepOutcome.SUCCEEDED))

    async def await_orphan(self, step: Step) -> StepEnd:
        return StepEnd(outcome=StepOutcome.UNKNOWN, reason="nobody saw its end")


@attrs.define
class FakePids:
    """Dies when it is told to."""

    on_death: Callable[[int], None]
    kept: tuple[int, ...] = ()

    def keep(self, pids: Iterable[int], *, supervisord_pid: int) -> None:
        self.kept = tuple(pids)


async def at_once(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def nowhere() -> None:
    """Push to no sink at all."""


@attrs.define
class Death:
    """Calls at once until the listener dies: nothing comes back from the last of ``calls_left``.

    That call is carried out if ``is_carried_out``, and no other is.
    """

    calls_left: int
    is_carried_out: bool

    async def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls_left -= 1
        if self.calls_left > 0:
            return function(*args, **kwargs)
        if self.calls_left == 0 and self.is_carried_out:
            function(*args, **kwargs)
        return await asyncio.Event().wait()


@attrs.define(kw_only=True)
class RunWorld:
    """Everything around a run; ``pools`` None stands for nobody who knows.

    ``call`` makes the calls that block, journal and supervisord alike.
    """

    supervisor: Supervisor
    clock: Callable[[], float]
    journal: FakeJournal = attrs.field(factory=FakeJournal)
    history: FakeRunHistory = attrs.field(factory=FakeRunHistory)
    commands: FakeCommands = attrs.field(factory=FakeCommands)
    pools: Pools | None = attrs.field(factory=Pools)
    lines: list[Run] = attrs.field(factory=list)
    pids: list[FakePids] = attrs.field(factory=list)
    ready: bool = True
    call: Callable[..., Any] = at_once
    alerting: Alerting = attrs.field(factory=lambda: Alerting(instance="web01"))
    asking: Callable[..., Any] = at_once
    push: Callable[[], Awaitable[None]] = nowhere

    def ports(self) -> RunPorts:
        return RunPorts(
            supervisor=lambda: self.supervisor,
            journal=self.journal,
            history=self.history,
            commands=self.commands,
            rotate=self._rotate,
            watch_pids=self._watch_pids,
            log_line=self.lines.append,
            probe=self._probe,
            pools=self._pools,
            push=self._push,
            alerting=lambda: self.alerting,
            asking=self._ask,
            act=self._call,
            probing=at_once,
            journaling=self._call,
            store=self._call,
            clock=self.clock,
        )

    async def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.call(function, *args, **kwargs)

    async def _push(self) -> None:
        await self.push()

    async def _ask(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.asking(function, *args, **kwargs)

    def _rotate(self, run: Run, seconds: float) -> Awaitable[StepEnd]:
        async def rotated() -> StepEnd:
            return StepEnd(outcome=StepOutcome.SUCCEEDED)

        return rotated()

    def _watch_pids(self, on_death: Callable[[int], None]) -> FakePids:
        self.pids.append(FakePids(on_death))
        return self.pids[-1]

    def _probe(self, probe: Probe, seconds: float) -> tuple[bool, str]:
        return self.ready, "" if self.ready else "HTTP 503"

    def _pools(self) -> Pools:
        if self.pools is None:
            raise MaintError("nobody knows the pools")
        return self.pools
