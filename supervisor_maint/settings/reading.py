"""Read the configuration file and what it includes, keeping the line of everything.

The stdlib's parser does the reading, set up as Supervisor's own (``options.py``,
``UnhosedConfigParser``): comments after white space and ``;`` or ``#``, sections may repeat.
Nothing is understood here.
"""

from __future__ import annotations

import configparser
import glob
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from supervisor_maint.errors import Problem
from supervisor_maint.settings.inputs import Entry, Expansions, Inputs, Section, Sources, Stamp


class _Headers:
    """Stands in for ``SECTCRE``, the parser's documented hook for headers, and reports them."""

    def __init__(self, parser: LineParser) -> None:
        self._parser = parser

    def match(self, text: str) -> re.Match[str] | None:
        match = configparser.RawConfigParser.SECTCRE.match(text)
        if match:
            self._parser.header_found(match["header"])
        return match


class LineParser(configparser.RawConfigParser):
    """Supervisor's dialect, noting the line of each header and key through documented hooks."""

    def __init__(self) -> None:
        super().__init__(inline_comment_prefixes=(";", "#"), strict=False)
        self._line = 0
        self._parsing = False
        self._headers: list[tuple[str, int]] = []
        self._keys: list[list[tuple[str, int]]] = []
        self.SECTCRE = _Headers(self)  # type: ignore[assignment]  # only match() is used

    def parse(self, text: io.TextIOBase, file: str) -> tuple[tuple[Section, ...], list[Problem]]:
        """Return the sections in order, and what is no part of one."""
        problems: list[Problem] = []
        self._parsing = True
        try:
            self.read_file(self._counted(text), source=file)
        except configparser.MissingSectionHeaderError as error:
            problems.append(_stray(file, error.lineno))
        except configparser.ParsingError as error:
            problems.extend(_stray(file, line) for line, _ in error.errors)
        finally:
            self._parsing = False
        return tuple(self._sections_found(file)), problems

    def header_found(self, header: str) -> None:
        """Note the header of the line being read."""
        self._headers.append((header, self._line))
        self._keys.append([])

    def optionxform(self, optionstr: str) -> str:
        """Lower the key, as the parser does, and note its line; called once as a key is read."""
        key = super().optionxform(optionstr)
        if self._parsing and key:
            self._keys[-1].append((key, self._line))
        return key

    def _counted(self, text: io.TextIOBase) -> Iterator[str]:
        for self._line, line in enumerate(text, start=1):
            yield line

    def _sections_found(self, file: str) -> Iterator[Section]:
        for (header, header_line), keys in zip(self._headers, self._keys):
            entries = tuple(
                Entry(key=key, text=self.get(header, key), line=line) for key, line in keys
            )
            yield Section(header=header, file=file, line=header_line, entries=entries)


def _stray(file: str, line: int) -> Problem:
    # The line itself is not shown: it may hold a secret.
    return Problem(file=file, line=line, message="expected [SECTION] or KEY = VALUE, found neither")


class _Reader:
    """Gathers sections, problems and stamps over the files of one configuration."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.problems: list[Problem] = []
        self.stamps: list[Stamp] = []
        self._read: set[str] = set()

    def read(self, file: str) -> tuple[Section, ...]:
        """Read one file, once: an include may name the including file too."""
        real = os.path.realpath(file)
        if real in self._read:
            return ()
        self._read.add(real)
        try:
            content = self._content(file)
            sections, problems = LineParser().parse(content, file)
        except OSError as error:
            return self._fail(file, f"expected a file that can be read, found: {error.strerror}")
        except UnicodeDecodeError as error:
            return self._fail(file, f"expected UTF-8, found another byte at {error.start}")
        self.sections.extend(sections)
        self.problems.extend(problems)
        return sections

    def _content(self, file: str) -> io.TextIOWrapper:
        with Path(file).open("rb") as stream:
            # Stamped before it is read: a change in between is then seen as one.
            self.stamps.append(stamp(file, os.fstat(stream.fileno())))
            return io.TextIOWrapper(io.BytesIO(stream.read()), encoding="utf-8")

    def _fail(self, file: str, message: str) -> tuple[Section, ...]:
        self.problems.append(Problem(file=file, message=message))
        return ()

    def globs(self, sections: tuple[Section, ...], expansions: Expansions) -> tuple[str, ...]:
        """Return the include patterns of the main file, absolute; the last ``files`` holds."""
        found = [
            (section, entry)
            for section in sections
            if section.header == "include"
            for entry in section.entries
            if entry.key == "files"
        ]
        if not found:
            return ()
        section, entry = found[-1]
        try:
            text = expansions.expand(entry.text, here=section.here)
        except ValueError as error:
            self.problems.append(section.problem(str(error), entry=entry))
            return ()
        return tuple(str(Path(section.here, pattern)) for pattern in text.split())


def stamp(file: str, status: os.stat_result) -> Stamp:
    """Make the stamp of a file from its status."""
    return Stamp(
        path=file, modified_ns=status.st_mtime_ns, size=status.st_size, inode=status.st_ino
    )


def files_of(main: str, globs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the main file and those that its patterns match now, in Supervisor's order.

    Folders are left out, as Supervisor's parser passes over them.
    """
    matched = (
        file
        for pattern in globs
        for file in sorted(glob.glob(pattern))  # noqa: PTH207 - as supervisord does it
        if not Path(file).is_dir()
    )
    return tuple(dict.fromkeys((main, *matched)))


def read(path: Path, expansions: Expansions) -> Inputs:
    """Read a configuration file and the files that its ``[include]`` names."""
    reader = _Reader()
    main = str(path.absolute())
    globs = reader.globs(reader.read(main), expansions)
    files = files_of(main, globs)
    for file in files:
        reader.read(file)
    sources = Sources(path=main, globs=globs, files=files, stamps=frozenset(reader.stamps))
    return Inputs(sources=sources, sections=tuple(reader.sections), problems=tuple(reader.problems))
