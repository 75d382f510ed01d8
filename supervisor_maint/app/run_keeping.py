"""What is kept of a run: its snapshots, its differences, and its record for the history.

The history is no condition of a run: what cannot be written is logged, and the run goes on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from supervisor_maint.app import failing, past_runs
from supervisor_maint.app.outlook import Outlook
from supervisor_maint.app.past_runs import PastRuns
from supervisor_maint.app.plan_records import PlanRecords
from supervisor_maint.app.recording import snapshot_document, snapshot_of
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.run_story import Line, Story
from supervisor_maint.effects import Memory
from supervisor_maint.errors import MaintError, StoreError, SupervisorError
from supervisor_maint.maintenance.actions import When
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.observation import AfterTaken, BeforeTaken, NotTaken, Result
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.target import Target
from supervisor_maint.processes import Namespec, OutputSizes, Snapshot
from supervisor_maint.snapshots.diff import Difference, LearntExit, has_ended_badly
from supervisor_maint.snapshots.rundiff import Measured, run_diff
from supervisor_maint.store.records import Record

logger = logging.getLogger(__name__)

# A story is saved with each line; where that takes long, not for more than this share of the time.
_SAVING_SHARE = 0.01

# What reading a document raises that another program, or version, has written.
_NONSENSE = (AttributeError, KeyError, TypeError, ValueError)


@attrs.define(kw_only=True)
class RunKeeper:
    """Takes a run's two snapshots, compares them, and keeps the run in the history.

    ``past`` is what runs before it took.
    """

    ports: RunPorts
    memory: Callable[[], Memory | None]
    records: PlanRecords
    past: PastRuns = attrs.field(factory=PastRuns)
    before: Snapshot | None = None
    after: Snapshot | None = None
    resident_before: Mapping[Namespec, int] = attrs.field(factory=dict)
    resident_after: Mapping[Namespec, int] = attrs.field(factory=dict)
    differences: tuple[Difference, ...] = ()
    # What the logs of a process held when this run started it first.
    _output_before: dict[Namespec, OutputSizes] = attrs.field(init=False, factory=dict)
    _saved_lines: int = attrs.field(init=False, default=0)
    _saved_at: float = attrs.field(init=False, default=-math.inf)
    _saving_seconds: float = attrs.field(init=False, default=0.0)
    _unsaved: Callable[[], None] | None = attrs.field(init=False, default=None)
    _trouble: str | None = attrs.field(init=False, default=None)
    _outlook: tuple[str, Outlook] | None = attrs.field(init=False, default=None)

    async def begin(self) -> None:
        """Forget the run before, and learn what past ones took."""
        self._forget()
        self.past = _past(await self._kept())

    async def reopen(self, run: Run) -> Story:
        """Find again what an earlier listener saw before it died, and return its story."""
        self._forget()
        kept = await self._kept()
        own = next((each.document for each in kept if each.name == run.id), {})
        self.past = _past(each for each in kept if each.name != run.id)
        try:
            if own.get("before"):
                self.before, self.resident_before = snapshot_of(own["before"])
            return Story.restore(own.get("story", ()))
        except _NONSENSE as error:
            logger.error("the history of run %s makes no sense: %r", run.id, error)
            return Story()

    async def take(self, run: Run, when: When) -> Result:
        """Take the ``before`` or the ``after`` snapshot of a run."""
        try:
            if when is When.BEFORE:
                return await self._take_before()
            return await self._take_after(run)
        except MaintError as error:
            return NotTaken(when=when, reason=error.msg)

    async def note_output(self, namespecs: Collection[Namespec]) -> None:
        """Note how much processes have written before they are started."""
        try:
            sizes = await self.ports.act(self.ports.supervisor().output_sizes, namespecs)
        except SupervisorError:
            return  # what is quoted of a failure then says that it may be older
        self._output_before = {**sizes, **self._output_before}

    async def save_story(self, run: Run, story: Story) -> None:
        """Keep a run that has new lines, so that a crash loses none; where it is large, later."""
        rest_seconds = self._saving_seconds / _SAVING_SHARE
        if story.count > self._saved_lines and passed(
            self._saved_at, self.ports.clock(), rest_seconds
        ):
            await self.save(run, story)

    async def save(self, run: Run, story: Story) -> None:
        """Keep a run as it is now."""
        began_at, self._saved_lines = self.ports.clock(), story.count
        make, save = self._record(run, story.newest()), self.ports.history.save_run
        # made in the thread, too: of 1000 processes it takes 0.1 s
        self._unsaved = lambda: save(run.id, run.created_at, make())
        await self.save_again()
        self._saved_at = self.ports.clock()
        self._saving_seconds = max(0.0, self._saved_at - began_at)

    async def save_again(self) -> None:
        """Save what could not be saved; once is logged, and no run waits for it."""
        if self._unsaved is None:
            return
        try:
            await self.ports.store(self._unsaved)
        except StoreError as error:
            if error.msg != self._trouble:
                logger.error("cannot keep the run in the history: %s", error.msg)
            self._trouble = error.msg
        else:
            self._unsaved = self._trouble = None

    async def keep(self, run: Run, story: Story) -> None:
        """Keep a run that is over, with how its failures ended, and write its line."""
        self.records.downtime_seconds.update(past_runs.downtimes(run))
        self.records.memory_given_back.update(
            past_runs.memory_given_back(run, self.resident_before, self.resident_after)
        )
        for namespec, told in await failing.describe(
            self.ports, run, self.before, self._output_before
        ):
            story.add(self.ports.clock(), told, str(namespec))
        await self.save(run, story)
        await self._write_line(run)

    async def keep_missed(self, run: Run) -> None:
        """Keep a run that was never begun, and write its line; another may be under way."""
        nothing: dict[str, Any] = {"before": None, "after": None, "differences": [], "story": []}
        document = {"run": run.to_document(), **nothing, **past_runs.durations(run)}
        try:
            await self.ports.store(self.ports.history.save_run, run.id, run.created_at, document)
        except StoreError as error:
            logger.error("cannot keep the missed run in the history: %s", error.msg)
        await self._write_line(run)

    async def _write_line(self, run: Run) -> None:
        try:
            await self.ports.store(self.ports.log_line, run)
        except StoreError as error:
            logger.error("cannot write the line about the run: %s", error.msg)

    async def _kept(self) -> Sequence[Record]:
        try:
            return await self.ports.store(self.ports.history.runs, past_runs.LOOKED_AT)
        except StoreError as error:
            logger.warning("cannot read past runs: %s", error.msg)
            return ()

    async def _take_before(self) -> Result:
        supervisor = self.ports.supervisor()
        self.before = await self.ports.act(supervisor.snapshot)
        configs = await self.ports.act(supervisor.configs)
        pools = await self.ports.probing(self.ports.pools)
        self.resident_before = await self._measure(self.before)
        return BeforeTaken(snapshot=self.before, configs=configs, pools=pools)

    async def _take_after(self, run: Run) -> Result:
        self.after = await self.ports.act(self.ports.supervisor().snapshot)
        self.resident_after = await self._measure(self.after)
        if self.before is None:
            return NotTaken(When.AFTER, "what was before the run is lost")
        targets = run.targets or ()
        self.differences = run_diff(
            self.before,
            self.after,
            restarted=[target.namespec for target in targets if target.was_stopped],
            measured={target.namespec: self._measured(target) for target in targets},
            learnt_exits=await self._ends(run, self.after),
        )
        return AfterTaken(
            snapshot=self.after, differences=tuple(str(each) for each in self.differences)
        )

    async def _ends(self, run: Run, after: Snapshot) -> Mapping[Namespec, LearntExit]:
        """Learn from supervisord's log how processes ended, if any did not come back."""
        if not any(map(has_ended_badly, after.processes.values())):
            return {}
        try:
            return await failing.ends(self.ports, run, after.processes)
        except SupervisorError as error:
            logger.warning("exit statuses stay unknown: %s", error.msg)
            return {}

    def _measured(self, target: Target) -> Measured:
        return Measured(
            start_seconds=past_runs.start_seconds(target),
            typical_seconds=self.past.typical_start_seconds(target.namespec),
            resident_before=self.resident_before.get(target.namespec),
            resident_after=self.resident_after.get(target.namespec),
        )

    async def _measure(self, snapshot: Snapshot) -> Mapping[Namespec, int]:
        memory = self.memory()
        return {} if memory is None else await self.ports.act(memory.resident, snapshot.pids)

    def outlook(self, run: Run) -> Outlook | None:
        """Return what is expected of a run; None before its processes are chosen."""
        if run.targets is None:
            return None
        if self._outlook is None or self._outlook[0] != run.id:
            chosen = [target.chosen for target in run.targets]
            self._outlook = run.id, Outlook.of(run.plan, chosen, self.past)
        return self._outlook[1]

    def _record(self, run: Run, lines: Sequence[Line]) -> Callable[[], dict[str, Any]]:
        """Return what makes the record of a run, of values that do not change meanwhile."""
        before, resident_before = self.before, self.resident_before
        after, resident_after = self.after, self.resident_after
        differences = self.differences
        return lambda: {
            "run": run.to_document(),
            "before": before and snapshot_document(before, resident_before),
            "after": after and snapshot_document(after, resident_after),
            "differences": [difference.to_document() for difference in differences],
            "story": [line.to_document() for line in lines],
            **past_runs.durations(run),
        }

    def _forget(self) -> None:
        self.before = self.after = None
        self.resident_before, self.resident_after = {}, {}
        self.differences = ()
        self._output_before = {}
        self._saved_lines = 0


def _past(records: Iterable[Record]) -> PastRuns:
    """Read what past runs took; what makes no sense keeps no run from its way."""
    try:
        return PastRuns.of(each.document for each in records)
    except _NONSENSE as error:
        logger.error("the history of past runs makes no sense: %r", error)
        return PastRuns()
