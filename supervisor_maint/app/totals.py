"""Counters of the listener itself, which outlive it. No I/O here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.app.plan_records import PlanRecords
from supervisor_maint.monitoring.facts import SinkStatus

# Where an exception can be survived, and what cannot be written: counted from 0 on, for a counter
# that begins at 1 shows an increase of 0 (https://prometheus.io/docs/practices/pushing/).
PLACES = (
    "event",
    "protocol",
    "callback",
    "turn",
    "look",
    "request",
    "reload",
    "maintenance",
    "action",
    "announcement",
    "permissions",
)
STORES = ("history", "status", "journal")
ASKED = ("ok", "failed", "rejected")


@attrs.define
class Totals:
    """How many events of each kind came in, what went wrong where, and how the sinks did.

    ``monitoring`` counts by server how questions to Alertmanager and Prometheus ended. They only
    grow, and are saved with the process counters. ``permissions`` is the document of the
    ``PermissionRecords``, which are loaded where there are rules.
    """

    events: Counter[str] = attrs.field(factory=Counter)
    errors: Counter[str] = attrs.field(factory=lambda: Counter(dict.fromkeys(PLACES, 0)))
    store_errors: Counter[str] = attrs.field(factory=lambda: Counter(dict.fromkeys(STORES, 0)))
    sinks: dict[str, SinkStatus] = attrs.field(factory=dict)
    monitoring: dict[str, Counter[str]] = attrs.field(factory=dict)
    plans: PlanRecords = attrs.field(factory=PlanRecords)
    permissions: Mapping[str, Any] = attrs.field(factory=dict)

    def monitoring_of(self, server: str) -> Counter[str]:
        """Return the counts of a server, from 0 on."""
        return self.monitoring.setdefault(server, Counter(dict.fromkeys(ASKED, 0)))

    def to_document(self) -> dict[str, Any]:
        """Return what ``restore`` reads, JSON-able."""
        return {
            "events": dict(self.events),
            "errors": dict(self.errors),
            "store_errors": dict(self.store_errors),
            "monitoring": {name: dict(counts) for name, counts in self.monitoring.items()},
            "plans": self.plans.to_document(),
            "permissions": self.permissions,
            "sinks": {name: attrs.asdict(status) for name, status in self.sinks.items()},
        }

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> Totals:
        """Read what ``to_document`` wrote; what is missing begins at 0, what is unknown is left.

        Raises TypeError, ValueError or AttributeError for nonsense.
        """
        totals = cls()
        totals.events.update(document.get("events", {}))
        totals.errors.update(document.get("errors", {}))
        totals.store_errors.update(document.get("store_errors", {}))
        for name, status in document.get("sinks", {}).items():
            totals.sinks[name] = SinkStatus(**status)
        for server, counts in document.get("monitoring", {}).items():
            totals.monitoring_of(server).update(counts)
        totals.plans = PlanRecords.restore(document.get("plans", {}))
        totals.permissions = document.get("permissions", {})
        return totals
