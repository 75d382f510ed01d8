"""Load ``[maint]`` and nothing else, for a command that is started every few seconds.

The sections of plans, sinks and the like are many classes, which take longer to load than all
that such a command does. What is wrong with them does not concern it either.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from supervisor_maint.errors import SettingsError
from supervisor_maint.settings import circumstances, reading
from supervisor_maint.settings.inputs import Expansions
from supervisor_maint.settings.maint import NO_SECTION, MaintSettings
from supervisor_maint.settings.named_files import FilesOf
from supervisor_maint.settings.one_section import interpret_section


def load_maint(path: Path, *, environ: Mapping[str, str]) -> MaintSettings:
    """Load the first ``[maint]`` of a configuration file with what it includes.

    Raises SettingsError with everything that is wrong with that section and with the files.
    """
    seen = circumstances.observe(environ)
    expansions = Expansions(environ=seen.environ, host_node_name=seen.host_name)
    inputs = reading.read(path, expansions)
    found = (section for section in inputs.sections if section.header == "maint")
    understood = interpret_section(next(found, NO_SECTION), MaintSettings, seen, expansions)
    named = FilesOf(understood, seen)
    problems = [*inputs.problems, *understood.problems, *named.problems]
    if problems:
        raise SettingsError(problems)
    loaded: MaintSettings = named.value
    return loaded
