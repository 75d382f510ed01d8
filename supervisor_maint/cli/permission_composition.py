"""What keeps the permissions: this program itself, as a child of the listener."""

from __future__ import annotations

import sys
from typing import Callable

import attrs

from supervisor_maint.app.application import Application
from supervisor_maint.app.permission_passes import PermissionPasses
from supervisor_maint.permissions.child import PassChild
from supervisor_maint.permissions.endings import PassEnd
from supervisor_maint.settings import Settings
from supervisor_maint.settings.maint import PermissionPass


@attrs.define(kw_only=True)
class PermissionComposition:
    """The passes of a listener, for the settings that hold when one begins."""

    settings: Callable[[], Settings]
    passes: PermissionPasses = attrs.field(init=False)
    _child: PassChild = attrs.field(init=False, factory=PassChild)

    @classmethod
    def build(
        cls, application: Application, settings: Callable[[], Settings]
    ) -> PermissionComposition:
        """Build what makes the passes, and have the application make them."""
        composition = cls(settings=settings)

        def changed() -> None:
            application.pace.report_now()
            application.woken.set()

        composition.passes = PermissionPasses(
            ports=application.ports,
            totals=application.totals,
            recorder=application.recorder,
            walk=composition.walk,
            changed=changed,
        )
        composition.passes.restore(application.totals.permissions)
        application.keep_permissions(composition.passes)
        return composition

    def follow(self, settings: Settings) -> None:
        """Make passes of these settings' rules from now on."""
        is_off = settings.maint.permissions is PermissionPass.OFF
        enabled = (rule.name for rule in settings.permissions if rule.is_enabled)
        self.passes.rules = () if is_off else tuple(enabled)

    async def walk(self) -> PassEnd:
        """Make a pass. Raises MaintError when it cannot begin."""
        settings = self.settings()
        return await self._child.run(command(settings), settings.maint.permissions_timeout_seconds)

    def end(self) -> None:
        """End the pass under way: the listener leaves."""
        self._child.end()


def command(settings: Settings) -> list[str]:
    """Return the command of a pass."""
    words = [sys.executable, "-m", "supervisor_maint", "permissions", "--json"]
    words += ["--config", settings.path]
    words += ["--timeout", f"{settings.maint.permissions_timeout_seconds:g}s"]
    return words if settings.maint.permissions is PermissionPass.APPLY else [*words, "--dry-run"]
