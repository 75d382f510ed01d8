"""What people ask about planned runs: run, hold, resume, cancel. Only here are they obeyed.

What a request holds was written by anybody's program: nonsense is answered with a sentence, and
changes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo
from typing import Any

import attrs

from supervisor_maint.app.conducting import Conductor
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.timetable import Timetable
from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance import holds
from supervisor_maint.maintenance.run import Run, new_run
from supervisor_maint.store.records import Hold
from supervisor_maint.store.requests import Answer, Request, Verb

# A client waits 5 s for its answer.
CANCEL_WITHIN_SECONDS = 4.0
NOTHING = "nothing was changed"


class Refused(Exception):
    """A request that is not carried out; its text is the answer."""


@attrs.define(kw_only=True)
class Desk:
    """Carries out requests, one after the other with what else begins runs (``beginning``)."""

    journal: JournalKeeper
    timetable: Timetable
    conductor: Conductor
    begin: Callable[[Run], Awaitable[None]]
    beginning: asyncio.Lock
    clock: Callable[[], float]
    zone: Callable[[], tzinfo]
    wake: Callable[[], None]

    async def serve(self, request: Request) -> Answer:
        """Carry out a request about planned runs, and say what became of it."""
        serve = {
            Verb.RUN: self._run,
            Verb.HOLD: self._hold,
            Verb.RESUME: self._resume,
            Verb.CANCEL: self._cancel,
        }[request.verb]
        try:
            return await serve(_Asked(request))
        except Refused as refusal:
            return Answer(done=False, sentence=str(refusal), at=self.clock())
        except StoreError as error:
            return Answer(done=False, sentence=f"{NOTHING}: {error.msg}", at=self.clock())

    async def _run(self, asked: _Asked) -> Answer:
        plan, why_not = self.timetable.find(asked.plan)
        if plan is None:
            raise Refused(why_not)
        self.check_free()
        async with self.beginning:
            self.check_free()
            run = new_run(new_id(), plan, now=self.clock(), asked_by=asked.by)
            await self.begin(run)
        return self._done(f"run {run.id} of {plan.name} begins", run_id=run.id)

    def check_free(self) -> None:
        """Tell why no run may begin now. Raises Refused."""
        active = self.conductor.active_run
        if active is not None:
            raise Refused(f"run {active.id} of {active.plan.name} is under way; nothing was begun")
        journal = self.journal
        if not journal.is_read or self.conductor.owes_end or journal.unreadable_run is not None:
            raise Refused(f"no run without a journal: {journal.problem}; nothing was begun")

    async def _hold(self, asked: _Asked) -> Answer:
        now, name = self.clock(), asked.plan
        if name is not None:
            self._check_known(name)
        asked.check_hold(now)
        hold = Hold(
            plan=name,
            reason=asked.reason,
            asked_by=asked.by,
            since_at=now,
            until_at=asked.until_at,
        )
        await self.journal.write(self.journal.ports.journal.save_hold, hold)
        await self.journal.read()
        return self._done(f"{holds.describe(hold, self.zone())}{self._goes_on(name)}")

    def _goes_on(self, name: str | None) -> str:
        active = self.conductor.active_run
        if active is None or name not in (None, active.plan.name):
            return ""
        return f"; run {active.id} goes on: cancel it, or let it end"

    async def _resume(self, asked: _Asked) -> Answer:
        name, was_blocked = asked.plan, self.journal.blocked_because is not None
        if name is not None and name not in {hold.plan for hold in self.journal.state.holds}:
            self._check_known(name)
        was_held = await self.journal.write(self.journal.ports.journal.drop_hold, name)
        if was_blocked:
            await self._unblock()
        await self.journal.read()
        self.wake()
        if was_held or was_blocked:
            told = f"{name or 'every plan'} may start again"
        else:
            told = f"{name} was not held" if name else "no hold was on every plan"
        return self._done("; ".join([told, *self._still_held(name)]))

    async def _unblock(self) -> None:
        """Let runs start though holds may have been lost, and forget a run that is none."""
        journal = self.journal.ports.journal
        await self.journal.write(journal.clear_needs_resume)
        if self.journal.unreadable_run is not None:
            await self.journal.write(journal.save_run, None)
            self.journal.unreadable_run = None

    def _still_held(self, name: str | None) -> list[str]:
        """Say which holds still keep what was resumed from starting."""
        now = self.clock()
        lasting = [hold for hold in self.journal.state.holds if hold.plan != name]
        return [
            f"but {holds.describe(hold, self.zone())}; say {_resuming(hold)}"
            for hold in lasting
            if name is None or hold.covers(name, now)
        ]

    async def _cancel(self, asked: _Asked) -> Answer:
        run = self.conductor.active_run
        if run is None:
            raise Refused(f"no run is under way; {NOTHING}")
        if not await self.conductor.cancel(asked.by, CANCEL_WITHIN_SECONDS):
            raise Refused(f"run {run.id} is about to end, too late to cancel it; {NOTHING}")
        return self._done(f"run {run.id} of {run.plan.name} is being cancelled", run_id=run.id)

    def _check_known(self, name: str) -> None:
        plan, why_not = self.timetable.find(name)
        if plan is None:
            raise Refused(why_not)

    def _done(self, sentence: str, run_id: str | None = None) -> Answer:
        return Answer(done=True, sentence=sentence, at=self.clock(), run_id=run_id)


@attrs.frozen
class _Asked:
    """A request's arguments, each checked when it is asked for. Raises Refused."""

    _request: Request

    @property
    def by(self) -> str:
        return self._request.asked_by

    @property
    def plan(self) -> str | None:
        name = self._args.get("plan")
        if name is not None and not isinstance(name, str):
            raise Refused(f"expected the name of a plan, found {name!r:.80}; {NOTHING}")
        return name

    @property
    def reason(self) -> str:
        return "".join(char if char.isprintable() else " " for char in self._reason).strip()

    @property
    def _reason(self) -> Any:
        return self._args.get("reason") or ""

    @property
    def until_at(self) -> float | None:
        until_at = self._args.get("until_at")
        return None if until_at is None else float(until_at)

    def check_hold(self, now: float) -> None:
        why_not = holds.refusal(self._reason, self._args.get("until_at"), now)
        if why_not:
            raise Refused(f"{why_not}; {NOTHING}")

    @property
    def _args(self) -> Mapping[str, Any]:
        return self._request.args


def new_id() -> str:
    """Return an id for a run: short enough to be typed, and not to come twice."""
    return secrets.token_hex(4)


def _resuming(hold: Hold) -> str:
    return "resume" if hold.plan is None else f"resume {hold.plan}"
