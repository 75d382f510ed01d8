"""What a planned run is given: the adapters that stop, start, ask, rotate and remember."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Collection
from pathlib import Path
from typing import Callable

import attrs

from supervisor_maint.app.application import Application
from supervisor_maint.app.maintaining import Maintenance
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.run_ports import Alerting, RunPorts
from supervisor_maint.app.stepping import invocation_of
from supervisor_maint.cli.alerting import alerting
from supervisor_maint.cli.threads import in_threads
from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance import probing, summary
from supervisor_maint.maintenance.actions import StepPhase
from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import StepEnd
from supervisor_maint.maintenance.readiness import Probe
from supervisor_maint.maintenance.rotation import Rotation, rotate_logs
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.run import rotation as rotation_step
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.settings import Settings
from supervisor_maint.store.files import append_line
from supervisor_maint.store.history import History
from supervisor_maint.store.journal import Journal
from supervisor_maint.store.state_dir import StateDir
from supervisor_maint.supervisord.pidwatch import PidWatch
from supervisor_maint.supervisord.pools import find_own_log, find_pools
from supervisor_maint.supervisord.reopening import reopen_logs
from supervisor_maint.supervisord.rpc import SupervisorClient

# A run asks for the pools when it looks for blockers, and once more right after. Without the
# plug-in a child reads the configuration for each answer, which takes 0.4 s.
POOLS_HOLD_SECONDS = 5.0

# Readiness questions that are under way at once; each may take its whole time limit.
PROBES_AT_ONCE = 16


@attrs.define(kw_only=True)
class RunComposition:
    """The adapters of planned runs, for the settings that hold now."""

    settings: Callable[[], Settings]
    client: Callable[[], SupervisorClient]
    ports: Ports
    state: StateDir
    history: History
    commands: Commands = attrs.field(init=False)
    _alerting: tuple[Settings, Alerting] | None = attrs.field(init=False, default=None)
    _told_pools: tuple[float, Pools | None] = attrs.field(init=False, default=(0.0, None))

    def __attrs_post_init__(self) -> None:
        self.commands = Commands(self.state.path / "steps")

    def build(self, application: Application) -> Maintenance:
        """Build what begins and conducts the runs, beside an application."""
        return Maintenance.build(
            ports=self.run_ports(application.reporter.push),
            watch=application.watch,
            totals=application.totals,
            memory=lambda: self.ports.memory,
            moved=application.pace.report_now,
            changed=application.woken.set,
        )

    def run_ports(self, push: Callable[[], Awaitable[None]]) -> RunPorts:
        """Return what a run touches; ``push`` brings the metrics to the sinks."""
        return RunPorts(
            supervisor=self.client,
            journal=Journal(self.state.journal),
            history=self.history,
            commands=self.commands,
            rotate=self.rotate,
            watch_pids=PidWatch,
            log_line=self.log_line,
            probe=_probe,
            pools=self.pools,
            push=push,
            alerting=self.alerting,
            asking=in_threads("monitoring"),
            # Two: a nudge is not to wait for a look that hangs.
            act=in_threads("run", 2),
            probing=in_threads("probe", PROBES_AT_ONCE),
            # One of its own: what a run does waits for its journal, and for nothing else.
            journaling=in_threads("journal", 1),
            store=self.ports.store,
            clock=self.ports.clock,
        )

    def alerting(self) -> Alerting:
        """Return who is told of runs and asked before them; the same while the settings are."""
        settings = self.settings()
        if self._alerting is None or self._alerting[0] is not settings:
            self._alerting = settings, alerting(settings)
        return self._alerting[1]

    def pools(self) -> Pools:
        """Tell which groups are listener pools. Blocks; raises MaintError.

        What was told a moment ago is told once more.
        """
        told_at, told = self._told_pools
        if told is not None and time.monotonic() - told_at < POOLS_HOLD_SECONDS:
            self._told_pools = (0.0, None)
            return told
        told = self._find_pools()
        self._told_pools = (time.monotonic(), told)
        return told

    def _find_pools(self) -> Pools:
        return find_pools(
            self.client(),
            configuration=_text(self.settings().maint.supervisord_config),
            own_group=os.environ.get("SUPERVISOR_GROUP_NAME"),
        )

    async def rotate(self, run: Run, timeout_seconds: float) -> StepEnd:
        """Rotate the logs as the run's plan has it."""
        config = run.plan.logrotate_config
        rotation = Rotation(
            config=Path(config) if config else None, is_forced=run.plan.logrotate_force
        )
        step = attrs.evolve(rotation_step(run.plan), timeout_seconds=timeout_seconds)
        invocation = invocation_of(run, StepPhase.ROTATE, step)
        return await rotate_logs(rotation, self.commands, invocation, self._reopen)

    def log_line(self, run: Run) -> None:
        """Write the run's line into the plan's ``restart_log``, if it has one. Blocks."""
        if run.plan.restart_log:
            zone = self.settings().maint.timezone
            append_line(Path(run.plan.restart_log), summary.line(run, zone, time.time()))

    def _reopen(self) -> Collection[object]:
        configuration = _text(self.settings().maint.supervisord_config)
        try:
            own_log = find_own_log(self.client(), configuration=configuration)
        except MaintError:
            own_log = None  # with the plug-in nobody needs it
        return reopen_logs(self.client(), own_log=own_log)


def _probe(probe: Probe, timeout_seconds: float) -> tuple[bool, str]:
    answer = probing.ask(probe, timeout_seconds)
    return answer.is_ready, answer.reason


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
