"""One process in a run: what was asked for it, and how far it is. Values only; no I/O here."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.documents import from_document, revived_by, volatile
from supervisor_maint.maintenance.observation import CallOutcome
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus

# How long after its stop was asked for, beyond stopwaitsecs, a process may take to be gone:
# supervisord sends SIGKILL only then, looks once a second, and the kernel has to clean up.
STOP_MARGIN_SECONDS = 10.0
# An answer that does not come within the client's own time limit (5 s) and a little is lost.
ANSWER_SECONDS = 15.0
# A call nobody answered may still be carried out: supervisord reads what waits in its sockets
# when it comes to itself, and that is before or in the same turn as what it is asked next.
ECHO_SECONDS = 1.0


class Progress(enum.Enum):
    """How far a process is in a run. The last three are settled: nothing more is done with it."""

    WAITING = "waiting"
    STOPPING = "stopping"
    COMING_BACK = "coming_back"
    DONE = "done"
    LEFT = "left"
    FAILED = "failed"


SETTLED = frozenset({Progress.DONE, Progress.LEFT, Progress.FAILED})


@attrs.frozen(kw_only=True)
class Call:
    """A start or stop that was asked of supervisord, maybe more than once.

    ``was_lost``: of one attempt nobody knows whether it was carried out.
    """

    first_asked_at: float
    asked_at: float
    outcome: CallOutcome = attrs.field(
        default=CallOutcome.PENDING, metadata=revived_by(CallOutcome)
    )
    was_lost: bool = False
    reason: str = ""
    answered_at: float | None = None

    def answered(self, outcome: CallOutcome, reason: str, now: float) -> Call:
        """Note an answer.

        A refusal after a lost attempt proves nothing: that one may count. An acceptance proves
        that it did not.
        """
        if outcome is CallOutcome.REFUSED and self.was_lost:
            outcome = CallOutcome.UNKNOWN
        lost = outcome is CallOutcome.UNKNOWN
        return attrs.evolve(self, outcome=outcome, was_lost=lost, reason=reason, answered_at=now)

    def lost(self, now: float) -> Call:
        """Note that the answer will not come any more."""
        if self.outcome is not CallOutcome.PENDING:
            return self
        return self.answered(CallOutcome.UNKNOWN, "no answer came", now)

    def may_yet_act(self, now: float) -> bool:
        """Tell whether the call may be carried out after what was just seen."""
        if self.outcome is CallOutcome.UNKNOWN and self.answered_at is not None:
            return not passed(self.answered_at, now, ECHO_SECONDS)
        return self.outcome is CallOutcome.PENDING


def asked(call: Call | None, now: float) -> Call:
    """Return the call as it is when asked now, again or for the first time."""
    if call is None:
        return Call(first_asked_at=now, asked_at=now)
    return attrs.evolve(call, asked_at=now, outcome=CallOutcome.PENDING)


@attrs.frozen
class Seen:
    """What a process was last seen as, and since when without a change."""

    state: ProcessState
    pid: int | None
    since_at: float


def _revive_chosen(document: Any) -> Chosen:
    return from_document(Chosen, {**document, "namespec": Namespec.parse(document["namespec"])})


def _revive_call(document: Any) -> Call:
    return from_document(Call, document)


@attrs.frozen(kw_only=True)
class Target:
    """A process that the run restarts. ``chosen`` is what it was in ``before``.

    ``back_at`` is when it was RUNNING again and ready, as the process ``back_pid``.
    ``runs_anew``: it was seen after its stop as another process than before, so that a stop seen
    later is not ours.
    """

    chosen: Chosen = attrs.field(metadata=revived_by(_revive_chosen))
    progress: Progress = attrs.field(default=Progress.WAITING, metadata=revived_by(Progress))
    reason: str = ""
    stop: Call | None = attrs.field(default=None, metadata=revived_by(_revive_call))
    start: Call | None = attrs.field(default=None, metadata=revived_by(_revive_call))
    runs_anew: bool = False
    coming_since_at: float | None = None
    back_at: float | None = None
    back_pid: int | None = None
    seen: Seen | None = attrs.field(default=None, metadata=volatile())
    ready_asked_at: float | None = attrs.field(default=None, metadata=volatile())
    is_ready_asked: bool = attrs.field(default=False, metadata=volatile())
    ready_in_a_row: int = attrs.field(default=0, metadata=volatile())
    not_ready_reason: str = attrs.field(default="", metadata=volatile())

    @property
    def namespec(self) -> Namespec:
        """Its name."""
        return self.chosen.namespec

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more is done with it, save to start it in recovery."""
        return self.progress in SETTLED

    @property
    def is_under_way(self) -> bool:
        """Tell whether it is on its way down or up."""
        return self.progress in (Progress.STOPPING, Progress.COMING_BACK)

    @property
    def was_stopped(self) -> bool:
        """Tell whether this run asked for its stop and was not refused."""
        return self.stop is not None and self.stop.outcome is not CallOutcome.REFUSED

    @property
    def needs_recovery(self) -> bool:
        """Tell whether it may be down because of this run."""
        return self.was_stopped and self.progress is not Progress.DONE

    @property
    def stop_limit_seconds(self) -> float:
        """How long after its stop was asked for it counts as not stopping."""
        return self.chosen.stop_wait_seconds + STOP_MARGIN_SECONDS

    def is_as_before(self, status: ProcessStatus) -> bool:
        """Tell whether a status shows the very process that ran before.

        A pid alone may come again, in a container after a reboot. A start time can only have
        become earlier: supervisord corrects it when the clock was set back.
        """
        return status.pid == self.chosen.pid and not self._started_since(status)

    def may_yet_be_stopped(self, now: float) -> bool:
        """Tell whether a stop of ours may be carried out later than what was just seen."""
        return self.stop is not None and self.stop.may_yet_act(now)

    def may_be_started(self, status: ProcessStatus) -> bool:
        """Tell whether it is STOPPED, the last stop was ours, and nobody touched it since."""
        return (
            status.state is ProcessState.STOPPED
            and self.was_stopped
            and not self.touched_since(status)
            and self._is_our_stop(status)
        )

    def touched_since(self, status: ProcessStatus) -> bool:
        """Tell whether it was started after our stop, by us or somebody else.

        One that was started before supervisord confirmed our stop was stopped by us, though it
        is another than we had seen: it was replaced in the moment between.
        """
        if self.runs_anew or self.stop is None:
            return self.runs_anew
        confirmed = self.stop.outcome is CallOutcome.ACCEPTED and not self.stop.was_lost
        if confirmed and self.stop.answered_at is not None and status.started_at is not None:
            return status.started_at > self.stop.answered_at
        return self._started_since(status)

    def _started_since(self, status: ProcessStatus) -> bool:
        if status.started_at is None or self.chosen.started_at is None:
            return False
        return status.started_at > self.chosen.started_at

    def _is_our_stop(self, status: ProcessStatus) -> bool:
        """Tell whether a stop can be the one we asked for; a confirmed one always is.

        After a crash between the intent and the answer only the time tells: supervisord's is in
        whole seconds.
        """
        if self.stop is None or status.stopped_at is None or not self.stop.was_lost:
            return True
        latest_at = self.stop.asked_at + ANSWER_SECONDS + self.stop_limit_seconds
        return int(self.stop.first_asked_at) <= status.stopped_at <= latest_at

    def looked_at(self, status: ProcessStatus, now: float) -> Target:
        """Note what it is seen as now, and take an answer that is overdue for lost."""
        stop, start = _unless_overdue(self.stop, now), _unless_overdue(self.start, now)
        seen = self.seen
        if seen is not None and (seen.state, seen.pid) == (status.state, status.pid):
            if stop is self.stop and start is self.start:
                return self
            return attrs.evolve(self, stop=stop, start=start)
        seen = Seen(status.state, status.pid, now)
        return attrs.evolve(
            self, seen=seen, stop=stop, start=start, ready_in_a_row=0, is_ready_asked=False
        )

    def confirmed_by(self, status: ProcessStatus, now: float) -> Target:
        """Take the sight of STOPPING, soon after a stop whose answer was lost, for the answer."""
        if self.stop is None or not self.stop.was_lost or self.touched_since(status):
            return self
        soon = not passed(self.stop.asked_at, now, ANSWER_SECONDS)
        if status.state is not ProcessState.STOPPING or not soon:
            return self
        stop = attrs.evolve(
            self.stop, outcome=CallOutcome.ACCEPTED, was_lost=False, answered_at=now
        )
        return attrs.evolve(self, stop=stop)

    def seen_for(self, seconds: float, now: float) -> bool:
        """Tell whether it has been seen as it is for so long."""
        return self.seen is not None and passed(self.seen.since_at, now, seconds)

    def settled(self, progress: Progress, reason: str = "") -> Target:
        """Return it with nothing more to do."""
        return attrs.evolve(self, progress=progress, reason=reason)

    def waiting_again(self) -> Target:
        """Return it as if its turn was still to come: its stop had no effect."""
        return attrs.evolve(self, progress=Progress.WAITING)

    def back(self, now: float) -> Target:
        """Return it as RUNNING again and ready."""
        pid = None if self.seen is None else self.seen.pid
        return attrs.evolve(self, progress=Progress.DONE, back_at=now, back_pid=pid)

    def moves_again(self, status: ProcessStatus) -> bool:
        """Tell whether it was settled and is no more.

        It was back and has died by itself since; or it was left as it is, and now runs anew.
        """
        if self.progress is Progress.LEFT:
            return status.state is ProcessState.RUNNING and not self.is_as_before(status)
        is_another = status.pid is not None and status.pid != self.back_pid
        return self.progress is Progress.DONE and (
            status.state in (ProcessState.BACKOFF, ProcessState.FATAL)
            or (status.state in (ProcessState.STARTING, ProcessState.RUNNING) and is_another)
        )

    def coming_back(self, now: float) -> Target:
        """Return it as being on its way up."""
        since_at = now if self.coming_since_at is None else self.coming_since_at
        return attrs.evolve(
            self, progress=Progress.COMING_BACK, reason="", coming_since_at=since_at, runs_anew=True
        )


def _unless_overdue(call: Call | None, now: float) -> Call | None:
    if call is None or not passed(call.asked_at, now, ANSWER_SECONDS):
        return call
    return call.lost(now)


def revive_target(document: Any) -> Target:
    """Build a target from its document."""
    return from_document(Target, document)
