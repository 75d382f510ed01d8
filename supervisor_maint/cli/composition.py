"""The composition root of the listener: the only place that knows every adapter by name."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

import attrs

from supervisor_maint.app.answering import Clerk
from supervisor_maint.app.application import Application
from supervisor_maint.app.observing import Observer
from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Blocking, Ports
from supervisor_maint.app.recording import Recorder
from supervisor_maint.app.reporting import Reporter
from supervisor_maint.app.totals import Totals
from supervisor_maint.cli.sinks import Outlets
from supervisor_maint.errors import Problem, SettingsError, SupervisorError
from supervisor_maint.monitoring import metrics
from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.processes import Supervisord
from supervisor_maint.settings import Settings, SettingsRefused, changed, load
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.history import History
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.state_dir import StateDir
from supervisor_maint.supervisord.memory import ProcessMemory
from supervisor_maint.supervisord.rpc import SupervisorClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

# READY is said within 300 ms of the start, whatever supervisord is busy with.
IDENTIFY_WITHIN_SECONDS = 0.2
# A SIGTERM is followed by SIGKILL after stopwaitsecs; we are gone within a second of it.
DRAIN_SECONDS = 0.5
FACTS_WITHIN_SECONDS = 2.0


def in_thread(executor: ThreadPoolExecutor) -> Blocking:
    """Return a way to call what blocks in the executor's thread."""

    def call(function: Callable[..., T], *args: Any, **kwargs: Any) -> Awaitable[T]:
        work = functools.partial(function, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(executor, work)

    return call


@attrs.define(kw_only=True)
class Composition:
    """Builds the application from settings, and changes it when they change."""

    settings: Settings
    state: StateDir
    history: History
    loop: asyncio.AbstractEventLoop
    application: Application = attrs.field(init=False)
    outlets: Outlets = attrs.field(init=False)
    observe_duration: Callable[[float], None] = attrs.field(init=False)
    # what the settings were read from, also when they were refused
    _read: Settings | SettingsRefused = attrs.field(init=False)

    @classmethod
    async def build(cls, settings: Settings, state: StateDir) -> Composition:
        """Build everything; raises MaintError when the stores or a sink cannot be opened."""
        composition = cls(
            settings=settings,
            state=state,
            history=History(state.history),
            loop=asyncio.get_running_loop(),
        )
        await composition._compose()
        return composition

    async def _compose(self) -> None:
        maint = self.settings.maint
        self._read = self.settings
        ask, store = (in_thread(ThreadPoolExecutor(1, name)) for name in ("supervisord", "store"))
        collector = metrics.MaintCollector(self._facts_from_any_thread)
        self.observe_duration = collector.observe
        registry = metrics.new_registry(collector)
        self.outlets = Outlets(registry=registry)
        ports = Ports(
            supervisor=client(self.settings),
            memory=ProcessMemory() if maint.memory else None,
            history=self.history,
            mailbox=Mailbox(self.state.requests),
            publish=Publication(self.state.status).publish,
            outlets=self.outlets.deliveries,
            render=functools.partial(
                in_thread(ThreadPoolExecutor(1, "render")), metrics.render, registry
            ),
            ask=ask,
            store=store,
            clock=time.time,
        )
        watch, totals = await self._restore(ports)
        pace = Pace(push_interval_seconds=maint.push_interval_seconds)
        observer = Observer(ports=ports, watch=watch, pace=pace)
        clerk = Clerk(
            ports=ports,
            watch=watch,
            observer=observer,
            reload=self.reload,
            settings_changed=lambda: changed(self._read),
        )
        self.application = Application(
            ports=ports,
            watch=watch,
            totals=totals,
            pace=pace,
            observer=observer,
            clerk=clerk,
            recorder=Recorder(
                ports=ports,
                watch=watch,
                totals=totals,
                keep_seconds=maint.history_keep_seconds,
                max_bytes=maint.history_size_bytes,
            ),
            reporter=Reporter(
                ports=ports,
                watch=watch,
                totals=totals,
                observer=observer,
                clerk=clerk,
                about=self._about(),
            ),
        )
        self.outlets.open(self.settings)

    async def _restore(self, ports: Ports) -> tuple[Watch, Totals]:
        saved = await ports.store(self.history.load_watch)
        totals = await ports.store(self.history.load_totals)
        meta, processes = saved or ({}, {})
        watch = Watch.restore(
            meta,
            processes,
            started_at=ports.clock(),
            supervisord=await self._identify(ports),
            settle_seconds=self.settings.maint.settle_seconds,
            settle_max_seconds=self.settings.maint.settle_max_seconds,
        )
        return watch, Totals.restore(totals or {})

    @staticmethod
    async def _identify(ports: Ports) -> Supervisord | None:
        try:
            return await asyncio.wait_for(
                ports.ask(ports.supervisor.identify), IDENTIFY_WITHIN_SECONDS
            )
        except (SupervisorError, asyncio.TimeoutError):
            return None  # the first look at supervisord says what is wrong, and asks again

    def reload(self) -> None:
        """Read the settings again and apply them. Raises SettingsError; then the old ones hold."""
        try:
            settings = load(self.settings.path, environ=os.environ, now=time.time())
        except SettingsRefused as refused:
            self._read = refused
            raise
        self._read = settings
        if settings.maint.state_dir != self.settings.maint.state_dir:
            raise SettingsError([_moved(self.settings, settings)])
        self.outlets.open(settings)
        self.settings = settings
        self._apply(settings)

    def _apply(self, settings: Settings) -> None:
        app, maint = self.application, settings.maint
        app.ports.supervisor = client(settings)
        app.ports.memory = ProcessMemory() if maint.memory else None
        app.pace.push_interval_seconds = maint.push_interval_seconds
        app.pace.report_now()
        app.watch.settling.settle_seconds = maint.settle_seconds
        app.watch.settling.settle_max_seconds = maint.settle_max_seconds
        app.recorder.keep_seconds = maint.history_keep_seconds
        app.recorder.max_bytes = maint.history_size_bytes
        app.reporter.about.update(self._about())
        logging.getLogger().setLevel(maint.log_level)

    async def close(self) -> None:
        """Save, and bring the last report to the sinks, within the second that SIGTERM leaves."""
        await self.application.recorder.save()
        await self.application.reporter.report()
        await self.outlets.drain(DRAIN_SECONDS)

    def _about(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "started_at": self.settings.loaded_at,
            "serverurl": self.settings.maint.serverurl,
            "settings_file": self.settings.path,
            "settings_loaded_at": self.settings.loaded_at,
        }

    def _facts_from_any_thread(self) -> Facts:
        """Return the facts; they belong to the loop's thread, so that is where they are made."""

        async def facts() -> Facts:
            return self.application.reporter.facts()

        future = asyncio.run_coroutine_threadsafe(facts(), self.loop)
        return future.result(FACTS_WITHIN_SECONDS)


def client(settings: Settings) -> SupervisorClient:
    """Return the client for the supervisord that started us. Raises SettingsError."""
    maint = settings.maint
    if maint.serverurl is None:
        raise SettingsError(
            [
                Problem(
                    file=settings.path,
                    section="maint",
                    key="serverurl",
                    message="expected where supervisord listens, found neither this key nor "
                    "SUPERVISOR_SERVER_URL: add a [unix_http_server] to supervisord's "
                    "configuration, which then tells its listeners",
                )
            ]
        )
    return SupervisorClient(
        maint.serverurl,
        username=maint.username,
        password=maint.password,
        timeout_seconds=maint.rpc_timeout_seconds,
    )


def _moved(old: Settings, new: Settings) -> Problem:
    return Problem(
        file=new.path,
        section="maint",
        key="state_dir",
        message=f"expected {str(old.maint.state_dir)!r}, where this listener's state is, found "
        f"{str(new.maint.state_dir)!r}; to move it, restart the listener",
    )
