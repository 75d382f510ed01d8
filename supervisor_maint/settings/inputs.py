"""What the files say, before it is understood: sections, keys, lines and raw text. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from supervisor_maint.errors import Problem

# Not the sign of a share, as people write one: 25% at the end of a word.
_PERCENT = re.compile(r"%(?![\s,]|\Z)(?:(%)|\(([^)]*)\)s)?")
_ENVIRONMENT = "ENV_"


@attrs.frozen(kw_only=True)
class Entry:
    """One ``key = value``, as written; a value over several lines holds line feeds."""

    key: str
    text: str
    line: int


@attrs.frozen(kw_only=True)
class Section:
    """One ``[header]`` and what follows it in one file; ``line`` counts from 1."""

    header: str
    file: str
    line: int
    entries: tuple[Entry, ...] = ()

    @property
    def here(self) -> str:
        """What ``%(here)s`` stands for: the folder of the file, as in Supervisor."""
        return str(Path(self.file).parent)

    def problem(self, message: str, *, entry: Entry | None = None) -> Problem:
        """Say what is wrong with this section, or with one of its entries."""
        return Problem(
            file=self.file,
            line=entry.line if entry else self.line,
            section=self.header,
            key=entry.key if entry else None,
            message=message,
        )


@attrs.frozen(kw_only=True)
class Stamp:
    """What a file looked like when it was read; another stamp is another content."""

    path: str
    modified_ns: int
    size: int
    inode: int


@attrs.frozen(kw_only=True)
class Sources:
    """Where a configuration came from: ``path``, what it includes, and a stamp for each file.

    ``globs`` are the include patterns, absolute. ``stamps`` also covers the files that keys name.
    """

    path: str
    globs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    stamps: frozenset[Stamp] = frozenset()


@attrs.frozen(kw_only=True)
class Inputs:
    """Everything that was read, and every reason why something could not be."""

    sources: Sources
    sections: tuple[Section, ...] = ()
    problems: tuple[Problem, ...] = ()


@attrs.frozen(kw_only=True)
class Expansions:
    """What ``%(NAME)s`` stands for: Supervisor's ``here``, ``host_node_name`` and ``ENV_...``."""

    environ: Mapping[str, str]
    host_node_name: str

    def expand(self, text: str, *, here: str) -> str:
        """Replace every ``%(NAME)s``, and ``%%`` by a percent sign; ``25%`` stays what it is.

        Raises ValueError that names what cannot be replaced. Unlike Supervisor's, a bare ``%s``
        is an error too: there it prints the whole environment.
        """

        def replace(match: re.Match[str]) -> str:
            doubled, name = match.groups()
            if doubled:
                return "%"
            if name is None:
                raise ValueError("expected %(NAME)s or, for a percent sign, %%, found a lone '%'")
            return self._value(name, here)

        return _PERCENT.sub(replace, text)

    def _value(self, name: str, here: str) -> str:
        known = {"here": here, "host_node_name": self.host_node_name}
        if name in known:
            return known[name]
        variable = name[len(_ENVIRONMENT) :] if name.startswith(_ENVIRONMENT) else ""
        if not variable:
            raise ValueError(
                f"expected %(here)s, %(host_node_name)s or %(ENV_X)s, found %({name})s"
            )
        if variable not in self.environ:
            raise ValueError(
                f"expected the environment variable {variable} for %({name})s, found it unset: "
                "set it in environment= of the listener's stanza"
            )
        return self.environ[variable]
