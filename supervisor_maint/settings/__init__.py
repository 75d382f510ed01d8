"""The configuration: from text to Settings, with every problem at once.

What loads all of it is imported when it is first asked for (PEP 562): ``maint_alone`` is for
those who have no time for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervisor_maint.settings.loading import SettingsRefused, changed, load
    from supervisor_maint.settings.model import Settings, SinkSection

__all__ = ["Settings", "SettingsRefused", "SinkSection", "changed", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from supervisor_maint.settings import loading, model

    return getattr(model if name in {"Settings", "SinkSection"} else loading, name)
