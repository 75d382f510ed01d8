"""Planned restarts: when they begin, how they are seen to their end, what is kept of them.

One loop drives everything: the schedule while no run is open, the open run otherwise. Plans
never overlap: one that is due while another runs waits, and is skipped when ``start_within`` is
over.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from datetime import timezone, tzinfo
from typing import Any

import attrs

from supervisor_maint.app import run_crew
from supervisor_maint.app.announcing import Announcer
from supervisor_maint.app.asking import Asker
from supervisor_maint.app.conducting import Conductor, last_run_of
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.run_keeping import RunKeeper
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.run_reporting import RunReporter
from supervisor_maint.app.run_requests import Desk, Refused, new_id
from supervisor_maint.app.survival import surviving
from supervisor_maint.app.timetable import Timetable
from supervisor_maint.app.totals import Totals
from supervisor_maint.effects import Memory
from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance import blockers, holds
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import Run, missed_run, new_run
from supervisor_maint.maintenance.windows import Due, Missed
from supervisor_maint.monitoring.facts import PlanFacts
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.records import LastRun
from supervisor_maint.store.requests import Answer, Request

logger = logging.getLogger(__name__)

# After an exception in a turn, or when the end of a run could not be journalled.
AGAIN_SECONDS = 1.0
# Nothing but TICK_5 tells that the clock was set; without supervisord there is none.
LONGEST_SLEEP_IN_RUN_SECONDS = 5.0
_LONGEST_SLEEP_SECONDS = 3600.0


@attrs.define(kw_only=True)
class Maintenance:
    """Begins runs when they are due or asked for, and sees them to their end.

    ``moved`` is called at each transition of a run, ``changed`` when there is news for clients.
    ``zone`` is the one that people are shown times in.
    """

    ports: RunPorts
    watch: Watch
    totals: Totals
    journal: JournalKeeper
    timetable: Timetable
    conductor: Conductor
    keeper: RunKeeper
    announcer: Announcer = attrs.field(init=False)
    moved: Callable[[], None]
    changed: Callable[[], None]
    woken: asyncio.Event
    zone: tzinfo = timezone.utc
    desk: Desk = attrs.field(init=False)
    _reporter: RunReporter = attrs.field(init=False)
    _beginning: asyncio.Lock = attrs.field(init=False, factory=asyncio.Lock)
    _has_news: bool = attrs.field(init=False, default=False)
    _put_off_because: dict[str, str] = attrs.field(init=False, factory=dict)
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
        journal = JournalKeeper(ports=ports, totals=totals)
        keeper = RunKeeper(ports=ports, memory=memory, records=totals.plans)
        conductor = Conductor(ports=ports, journal=journal, watch=watch, wake=woken.set)
        maintenance = cls(
            ports=ports,
            watch=watch,
            totals=totals,
            journal=journal,
            timetable=Timetable(journal=journal, records=totals.plans),
            conductor=conductor,
            keeper=keeper,
            moved=moved,
            changed=changed,
            woken=woken,
        )
        maintenance._build_doers()
        return maintenance

    def _build_doers(self) -> None:
        conductor, ports = self.conductor, self.ports
        asker = Asker(ports=ports, totals=self.totals)
        self.announcer = Announcer(
            ports=ports,
            asker=asker,
            tell=conductor.tell,
            record=conductor.record,
            changed=self._tell,
            zone=lambda: self.zone,
        )
        conductor.performer = run_crew.performer(
            ports=ports,
            journal=self.journal,
            totals=self.totals,
            conductor=conductor,
            keeper=self.keeper,
            asker=asker,
            announce=self._announce,
            wake=self.wake,
            zone=lambda: self.zone,
        )
        conductor.pids = ports.watch_pids(lambda _pid: conductor.performer.nudge())
        self.desk = Desk(
            journal=self.journal,
            timetable=self.timetable,
            conductor=conductor,
            begin=self._begin,
            beginning=self._beginning,
            clock=ports.clock,
            zone=lambda: self.zone,
            wake=self.wake,
        )
        self._reporter = RunReporter(
            journal=self.journal,
            timetable=self.timetable,
            conductor=conductor,
            keeper=self.keeper,
            announcer=self.announcer,
            records=self.totals.plans,
            zone=lambda: self.zone,
        )

    @property
    def is_active(self) -> bool:
        """Tell whether a run is under way."""
        return self.conductor.active_run is not None

    @property
    def hold_until_at(self) -> float | None:
        """Tell when the last hold ends, infinity for one without an end; None without a hold."""
        return holds.latest_end(self.journal.state.holds, self.ports.clock())

    @property
    def silence_ends_at(self) -> float | None:
        """Tell when the silence ends that is held for a run; None without one."""
        silence = self.announcer.silence
        return None if silence is None else silence.ends_at

    def plan_facts(self, now: float) -> tuple[PlanFacts, ...]:
        """Return what the metrics show of each plan."""
        return self._reporter.plan_facts(now)

    def document(self, now: float) -> dict[str, Any]:
        """Return what the published status says, JSON-able."""
        return self._reporter.document(now)

    def is_close(self, now: float) -> bool:
        """Tell whether a run is under way or due within a minute."""
        return self.is_active or self.timetable.is_close(now)

    async def serve(self, request: Request) -> Answer:
        """Carry out a request about planned runs."""
        return await self.desk.serve(request)

    async def start(self, plans: Sequence[Plan], zone: tzinfo) -> None:
        """Take plans, and the run that a crash has left open; before the first event."""
        await self._open()
        self.set_plans(plans, zone)

    def set_plans(self, plans: Sequence[Plan], zone: tzinfo) -> None:
        """Take the plans of the settings; a run under way keeps the plan it began with."""
        self.zone = zone
        self.timetable.set_plans(plans, self.ports.clock())
        alerting = self.ports.alerting()
        for server in ("alertmanager", "prometheus"):
            if getattr(alerting, server) is not None:
                self.totals.monitoring_of(server)
        self.announcer.wake()
        self.wake()

    def wake(self) -> None:
        """Make the loop turn."""
        self.announcer.follow_clock()
        self.woken.set()

    async def drive(self) -> None:
        """Turn for ever. An unexpected exception is survived, and the next turn comes."""
        keeping = asyncio.ensure_future(self.announcer.keep())
        try:
            while True:
                self.woken.clear()
                went_well = await surviving(self.totals, "maintenance", self._turn())
                await self._sleep(self._seconds_to_wait() if went_well else AGAIN_SECONDS)
        finally:
            keeping.cancel()

    async def leave(self) -> None:
        """Keep what is known of a run under way: the listener ends, and the next goes on."""
        run = self.conductor.active_run
        if run is not None:
            await self.keeper.save(run, self.conductor.story)
        await self.ports.journaling(self.ports.journal.close)

    def take_news(self) -> bool:
        """Tell whether anything has changed since the last call that clients are shown."""
        news, self._has_news = self._has_news, False
        return news

    async def _open(self) -> None:
        """Read the journal, and take up the run that it holds, if that can be read."""
        if not await self.journal.read():
            return
        self.totals.plans.catch_up(self.journal.state.last_runs.values())
        for last_run in self.journal.state.last_runs.values():
            self.announcer.recall(last_run)
        document = self.journal.state.run
        if document is None:
            return
        try:
            run = Run.from_document(document)
        except ValueError as error:
            self.journal.unreadable_run = f"the run that it holds is none: {error}"
            logger.error("no run starts until somebody resumes: %s", self.journal.unreadable_run)
            return
        story = await self.keeper.reopen(run)
        self.announcer.remember(run.id, (line.text for line in story.newest()))
        self.conductor.resume(run, story)
        self._follow(run)

    async def _turn(self) -> bool:
        """Make one turn; True, for ``surviving`` returns None when it raised."""
        async with self._beginning:
            if not self.journal.is_read:
                await self._open()
            if self.is_active:
                await self._conduct()
            elif self.conductor.owes_end:
                await self.conductor.settle_end()
                await self.journal.read()
            elif self.journal.is_read:
                await self._consider()
        return True

    async def _conduct(self) -> None:
        before = self.conductor.active_run
        await self.conductor.turn()
        run = self.conductor.run
        if run is None or before is None:
            return
        self._follow(run)
        if run.is_over:
            await self._conclude(run)
        elif _is_to_be_kept(before, run):
            await self.keeper.save(run, self.conductor.story)
        elif not self.conductor.is_looking_again:
            await self.keeper.save_story(run, self.conductor.story)
        self._tell_of(before, run)
        await self._skip_missed()

    def _tell_of(self, before: Run, after: Run) -> None:
        """Have a change shown to clients, and a transition of the run reported everywhere."""
        if before.phase is not after.phase:
            self.moved()
        if before is not after:
            self._tell()

    def _tell(self) -> None:
        self._has_news = True
        self.changed()

    async def _announce(self, run: Run) -> None:
        self._follow(run)
        await self.announcer.announce(run)

    def _follow(self, run: Run) -> None:
        """Let monitoring know until when alerts may be muted; the end of a run closes it."""
        self.announcer.follow(run)
        if run.deadline_at is not None:
            self.totals.plans.follow_window(run.deadline_at, run.ended_at, self.ports.clock())

    async def _conclude(self, run: Run) -> None:
        """Keep what is known of a run that is over, and let the baseline move again."""
        self.watch.end_run(self.ports.clock())
        self.totals.plans.know(run.plan.name, str(run.plan.schedule), run.created_at)
        found = [each.kind.value for each in self.keeper.differences]
        self.totals.plans.note(last_run_of(run), found)
        await self.keeper.keep(run, self.conductor.story)
        await self.journal.read()
        self.wake()

    async def _consider(self) -> None:
        """Begin the first run that is due; write down what was missed."""
        now = self.ports.clock()
        self.totals.plans.close_window(now)
        await self.journal.drop_lapsed(now)
        await self.keeper.save_again()
        await self._skip_missed()
        for plan in self.timetable.plans:
            window = self.timetable.window(plan, now)
            if isinstance(window, Due):
                await self._begin_due(plan, window, now)
                return

    async def _begin_due(self, plan: Plan, due: Due, now: float) -> None:
        """Begin the run of a scheduled time, or remember why not and try again a little later."""
        run = new_run(new_id(), plan, now=now, scheduled_at=due.scheduled_at)
        try:
            self.desk.check_free()
            await self._begin(run)
        except (Refused, StoreError) as error:
            self._put_off_because[plan.name] = str(error)
            self._again_at = now + blockers.ASK_AGAIN_SECONDS

    async def _begin(self, run: Run) -> None:
        """Journal a run and take it up. Raises StoreError, and then there is no run."""
        await self.conductor.begin(run)
        self._put_off_because.pop(run.plan.name, None)
        await self.keeper.begin()
        self.moved()
        self._tell()

    async def _skip_missed(self) -> None:
        """Write down each scheduled time whose ``start_within`` is over, also during a run."""
        now, run = self.ports.clock(), self.conductor.run
        is_open = self.is_active or self.conductor.owes_end
        for plan in self.timetable.plans:
            if is_open and run is not None and run.plan.name == plan.name:
                continue
            window = self.timetable.window(plan, now)
            if isinstance(window, Missed) and not await self._skip(plan, window, now):
                self._again_at = now + blockers.ASK_AGAIN_SECONDS
                return

    async def _skip(self, plan: Plan, missed: Missed, now: float) -> bool:
        skipped = LastRun(
            plan=plan.name,
            scheduled_at=missed.scheduled_at,
            ended_at=now,
            outcome="skipped",
            reason=self._why_missed(plan, missed),
        )
        if not await self.journal.record(skipped):
            return False
        logger.warning("plan %s is skipped: %s", plan.name, skipped.reason)
        self.totals.plans.note(skipped)
        await self.keeper.keep_missed(missed_run(new_id(), plan, skipped))
        self.moved()
        self._tell()
        return True

    def _why_missed(self, plan: Plan, missed: Missed) -> str:
        """Say why: what kept it from beginning, or the run that was in the way, if one was."""
        if plan.name in self._put_off_because:
            return self._put_off_because.pop(plan.name)
        run, start_by_at = self.conductor.run, missed.scheduled_at + plan.start_within_seconds
        if run is None or run.plan.name == plan.name or run.created_at > start_by_at:
            return missed.reason
        if run.ended_at is not None and run.ended_at < start_by_at:
            return missed.reason
        return f"run {run.id} of {run.plan.name} was under way until start_within was over"

    def _seconds_to_wait(self) -> float:
        now = self.ports.clock()
        if self.is_active:
            return min(self.conductor.wake_at - now, LONGEST_SLEEP_IN_RUN_SECONDS)
        if self.conductor.owes_end or not self.journal.is_read:
            return AGAIN_SECONDS
        # A clock that was set back must not hold up what is due.
        again_at = min(self._again_at, now + blockers.ASK_AGAIN_SECONDS)
        return max(min(self.timetable.next_starts(now).values(), default=math.inf), again_at) - now

    async def _sleep(self, seconds: float) -> None:
        """Sleep until woken; the clock may be set meanwhile, so never for longer than an hour."""
        woken = asyncio.ensure_future(self.woken.wait())
        await asyncio.wait({woken}, timeout=max(0.0, min(seconds, _LONGEST_SLEEP_SECONDS)))
        woken.cancel()


def _is_to_be_kept(before: Run, after: Run) -> bool:
    """Tell whether the next listener would miss what happened: a phase, or the ``before``."""
    return before.phase is not after.phase or (before.targets is None and after.targets is not None)
