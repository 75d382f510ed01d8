"""What the application asks of planned restarts, and the answers where there are none. No I/O.

What runs them takes 4 MB; a listener without a plan does not load it.
"""

from __future__ import annotations

from typing import Any, Protocol

from supervisor_maint.monitoring.facts import PlanFacts

NO_PLAN = "this listener has no plan: add a [maintenance:NAME] section; nothing was changed"


class Upkeep(Protocol):
    """The planned restarts of a listener."""

    @property
    def is_active(self) -> bool:
        """Tell whether a run is under way."""
        ...

    @property
    def hold_until_at(self) -> float | None:
        """Tell when the last hold ends, infinity for one without an end; None without a hold."""
        ...

    def wake(self) -> None:
        """Look again: something happened."""
        ...

    async def drive(self) -> None:
        """Begin and conduct runs, until cancelled."""
        ...

    def is_close(self, now: float) -> bool:
        """Tell whether a run is under way or due within a minute."""
        ...

    def take_news(self) -> bool:
        """Tell whether anything has changed since the last call that clients are shown."""
        ...

    def plan_facts(self, now: float) -> tuple[PlanFacts, ...]:
        """Return what the metrics show of each plan."""
        ...

    def document(self, now: float) -> dict[str, Any]:
        """Return what the published status says, JSON-able."""
        ...

    async def run_now(self, name: str | None, asked_by: str) -> tuple[bool, str]:
        """Begin a run that somebody asks for; tell whether, and a sentence."""
        ...

    async def hold(
        self, name: str | None, asked_by: str, reason: str, until_at: float | None
    ) -> tuple[bool, str]:
        """Keep a plan, or every plan, from starting."""
        ...

    async def resume(self, name: str | None) -> tuple[bool, str]:
        """End a hold."""
        ...

    def cancel(self, asked_by: str) -> tuple[bool, str]:
        """Cancel the run under way."""
        ...


class NoPlans:
    """No planned restart at all: nothing to do, and every request is refused."""

    is_active = False
    hold_until_at = None

    def wake(self) -> None:
        """Do nothing."""

    async def drive(self) -> None:
        """Return at once: there is nothing to drive."""

    def is_close(self, now: float) -> bool:  # noqa: ARG002 - the protocol's
        """Tell that no run is near."""
        return False

    def take_news(self) -> bool:
        """Tell that nothing has changed."""
        return False

    def plan_facts(self, now: float) -> tuple[PlanFacts, ...]:  # noqa: ARG002 - the protocol's
        """Return none."""
        return ()

    def document(self, now: float) -> dict[str, Any]:  # noqa: ARG002 - the protocol's
        """Return an empty document."""
        return {}

    async def run_now(self, name: str | None, asked_by: str) -> tuple[bool, str]:  # noqa: ARG002
        """Refuse."""
        return False, NO_PLAN

    async def hold(
        self,
        name: str | None,  # noqa: ARG002 - the protocol's
        asked_by: str,  # noqa: ARG002
        reason: str,  # noqa: ARG002
        until_at: float | None,  # noqa: ARG002
    ) -> tuple[bool, str]:
        """Refuse."""
        return False, NO_PLAN

    async def resume(self, name: str | None) -> tuple[bool, str]:  # noqa: ARG002 - the protocol's
        """Refuse."""
        return False, NO_PLAN

    def cancel(self, asked_by: str) -> tuple[bool, str]:  # noqa: ARG002 - the protocol's
        """Refuse."""
        return False, NO_PLAN
