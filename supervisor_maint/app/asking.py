"""Asking monitoring servers off the loop: every question is bounded, and counted by its end."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, TypeVar

import attrs

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import MonitoringError

T = TypeVar("T")

# The clients end sooner by themselves, unless a server sends its headers byte by byte.
LONGEST_SECONDS = 20.0


@attrs.define(kw_only=True)
class Asker:
    """Asks Alertmanager and Prometheus, one question at a time."""

    ports: RunPorts
    totals: Totals

    async def ask(self, server: str, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return the answer to a call of a client; ``server`` counts it. Raises MonitoringError."""
        counts = self.totals.monitoring_of(server)
        try:
            question = self.ports.asking(call, *args, **kwargs)
            answer = await asyncio.wait_for(question, LONGEST_SECONDS)
        except asyncio.TimeoutError:
            counts["failed"] += 1
            raise MonitoringError(
                f"{server} did not answer within {LONGEST_SECONDS:g} s; check that it is well"
            ) from None
        except MonitoringError as error:
            counts["rejected" if error.rejected else "failed"] += 1
            raise
        counts["ok"] += 1
        return answer
