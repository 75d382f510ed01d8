"""``/health``: the verdict over HTTP, for load balancers, probes and checks from elsewhere.

Called in the threads of the scrape endpoint. However many ask, supervisord and the listener are
asked by one of them at a time and no more often than they bear; the others get its answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import attrs

from supervisor_maint.errors import ListenerAbsent, MaintError, SupervisorError
from supervisor_maint.monitoring.health import Listener, judge
from supervisor_maint.monitoring.sinks.http import Reply
from supervisor_maint.monitoring.verdict import UNAVAILABLE_STATUS, Verdict, unknown
from supervisor_maint.processes import Snapshot

# Supervisord that is silent for so long is down, whoever asks.
SILENCE_SECONDS = 2.0
# A second is what a probe takes for now. A snapshot of 1000 processes takes supervisord 420 ms.
_LEAST_FRESH_SECONDS = 1.0
_FRESH_PER_SECOND_ASKED = 5.0
# While somebody waits for a supervisord that hangs, the others need not: it is known soon.
_USABLE_SECONDS = 5.0
_WAIT_SECONDS = 2 * SILENCE_SECONDS + 0.5
_TEXT = "text/plain; charset=utf-8"
_NO = frozenset({"", "0", "false", "no"})


@attrs.frozen
class _Found:
    """A verdict, when it was found in monotonic seconds, and how long that took."""

    verdict: Verdict
    at: float
    seconds: float

    def is_fresh(self, now: float) -> bool:
        lasts = max(_LEAST_FRESH_SECONDS, _FRESH_PER_SECOND_ASKED * self.seconds)
        return now - self.at < lasts

    def is_usable(self, now: float) -> bool:
        return now - self.at < _USABLE_SECONDS


class HealthPage:
    """The route. ``ask`` asks supervisord within SILENCE_SECONDS, or raises SupervisorError.

    ``listener`` tells what this listener knows, or raises ListenerAbsent when it is too busy.
    """

    def __init__(
        self,
        ask: Callable[[], Snapshot],
        listener: Callable[[], Listener],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._listener = listener
        self._clock = clock
        self._monotonic = monotonic
        self._found: _Found | None = None
        self._asking = threading.Lock()

    def __call__(self, query: Mapping[str, str]) -> Reply:
        """Answer 200 or 503; with ``strict=1`` 503 in planned downtime as well."""
        found = self._newest()
        verdict = found.verdict
        status = verdict.http_status(strict=query.get("strict", "") not in _NO)
        body = f"{verdict.line(found.seconds)}\n".encode()
        headers = [("Cache-Control", "no-store")]
        if status == UNAVAILABLE_STATUS and verdict.retry_after_seconds is not None:
            headers.append(("Retry-After", str(verdict.retry_after_seconds)))
        return Reply(status, _TEXT, body, tuple(headers))

    def _newest(self) -> _Found:
        """Return what is fresh, or find out; while another does, what is usable or his answer."""
        found = self._found
        if found is not None and found.is_fresh(self._monotonic()):
            return found
        usable = found is not None and found.is_usable(self._monotonic())
        if not self._asking.acquire(timeout=0 if usable else _WAIT_SECONDS):
            busy = unknown("nobody has answered in time whether all is well")
            return found if usable and found else _Found(busy, self._monotonic(), _WAIT_SECONDS)
        try:
            if self._found is None or not self._found.is_fresh(self._monotonic()):
                self._found = self._find_out()
            return self._found
        finally:
            self._asking.release()

    def _find_out(self) -> _Found:
        began_at = self._monotonic()
        verdict = judge(self._asked(), self._known(), now=self._clock())
        at = self._monotonic()
        return _Found(verdict, at, at - began_at)

    def _asked(self) -> Snapshot | SupervisorError:
        try:
            return self._ask()
        except SupervisorError as error:
            return error

    def _known(self) -> Listener | MaintError:
        try:
            return self._listener()
        except ListenerAbsent as absent:
            return absent
