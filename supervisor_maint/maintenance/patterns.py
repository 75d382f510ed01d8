"""Which processes a name or a glob in the configuration means. No I/O here.

``group:name`` and ``group:*`` are matched part by part. A word without a colon is the name of a
process, or of its group, so that ``web`` means every process of a program with ``numprocs``.
Globs are those of the shell (``fnmatch``), and case counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from supervisor_maint.processes import Namespec


def matches(pattern: str, namespec: Namespec) -> bool:
    """Tell whether a process is meant by a pattern."""
    group, colon, name = pattern.partition(":")
    if not colon:
        return fnmatchcase(namespec.name, pattern) or fnmatchcase(namespec.group, pattern)
    return fnmatchcase(namespec.group, group) and fnmatchcase(namespec.name, name or "*")


def first_match(patterns: Iterable[str], namespec: Namespec) -> str | None:
    """Return the first of the patterns that means this process, or None."""
    return next((pattern for pattern in patterns if matches(pattern, namespec)), None)
