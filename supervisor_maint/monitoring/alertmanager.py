"""Alertmanager, asked through its API v2: silences, and which alerts fire.

One URL of a cluster is enough; the next is asked when one fails. Every call blocks, and ends in
time. What is asked and why is decided by ``silences`` and the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Callable, TypeVar
from urllib.parse import quote

import attrs

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.access import HttpAccess, check_url
from supervisor_maint.monitoring.gates import Alert
from supervisor_maint.monitoring.http_client import HttpClient, Server
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.silences import Silence

T = TypeVar("T")

# After this long no further server of a cluster is asked.
BUDGET_SECONDS = 15.0
# Expired silences are kept for 120 h by default; 20,000 of them, or as many alerts.
_MOST_BYTES = 16 * 1024 * 1024
_NONSENSE = (AttributeError, KeyError, TypeError, ValueError)
_TIMES = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z")


@attrs.frozen(kw_only=True)
class AlertmanagerTarget:
    """Where Alertmanager is, every node of a cluster, and how to be let in."""

    urls: tuple[str, ...] = attrs.field(
        validator=attrs.validators.and_(
            attrs.validators.min_len(1), attrs.validators.deep_iterable(check_url)
        )
    )
    access: HttpAccess = attrs.field(factory=HttpAccess)


class AlertmanagerClient:
    """Asks one Alertmanager, or a cluster of them. Not thread-safe: one call at a time.

    Every call raises MonitoringError when none of the servers can be asked.
    """

    def __init__(self, target: AlertmanagerTarget) -> None:
        self._servers = [Server("Alertmanager", url) for url in target.urls]
        self._client = HttpClient(target.access)

    def silences(self, created_by: str) -> tuple[Silence, ...]:
        """Return the silences that somebody created, the expired ones that are still known too."""
        return self._parsed(lambda answer: _silences(answer, created_by), "GET", "/api/v2/silences")

    def silence(self, silence_id: str) -> Silence | None:
        """Return one silence; None when none of the servers that answer has it.

        That is a small answer, where ``silences`` has five days of all hosts of a fleet.
        """
        try:
            return self._parsed(_silence, "GET", _path(silence_id))
        except MonitoringError as error:
            if error.absent:
                return None
            raise

    def save(self, silence: Silence) -> str:
        """Create a silence, or change the one that has its id; return the id."""
        body = json.dumps(_document(silence)).encode()
        return self._parsed(
            lambda answer: str(answer["silenceID"]), "POST", "/api/v2/silences", body=body
        )

    def expire(self, silence_id: str) -> None:
        """End a silence now; one that is over already is no error."""
        self._call("DELETE", _path(silence_id))

    def alerts(self, matchers: Sequence[Matcher], *, muted: bool = False) -> tuple[Alert, ...]:
        """Return the alerts that fire and match; silenced and inhibited ones only if ``muted``."""
        query = [("filter", str(matcher)) for matcher in matchers]
        query += [("active", "true"), ("unprocessed", "false")]
        query += [(kind, "true" if muted else "false") for kind in ("silenced", "inhibited")]
        return self._parsed(_alerts, "GET", "/api/v2/alerts", query=query)

    def configuration(self) -> str:
        """Return the text of its configuration, as it read it; secrets are left out by it."""
        return self._parsed(
            lambda answer: str(answer["config"]["original"]), "GET", "/api/v2/status"
        )

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _parsed(
        self,
        read: Callable[[Any], T],
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        query: list[tuple[str, str]] | None = None,
    ) -> T:
        answer = self._call(method, path, body, query, _MOST_BYTES)
        try:
            return read(json.loads(answer))
        except _NONSENSE:
            place = self._servers[0].place
            raise MonitoringError(
                f"{place} answered with something that is not its API v2; check urls"
            ) from None

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: list[tuple[str, str]] | None = None,
        most_bytes: int = 0,
    ) -> bytes:
        """Ask one server after the other; the one that answers is the first to be asked next."""
        failures: list[MonitoringError] = []
        deadline = time.monotonic() + BUDGET_SECONDS
        for server in tuple(self._servers):
            try:
                answer = self._client.call(
                    server, method, path, query=query, body=body, most_bytes=most_bytes
                )
            except MonitoringError as error:
                if error.rejected:
                    raise
                failures.append(error)
            else:
                self._servers.remove(server)
                self._servers.insert(0, server)
                return answer
            if time.monotonic() > deadline:
                break
        raise MonitoringError(
            "; ".join(each.msg for each in failures), absent=any(each.absent for each in failures)
        )


def _path(silence_id: str) -> str:
    return f"/api/v2/silence/{quote(silence_id, safe='')}"


def _document(silence: Silence) -> dict[str, Any]:
    return {
        **({"id": silence.id} if silence.id else {}),
        "matchers": [matcher.to_document() for matcher in silence.matchers],
        "startsAt": _time(silence.starts_at),
        "endsAt": _time(silence.ends_at),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }


def _alerts(answer: Any) -> tuple[Alert, ...]:
    return tuple(Alert(dict(each["labels"])) for each in answer)


def _silences(answer: Any, created_by: str) -> tuple[Silence, ...]:
    """Read those of one creator: others may have expressions that only Go knows."""
    return tuple(_silence(each) for each in answer if each["createdBy"] == created_by)


def _silence(document: Any) -> Silence:
    return Silence(
        id=str(document["id"]),
        matchers=tuple(Matcher.from_document(each) for each in document["matchers"]),
        starts_at=_moment(document["startsAt"]),
        ends_at=_moment(document["endsAt"]),
        created_by=str(document["createdBy"]),
        comment=str(document["comment"]),
        is_expired=document["status"]["state"] == "expired",
    )


def _time(moment_at: float) -> str:
    """Write a moment with its zone: a time without one is refused."""
    moment = datetime.fromtimestamp(moment_at, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> float:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).timestamp()
        except ValueError:
            continue
    raise ValueError(f"expected a time of RFC 3339, found {text!r}")
