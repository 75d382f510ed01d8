"""``Settings``: the whole configuration as values that cannot be invalid. No I/O here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Union

import attrs

from supervisor_maint.settings.inputs import Sources
from supervisor_maint.settings.kinds import has_family
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection

if TYPE_CHECKING:
    from supervisor_maint.maintenance.plan import Plan
    from supervisor_maint.permissions.rules import Rule

T = TypeVar("T")

SinkSection = Union[PushgatewaySection, TextfileSection, HttpSection]
_SINKS = (PushgatewaySection, TextfileSection, HttpSection)


@attrs.frozen(kw_only=True)
class Settings:
    """What the files say, understood. ``sections`` are in the order of the files.

    ``loaded_at`` is in seconds since the epoch.
    """

    sources: Sources
    loaded_at: float
    maint: MaintSettings
    sections: tuple[Any, ...] = ()

    @property
    def path(self) -> str:
        """The file that was asked for, absolute."""
        return self.sources.path

    @property
    def files(self) -> tuple[str, ...]:
        """That file and every one it includes."""
        return self.sources.files

    @property
    def sinks(self) -> tuple[SinkSection, ...]:
        """Every sink, in the order of the files."""
        return tuple(section for section in self.sections if isinstance(section, _SINKS))

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every planned restart, with its steps and readiness checks, in the order of the files."""
        if not has_family(self.sections, "maintenance"):
            return ()
        from supervisor_maint.settings.planning import plans

        return plans(self.sections)

    @property
    def permissions(self) -> tuple[Rule, ...]:
        """Every rule of the permissions, in the order of the files, also those that are off."""
        if not has_family(self.sections, "permissions"):
            return ()
        from supervisor_maint.settings.permissions import PermissionsSection

        return tuple(section.rule() for section in self.of(PermissionsSection))

    def of(self, kind: type[T]) -> tuple[T, ...]:
        """Return the sections of one class."""
        return tuple(section for section in self.sections if isinstance(section, kind))
