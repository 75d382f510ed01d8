"""Performing what a run wants done. Nothing here decides, and nothing here waits.

Each action becomes a task; how it ended is told as a ``Result``, which wakes the run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.stepping import StepRunner
from supervisor_maint.errors import SupervisorError
from supervisor_maint.maintenance import actions
from supervisor_maint.maintenance.observation import (
    BlockersAnswer,
    CallKind,
    CallOutcome,
    CallResult,
    ReadyAnswer,
    Result,
)
from supervisor_maint.maintenance.run import Run
from supervisor_maint.processes import Namespec

Performance = Callable[[Run, Any], Awaitable[None]]


@attrs.define(kw_only=True)
class Performer:
    """Performs actions; ``tell`` takes each result, ``wake`` is called when one only wakes.

    ``survive`` gets what an action should not have raised. ``note_output`` is called before
    processes are started.
    """

    ports: RunPorts
    tell: Callable[[Result], None]
    wake: Callable[[], None]
    survive: Callable[[str, BaseException], None]
    blockers: Callable[[Run], Awaitable[tuple[str, ...]]]
    note_output: Callable[[tuple[Namespec, ...]], Awaitable[None]]
    announce: Callable[[Run], Awaitable[None]]
    take_snapshot: Callable[[Run, actions.When], Awaitable[Result]]
    steps: StepRunner
    _tasks: set[asyncio.Future[None]] = attrs.field(init=False, factory=set)
    _is_nudging: bool = attrs.field(init=False, default=False)
    _is_nudge_wanted: bool = attrs.field(init=False, default=False)

    def perform(self, run: Run, action: actions.Action) -> None:
        """Begin an action, in the order of the calls; returns at once."""
        if isinstance(action, actions.Nudge):
            self.nudge()
        else:
            self._begin(self._performances[type(action)](run, action))

    def nudge(self) -> None:
        """Make supervisord's loop turn from now on, and look again."""
        self._is_nudge_wanted = True
        if not self._is_nudging:
            self._begin(self._nudge())

    def _begin(self, performance: Awaitable[None]) -> None:
        task = asyncio.ensure_future(performance)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.survive("action", error)

    @property
    def _performances(self) -> Mapping[type[Any], Performance]:
        return {
            actions.StopProcesses: self._stop,
            actions.StartProcesses: self._start,
            actions.RunStep: self._run_step,
            actions.AwaitStep: self._await_step,
            actions.RotateLogs: self._rotate,
            actions.AskBlockers: self._ask_blockers,
            actions.Announce: self._announce,
            actions.TakeSnapshot: self._snapshot,
            actions.CheckReady: self._check_ready,
        }

    async def _stop(self, _: Run, action: actions.StopProcesses) -> None:
        await self._call(CallKind.STOP, self.ports.supervisor().stop, action.namespecs)

    async def _start(self, _: Run, action: actions.StartProcesses) -> None:
        await self.note_output(action.namespecs)
        await self._call(CallKind.START, self.ports.supervisor().start, action.namespecs)

    async def _call(
        self,
        kind: CallKind,
        call: Callable[[tuple[Namespec, ...]], Mapping[Namespec, str | None]],
        namespecs: tuple[Namespec, ...],
    ) -> None:
        """Ask for each process; without an answer nobody knows whether it was carried out."""
        try:
            refusals = await self.ports.act(call, namespecs)
        except SupervisorError as error:
            answers = dict.fromkeys(namespecs, (CallOutcome.UNKNOWN, error.msg))
        else:
            answers = {namespec: _outcome(refusals[namespec]) for namespec in namespecs}
        for namespec, (outcome, reason) in answers.items():
            self.tell(CallResult(kind=kind, namespec=namespec, outcome=outcome, reason=reason))

    async def _run_step(self, run: Run, action: actions.RunStep) -> None:
        self.tell(await self.steps.run(run, action))

    async def _await_step(self, _: Run, action: actions.AwaitStep) -> None:
        self.tell(await self.steps.await_orphan(action))

    async def _rotate(self, run: Run, action: actions.RotateLogs) -> None:
        self.tell(await self.steps.rotate(run, action))

    async def _ask_blockers(self, run: Run, _: actions.AskBlockers) -> None:
        self.tell(BlockersAnswer(await self.blockers(run)))

    async def _announce(self, run: Run, _: actions.Announce) -> None:
        await self.announce(run)

    async def _snapshot(self, run: Run, action: actions.TakeSnapshot) -> None:
        self.tell(await self.take_snapshot(run, action.when))

    async def _check_ready(self, _: Run, action: actions.CheckReady) -> None:
        is_ready, reason = await self.ports.probing(
            self.ports.probe, action.probe, action.timeout_seconds
        )
        self.tell(
            ReadyAnswer(namespec=action.namespec, pid=action.pid, is_ready=is_ready, reason=reason)
        )

    async def _nudge(self) -> None:
        """Nudge; what died while that was under way may have come too late for it."""
        self._is_nudging = True
        try:
            while self._is_nudge_wanted:
                self._is_nudge_wanted = False
                # the next look says what is wrong, and it comes within a second
                with contextlib.suppress(SupervisorError):
                    await self.ports.act(self.ports.supervisor().nudge)
                self.wake()
        finally:
            self._is_nudging = False


def _outcome(refusal: str | None) -> tuple[CallOutcome, str]:
    return (CallOutcome.ACCEPTED, "") if refusal is None else (CallOutcome.REFUSED, refusal)
