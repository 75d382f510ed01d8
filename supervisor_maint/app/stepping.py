"""The steps of a run: what their children are told, and what their ends mean to the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

import attrs

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.maintenance import summary
from supervisor_maint.maintenance.actions import AwaitStep, RotateLogs, RunStep, StepPhase
from supervisor_maint.maintenance.blockers import CheckAnswer
from supervisor_maint.maintenance.invocation import Invocation, StepEnd
from supervisor_maint.maintenance.observation import StepOutcome, StepResult
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.run import Run, rotation


@attrs.define(kw_only=True)
class StepRunner:
    """Runs the steps of runs; ``zone`` returns the one in which they are told times."""

    ports: RunPorts
    zone: Callable[[], tzinfo]

    async def run(self, run: Run, action: RunStep) -> StepResult:
        """Run a pre or post step once no earlier child of it lives."""
        invocation = invocation_of(run, action.phase, action.step, action.attempt)
        if action.phase is StepPhase.POST:
            invocation = attrs.evolve(
                invocation,
                result=summary.result(run),
                summary=summary.document(run, self.zone()),
            )
        end = await self.ports.commands.run(invocation)
        return _result(action.phase, action.step.name, action.attempt, end)

    async def await_orphan(self, action: AwaitStep) -> StepResult:
        """Wait until no child of the step lives."""
        end = await self.ports.commands.await_orphan(action.step)
        return _result(action.phase, action.step.name, action.attempt, end)

    async def rotate(self, run: Run, action: RotateLogs) -> StepResult:
        """Rotate the logs of the run's plan."""
        end = await self.ports.rotate(run, action.timeout_seconds)
        return _result(StepPhase.ROTATE, rotation(run.plan).name, action.attempt, end)

    async def check(self, run: Run, step: Step) -> CheckAnswer:
        """Run a check step; only success lets the run begin."""
        end = await self.ports.commands.run(
            Invocation(step=step, phase="check", plan=run.plan.name, run_id=run.id)
        )
        return CheckAnswer(end.outcome is StepOutcome.SUCCEEDED, end.reason)


def invocation_of(run: Run, phase: StepPhase, step: Step, attempt: int = 1) -> Invocation:
    """Return what the child of a run's step is started with."""
    return Invocation(
        step=step, phase=phase.value, attempt=attempt, plan=run.plan.name, run_id=run.id
    )


def _result(phase: StepPhase, name: str, attempt: int, end: StepEnd) -> StepResult:
    return StepResult(
        phase=phase, name=name, attempt=attempt, outcome=end.outcome, reason=end.reason
    )
