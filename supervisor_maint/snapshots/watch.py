"""The watch over supervisord: events and snapshots in; counts, differences and reports out. Pure.

Every time is given by the caller. Nothing here asks, waits or fails because of what supervisord
does. ``take_changes`` and ``restore`` keep it over the death of the listener: what is restored is
some earlier moment, and what was received after it and not saved shows as events lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    ProcessStateEvent,
    SupervisorStateEvent,
    TickEvent,
)
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    Snapshot,
    Supervisord,
)
from supervisor_maint.snapshots import saving
from supervisor_maint.snapshots.baseline import Baseline
from supervisor_maint.snapshots.configurations import Configurations
from supervisor_maint.snapshots.counting import Counting
from supervisor_maint.snapshots.diff import Difference, LearntExit, Report
from supervisor_maint.snapshots.findings import Findings
from supervisor_maint.snapshots.serials import EventOrder, Lost, PoolRestarted, Step
from supervisor_maint.snapshots.settling import Reason, Settling, Verdict
from supervisor_maint.snapshots.tallies import ProcessTally

# A start time is computed from the clock and the uptime, and the clock is slewed.
_START_TIME_JITTER_SECONDS = 1.5


def is_same_supervisord(one: tuple[int, float], other: tuple[int, float]) -> bool:
    """Tell whether two pids and start times are those of one life of supervisord."""
    return one[0] == other[0] and abs(one[1] - other[1]) <= _START_TIME_JITTER_SECONDS


@attrs.define(kw_only=True)
class Watch:
    """Counts every process, knows what is wanted, and reports what is not so.

    Begin with ``Watch.begin`` or ``Watch.restore``; then ``receive`` every event, ``observe`` a
    snapshot when ``next_due`` says so (or whenever there is one), and save ``take_changes``
    before anything that was read here leaves the machine.
    """

    settling: Settling
    order: EventOrder = attrs.field(factory=EventOrder)
    counting: Counting = attrs.field(factory=Counting)
    baseline: Baseline = attrs.field(factory=Baseline)
    configurations: Configurations = attrs.field(factory=Configurations)
    findings: Findings = attrs.field(factory=Findings)
    identity: tuple[int, float] | None = None
    is_identity_sure: bool = False
    is_stopping: bool = False
    # Groups added since our pool began, before supervisord said that it runs: None afterwards.
    opening_groups: list[str] | None = attrs.field(factory=list)
    _has_heard: bool = False

    @classmethod
    def begin(
        cls, started_at: float, *, settle_seconds: float = 10.0, settle_max_seconds: float = 60.0
    ) -> Watch:
        """Begin for the first time ever: what has settled first becomes the baseline."""
        watch = cls(settling=Settling(settle_seconds, settle_max_seconds))
        watch.settling.stir(started_at, Reason.LISTENER_START)
        return watch

    @classmethod
    def restore(
        cls,
        meta: Mapping[str, Any],
        processes: Mapping[str, Mapping[str, Any]],
        *,
        started_at: float,
        supervisord: Supervisord | None = None,
        settle_seconds: float = 10.0,
        settle_max_seconds: float = 60.0,
    ) -> Watch:
        """Go on where ``take_changes`` was saved; begin when nothing was.

        ``supervisord`` is the one that answers now, if it could be asked before the first event:
        it makes certain what repeated serials mean. Raises NewerSchema for what a newer version
        wrote, StoreDamaged for what makes no sense.
        """
        watch = cls.begin(
            started_at, settle_seconds=settle_seconds, settle_max_seconds=settle_max_seconds
        )
        if meta:
            saved = saving.read(meta, processes)
            watch.order, watch.counting = saved.order, saved.counting
            watch.baseline, watch.configurations = saved.baseline, saved.configurations
            watch.identity, watch.is_stopping = saved.identity, saved.is_stopping
            watch.opening_groups = saved.opening_groups
            watch.findings = Findings.restore(saved.differences)
        watch._come_back(supervisord, started_at)
        return watch

    def _come_back(self, supervisord: Supervisord | None, at: float) -> None:
        is_first = self.order.newest is None
        if supervisord is None or (self.identity is None and not is_first):
            self.order.distrust()
        else:
            self.is_identity_sure = True
            self._meet(supervisord, at)
        if self.is_stopping:  # nothing is started by a supervisord that stops: it began again
            self._begin_epoch(killed=False, has_same_pids=False)
            self.identity = self.identity if self.is_identity_sure else None

    def take_changes(self) -> saving.Changes:
        """Return what changed since the last call, to be saved in one transaction."""
        return saving.changes(
            saving.Saved(
                order=self.order,
                counting=self.counting,
                baseline=self.baseline,
                configurations=self.configurations,
                identity=self.identity,
                is_stopping=self.is_stopping,
                opening_groups=self.opening_groups,
                differences=self.differences,
            )
        )

    @property
    def report(self) -> Report | None:
        """The last report; what was learnt or accepted since is in it."""
        return self.findings.report

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What was not as wanted when things had settled last, and was not accepted since."""
        return self.findings.differences

    @property
    def events_lost(self) -> int:
        """How many events never came: gaps in the pool's serials."""
        return self.order.lost

    def next_due(self, now: float) -> float | None:
        """Return when the next snapshot may end a burst, None when there is none."""
        return self.settling.next_due(now)

    def tallies(self, now: float) -> Mapping[Namespec, ProcessTally]:
        """Return the counts of every process as of now."""
        return self.counting.tallies(now)

    def wanted(self) -> Mapping[Namespec, bool]:
        """Tell for each process of the baseline whether it is wanted RUNNING."""
        return {
            namespec: wanted.state is ProcessState.RUNNING
            for namespec, wanted in self.baseline.wanted.items()
        }

    def exit_statuses(self) -> Mapping[Namespec, int]:
        """Return the exit statuses learnt of processes whose snapshot has none."""
        return self.findings.exit_statuses()

    def receive(self, event: Event) -> None:
        """Take an event. Repeated ones do nothing; one out of order waits for those before it."""
        self.counting.hear(event.received_at)
        for step in self.order.receive(event):
            self._take(step)

    def _take(self, step: Step) -> None:
        if isinstance(step, ProcessGroupEvent):
            self._take_group(step)
            return
        if isinstance(step, SupervisorStateEvent):
            self._take_supervisor_state(step)
            return
        if isinstance(step, PoolRestarted):
            self._take_pool_restart()
            return
        if isinstance(step, Lost):
            self._take_loss()
            return
        if isinstance(step, ForeignEvent):
            return
        self._end_opening()
        self._has_heard = True
        if isinstance(step, ProcessStateEvent):
            self._take_process_state(step)
        elif isinstance(step, TickEvent):
            self.counting.passed(step.when, self.configurations.running)

    def _take_process_state(self, event: ProcessStateEvent) -> None:
        self.counting.apply(event)
        self.settling.moved(event.namespec, event.received_at)
        self.baseline.transition(event.namespec)
        if event.state is ProcessState.STARTING:
            self.findings.forget_end(event.namespec)

    def _take_group(self, event: ProcessGroupEvent) -> None:
        """Groups are added by an operator's ``update``, or by supervisord as it begins."""
        self.settling.stir(event.received_at, Reason.GROUP)
        self.configurations.group_changed(event.group, added=event.added)
        if not event.added:
            self._end_opening()
            self.counting.remove_group(event.group, event.received_at)
            self.settling.forget_group(event.group)
            self.baseline.group_removed(event.group)
        elif self.opening_groups is None:
            self.baseline.group_added(event.group)
        else:
            self.opening_groups.append(event.group)

    def _end_opening(self) -> None:
        """Take the groups added as our pool began for an ``update``: no RUNNING followed."""
        for group in self.opening_groups or ():
            self.baseline.group_added(group)
        self.opening_groups = None

    def _take_supervisor_state(self, event: SupervisorStateEvent) -> None:
        self.opening_groups = None
        if not event.running:
            self.settling.stir(event.received_at, Reason.TRANSITION)
            self.freeze()
            return
        self.settling.stir(event.received_at, Reason.SUPERVISORD_START)
        is_reload = self.is_identity_sure
        self._begin_epoch(killed=not (self.is_stopping or is_reload), has_same_pids=is_reload)
        if not self.is_identity_sure:
            self.identity = None

    def _take_pool_restart(self) -> None:
        """Our pool began anew: a ``reload``, an ``update`` of our stanza, another supervisord."""
        self.opening_groups = []
        self._take_loss()
        if not self.is_identity_sure:
            self.identity = None
            self.counting.doubt_epoch()

    def _take_loss(self) -> None:
        """Events never came; at a beginning, the one that tells of it may be among them."""
        self.settling.stir(self.counting.known_at, Reason.EVENTS_LOST)
        self.counting.missed_events()
        if self.opening_groups is not None or not self._has_heard:
            self.counting.doubt_epoch()

    def _begin_epoch(self, *, killed: bool, has_same_pids: bool) -> None:
        self.baseline.freeze(self.counting.runs)
        self.counting.begin_epoch(killed=killed, has_same_pids=has_same_pids)
        self.configurations.begin_epoch()
        self.is_stopping = False

    def _meet(self, supervisord: Supervisord, at: float) -> None:
        """Notice whether it is another supervisord that answers now."""
        identity = (supervisord.pid, supervisord.started_at)
        if self.identity is not None and not is_same_supervisord(self.identity, identity):
            self.settling.stir(at, Reason.SUPERVISORD_START)
            # Asked too late, some of its events may have been counted: those pids are its own.
            is_late = not (self.is_identity_sure or self.order.is_distrustful)
            self._begin_epoch(killed=not self.is_stopping, has_same_pids=is_late)
            if not is_late:
                self.order.another_supervisord()
                self.opening_groups = []
        self.identity = identity
        self.is_identity_sure = True

    def observe(self, snapshot: Snapshot) -> Report | None:
        """Take a snapshot; return a report when it shows that things have settled.

        Call it in the order in which the snapshots were taken.
        """
        self.counting.hear(snapshot.taken_at)
        self._meet(snapshot.supervisord, snapshot.taken_at)
        if snapshot.supervisord.state != "RUNNING":
            return None
        self.findings.see(snapshot)
        self.counting.see(snapshot)
        verdict = self.settling.verdict(snapshot)
        if verdict is not None:
            return self._conclude(verdict, snapshot)
        if self._is_settled and self.compare(snapshot) != self.differences:
            self.settling.stir(snapshot.taken_at, Reason.LOOKED)
        return None

    def _conclude(self, verdict: Verdict, snapshot: Snapshot) -> Report:
        moved = self.baseline.settle(
            snapshot,
            unsettled=verdict.flapping,
            runs=self.counting.runs,
            configs=self.configurations.running,
        )
        return self.findings.conclude(verdict, snapshot, moved, self.baseline, self.configurations)

    @property
    def _is_settled(self) -> bool:
        return self.baseline.is_established and self.settling.began_at is None

    def compare(self, snapshot: Snapshot) -> tuple[Difference, ...]:
        """Return what a snapshot shows that is not wanted. Looking moves nothing."""
        return self.findings.compare(snapshot, self.baseline, self.configurations)

    def configure(
        self, configs: Mapping[Namespec, ProcessConfig], now: float, *, applied: bool = False
    ) -> None:
        """Take the configuration as last read; ``applied`` when it is known to be what runs.

        Otherwise that is taken of a group added since the last reading, and of everything when
        supervisord has begun anew.
        """
        self.counting.hear(now)
        self.configurations.take(configs, applied=applied)
        self.baseline.learn_configs(self.configurations.running)
        snapshot = self.findings.snapshot
        if self._is_settled and snapshot is not None:
            self.findings.replace(self.compare(snapshot))

    def accept(
        self, namespecs: Collection[Namespec] | None, snapshot: Snapshot, now: float
    ) -> tuple[Namespec, ...]:
        """Want what the snapshot shows, of these processes or of all; return what moved."""
        self.counting.hear(now)
        self.findings.see(snapshot)
        moved = self.baseline.accept(
            namespecs,
            snapshot,
            flapping=self.findings.flapping,
            configs=self.configurations.newest,
        )
        self.findings.accept(namespecs)
        return moved

    def learn_exits(self, facts: Mapping[Namespec, LearntExit]) -> None:
        """Add to the differences how processes ended, as supervisord's log tells it."""
        self.findings.learn_exits(facts)

    def plan_stop(self, namespec: Namespec, pid: int) -> None:
        """Take the coming stop of this pid for maintenance; call it once that is journalled."""
        self.counting.plan_stop(namespec, pid)

    def freeze(self) -> None:
        """Keep the baseline until things have settled: supervisord is going away."""
        self.baseline.freeze(self.counting.runs)
        self.is_stopping = True

    def begin_run(self) -> None:
        """Keep the baseline while a planned run is under way."""
        self.baseline.in_run = True
        self.counting.in_run = True

    def end_run(self, now: float) -> None:
        """End a planned run: what operators do counts again."""
        self.baseline.in_run = False
        self.counting.end_run(now)
