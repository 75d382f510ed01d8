"""Prometheus, asked through its HTTP API: one instant query. Every call ends in time."""

from __future__ import annotations

import json
from typing import Any

import attrs

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.access import HttpAccess, check_url
from supervisor_maint.monitoring.gates import Sample
from supervisor_maint.monitoring.http_client import HttpClient, Server

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
        answer = self._client.call(
            self._server,
            "GET",
            "/api/v1/query",
            query=[("query", expression)],
            most_bytes=_MOST_BYTES,
        )
        try:
            return _samples(json.loads(answer))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise MonitoringError(
                f"{self._server.place} answered with something that is neither a vector nor a "
                "scalar; check url and the query"
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
