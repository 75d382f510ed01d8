"""The invariants, by name, judged from the world's own truth and never from the run's."""

from __future__ import annotations

import attrs

from supervisor_maint.maintenance.actions import Action, RunStep, StartProcesses, StopProcesses
from supervisor_maint.maintenance.observation import CallOutcome, StepOutcome
from supervisor_maint.maintenance.plan import Plan, Strategy
from supervisor_maint.maintenance.run import PUBLISH_SECONDS, Phase, Run
from supervisor_maint.maintenance.target import ANSWER_SECONDS, Progress, Target
from supervisor_maint.processes import Namespec, ProcessState
from tests.simulation.world import Process

S = ProcessState

INVARIANTS = {
    "nothing_stays_stopped_because_of_us": "what ran before and was stopped by us is started",
    "no_process_is_stopped_twice": "one run stops a process once",
    "nobody_is_restarted_again": "what was restarted since, by whomever, is not stopped",
    "floor_is_kept": "never max_unavailable or more of a group away when one is stopped",
    "operators_stop_is_kept": "what an operator stopped is not started",
    "only_our_stops_are_undone": "what nobody stopped is not started either",
    "broken_before_is_untouched": "only what was RUNNING or STARTING before is touched",
    "start_only_after_stopped": "no start is asked for before the process was seen STOPPED",
    "every_run_ends": "each run has its outcome in bounded time",
    "no_step_side_by_side": "no step runs twice at the same time",
    "no_step_is_repeated_blindly": "what is not idempotent runs once",
    "journal_explains_every_action": "the intent is in the journal before the action",
    "never_a_listener_pool": "no listener pool is touched, our own neither",
    "hold_is_respected": "nothing begins while it is held",
    "stale_requests_are_dropped": "an expired request starts nothing",
    "nothing_is_stopped_unannounced": "the first stop waits for the announcement, or for its cap",
    "no_stop_after_the_deadline": "after max_duration nothing more is stopped",
    "deadline_is_never_extended": "muting is only ever shortened",
    "succeeded_means_restarted": "after a success every target is another process than before",
    "post_steps_are_accounted_for": "each post step of a run that ended has its record",
}


@attrs.frozen
class Violation:
    """An invariant that was broken, and how."""

    invariant: str
    text: str


