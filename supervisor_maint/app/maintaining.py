"""Planned restarts: when they begin, what people ask of them, and what is kept of them.

One loop drives everything: the schedule while no run is open, the open run otherwise. Plans
never overlap: one that is due while another runs waits, and is skipped when ``start_within`` is
over.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timezone, tzinfo
from typing import Any

import attrs

from supervisor_maint.app import run_reporting
from supervisor_maint.app.conducting import Conductor
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.performing import Performer
from supervisor_maint.app.plan_records import PlanRecord
from supervisor_maint.app.run_keeping import RunKeeper
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.stepping import StepRunner
from supervisor_maint.app.survival import survive, surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.effects import Memory
from supervisor_maint.errors import MaintError, StoreError, SupervisorError
from supervisor_maint.maintenance import blockers, holds, windows
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import Run, new_run
from supervisor_maint.maintenance.windows import Due, Missed, NotYet
from supervisor_maint.monitoring.facts import PlanFacts
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.records import Hold, LastRun

logger = logging.getLogger(__name__)

# An exception in a turn, or a journal that cannot be written, is tried again this much later.
AGAIN_SECONDS = 1.0
# The hourly work waits while a run is this close: 03:00 Asia/Tokyo is a TICK_3600.
CLOSE_SECONDS = 60.0
_LONGEST_SLEEP_SECONDS = 3600.0


@attrs.define(kw_only=True)
class Maintenance:
    """Begins runs when they are due or asked for, and sees them to their end.

    ``moved`` is called at each transition of a run, ``changed`` when there is news for clients.
    """

    ports: RunPorts
    watch: Watch
    journal: JournalKeeper
    conductor: Conductor
    keeper: RunKeeper
    steps: StepRunner
    totals: Totals
    moved: Callable[[], None]
    changed: Callable[[], None]
    woken: asyncio.Event
    plans: tuple[Plan, ...] = ()
    zone: tzinfo = timezone.utc
    _put_off_because: str = attrs.field(init=False, default="")
    _has_news: bool = attrs.field(init=False, default=False)
    _beginning: asyncio.Lock = attrs.field(init=False, factory=asyncio.Lock)
    _again_at: float = attrs.field(init=False, default=-math.inf)

    @classmethod
    def build(
        cls,
        *,
        ports: RunPorts,
        watch: Watch,
        totals: Totals,
        memory: Callable[[], Memory | None],
        moved: Callable[[], None],
        changed: Callable[[], None],
    ) -> Maintenance:
        """Put the parts together; what the arguments mean is said by the part that gets them."""
        woken = asyncio.Event()
        keeper = RunKeeper(ports=ports, memory=memory, records=totals.plans)
        journal = JournalKeeper(ports=ports)
        conductor = Conductor(ports=ports, journal=journal, watch=watch, wake=woken.set)
        maintenance = cls(
            ports=ports,
            watch=watch,
            journal=journal,
            conductor=conductor,
            keeper=keeper,
            steps=StepRunner(ports=ports, zone=lambda: maintenance.zone),
            totals=totals,
            moved=moved,
            changed=changed,
            woken=woken,
        )
        conductor.performer = Performer(
            ports=ports,
            tell=conductor.tell,
            wake=woken.set,
            survive=functools.partial(survive, totals),
            blockers=maintenance.blockers,
            take_snapshot=keeper.take,
            steps=maintenance.steps,
        )
        conductor.pids = ports.watch_pids(lambda _pid: conductor.performer.nudge())
        return maintenance

    @property
    def is_active(self) -> bool:
        """Tell whether a run is under way."""
        return self.conductor.is_active

    @property
    def hold_until_at(self) -> float | None:
        """Tell when the last hold ends, infinity for one without an end; None without a hold."""
        return holds.latest_end(self.journal.state.holds, self.ports.clock())

    def plan_facts(self, now: float) -> tuple[PlanFacts, ...]:
        """Return what the metrics show of each plan."""
        return run_reporting.plan_facts(self, now)

    def document(self, now: float) -> dict[str, Any]:
        """Return what the published status says, JSON-able."""
        return run_reporting.document(self, now)

    async def start(self, plans: Sequence[Plan], zone: tzinfo) -> None:
        """Read the journal, and take up the run that a crash has left open."""
        run = await self.journal.open_run()
        self.set_plans(plans, zone)
        if run is None:
            return
        await self.keeper.reopen(run)
        self.conductor.resume(run)

    def set_plans(self, plans: Sequence[Plan], zone: tzinfo) -> None:
        """Take the plans of the settings; a run under way keeps the plan it began with.

        ``zone`` is the one that people are shown times in.
        """
        self.zone = zone
        self.plans = tuple(plans)
        for plan in plans:
            self.record_of(plan)
        self.wake()

    def record_of(self, plan: Plan) -> PlanRecord:
        """Return what is remembered of a plan."""
        return self.totals.plans.know(plan.name, str(plan.schedule), self.ports.clock())

    def wake(self) -> None:
        """Make the loop turn."""
        self.woken.set()

    async def drive(self) -> None:
        """Turn for ever. An unexpected exception is survived, and the next turn comes."""
        while True:
            self.woken.clear()
            went_well = await surviving(self.totals, "maintenance", self._turn())
            await self._sleep(self._seconds_to_wait() if went_well else AGAIN_SECONDS)

    def is_close(self, now: float) -> bool:
        """Tell whether a run is under way or due within a minute."""
        if self.conductor.is_active:
            return True
        return any(at - now <= CLOSE_SECONDS for at in self.next_starts(now).values())

    def next_starts(self, now: float) -> Mapping[str, float]:
        """Return when each scheduled plan runs next: now or earlier for one that is due."""
        found = {}
        for plan in self.plans:
            window = self._window(plan, now)
            if isinstance(window, NotYet):
                if window.next_at is not None:
                    found[plan.name] = window.next_at
            else:
                found[plan.name] = window.scheduled_at
        return found

    async def run_now(self, name: str | None, asked_by: str) -> tuple[bool, str]:
        """Begin a run that somebody asks for; tell whether, and a sentence with its id."""
        plan, why_not = self._plan_named(name)
        if plan is None:
            return False, why_not
        run = new_run(_new_id(), plan, now=self.ports.clock(), asked_by=asked_by)
        why_not = await self._begin(run)
        if why_not:
            return False, f"{why_not}; nothing was begun"
        return True, f"run {run.id} of {plan.name} begins"

    async def _begin(self, run: Run) -> str:
        """Begin a run unless another one is open; return why not. One at a time asks."""
        async with self._beginning:
            if self.conductor.is_active and self.conductor.run is not None:
                return f"the run {self.conductor.run.id} is under way"
            if self.journal.unreadable_run is not None:
                return f"no run starts until somebody resumes: {self.journal.unreadable_run}"
            if not await self.journal.write_end():
                return f"no run without a journal: {self.journal.problem}"
            try:
                await self.conductor.begin(run)
            except StoreError as error:
                return f"no run without a journal: {error.msg}"
            return ""

    async def hold(
        self, name: str | None, asked_by: str, reason: str, until_at: float | None
    ) -> tuple[bool, str]:
        """Keep a plan, or every plan, from starting; confirmed only once it is journalled."""
        if name is not None and self._plan_named(name)[0] is None:
            return False, self._plan_named(name)[1]
        why_not = holds.refusal(reason, until_at, self.ports.clock())
        if why_not:
            return False, f"{why_not}; nothing was changed"
        hold = Hold(
            plan=name,
            reason=reason,
            asked_by=asked_by,
            since_at=self.ports.clock(),
            until_at=until_at,
        )
        await self.ports.store(self.ports.journal.save_hold, hold)
        await self.journal.read()
        return True, f"{name or 'every plan'} is held"

    async def resume(self, name: str | None) -> tuple[bool, str]:
        """End a hold, and the block after a lost journal."""
        was_held = await self.ports.store(self.ports.journal.drop_hold, name)
        blocked = await self.journal.resume()
        self.wake()
        if not was_held and not blocked:
            return True, f"{name or 'every plan'} was not held"
        return True, f"{name or 'every plan'} may run again"

    def cancel(self, asked_by: str) -> tuple[bool, str]:
        """Cancel the run under way."""
        if not self.conductor.is_active or self.conductor.run is None:
            return False, "no run is under way; nothing was changed"
        self.conductor.cancel(asked_by)
        return True, f"run {self.conductor.run.id} is being cancelled"

    async def blockers(self, run: Run) -> tuple[str, ...]:
        """Find out what keeps a run from starting; what cannot be asked blocks."""
        found = await surviving(self.totals, "action", self._find_blockers(run))
        return ("the check failed unexpectedly: the log says why",) if found is None else found

    async def _find_blockers(self, run: Run) -> tuple[str, ...]:
        found = blockers.Circumstances(
            holds=None if self.journal.problem else self.journal.state.holds,
            journal_problem=await self.journal.check(),
            supervisord_state=await self._supervisord_state(),
            unknown_groups=await self._unknown_groups(),
            checks={step.name: await self.steps.check(run, step) for step in run.plan.checks},
        )
        return blockers.find(run.plan, found, self.ports.clock())

    async def _turn(self) -> bool:
        """Make one turn; True, for ``surviving`` returns None when it raised."""
        if self.conductor.is_active:
            before = self.conductor.run
            over = await self.conductor.turn()
            self._follow_deadline()
            self._tell_of(before)
            if over is not None:
                await self._conclude(over)
        else:
            await self._consider()
        return True

    def take_news(self) -> bool:
        """Tell whether anything has changed since the last call that clients are shown."""
        news, self._has_news = self._has_news, False
        return news

    def _tell_of(self, before: Run | None) -> None:
        """Have a change shown to clients, and a transition of the run reported everywhere."""
        after = self.conductor.run
        if before is None or after is None or before.phase is not after.phase:
            self.moved()
        if before is not after:
            self._has_news = True
            self.changed()

    def _follow_deadline(self) -> None:
        """Let the metrics know until when alerts may be muted; the end of a run closes it."""
        run = self.conductor.run
        if run is not None and run.deadline_at is not None:
            ended_at = math.inf if run.ended_at is None else run.ended_at
            self.totals.plans.window_deadline_at = min(run.deadline_at, ended_at)

    async def _conclude(self, run: Run) -> None:
        """Keep what is known of a run that is over, and let the baseline move again."""
        self.watch.end_run(self.ports.clock())
        await self.keeper.keep(run, self.conductor.story)
        await self.journal.read()
        self.wake()

    async def _consider(self) -> None:
        """Begin the first run that is due; write down what was missed."""
        now = self.ports.clock()
        await self._tidy_up(now)
        for plan in self.plans:
            window = self._window(plan, now)
            if isinstance(window, Missed):
                await self._skip(plan, window, now)
            elif isinstance(window, Due):
                await self._begin_scheduled(plan, window, now)
                return

    async def _tidy_up(self, now: float) -> None:
        """Write what could not be written, and forget the holds that are over."""
        if not await self.journal.write_end():
            self._again_at = now + blockers.ASK_AGAIN_SECONDS
            return
        await self.keeper.save_again()
        await self.journal.forget_lapsed(now)

    async def _begin_scheduled(self, plan: Plan, due: Due, now: float) -> None:
        run = new_run(_new_id(), plan, now=now, scheduled_at=due.scheduled_at)
        why_not = await self._begin(run)
        if why_not:
            self._put_off(plan, why_not, now)

    def _put_off(self, plan: Plan, why: str, now: float) -> None:
        """Try again a little later; the log says so once a reason."""
        if why != self._put_off_because:
            logger.error("plan %s cannot begin: %s", plan.name, why)
        self._put_off_because = why
        self._again_at = now + blockers.ASK_AGAIN_SECONDS

    async def _supervisord_state(self) -> str | None:
        try:
            return (await self.ports.act(self.ports.supervisor().identify)).state
        except SupervisorError:
            return None

    async def _unknown_groups(self) -> tuple[str, ...] | None:
        """Return no group when somebody knows the pools: which of them matters, ``select`` says."""
        try:
            await self.ports.probing(self.ports.pools)
        except MaintError as error:
            logger.warning("nobody knows which groups are listener pools: %s", error.msg)
            return None
        return ()

    async def _skip(self, plan: Plan, missed: Missed, now: float) -> None:
        skipped = LastRun(
            plan=plan.name,
            scheduled_at=missed.scheduled_at,
            ended_at=now,
            outcome="skipped",
            reason=missed.reason,
        )
        try:
            await self.ports.store(self.ports.journal.record_plan, skipped)
        except StoreError as error:
            self._put_off(plan, f"that it is skipped cannot be written down: {error.msg}", now)
            return
        logger.warning("plan %s is skipped: %s", plan.name, missed.reason)
        self.record_of(plan).runs[skipped.outcome] += 1
        await self.journal.read()
        self._tell_of(None)

    def _window(self, plan: Plan, now: float) -> windows.Window:
        last_run = self.journal.last_run(plan.name)
        return windows.due(plan, last_run, self.record_of(plan).known_since_at, now)

    def _plan_named(self, name: str | None) -> tuple[Plan | None, str]:
        names = ", ".join(plan.name for plan in self.plans) or "none"
        if name is None:
            if len(self.plans) == 1:
                return self.plans[0], ""
            return None, f"expected the name of a plan, known are: {names}; nothing was changed"
        found = next((plan for plan in self.plans if plan.name == name), None)
        return found, f"there is no plan {name!r}, known are: {names}; nothing was changed"

    def _seconds_to_wait(self) -> float:
        now = self.ports.clock()
        if self.conductor.is_active:
            return self.conductor.wake_at - now
        starts = self.next_starts(now).values()
        return max(min(starts, default=math.inf), self._again_at) - now

    async def _sleep(self, seconds: float) -> None:
        """Sleep until woken; the clock may be set meanwhile, so never for longer than an hour."""
        woken = asyncio.ensure_future(self.woken.wait())
        await asyncio.wait({woken}, timeout=max(0.0, min(seconds, _LONGEST_SLEEP_SECONDS)))
        woken.cancel()


def _new_id() -> str:
    return secrets.token_hex(4)
