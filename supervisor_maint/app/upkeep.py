"""What the application asks of planned restarts and of permissions, and the answers where none
are configured. No I/O.

What runs plans takes 4 MB; a listener without a plan does not load it, nor what makes permission
passes without a rule.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Protocol

import attrs

from supervisor_maint.monitoring.facts import PermissionFacts, PlanFacts
from supervisor_maint.store.requests import Answer, Request

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

    @property
    def silence_ends_at(self) -> float | None:
        """Tell when the silence ends that is held for a run; None without one."""
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

    async def serve(self, request: Request) -> Answer:
        """Carry out a request about planned runs, and say what became of it."""
        ...


@attrs.frozen
class NoPlans:
    """No planned restart at all: nothing to do, and every request is refused."""

    clock: Callable[[], float]
    is_active: ClassVar[bool] = False
    hold_until_at: ClassVar[float | None] = None
    silence_ends_at: ClassVar[float | None] = None

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

    async def serve(self, request: Request) -> Answer:  # noqa: ARG002 - the protocol's
        """Refuse."""
        return Answer(done=False, sentence=NO_PLAN, at=self.clock())


class Permissions(Protocol):
    """The permission rules of a listener."""

    def begin_hour(self) -> None:
        """Want a pass: an hour has begun."""
        ...

    def consider(self, *, is_run_close: bool) -> None:
        """Begin the pass that is wanted, once no planned run is near."""
        ...

    def facts(self) -> tuple[PermissionFacts, ...]:
        """Return what the metrics show of each rule."""
        ...

    def document(self) -> dict[str, Any]:
        """Return what the published status says, JSON-able."""
        ...


class NoRules:
    """No permission rule at all: nothing to do."""

    def begin_hour(self) -> None:
        """Do nothing."""

    def consider(self, *, is_run_close: bool) -> None:
        """Do nothing."""

    def facts(self) -> tuple[PermissionFacts, ...]:
        """Return none."""
        return ()

    def document(self) -> dict[str, Any]:
        """Return an empty document."""
        return {}
