"""The configuration: from text to Settings, with every problem at once."""

from supervisor_maint.settings.loading import SettingsRefused, changed, load
from supervisor_maint.settings.model import Settings, SinkSection

__all__ = ["Settings", "SettingsRefused", "SinkSection", "changed", "load"]
