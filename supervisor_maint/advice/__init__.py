"""Warnings about a configuration that can be used but will not do well: ``check-config``."""

from supervisor_maint.advice.rules import advise
from supervisor_maint.advice.survey import survey
from supervisor_maint.advice.values import Advice, PluginTrial, Severity, Surroundings

__all__ = ["Advice", "PluginTrial", "Severity", "Surroundings", "advise", "survey"]
