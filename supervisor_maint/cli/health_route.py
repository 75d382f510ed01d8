"""The ``/health`` of a listener: its page, with what it asks."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.connecting import connect_within, server_url
from supervisor_maint.errors import ListenerAbsent

if TYPE_CHECKING:
    from supervisor_maint.monitoring.sinks.health_page import HealthPage
    from supervisor_maint.settings import Settings


def health_page(
    settings: Callable[[], Settings], published: Callable[[], Mapping[str, Any]]
) -> HealthPage:
    """Return the page of a listener with these settings, which may change.

    ``published`` returns what the listener would publish now; it may be called in any thread, and
    raises concurrent.futures.TimeoutError when the listener does not come to it.
    """
    from supervisor_maint.monitoring.health import Listener
    from supervisor_maint.monitoring.sinks.health_page import SILENCE_SECONDS, HealthPage
    from supervisor_maint.processes import Snapshot

    def ask() -> Snapshot:
        # On a connection of its own: one that hangs is no other call's business.
        now = settings()
        with connect_within(
            now.maint, server_url(now), SILENCE_SECONDS, limited_by=""
        ) as supervisor:
            return supervisor.snapshot()

    def listener() -> Listener:
        try:
            return Listener.from_document(published(), is_alive=True)
        except concurrent.futures.TimeoutError:
            raise ListenerAbsent("the listener is too busy to say what it knows") from None

    return HealthPage(ask, listener)
