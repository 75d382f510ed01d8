"""The baseline: the last state that an operator can be taken to want of each process. Pure.

What somebody did with supervisorctl while supervisord was running is wanted: start, stop, and the
groups that ``update`` adds and removes. What happened because supervisord itself went away and
came back, or in a planned run, is not: the baseline is frozen then, and the difference stays until
it is gone or accepted. The baseline moves when things have settled, never by looking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
)
from supervisor_maint.snapshots.configurations import config_document, config_from
from supervisor_maint.snapshots.expected import exited_as_expected
from supervisor_maint.snapshots.runs import ProcessRuns

FLAPPING = "flapping"

_WANTABLE = frozenset({ProcessState.RUNNING, ProcessState.STOPPED, ProcessState.EXITED})
_AT_REST = frozenset({ProcessState.STOPPED, ProcessState.STOPPING})
_GIVEN_UP = frozenset({ProcessState.FATAL, ProcessState.STOPPING, ProcessState.UNKNOWN})


@attrs.frozen(kw_only=True)
class Wanted:
    """What is wanted of one process.

    ``exit_status`` is that of a wanted EXITED, None when unknown; ``accepted`` what
    ``supervisor-maint accept`` found (a state's name, or "flapping") and which is therefore no
    difference although nobody can want it.
    """

    state: ProcessState = attrs.field(validator=attrs.validators.in_(_WANTABLE))
    exit_status: int | None = None
    accepted: str = ""
    config: ProcessConfig | None = None

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs, JSON-able."""
        return {
            "state": self.state.name,
            "exit_status": self.exit_status,
            "accepted": self.accepted,
            "config": None if self.config is None else config_document(self.config),
        }

    @classmethod
    def restore(cls, namespec: Namespec, saved: Mapping[str, Any]) -> Wanted:
        """Read what ``save`` wrote."""
        config = saved["config"]
        return cls(
            state=ProcessState[saved["state"]],
            exit_status=saved["exit_status"],
            accepted=saved["accepted"],
            config=None if config is None else config_from(namespec, config),
        )


def first_wanted(status: ProcessStatus, config: ProcessConfig | None = None) -> Wanted:
    """Return what to want of a process that nothing is known of but this.

    What is FATAL, BACKOFF or EXITED against expectation is wanted RUNNING: supervisord
    (``autostart``) or an operator tried to start it.
    """
    if status.state in _AT_REST:
        return Wanted(state=ProcessState.STOPPED, config=config)
    if exited_as_expected(status, config):
        return Wanted(state=ProcessState.EXITED, exit_status=status.exit_status, config=config)
    return Wanted(state=ProcessState.RUNNING, config=config)


def as_found(
    status: ProcessStatus, *, flapping: bool = False, config: ProcessConfig | None = None
) -> Wanted:
    """Return the wanted state with which this status is no difference: ``accept``."""
    if flapping:
        return Wanted(state=ProcessState.RUNNING, accepted=FLAPPING, config=config)
    if status.state in _WANTABLE:
        return Wanted(state=status.state, exit_status=status.exit_status, config=config)
    state = ProcessState.STOPPED if status.state in _GIVEN_UP else ProcessState.RUNNING
    return Wanted(state=state, accepted=status.state.name, config=config)


@attrs.define
class Baseline:
    """What is wanted of each process, and what may move it at the next settling.

    ``is_established`` once things have settled for the first time ever. ``is_frozen`` while
    supervisord goes away and comes back, ``in_run`` during a planned run.
    """

    wanted: dict[Namespec, Wanted] = attrs.field(factory=dict)
    is_established: bool = False
    is_frozen: bool = False
    in_run: bool = False
    changed: set[Namespec] = attrs.field(factory=set)
    _touched: set[Namespec] = attrs.field(factory=set)
    _still_frozen: set[Namespec] = attrs.field(factory=set)
    _added_groups: set[str] = attrs.field(factory=set)
    _moved: set[Namespec] = attrs.field(factory=set)

    def transition(self, namespec: Namespec) -> None:
        """Let a process move the baseline at the next settling, unless that is frozen."""
        if not (self.is_frozen or self.in_run or namespec in self._still_frozen):
            self._touched.add(namespec)

    def group_added(self, group: str) -> None:
        """Want the processes of a group that an operator added, as they settle."""
        if not (self.is_frozen or self.in_run):
            self._added_groups.add(group)

    def group_removed(self, group: str) -> None:
        """Want the processes of a group no more that an operator removed."""
        if self.is_frozen or self.in_run:
            return
        self._added_groups.discard(group)
        for namespec in [each for each in self.wanted if each.group == group]:
            self._set(namespec, None)
        self._touched = {each for each in self._touched if each.group != group}

    def freeze(self, runs: Mapping[Namespec, ProcessRuns]) -> None:
        """Move no more until things have settled again; what was done before still counts."""
        for namespec in self._touched & runs.keys():
            if namespec in self.wanted or namespec.group in self._added_groups:
                self._take_last_word(namespec, runs[namespec])
        self._touched.clear()
        self.is_frozen = True

    def _take_last_word(self, namespec: Namespec, runs: ProcessRuns) -> None:
        wanted = self.wanted.get(namespec, Wanted(state=ProcessState.RUNNING))
        if runs.state is ProcessState.RUNNING:
            self._want(namespec, ProcessState.RUNNING, None, wanted.config)
        elif runs.state is ProcessState.STOPPED and not runs.stopped_by_plan:
            self._want(namespec, ProcessState.STOPPED, None, wanted.config)
        elif runs.state is ProcessState.EXITED and runs.exited_as_expected:
            self._want(namespec, ProcessState.EXITED, wanted.exit_status, wanted.config)

    def settle(
        self,
        snapshot: Snapshot,
        *,
        unsettled: Collection[Namespec],
        runs: Mapping[Namespec, ProcessRuns],
        configs: Mapping[Namespec, ProcessConfig],
    ) -> tuple[Namespec, ...]:
        """Move to what has settled, thaw, and return the processes that moved."""
        if not self.is_established:
            self._establish(snapshot, configs)
        for namespec in self._touched - set(unsettled):
            status = snapshot.processes.get(namespec)
            if status is not None and namespec in self.wanted:
                self._follow(status, runs.get(namespec), configs.get(namespec))
        for status in snapshot.processes.values():
            if status.namespec.group in self._added_groups and status.namespec not in self.wanted:
                config = configs.get(status.namespec)
                self._set(status.namespec, first_wanted(status, config))
        self._thaw(frozenset(unsettled))
        moved, self._moved = tuple(sorted(self._moved)), set()
        return moved

    def _establish(self, snapshot: Snapshot, configs: Mapping[Namespec, ProcessConfig]) -> None:
        for namespec, status in snapshot.processes.items():
            if namespec not in self.wanted:
                self._set(namespec, first_wanted(status, configs.get(namespec)))
        self.is_established = True

    def _follow(
        self, status: ProcessStatus, runs: ProcessRuns | None, config: ProcessConfig | None
    ) -> None:
        """Want what is, if an operator can be taken to want it."""
        by_plan = runs is not None and runs.stopped_by_plan
        wanted = self.wanted[status.namespec]
        if status.state is ProcessState.RUNNING or (
            status.state is ProcessState.STOPPED and not by_plan
        ):
            self._want(status.namespec, status.state, None, wanted.config)
        elif exited_as_expected(status, config):
            self._want(status.namespec, ProcessState.EXITED, status.exit_status, wanted.config)

    def _thaw(self, unsettled: frozenset[Namespec]) -> None:
        if self.is_frozen:
            self._still_frozen = set(unsettled)
        self._still_frozen &= unsettled
        self._touched &= unsettled
        self._added_groups.clear()
        self.is_frozen = False

    def accept(
        self,
        namespecs: Collection[Namespec] | None,
        snapshot: Snapshot,
        *,
        flapping: Collection[Namespec],
        configs: Mapping[Namespec, ProcessConfig],
    ) -> tuple[Namespec, ...]:
        """Want what is, of these processes or of all; return those whose wanted state changed."""
        chosen = {*snapshot.processes, *self.wanted} if namespecs is None else set(namespecs)
        before = dict(self.wanted)
        for namespec in chosen:
            status = snapshot.processes.get(namespec)
            config = configs.get(namespec)
            self._set(
                namespec,
                None
                if status is None
                else as_found(status, flapping=namespec in flapping, config=config),
            )
        self._moved -= chosen
        self.is_established = self.is_established or namespecs is None
        return tuple(sorted(each for each in chosen if before.get(each) != self.wanted.get(each)))

    def learn_configs(self, configs: Mapping[Namespec, ProcessConfig]) -> None:
        """Take the configuration of a process that has none in the baseline yet."""
        for namespec, wanted in list(self.wanted.items()):
            if wanted.config is None and namespec in configs:
                self.wanted[namespec] = attrs.evolve(wanted, config=configs[namespec])
                self.changed.add(namespec)

    def _want(
        self,
        namespec: Namespec,
        state: ProcessState,
        exit_status: int | None,
        config: ProcessConfig | None,
    ) -> None:
        self._set(namespec, Wanted(state=state, exit_status=exit_status, config=config))

    def _set(self, namespec: Namespec, wanted: Wanted | None) -> None:
        if self.wanted.get(namespec) == wanted:
            return
        if wanted is None:
            del self.wanted[namespec]
        else:
            self.wanted[namespec] = wanted
        self.changed.add(namespec)
        self._moved.add(namespec)

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs besides the wanted states, JSON-able."""
        return {
            "is_established": self.is_established,
            "is_frozen": self.is_frozen,
            "touched": [each.qualified for each in sorted(self._touched)],
            "still_frozen": [each.qualified for each in sorted(self._still_frozen)],
            "added_groups": sorted(self._added_groups),
        }

    @classmethod
    def restore(
        cls, saved: Mapping[str, Any], wanted: Mapping[Namespec, Mapping[str, Any]]
    ) -> Baseline:
        """Go on where ``save`` was."""
        return cls(
            {namespec: Wanted.restore(namespec, each) for namespec, each in wanted.items()},
            is_established=saved["is_established"],
            is_frozen=saved["is_frozen"],
            touched=set(map(Namespec.parse, saved["touched"])),
            still_frozen=set(map(Namespec.parse, saved["still_frozen"])),
            added_groups=set(saved["added_groups"]),
        )
