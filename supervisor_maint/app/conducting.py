"""The run under way: look, decide, journal, perform, again and again until it has its outcome.

What is decided is decided by ``maintenance.advance``; here it is written down first and done
afterwards. Whatever dies, the next listener loads the run and goes on.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.performing import Performer
from supervisor_maint.app.run_ports import Pids, RunPorts
from supervisor_maint.errors import StoreError, SupervisorError
from supervisor_maint.maintenance import actions
from supervisor_maint.maintenance.advance import Decision, advance
from supervisor_maint.maintenance.observation import Observation, Result
from supervisor_maint.maintenance.run import Run, resumed
from supervisor_maint.processes import Namespec, ProcessStatus
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.records import LastRun

logger = logging.getLogger(__name__)

# A run of 1000 processes has some 4000 lines; what is longer loses its beginning.
STORY_LINES = 10_000

Statuses = Mapping[Namespec, "ProcessStatus | None"]


@attrs.frozen(kw_only=True)
class Line:
    """A line of a run's story, counted from 0: when, what, and of which process."""

    number: int
    at: float
    text: str
    process: str | None = None


@attrs.define(kw_only=True)
class Conductor:
    """Takes the open run from its beginning, or from where a crash left it, to its outcome."""

    ports: RunPorts
    journal: JournalKeeper
    watch: Watch
    wake: Callable[[], None]
    performer: Performer = attrs.field(init=False)
    pids: Pids = attrs.field(init=False)
    run: Run | None = None
    story: deque[Line] = attrs.field(factory=lambda: deque(maxlen=STORY_LINES))
    statuses: Statuses = attrs.field(factory=dict)
    wake_at: float = math.inf
    _lines: int = attrs.field(init=False, default=0)
    _results: list[Result] = attrs.field(init=False, factory=list)
    _cancelled_by: str | None = attrs.field(init=False, default=None)

    @property
    def is_active(self) -> bool:
        """Tell whether a run is under way."""
        return self.run is not None and not self.run.is_over

    async def begin(self, run: Run) -> None:
        """Journal a new run and take it up. Raises StoreError, and then there is no run."""
        await self.ports.store(self.ports.journal.save_run, run.to_document())
        self._take_up(run)

    def resume(self, run: Run) -> None:
        """Take up the run that the journal holds, as the next listener finds it."""
        self._take_up(resumed(run, self.ports.clock()))
        self._record(actions.Record("the listener was restarted, and goes on with the run"))

    def cancel(self, asked_by: str) -> None:
        """Have the run cancelled: the batch under way is finished, what is stopped started."""
        self._cancelled_by = asked_by
        self.wake()

    def tell(self, result: Result) -> None:
        """Take how an action ended, and look again."""
        self._results.append(result)
        self.wake()

    async def turn(self) -> Run | None:
        """Take the run as far as is possible now; return it once it has its outcome."""
        run = self.run
        if run is None:
            return None
        self.wake_at = math.inf
        results = tuple(self._results)
        observation = await self._observe(run, results)
        decision = advance(run, observation, self.ports.clock())
        is_journalled = await self._journal(run, decision.run)
        if not is_journalled:
            observation = attrs.evolve(observation, journal_is_writable=False)
            decision = advance(run, observation, self.ports.clock())
        del self._results[: len(results)]
        if decision.run.is_over and not is_journalled:
            self.journal.unwritten_end = last_run_of(decision.run)
        self._perform(decision)
        return decision.run if decision.run.is_over else None

    def _take_up(self, run: Run) -> None:
        self.run = run
        self.story.clear()
        self._lines = 0
        self.statuses = {}
        self._results = []
        self._cancelled_by = None
        self.watch.begin_run()
        self.wake()

    async def _observe(self, run: Run, results: tuple[Result, ...]) -> Observation:
        observation = Observation(results=results, cancelled_by=self._cancelled_by)
        if not run.watched:
            return observation
        try:
            look = await self.ports.act(self.ports.supervisor().look, run.watched)
        except SupervisorError:
            return attrs.evolve(observation, supervisord_state=None)
        self.statuses = look.statuses
        return attrs.evolve(
            observation, statuses=look.statuses, supervisord_state=look.supervisord_state
        )

    async def _journal(self, before: Run, after: Run) -> bool:
        """Write the run down if it changed; the end and the plan's record in one transaction."""
        if not after.needs_journal_after(before):
            return True
        try:
            if after.is_over:
                await self.ports.store(
                    self.ports.journal.save_run, None, finished=last_run_of(after)
                )
            else:
                await self.ports.store(self.ports.journal.save_run, after.to_document())
        except StoreError as error:
            logger.error("cannot journal the run, so nothing more is stopped: %s", error.msg)
            return False
        return True

    def _perform(self, decision: Decision) -> None:
        self.run = decision.run
        watched = [each.pid for each in decision.actions if isinstance(each, actions.WatchPid)]
        self.pids.keep(
            watched, supervisord_pid=self.watch.identity[0] if self.watch.identity else 0
        )
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
            status = self.statuses.get(namespec)
            if status is not None and status.pid is not None:
                self.watch.plan_stop(namespec, status.pid)

    def _record(self, record: actions.Record) -> None:
        process = None if record.namespec is None else record.namespec.qualified
        self.story.append(
            Line(number=self._lines, at=self.ports.clock(), text=record.text, process=process)
        )
        self._lines += 1
        what = record.text if process is None else f"{record.namespec} {record.text}"
        logger.info("run %s: %s", self.run.id if self.run else "-", what)


def last_run_of(run: Run) -> LastRun:
    """Return what the journal remembers of a run that is over."""
    return LastRun(
        plan=run.plan.name,
        run_id=run.id,
        scheduled_at=run.scheduled_at,
        started_at=run.created_at,
        ended_at=run.ended_at if run.ended_at is not None else run.phase_since_at,
        outcome=run.phase.value,
        reason=run.reason,
        is_manual=run.scheduled_at is None,
    )


def story_document(story: Iterable[Line]) -> list[dict[str, Any]]:
    """Return a story JSON-able."""
    return [attrs.asdict(line) for line in story]
