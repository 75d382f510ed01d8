"""How what was laid out is checked, by whose tool. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import attrs


@attrs.frozen
class Check:
    """A tool, what it is called with before the files, and those files of ``conf.d``."""

    tool: str
    arguments: tuple[str, ...]
    file: str

    @property
    def name(self) -> str:
        """The check as one would type it, without the files."""
        return " ".join((self.tool, *self.arguments))

    def command(self, folder: Path, files: Iterable[str]) -> tuple[str, ...]:
        """Return the command for the files of the folder; empty when there is none for it."""
        found = [str(folder / file) for file in files if fnmatchcase(file, self.file)]
        return (self.tool, *self.arguments, *found) if found else ()


OURS = "supervisor-maint"
CHECKS: Sequence[Check] = (
    Check(OURS, ("check-config",), "supervisor/maint.conf"),
    # The files that they name are on the machine of Prometheus.
    Check("promtool", ("check", "config", "--syntax-only"), "prometheus/scrape-*.yml"),
    Check("promtool", ("check", "rules"), "prometheus/*.rules.yml"),
    Check("amtool", ("check-config",), "alertmanager/*.yml"),
    Check("logrotate", ("-d",), "logrotate/*"),
)
