"""The composition root of the listener: the only place that knows every adapter by name."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import attrs
from prometheus_client import CollectorRegistry

from supervisor_maint.app.application import Application, Limits
from supervisor_maint.app.ports import Blocking, Ports
from supervisor_maint.cli.connecting import connect, own_process, server_url
from supervisor_maint.cli.health_route import health_page
from supervisor_maint.cli.restoring import restore
from supervisor_maint.cli.sinks import Outlets
from supervisor_maint.cli.threads import in_threads
from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.monitoring import metrics
from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.settings import Settings, SettingsRefused, changed, load
from supervisor_maint.store.history import History
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.state_dir import StateDir
from supervisor_maint.store.wake import Bell
from supervisor_maint.supervisord.memory import ProcessMemory
from supervisor_maint.supervisord.rpc import SupervisorClient

if TYPE_CHECKING:
    from supervisor_maint.app.maintaining import Maintenance
    from supervisor_maint.cli.permission_composition import PermissionComposition
    from supervisor_maint.cli.run_composition import RunComposition
    from supervisor_maint.monitoring.sinks.http import Route

T = TypeVar("T")

# SIGTERM leaves a second: what hangs is left behind, and the last turn has had its 0.2 s.
CLOSE_SECONDS = 0.6
DRAIN_SECONDS = 0.4
FACTS_WITHIN_SECONDS = 2.0


@attrs.define(kw_only=True)
class Composition:
    """The application built from settings, and changed when they change."""

    settings: Settings
    state: StateDir
    client: SupervisorClient
    history: History
    bell: Bell
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop)
    started_at: float = attrs.field(factory=time.time)
    collector: metrics.MaintCollector = attrs.field(init=False)
    outlets: Outlets = attrs.field(init=False)
    application: Application = attrs.field(init=False)
    _maintenance: Maintenance | None = attrs.field(init=False, default=None)
    _permissions: PermissionComposition | None = attrs.field(init=False, default=None)
    # what the settings were read from, also when they were refused
    _read: Settings | SettingsRefused

    @classmethod
    async def build(cls, settings: Settings, state: StateDir) -> Composition:
        """Build everything.

        Raises MaintError when the history is of a newer version or a sink cannot be opened.
        """
        composition = cls(
            settings=settings,
            read=settings,
            state=state,
            client=connect(settings, server_url(settings)),
            history=History(state.history),
            bell=Bell(state.wake),
        )
        try:
            await composition._compose()
        except BaseException:
            composition.history.close()
            composition._free()
            raise
        return composition

    async def _compose(self) -> None:
        self.collector = metrics.MaintCollector(self._facts_from_any_thread)
        registry = metrics.new_registry(self.collector)
        compute = in_threads("compute")
        self.outlets = Outlets(registry=registry, compute=compute, routes=self._routes)
        ports = self._ports(registry, compute)
        restored = await restore(self.settings, ports, self.history)
        self.outlets.counted = restored.totals.sinks
        self.application = Application.build(
            ports=ports,
            watch=restored.watch,
            totals=restored.totals,
            limits=_limits(self.settings),
            reload=self.reload,
            settings_changed=lambda: changed(self._read),
            about=self._about(),
            is_saving_suspended=restored.is_saving_suspended,
        )
        self.bell.open()
        await self._keep_permissions(self.settings)
        await self._maintain(self.settings)
        await self.outlets.open(self.settings)
        self.loop.add_reader(self.bell.fileno(), self._rung)

    def _rung(self) -> None:
        self.bell.drain()
        self.application.look_in_mailbox()

    def _ports(self, registry: CollectorRegistry, compute: Blocking) -> Ports:
        return Ports(
            supervisor=self.client,
            memory=ProcessMemory() if self.settings.maint.memory else None,
            history=self.history,
            mailbox=Mailbox(self.state.requests),
            publish=Publication(self.state.status).publish,
            outlets=self.outlets.deliveries,
            render=functools.partial(metrics.render, registry),
            ask=in_threads("supervisord"),
            store=in_threads("store"),
            compute=compute,
            clock=time.time,
        )

    async def reload(self) -> None:
        """Read the settings again and apply them. Raises SettingsError; then the old ones hold."""
        settings = await self.application.ports.store(self._load)
        url = server_url(settings)
        if settings.maint.state_dir != self.settings.maint.state_dir:
            raise SettingsError([_moved(self.settings, settings)])
        await self.outlets.open(settings)
        if _connection(settings) != _connection(self.settings):
            self.client.close()
            self.client = self.application.ports.supervisor = connect(settings, url)
            self.application.observer.configs_wanted = True
        self.settings = settings
        self.application.ports.memory = ProcessMemory() if settings.maint.memory else None
        self.application.limit(_limits(settings))
        await self._maintain(settings)
        await self._keep_permissions(settings)
        self.application.reporter.about = self._about()
        logging.getLogger().setLevel(settings.maint.log_level)

    async def _maintain(self, settings: Settings) -> None:
        """Take up the settings' plans, and a run that an earlier listener has left open.

        What runs them is loaded only where there is one.
        """
        zone = settings.maint.timezone
        if self._maintenance is not None:
            self._maintenance.set_plans(settings.plans, zone)
        elif settings.plans or self.state.journal.exists():
            kind = await self.application.ports.compute(_run_composition)
            runs = kind(
                settings=lambda: self.settings,
                client=lambda: self.client,
                ports=self.application.ports,
                state=self.state,
                history=self.history,
            )
            self._maintenance = runs.build(self.application)
            await self._maintenance.start(settings.plans, zone)
            self.application.take_up(self._maintenance)

    async def _keep_permissions(self, settings: Settings) -> None:
        """Take up the settings' rules. What keeps them is loaded only where there is one."""
        if self._permissions is None and settings.permissions:
            kind = await self.application.ports.compute(_permission_composition)
            self._permissions = kind.build(self.application, lambda: self.settings)
        if self._permissions is not None:
            self._permissions.follow(settings)

    def _load(self) -> Settings:
        """Read the settings, and remember of what files, also when they are refused."""
        try:
            settings = load(self.settings.path, environ=os.environ, now=time.time())
        except SettingsRefused as refused:
            self._read = refused
            raise
        self._read = settings
        return settings

    async def close(self) -> None:
        """Save, and bring the last report to the sinks, within the second that SIGTERM leaves."""
        self.loop.remove_reader(self.bell.fileno())
        if self._permissions is not None:
            self._permissions.end()
        leaving = asyncio.gather(self._save(), self._report_and_close())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(leaving, CLOSE_SECONDS)
        self._free()

    async def _save(self) -> None:
        await self.application.recorder.save()
        if self._maintenance is not None:
            await self._maintenance.leave()
        await self.application.ports.store(self.history.close)

    async def _report_and_close(self) -> None:
        await self.application.reporter.report()
        await self.outlets.drain(DRAIN_SECONDS)
        await self.outlets.close()

    def _free(self) -> None:
        self.bell.close()
        self.client.close()

    def _about(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "process": own_process(os.environ),
            "started_at": self.started_at,
            "serverurl": self.client.url.text,
            "settings_file": self.settings.path,
            "settings_loaded_at": self.settings.loaded_at,
        }

    def _facts_from_any_thread(self) -> Facts:
        """Return the facts; they belong to the loop's thread, so that is where they are made."""
        return self._from_any_thread(self.application.reporter.facts)

    def _routes(self) -> Mapping[str, Route]:
        """Return what an endpoint serves beside the metrics; loaded only where there is one."""
        return {"/health": health_page(lambda: self.settings, self._health_from_any_thread)}

    def _health_from_any_thread(self) -> dict[str, Any]:
        """Return what is published of our health, as it is now."""
        return self._from_any_thread(self.application.reporter.health)

    def _from_any_thread(self, look: Callable[[], T]) -> T:
        """Call in the loop's thread what reads what belongs to it.

        Raises concurrent.futures.TimeoutError when the loop does not come to it in time.
        """

        async def looked() -> T:
            return look()

        future = asyncio.run_coroutine_threadsafe(looked(), self.loop)
        return future.result(FACTS_WITHIN_SECONDS)


def _run_composition() -> type[RunComposition]:
    """Load what runs plans; beside the loop, which goes on acknowledging."""
    from supervisor_maint.cli.run_composition import RunComposition

    return RunComposition


def _permission_composition() -> type[PermissionComposition]:
    """Load what keeps permissions; beside the loop."""
    from supervisor_maint.cli.permission_composition import PermissionComposition

    return PermissionComposition


def _limits(settings: Settings) -> Limits:
    maint = settings.maint
    return Limits(
        push_interval_seconds=maint.push_interval_seconds,
        settle_seconds=maint.settle_seconds,
        settle_max_seconds=maint.settle_max_seconds,
        keep_seconds=maint.history_keep_seconds,
        max_bytes=maint.history_size_bytes,
    )


def _connection(settings: Settings) -> tuple[object, ...]:
    maint = settings.maint
    return maint.serverurl, maint.username, maint.password, maint.rpc_timeout_seconds


def _moved(old: Settings, new: Settings) -> Problem:
    return Problem(
        file=new.path,
        section="maint",
        key="state_dir",
        message=f"expected {str(old.maint.state_dir)!r}, where this listener's state is, found "
        f"{str(new.maint.state_dir)!r}; to move it, restart the listener",
    )
