"""Advice on planned restarts: what they would do, and what they name. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor_maint.advice.clock_changes import skipped_time
from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.maintenance.forecast import Forecast, forecast
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from supervisor_maint.settings.maintenance import StepSection
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    ListenerPool,
)

_ROOT = 0


def obstacles(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of what the plans would stumble over, were everything up that starts by itself."""
    configuration = surroundings.configuration
    if configuration is None:
        return
    for plan in surroundings.settings.plans:
        for obstacle in _forecast(plan, configuration, surroundings).obstacles():
            yield Advice(
                severity=Severity.ERROR if obstacle.prevents else Severity.WARNING,
                subject=f"[maintenance:{plan.name}]",
                message=obstacle.message,
                what_to_do=obstacle.what_to_do,
            )


def _forecast(plan: Plan, configuration: Configuration, surroundings: Surroundings) -> Forecast:
    pools = Pools(
        pools=frozenset(pool.name for pool in configuration.pools),
        programs=frozenset(group.name for group in configuration.groups),
    )
    groups: list[Group | ListenerPool] = [*configuration.groups, *configuration.pools]
    members = [
        (Namespec(group.name, process.name), group.priority, process)
        for group in groups
        for process in group.processes
    ]
    snapshot = Snapshot(
        taken_at=surroundings.settings.loaded_at,
        supervisord=Supervisord(pid=0, started_at=0.0),
        processes=[_as_started(namespec, process) for namespec, _, process in members],
    )
    configs = {
        namespec: _config(namespec, priority, process) for namespec, priority, process in members
    }
    return forecast(plan, snapshot, configs, pools, surroundings.downtimes)


def _as_started(namespec: Namespec, process: ConfiguredProcess) -> ProcessStatus:
    state = ProcessState.RUNNING if process.autostart else ProcessState.STOPPED
    return ProcessStatus(namespec=namespec, state=state)


def _config(namespec: Namespec, priority: int, process: ConfiguredProcess) -> ProcessConfig:
    return ProcessConfig(
        namespec=namespec,
        group_priority=priority,
        process_priority=process.priority,
        autostart=process.autostart,
        start_seconds=process.start_seconds,
        stop_wait_seconds=process.stop_wait_seconds,
    )


def skipped_times(surroundings: Surroundings) -> Iterator[Advice]:
    """Say of a schedule that its time does not exist on some day, and when the run comes then."""
    for plan in surroundings.settings.plans:
        if plan.schedule is None:
            continue
        found = skipped_time(plan.schedule, surroundings.settings.loaded_at)
        if found is not None:
            wall, gap = found
            yield Advice(
                severity=Severity.NOTE,
                subject=f"[maintenance:{plan.name}]",
                message=f"on {wall:%Y-%m-%d} there is no {wall:%H:%M} in {plan.schedule.zone}: "
                f"the run comes at {gap.ends:%H:%M}",
                what_to_do="choose an hour that exists every day, if that matters",
            )


def users_of_steps(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of steps that cannot be started as their ``user``."""
    listener = surroundings.listener_uid
    for step in surroundings.settings.of(StepSection):
        if step.user is None or step.user not in surroundings.users:
            continue
        uid = surroundings.users[step.user]
        if uid is None:
            yield _user_advice(step, "this machine has no such user", "correct it")
        elif listener not in (None, _ROOT, uid):
            yield _user_advice(
                step,
                f"only a listener that runs as root can start it so, and it runs as uid {listener}",
                "remove user here, or in the listener's stanza",
            )


def _user_advice(step: StepSection, message: str, what_to_do: str) -> Advice:
    return Advice(
        severity=Severity.ERROR,
        subject=f"[step:{step.name}]",
        message=f"user = {step.user}: {message}",
        what_to_do=what_to_do,
    )


def files(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of files that plans, steps and checks name and that will not do."""
    for section, problems in surroundings.plan_files.items():
        for message, what_to_do in problems:
            yield Advice(
                severity=Severity.WARNING,
                subject=section,
                message=message,
                what_to_do=what_to_do,
            )
