"""One call of ``advance``: the run as it becomes, and the actions that gather. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import attrs

from supervisor_maint.maintenance.actions import Action, Record, WakeAt
from supervisor_maint.maintenance.observation import Observation
from supervisor_maint.maintenance.run import TRANSITIONS, Phase, Run
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.processes import Namespec, ProcessStatus

# Without news, look again this often: a lost event may cost a second, never the run.
LOOK_AGAIN_SECONDS = 1.0


@attrs.define
class Turn:
    """What a phase reads (``seen``, ``now``) and what it changes (``run``, ``actions``)."""

    run: Run
    seen: Observation
    now: float
    actions: list[Action] = attrs.field(factory=list)
    _wake_at: float | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """The run's targets, none before they were chosen."""
        return self.run.targets or ()

    @property
    def statuses(self) -> Mapping[Namespec, ProcessStatus | None]:
        """What supervisord said of the processes."""
        return self.seen.statuses

    def change(self, **changes: Any) -> None:
        """Change fields of the run."""
        self.run = attrs.evolve(self.run, **changes)

    def enter(self, phase: Phase) -> None:
        """Go on to a phase. Raises ValueError for one that may not follow."""
        if phase not in TRANSITIONS[self.run.phase]:
            raise ValueError(f"{phase.name} cannot follow {self.run.phase.name}")
        self.change(phase=phase, phase_since_at=self.now, asked_at=None)
        if self.run.is_over:
            self.change(ended_at=self.now)
        else:
            self.wake_at(self.now)  # each phase has other processes watched
        self.record(f"{phase.value}: {self.run.reason}" if self.run.reason else phase.value)

    def recover(self, reason: str) -> None:
        """Give up: go to RECOVERING. The first reason stays."""
        self.change(reason=self.run.reason or reason)
        self.enter(Phase.RECOVERING)

    def act(self, action: Action) -> None:
        """Want something done."""
        self.actions.append(action)

    def record(self, text: str, namespec: Namespec | None = None) -> None:
        """Add a line to the run's story."""
        self.actions.append(Record(text, namespec))

    def note(self, text: str) -> None:
        """Keep a sentence about something that went wrong and does not end the run."""
        if text not in self.run.notes:
            self.change(notes=(*self.run.notes, text))
            self.record(text)

    def wake_in(self, seconds: float) -> None:
        """Ask to be woken after so many seconds, or earlier."""
        self.wake_at(self.now + seconds)

    def wake_at(self, moment_at: float) -> None:
        """Ask to be woken at a moment, or earlier."""
        if self._wake_at is None or moment_at < self._wake_at:
            self._wake_at = moment_at

    def each_target(self, change: Callable[[Target], Target]) -> None:
        """Replace every target, and tell the story of those that got further."""
        before = self.targets
        after = tuple(change(target) for target in before)
        if any(new is not old for new, old in zip(after, before)):
            self.change(targets=after)
        for old, new in zip(before, after):
            if new.progress is not old.progress:
                self.record(_told(new), new.namespec)

    def all_actions(self) -> tuple[Action, ...]:
        """Return the actions, with the time to come back."""
        wake = () if self._wake_at is None else (WakeAt(self._wake_at),)
        return (*self.actions, *wake)


_TOLD = {
    Progress.WAITING: "waits",
    Progress.STOPPING: "is being stopped",
    Progress.COMING_BACK: "comes back",
    Progress.DONE: "is restarted",
    Progress.LEFT: "is left as it is",
    Progress.FAILED: "failed",
}


def _told(target: Target) -> str:
    told = _TOLD[target.progress]
    return f"{told}: {target.reason}" if target.reason else told