@attrs.define
class Judge:
    """Watches one run. ``before`` is the truth at the moment of the ``before`` snapshot."""

    plan: Plan
    processes: dict[Namespec, Process]
    violations: list[Violation] = attrs.field(factory=list)
    before: dict[Namespec, tuple[ProcessState, float, str]] = attrs.field(factory=dict)
    stops: dict[Namespec, int] = attrs.field(factory=dict)
    deadline_at: float | None = None
    preparing_since_at: float = 0.0
    published_at: float | None = None
    is_announced: bool = False
    steps_begun: dict[str, int] = attrs.field(factory=dict)

    def find(self, invariant: str, text: str) -> None:
        assert invariant in INVARIANTS
        self.violations.append(Violation(invariant, text))

    def take_before(self) -> None:
        self.before = {
            spec: (process.state, process.started_at, spec.group)
            for spec, process in self.processes.items()
        }

    def action(self, action: Action, journal: Run | None, now: float, is_writable: bool) -> None:
        """An action is about to be performed: is it in the journal?"""
        if isinstance(action, StopProcesses):
            self._explained(action, journal, "stop", now)
            if not self.stops and not self._may_stop(now):
                self.find("nothing_is_stopped_unannounced", f"{action.namespecs[0]}")
        elif isinstance(action, StartProcesses) and is_writable:
            self._explained(action, journal, "start", now)
        elif isinstance(action, RunStep) and is_writable:
            record = journal and journal.step(action.phase, action.step.name)
            if record is None or record.attempt != action.attempt:
                self.find("journal_explains_every_action", f"step {action.step.name}")

    def _may_stop(self, now: float) -> bool:
        lead = self.plan.lead_seconds
        has_led = self.published_at is not None and now >= self.published_at + lead
        latest_at = self.preparing_since_at + PUBLISH_SECONDS + lead
        return self.is_announced or has_led or now >= latest_at

    def told(self, now: float, *, is_announced: bool) -> None:
        """The run is told that its deadline was written, or that everybody knows."""
        self.is_announced = self.is_announced or is_announced
        if self.published_at is None and not is_announced:
            self.published_at = now

    def _explained(
        self, action: StopProcesses | StartProcesses, journal: Run | None, kind: str, now: float
    ) -> None:
        targets = {target.namespec: target for target in (journal and journal.targets) or ()}
        for spec in action.namespecs:
            target = targets.get(spec)
            call = target and getattr(target, kind)
            if call is None or call.asked_at != now or call.outcome is not CallOutcome.PENDING:
                self.find("journal_explains_every_action", f"{kind} of {spec}")

    def stopping(self, process: Process, now: float, observed_at: float, decided_at: float) -> None:
        """The run's stop is carried out, and the process is in a state where it counts."""
        spec = process.namespec
        state, started_at, _ = self.before.get(spec, (S.UNKNOWN, 0.0, ""))
        self.stops[spec] = self.stops.get(spec, 0) + 1
        if process.is_pool:
            self.find("never_a_listener_pool", f"{spec} is stopped")
        if self.stops[spec] > 1:
            self.find("no_process_is_stopped_twice", f"{spec}")
        if state not in (S.RUNNING, S.STARTING):
            self.find("broken_before_is_untouched", f"{spec} was {state.name}, and is stopped")
        if process.started_at > started_at and process.started_at < observed_at:
            self.find("nobody_is_restarted_again", f"{spec}")
        if self.deadline_at is not None and decided_at > self.deadline_at:
            self.find("no_stop_after_the_deadline", f"{spec}")
        if self.plan.strategy is Strategy.ROLLING:
            self._check_floor(process, now, observed_at)

    def _check_floor(self, process: Process, now: float, observed_at: float) -> None:
        group = [
            self.processes[spec]
            for spec, (state, _, name) in self.before.items()
            if name == process.namespec.group and state in (S.RUNNING, S.STARTING)
            and spec not in self._excluded()
        ]  # fmt: skip
        away = [one for one in group if one is not process and self._away(one, now, observed_at)]
        if len(away) >= self.plan.max_unavailable.of(len(group)):
            names = ", ".join(str(one.namespec) for one in away)
            self.find("floor_is_kept", f"{process.namespec} is stopped while {names} away")

    def _excluded(self) -> set[Namespec]:
        return {spec for spec in self.before if spec.name in self.plan.exclude}

    def _away(self, process: Process, now: float, observed_at: float) -> bool:
        if process.has_ended_on_purpose:
            return False
        if process.state is not S.RUNNING:
            since_at = process.away_since_at or now
            return process.stopped_by == "run" or since_at < observed_at
        restarted = process.started_at > self.before[process.namespec][1]
        ready_at = process.running_since_at + process.ready_seconds
        return bool(self.plan.readiness) and restarted and now < ready_at

    def starting(self, process: Process, run: Run | None, observed_at: float) -> None:
        """The run's start arrives at supervisord."""
        spec = process.namespec
        if process.is_pool:
            self.find("never_a_listener_pool", f"{spec} is started")
        if process.state is S.STOPPING:
            self.find("start_only_after_stopped", f"{spec} is {process.state.name}")
        if process.state not in (S.STOPPED, S.EXITED, S.FATAL):
            return
        state = self.before[spec][0] if spec in self.before else S.UNKNOWN
        if state not in (S.RUNNING, S.STARTING):
            self.find("broken_before_is_untouched", f"{spec} was {state.name}, and is started")
        if process.stopped_by == "run" or process.stop_called_at > observed_at:
            return
        target = next((one for one in (run and run.targets) or () if one.namespec == spec), None)
        if target is not None and self._is_unclear(target, process):
            return
        name = "operators_stop_is_kept" if process.stopped_by == "operator" else (
            "only_our_stops_are_undone")  # fmt: skip
        self.find(name, f"{spec}, stopped by {process.stopped_by}, is started")

    def _is_unclear(self, target: Target, process: Process) -> bool:
        """Tell whether nobody can know whose stop it was, as when the answer to ours was lost."""
        if target.stop is None:
            return False
        # supervisord tells whole seconds: a start in the second of our stop may have been earlier.
        if int(process.started_at) == int(target.stop.answered_at or 0.0):
            return True
        if target.stop.was_lost and process.stopped_by in ("crash", "reload"):
            return True
        if process.started_at not in (0.0, self.before[process.namespec][1]):
            return False
        latest_at = target.stop.asked_at + ANSWER_SECONDS + target.stop_limit_seconds
        return target.stop.first_asked_at <= process.stop_called_at <= latest_at

    def moved(self, new: Run) -> None:
        """The run was taken a step further, and the journal knows."""
        if new.phase is Phase.PREPARING:
            self.preparing_since_at = new.phase_since_at
        if new.deadline_at is not None:
            if self.deadline_at is not None and new.deadline_at > self.deadline_at:
                self.find("deadline_is_never_extended", f"by {new.deadline_at - self.deadline_at}")
            self.deadline_at = new.deadline_at

    def step_begins(self, name: str, *, is_running: bool, idempotent: bool) -> None:
        """A step's child is started."""
        self.steps_begun[name] = self.steps_begun.get(name, 0) + 1
        if is_running:
            self.find("no_step_side_by_side", name)
        if not idempotent and self.steps_begun[name] > 1:
            self.find("no_step_is_repeated_blindly", name)

    def ended(self, run: Run) -> None:
        """The run is over, and a minute has passed."""
        for target in run.targets or ():
            process = self.processes[target.namespec]
            stays = process.state is S.STOPPED and process.stopped_by == "run"
            if stays and not process.refuses_start and not _is_past_telling(target, process):
                self.find("nothing_stays_stopped_because_of_us", f"{target.namespec}")
            self._check_restarted(run, process, target.progress)
        if run.has_acted and run.phase is not Phase.SKIPPED:
            for step in run.plan.post:
                self._check_post(run, step.name)

    def _check_restarted(self, run: Run, process: Process, progress: Progress) -> None:
        if run.phase is not Phase.SUCCEEDED or progress is Progress.LEFT:
            return
        same = process.started_at == self.before[process.namespec][1] and process.started_at > 0
        if same or progress is not Progress.DONE:
            self.find("succeeded_means_restarted", f"{process.namespec} is {progress.value}")

    def _check_post(self, run: Run, name: str) -> None:
        records = [one for one in run.steps if one.name == name]
        if not records or records[-1].outcome is StepOutcome.RUNNING:
            self.find("post_steps_are_accounted_for", name)


def _is_past_telling(target: Target, process: Process) -> bool:
    """A stop whose answer died with the listener, of a process replaced or dying very slowly."""
    if target.stop is None or not target.stop.was_lost:
        return False
    latest_at = target.stop.asked_at + ANSWER_SECONDS + target.stop_limit_seconds
    return target.runs_anew or process.stopped_at > latest_at
