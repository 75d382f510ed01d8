"""What the application is given: the adapters, as Protocols, and the clock. No I/O here."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Callable, Protocol, TypeVar

import attrs

from supervisor_maint.effects import Memory, Supervisor
from supervisor_maint.monitoring.facts import SinkStatus
from supervisor_maint.store.requests import Rejected, Request

T = TypeVar("T")


class History(Protocol):
    """What is remembered for months; every call may raise ``errors.StoreError``."""

    def save_watch(
        self,
        meta: Mapping[str, Any],
        processes: Mapping[str, Mapping[str, Any] | None],
        *,
        totals: Mapping[str, Any] | None = None,
    ) -> None:
        """Save counters, seen pids, baseline and last serials in one transaction."""
        ...

    def add_snapshot(self, taken_at: float, kind: str, document: Mapping[str, Any]) -> None:
        """Keep a snapshot."""
        ...

    def add_report(self, made_at: float, document: Mapping[str, Any]) -> None:
        """Keep a report."""
        ...

    def add_permissions(self, ended_at: float, document: Mapping[str, Any]) -> None:
        """Keep what a permission pass found."""
        ...

    def prune(self, now: float, *, keep_seconds: float, max_bytes: int) -> None:
        """Drop what is older or more than wanted, the oldest first."""
        ...


class Mailbox(Protocol):
    """Where people put their requests."""

    def collect(self) -> Sequence[Request | Rejected]:
        """Take every request that waits. Raises ``errors.StoreError``."""
        ...


class Outlet(Protocol):
    """One sink with its delivery: takes the newest report and never waits."""

    name: str

    def submit(self, exposition: bytes) -> None:
        """Hand over a report; an older one that still waits is dropped."""
        ...

    async def tried(self) -> None:
        """Wait until the newest report was written or refused."""
        ...

    def status(self) -> SinkStatus:
        """Tell how the writes went."""
        ...


class Blocking(Protocol):
    """Runs what blocks off the loop, one call after the other, in a thread of its own."""

    def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> Awaitable[T]:
        """Call the function in the thread and await its result."""
        ...


@attrs.define(kw_only=True)
class Ports:
    """Everything of the world that the application touches; a reload replaces some of it.

    ``ask`` is for supervisord, which may hang; ``store`` for files; ``compute`` for what takes
    the processor. ``render`` returns the metrics as text. ``clock`` is in seconds since the epoch.
    """

    supervisor: Supervisor
    memory: Memory | None
    history: History
    mailbox: Mailbox
    publish: Callable[[Mapping[str, Any]], None]
    outlets: Sequence[Outlet]
    render: Callable[[], bytes]
    ask: Blocking
    store: Blocking
    compute: Blocking
    clock: Callable[[], float]
