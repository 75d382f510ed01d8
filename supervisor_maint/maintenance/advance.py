"""The one step of a run: what was seen goes in, the next run and what to do come out. No I/O here.

``advance`` is level-triggered: it may be called at any moment, as often as one likes, and with
the same observation twice. The caller writes ``Decision.run`` into the journal before it
performs ``Decision.actions``. When that fails, it calls once more, with the *old* run and
``journal_is_writable=False``, and performs what comes back without a journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

import attrs

from supervisor_maint.maintenance import (
    calls,
    preparing,
    readying,
    recovering,
    restarting,
    steps,
    verifying,
)
from supervisor_maint.maintenance.actions import Action, Record, WakeAt
from supervisor_maint.maintenance.observation import Observation
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.maintenance.turn import Turn

_PHASES: Mapping[Phase, Callable[[Turn], None]] = {
    Phase.PENDING: preparing.pend,
    Phase.PREPARING: preparing.prepare,
    Phase.RESTARTING: restarting.restart,
    Phase.VERIFYING: verifying.verify,
    Phase.FINISHING: verifying.finish,
    Phase.RECOVERING: recovering.recover,
}
# Too late to cancel: what these do is done anyway.
_UNCANCELLABLE = frozenset({Phase.FINISHING, Phase.RECOVERING})


@attrs.frozen
class Decision:
    """What a run becomes, to be journalled first, and what to do then, in this order."""

    run: Run
    actions: tuple[Action, ...]

    def only_looks_again(self, before: Run, now: float) -> bool:
        """Tell whether nothing is to be done but to look once more, now.

        Where a run goes on to a phase or ends, or takes a cancel, people are told: never that.
        """
        run = self.run
        if (run.phase, run.cancelled_by) != (before.phase, before.cancelled_by):
            return False
        told = [each for each in self.actions if not isinstance(each, Record)]
        return all(isinstance(each, WakeAt) and each.at <= now for each in told) and bool(told)


def advance(run: Run, observation: Observation, now: float) -> Decision:
    """Take a run as far as is possible with what is known now. ``now`` is in epoch seconds."""
    turn = Turn(run, observation, now)
    if run.is_over:
        return Decision(run, ())
    _note_cancel(turn)
    steps.absorb(turn)
    calls.absorb(turn)
    readying.absorb(turn)
    phase = None
    while phase is not turn.run.phase and not turn.run.is_over:
        phase = turn.run.phase
        _PHASES[phase](turn)
    return Decision(turn.run, turn.all_actions())


def _note_cancel(turn: Turn) -> None:
    cancelled_by = turn.seen.cancelled_by
    run = turn.run
    if cancelled_by is None or run.cancelled_by is not None or run.phase in _UNCANCELLABLE:
        return
    reason = f"cancelled by {cancelled_by}"
    turn.change(cancelled_by=cancelled_by, reason=run.reason or reason)
    turn.record(reason)
