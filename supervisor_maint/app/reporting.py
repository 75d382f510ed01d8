"""Putting the facts together, and handing them to whoever shows them."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections import Counter
from typing import Any

import attrs

from supervisor_maint import __version__
from supervisor_maint.app.answering import Clerk
from supervisor_maint.app.observing import Observer
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.totals import Totals
from supervisor_maint.app.upkeep import Permissions, Upkeep
from supervisor_maint.errors import StoreError
from supervisor_maint.monitoring.facts import BuildFacts, Facts
from supervisor_maint.snapshots.watch import Watch

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Reporter:
    """Builds the facts for the metrics and the status for the clients.

    ``about`` is what the status says of the listener itself, JSON-able.
    """

    ports: Ports
    watch: Watch
    totals: Totals
    observer: Observer
    clerk: Clerk
    maintenance: Upkeep
    permissions: Permissions
    about: dict[str, Any]
    heartbeat_at: float | None = None
    _failing: bool = attrs.field(init=False, default=False)

    def facts(self) -> Facts:
        """Return everything the metrics show, as of now."""
        snapshot = self.observer.snapshot
        return Facts(
            up=self.observer.up,
            build=BuildFacts(version=__version__, python=platform.python_version()),
            version=snapshot.supervisord.version if snapshot else None,
            identification=snapshot.supervisord.identification if snapshot else None,
            snapshot=snapshot,
            memory=self.observer.memory,
            wanted=self.watch.wanted(),
            tallies=self.watch.tallies(self.ports.clock()),
            exit_statuses=self.watch.exit_statuses(),
            differences_by_kind=Counter(each.kind.value for each in self.watch.differences),
            heartbeat_at=self.heartbeat_at,
            events=dict(self.totals.events),
            events_lost=self.watch.events_lost,
            errors=dict(self.totals.errors),
            store_errors=dict(self.totals.store_errors),
            config_reload_successful=self.clerk.config_reload_successful,
            sinks={outlet.name: outlet.status() for outlet in self.ports.outlets},
            plans=self.maintenance.plan_facts(self.ports.clock()),
            window_start_at=self.totals.plans.window_start_at,
            monitoring={name: dict(each) for name, each in self.totals.monitoring.items()},
            silence_ends_at=self.maintenance.silence_ends_at,
            window_deadline_at=self.totals.plans.window_deadline_at,
            hold_until_at=self.maintenance.hold_until_at,
            process_downtime=dict(self.totals.plans.downtime_seconds),
            memory_given_back=dict(self.totals.plans.memory_given_back),
            permissions=self.permissions.facts(),
        )

    async def report(self) -> None:
        """Hand the newest metrics to every sink, and the status to the clients."""
        await self._submit()
        await self.publish()

    async def push(self) -> None:
        """Bring the newest metrics to every sink now; return when each has taken or refused them.

        Whoever waits for this sets the limit: a sink may hang for as long as its own.
        """
        if self.ports.outlets:
            await self._submit()
            await asyncio.gather(*(outlet.tried() for outlet in self.ports.outlets))

    async def _submit(self) -> None:
        exposition = await self.ports.compute(self.ports.render)
        for outlet in self.ports.outlets:
            outlet.submit(exposition)

    async def publish(self) -> None:
        """Publish the status that clients read."""
        try:
            await self.ports.store(self.ports.publish, self.status())
        except StoreError as error:
            self.totals.store_errors["status"] += 1
            if not self._failing:
                logger.error("cannot publish the status, and go on without: %s", error.msg)
            self._failing = True
        else:
            self._failing = False

    @property
    def owes_status(self) -> bool:
        """Tell whether what clients wait for could not be published yet."""
        return self._failing

    def status(self) -> dict[str, Any]:
        """Return what ``supervisor-maint status`` shows of the listener, JSON-able."""
        report = self.watch.report
        return {
            **self.about,
            **self.health(),
            "version": __version__,
            "python": platform.python_version(),
            "published_at": self.ports.clock(),
            "supervisord_up": self.observer.up,
            "config_reload_successful": self.clerk.config_reload_successful,
            "events_lost": self.watch.events_lost,
            "errors": sum(self.totals.errors.values()),
            "report": report.to_document() if report else None,
            "sinks": {outlet.name: attrs.asdict(outlet.status()) for outlet in self.ports.outlets},
            "permissions": self.permissions.document(),
            "answers": {key: attrs.asdict(answer) for key, answer in self.clerk.answers.items()},
        }

    def health(self) -> dict[str, Any]:
        """Return the part of the status that tells whether all is well, JSON-able."""
        wanted = self.watch.wanted()
        return {
            "process": self.about.get("process"),
            "heartbeat_at": self.heartbeat_at,
            "wanted": {namespec.qualified: wanted[namespec] for namespec in sorted(wanted)},
            "maintenance": self.maintenance.document(self.ports.clock()),
        }
