"""Faults planted on purpose, one at a time, each with the invariant that has to notice it.

A simulation that finds nothing proves nothing unless it would find these.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import attrs

from supervisor_maint.maintenance import (
    batches,
    calls,
    holds,
    preparing,
    readying,
    recovering,
    restarting,
    steps,
    targets,
    verifying,
)
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.maintenance.target import Progress, Target
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import ProcessState, ProcessStatus
from tests.simulation.simulation import Shell

S = ProcessState


@attrs.frozen
class Mutant:
    """A fault: what replaces what, or what the shell leaves out."""

    name: str
    invariant: str
    patches: tuple[tuple[Any, str, Any], ...] = ()
    shell: Shell = attrs.field(factory=Shell)

    @contextlib.contextmanager
    def planted(self) -> Iterator[Shell]:
        """Plant the fault for a while."""
        kept = [(owner, name, vars(owner)[name]) for owner, name, _ in self.patches]
        try:
            for owner, name, replacement in self.patches:
                setattr(owner, name, replacement)
            yield self.shell
        finally:
            for owner, name, original in kept:
                setattr(owner, name, original)


def _starts_while_stopping(target: Target, status: ProcessStatus, now: float) -> bool:
    return target.was_stopped and status.state in (S.STOPPING, S.STOPPED)


def _any_pid_will_do(target: Target, status: ProcessStatus) -> bool:
    return status.pid is not None


def _whoever_stopped_it(target: Target, status: ProcessStatus) -> bool:
    return status.state is S.STOPPED


def _whatever_it_is(target: Target, status: ProcessStatus) -> bool:
    return status.state in (S.STOPPED, S.EXITED, S.FATAL)


def _the_whole_group(group: list[batches.Member], _: object) -> list[Any]:
    return [member.namespec for member in group if member.may_stop]


def _asks_every_time(turn: Any, step: Any, record: Any) -> steps.Progress:
    steps._ask(turn, step, record)
    return steps.Progress.UNDER_WAY


def _again_whatever_it_does(turn: Any, step: Any, record: Any) -> steps.Progress:
    steps._ask(turn, step, steps._again(turn, record))
    return steps.Progress.UNDER_WAY


def _forgets_that_it_is_back(target: Target, now: float) -> Target:
    assert target.seen is not None
    chosen = attrs.evolve(target.chosen, pid=target.seen.pid, started_at=now)
    return attrs.evolve(target, progress=Progress.WAITING, chosen=chosen, stop=None, start=None)


def _as_good_as_restarted(target: Target) -> bool:
    return target.seen is not None and target.seen.state is S.RUNNING


def _whatever_has_exited(target: Target, status: ProcessStatus, now: float) -> bool:
    return status.state is S.EXITED


def _none_at_all(turn: Any) -> steps.Progress:
    return steps.Progress.DONE


def _deadline_anew(turn: Any) -> None:
    turn.enter(Phase.RESTARTING)
    turn.change(deadline_at=turn.run.deadline_at + turn.run.plan.max_duration_seconds)


def _up_or_not(state: ProcessState) -> None:
    return None


MUTANTS = (
    Mutant("journal skipped", "journal_explains_every_action", shell=Shell(journals=False)),
    Mutant(
        "start before STOPPED",
        "start_only_after_stopped",
        ((calls, "wants_start", _starts_while_stopping),),
    ),
    Mutant(
        "pid change ignored",
        "nobody_is_restarted_again",
        ((Target, "is_as_before", _any_pid_will_do),),
    ),
    Mutant("one event dropped", "every_run_ends", shell=Shell(wakes_itself=False)),
    Mutant(
        "pool touched",
        "never_a_listener_pool",
        ((Pools, "is_pool", lambda *_: False), (Pools, "is_unknown", lambda *_: False)),
    ),
    Mutant("step twice", "no_step_side_by_side", ((steps, "_wait", _asks_every_time),)),
    Mutant(
        "step again after a crash, whatever it does",
        "no_step_is_repeated_blindly",
        ((steps, "_begin_again", _again_whatever_it_does),),
    ),
    Mutant(
        "operator's stop undone",
        "operators_stop_is_kept",
        ((Target, "may_be_started", _whoever_stopped_it),),
    ),
    Mutant(
        "whatever is down is started",
        "only_our_stops_are_undone",
        ((Target, "may_be_started", _whatever_it_is),),
    ),
    Mutant("floor ignored", "floor_is_kept", ((batches, "_of_group", _the_whole_group),)),
    Mutant(
        "whatever has exited is not away",
        "floor_is_kept",
        ((restarting, "has_run_to_its_end", _whatever_has_exited),),
    ),
    Mutant("stale request used", "stale_requests_are_dropped", shell=Shell(checks_expiry=False)),
    Mutant("hold forgotten", "hold_is_respected", ((holds, "find", lambda *_: None),)),
    Mutant(
        "announcement not waited for",
        "nothing_is_stopped_unannounced",
        ((preparing, "_is_announced", lambda _: True),),
    ),
    Mutant(
        "deadline ignored",
        "no_stop_after_the_deadline",
        ((Run, "is_overrun", lambda *_: False),),
    ),
    Mutant(
        "deadline counted anew",
        "deadline_is_never_extended",
        ((preparing, "_go", _deadline_anew),),
    ),
    Mutant(
        "recovery forgotten",
        "nothing_stays_stopped_because_of_us",
        ((recovering, "_start", lambda *_: None),),
    ),
    Mutant(
        "done forgotten",
        "no_process_is_stopped_twice",
        ((Target, "back", _forgets_that_it_is_back),),
    ),
    Mutant(
        "running as before counts as done",
        "succeeded_means_restarted",
        ((readying, "_is_back", _as_good_as_restarted),),
    ),
    Mutant(
        "broken before is touched",
        "broken_before_is_untouched",
        ((targets, "_not_up", _up_or_not), (Target, "may_be_started", _whatever_it_is)),
    ),
    Mutant(
        "post steps left out in silence",
        "post_steps_are_accounted_for",
        ((recovering, "post_steps", _none_at_all), (verifying, "post_steps", _none_at_all)),
    ),
)
