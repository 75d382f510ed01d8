"""The run under way: look, decide, journal, perform, again and again until it has its outcome.

What is decided is decided by ``maintenance.advance``; here it is written down first and done
afterwards. Whatever dies, the next listener loads the run and goes on.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping

import attrs

from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.performing import Performer
from supervisor_maint.app.run_ports import Pids, RunPorts
from supervisor_maint.app.run_story import Story
from supervisor_maint.errors import StoreError, SupervisorError
from supervisor_maint.maintenance import actions, windows
from supervisor_maint.maintenance.advance import Decision, advance
from supervisor_maint.maintenance.observation import Observation, Result
from supervisor_maint.maintenance.run import Phase, Run, resumed
from supervisor_maint.maintenance.target import Progress
from supervisor_maint.processes import Namespec, ProcessStatus
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.records import LastRun

logger = logging.getLogger(__name__)

Statuses = Mapping[Namespec, "ProcessStatus | None"]


@attrs.define(kw_only=True)
class Conductor:
    """Takes the open run from its beginning, or from where a crash left it, to its outcome.

    ``wake`` asks for a turn; one is due at ``wake_at`` anyway. ``is_looking_again``: the last turn
    has wanted nothing but the next one, at once, which writes down what both have found.
    """

    ports: RunPorts
    journal: JournalKeeper
    watch: Watch
    wake: Callable[[], None]
    performer: Performer = attrs.field(init=False)
    pids: Pids = attrs.field(init=False)
    run: Run | None = None
    story: Story = attrs.field(factory=Story)
    wake_at: float = math.inf
    is_looking_again: bool = attrs.field(init=False, default=False)
    _journalled: Run | None = attrs.field(init=False, default=None)
    _statuses: Statuses = attrs.field(init=False, factory=dict)
    _results: list[Result] = attrs.field(init=False, factory=list)
    _cancelled_by: str | None = attrs.field(init=False, default=None)
    _turned: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)

    @property
    def active_run(self) -> Run | None:
        """The run under way, None without one."""
        return None if self.run is None or self.run.is_over else self.run

    @property
    def owes_end(self) -> bool:
        """Tell whether a run is over, and the journal does not know: no other may begin."""
        return self.run is not None and self.run.is_over and not self._is_journalled(self.run)

    async def begin(self, run: Run) -> None:
        """Journal a new run and take it up. Raises StoreError, and then there is no run."""
        await self.journal.write(self.ports.journal.save_run, run.to_document())
        self._take_up(run, Story(), journalled=run)

    def resume(self, run: Run, story: Story) -> None:
        """Take up the run that the journal holds, as the next listener finds it."""
        self._take_up(resumed(run, self.ports.clock()), story, journalled=run)
        for target in run.targets or ():
            # told before the first event: a stop that was journalled is no command
            if target.progress is Progress.STOPPING and target.chosen.pid is not None:
                self.watch.plan_stop(target.namespec, target.chosen.pid)
        self._record(actions.Record("the listener was restarted, and goes on with the run"))

    async def cancel(self, asked_by: str, within_seconds: float) -> bool:
        """Have the run cancelled, and wait until that is journalled; False when it is too late.

        The batch under way is finished, and what is stopped is started.
        """
        self._cancelled_by = asked_by
        for _ in range(2):  # one turn may be past taking it
            self._turned.clear()
            self.wake()
            try:
                await asyncio.wait_for(self._turned.wait(), within_seconds)
            except asyncio.TimeoutError:
                return True
            if self.run is not None and self.run.cancelled_by is not None:
                return True
        return False

    def tell(self, result: Result) -> None:
        """Take how an action ended, and look again."""
        self._results.append(result)
        self.wake()

    def record(self, run_id: str, text: str) -> None:
        """Add a line to the story of a run while it is under way; afterwards to the log alone."""
        run = self.active_run
        if run is not None and run.id == run_id:
            self._record(actions.Record(text))
        else:
            logger.info("run %s: %s", run_id, text)

    async def turn(self) -> None:
        """Take the run as far as is possible now."""
        run = self.active_run
        if run is None:
            return
        self.wake_at = math.inf
        # What came while looking waits for the next look. One that the decision fails on is not
        # seen again: the run asks anew for what it misses.
        known = len(self._results)
        observation = await self._observe(run)
        results = tuple(self._results[:known])
        del self._results[:known]
        observation = attrs.evolve(observation, results=results, cancelled_by=self._cancelled_by)
        now = self.ports.clock()
        decision = advance(run, observation, now)
        self.is_looking_again = decision.only_looks_again(run, now)
        # The next turn is at once, and writes down both: what it does is done after that.
        if not self.is_looking_again and not await self._journal(decision.run):
            observation = attrs.evolve(observation, journal_is_writable=False)
            decision = advance(run, observation, self.ports.clock())
        self._perform(decision)
        self._turned.set()

    async def settle_end(self) -> None:
        """Try once more to write down that the run is over."""
        if self.run is not None:
            await self._journal(self.run)

    def _take_up(self, run: Run, story: Story, *, journalled: Run) -> None:
        self.run, self._journalled, self.story = run, journalled, story
        self._statuses, self._results = {}, []
        self._cancelled_by = None
        self._freeze(run)
        self.wake()

    def _freeze(self, run: Run) -> None:
        """Keep the baseline as it is while the run touches anything; not while it is blocked."""
        if not run.is_over and run.phase is not Phase.PENDING:
            self.watch.begin_run()

    async def _observe(self, run: Run) -> Observation:
        if not run.watched:
            return Observation()
        try:
            look = await self.ports.act(self.ports.supervisor().look, run.watched)
        except SupervisorError:
            return Observation(supervisord_state=None)
        self._statuses = look.statuses
        return Observation(statuses=look.statuses, supervisord_state=look.supervisord_state)

    def _is_journalled(self, run: Run) -> bool:
        return self._journalled is not None and not run.needs_journal_after(self._journalled)

    async def _journal(self, run: Run) -> bool:
        """Write the run down if the journal holds another; its end with the plan's record."""
        if self._is_journalled(run):
            return True
        save_run = self.ports.journal.save_run
        try:
            if run.is_over:
                await self.journal.write(save_run, None, finished=last_run_of(run))
            else:
                # made in the thread, too: of 1000 processes it takes 30 ms
                await self.journal.write(lambda: save_run(run.to_document()))
        except StoreError:
            return False
        self._journalled = run
        return True

    def _perform(self, decision: Decision) -> None:
        self.run = decision.run
        self._freeze(decision.run)
        watched = [each.pid for each in decision.actions if isinstance(each, actions.WatchPid)]
        supervisord_pid = self.watch.identity[0] if self.watch.identity else 0
        self.pids.keep(watched, supervisord_pid=supervisord_pid)
        for action in decision.actions:
            if isinstance(action, actions.WakeAt):
                self.wake_at = action.at
            elif isinstance(action, actions.Record):
                self._record(action)
            elif not isinstance(action, actions.WatchPid):
                self._announce_stops(action)
                self.performer.perform(decision.run, action)

    def _announce_stops(self, action: actions.Action) -> None:
        """Have the stops that are journalled counted as maintenance."""
        if not isinstance(action, actions.StopProcesses):
            return
        for namespec in action.namespecs:
            status = self._statuses.get(namespec)
            if status is not None and status.pid is not None:
                self.watch.plan_stop(namespec, status.pid)

    def _record(self, record: actions.Record) -> None:
        process = None if record.namespec is None else str(record.namespec)
        self.story.add(self.ports.clock(), record.text, process)
        what = record.text if process is None else f"{process} {record.text}"
        logger.info("run %s: %s", self.run.id if self.run else "-", what)


def last_run_of(run: Run) -> LastRun:
    """Return what the journal remembers of a run that is over."""
    ended_at = run.ended_at if run.ended_at is not None else run.phase_since_at
    scheduled_at = run.scheduled_at
    if scheduled_at is None and run.phase is not Phase.SKIPPED:
        scheduled_at = windows.dealt_with_by_hand(run.plan, ended_at)
    return LastRun(
        plan=run.plan.name,
        run_id=run.id,
        scheduled_at=scheduled_at,
        started_at=run.created_at,
        ended_at=ended_at,
        outcome=run.phase.value,
        reason=run.reason,
        is_manual=run.scheduled_at is None,
    )
