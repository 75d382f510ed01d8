"""Prometheus, asked through its HTTP API: instant queries, and what it has been set up with.

Every call ends in time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.access import HttpAccess, check_url
from supervisor_maint.monitoring.gates import Sample
from supervisor_maint.monitoring.http_client import HttpClient, Server

T = TypeVar("T")

_MOST_BYTES = 4 * 1024 * 1024


@attrs.frozen(kw_only=True)
class PrometheusTarget:
    """Where Prometheus is, and how to be let in."""

    url: str = attrs.field(validator=check_url)
    access: HttpAccess = attrs.field(factory=HttpAccess)


class PrometheusClient:
    """Asks one Prometheus. Not thread-safe: one call at a time."""

    def __init__(self, target: PrometheusTarget) -> None:
        self._server = Server("Prometheus", target.url, sent="query")
        self._client = HttpClient(target.access)

    def query(self, expression: str) -> tuple[Sample, ...]:
        """Evaluate an expression now; a scalar is one sample. Raises MonitoringError."""
        found = "neither a vector nor a scalar; check url and the query"
        return self._parsed(_samples, "/api/v1/query", found, query=[("query", expression)])

    def alert_health(self) -> Mapping[str, str]:
        """Return the name of every alert it has a rule for, with that rule's health: ``ok``, ….

        Raises MonitoringError.
        """
        found = "no list of rules; check url"
        return self._parsed(_alert_health, "/api/v1/rules", found, query=[("type", "alert")])

    def alertmanagers(self) -> tuple[str, ...]:
        """Return the URLs of the Alertmanagers that it sends alerts to. Raises MonitoringError."""
        found = "no list of Alertmanagers; check url"
        return self._parsed(_alertmanagers, "/api/v1/alertmanagers", found)

    def _parsed(
        self,
        read: Callable[[Any], T],
        path: str,
        otherwise: str,
        *,
        query: list[tuple[str, str]] | None = None,
    ) -> T:
        answer = self._client.call(self._server, "GET", path, query=query, most_bytes=_MOST_BYTES)
        try:
            return read(json.loads(answer))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise MonitoringError(
                f"{self._server.place} answered with something that is {otherwise}"
            ) from None

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _samples(answer: Any) -> tuple[Sample, ...]:
    kind, result = answer["data"]["resultType"], answer["data"]["result"]
    if kind == "scalar":
        return (Sample(float(result[1]), is_scalar=True),)
    if kind == "vector":
        return tuple(Sample(float(each["value"][1]), dict(each["metric"])) for each in result)
    raise ValueError(f"expected a vector or a scalar, found {kind!r}")


def _alert_health(answer: Any) -> dict[str, str]:
    rules = (rule for group in answer["data"]["groups"] for rule in group["rules"])
    return {str(rule["name"]): str(rule["health"]) for rule in rules if rule["type"] == "alerting"}


def _alertmanagers(answer: Any) -> tuple[str, ...]:
    return tuple(str(each["url"]) for each in answer["data"]["activeAlertmanagers"])
