"""What a planned run is given beside the application's own ports. No I/O here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from supervisor_maint.app.ports import Blocking
from supervisor_maint.effects import Supervisor
from supervisor_maint.maintenance.invocation import Invocation, StepEnd
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.readiness import Probe
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.monitoring.gates import Alert, Sample
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.silences import Silence, Terms
from supervisor_maint.store.records import Hold, JournalState, LastRun, Record


class Journal(Protocol):
    """What must survive anything; every write is durable. Raises ``errors.StoreError``."""

    def load(self) -> JournalState:
        """Read everything."""
        ...

    def read_newer_run(self) -> Mapping[str, Any] | None:
        """Return the open run of a journal that a newer version wrote."""
        ...

    def save_run(self, run: Mapping[str, Any] | None, *, finished: LastRun | None = None) -> int:
        """Replace the open run; ``finished`` is recorded in the same transaction."""
        ...

    def save_hold(self, hold: Hold) -> None:
        """Hold a plan, or every plan."""
        ...

    def drop_hold(self, plan: str | None) -> bool:
        """End a hold; False when there was none."""
        ...

    def record_plan(self, last_run: LastRun) -> None:
        """Write down that a plan was skipped."""
        ...

    def clear_needs_resume(self) -> None:
        """Let runs start again after a journal had been lost."""
        ...

    def check_writable(self) -> None:
        """Write something for the sake of it."""
        ...

    def close(self) -> None:
        """Let go of the file; the next use takes it again."""
        ...


class RunHistory(Protocol):
    """Where runs are kept for months. Raises ``errors.StoreError``."""

    def save_run(self, run_id: str, started_at: float, document: Mapping[str, Any]) -> None:
        """Keep a run; the same run again replaces it."""
        ...

    def runs(self, limit: int) -> Sequence[Record]:
        """Return the newest runs, the newest first; their names are the run ids."""
        ...


class Commands(Protocol):
    """Runs steps as children. Never raises: what goes wrong is in the end of the step."""

    async def run(self, invocation: Invocation) -> StepEnd:
        """Run a step once no earlier child of it lives."""
        ...

    async def await_orphan(self, step: Step) -> StepEnd:
        """Wait until no child of the step lives."""
        ...


class Pids(Protocol):
    """Watches processes for their death."""

    def keep(self, pids: Iterable[int], *, supervisord_pid: int) -> None:
        """Watch these children of that supervisord, and no others any more."""
        ...


class Alertmanager(Protocol):
    """Alertmanager, or a cluster. Every call blocks; raises ``errors.MonitoringError``."""

    def silences(self, created_by: str) -> Sequence[Silence]:
        """Return the silences that somebody created, the expired ones too."""
        ...

    def silence(self, silence_id: str) -> Silence | None:
        """Return one silence; None when it is lost."""
        ...

    def save(self, silence: Silence) -> str:
        """Create a silence, or change the one that has its id; return the id."""
        ...

    def expire(self, silence_id: str) -> None:
        """End a silence now."""
        ...

    def alerts(self, matchers: Sequence[Matcher], *, muted: bool = False) -> Sequence[Alert]:
        """Return the alerts that fire and match; silenced and inhibited ones only if ``muted``."""
        ...


class Prometheus(Protocol):
    """Prometheus. Every call blocks; raises ``errors.MonitoringError``."""

    def query(self, expression: str) -> Sequence[Sample]:
        """Evaluate an expression now."""
        ...


@attrs.frozen(kw_only=True)
class Alerting:
    """Who is told of runs and asked before them, as the settings have it now; None for nobody.

    ``terms`` are those of silences, ``instance`` is what ``{instance}`` in matchers stands for.
    """

    instance: str
    alertmanager: Alertmanager | None = None
    terms: Terms | None = None
    prometheus: Prometheus | None = None


@attrs.define(kw_only=True)
class RunPorts:
    """Everything of the world that a run touches.

    ``supervisor`` returns the client that the settings name now; ``act`` runs its
    calls, ``probing`` many readiness questions at once, ``journaling`` the journal's reads and
    writes, ``store`` the history's. ``watch_pids`` makes a watch that calls back for each death.
    ``rotate`` rotates a run's logs within so many seconds; ``log_line`` writes the line that
    ``restart_log`` asks for, and may raise StoreError; ``pools`` raises MaintError when nobody can
    tell. ``push`` brings the metrics to every sink and returns when each has taken or refused
    them; ``asking`` runs the calls of who is ``alerting``.
    """

    supervisor: Callable[[], Supervisor]
    journal: Journal
    history: RunHistory
    commands: Commands
    rotate: Callable[[Run, float], Awaitable[StepEnd]]
    watch_pids: Callable[[Callable[[int], None]], Pids]
    log_line: Callable[[Run], None]
    probe: Callable[[Probe, float], tuple[bool, str]]
    pools: Callable[[], Pools]
    push: Callable[[], Awaitable[None]]
    alerting: Callable[[], Alerting]
    act: Blocking
    asking: Blocking
    probing: Blocking
    journaling: Blocking
    store: Blocking
    clock: Callable[[], float]
