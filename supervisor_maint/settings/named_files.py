"""The files that keys name: looked at, stamped, and their secrets put in place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.errors import Problem
from supervisor_maint.settings import reading, trust
from supervisor_maint.settings.inputs import Stamp
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.one_section import Interpreted
from supervisor_maint.settings.options import Circumstances, FileUse, Option, options_of


class FilesOf:
    """The files that a section's keys name: read, stamped, and their secrets put in place."""

    def __init__(self, section: Interpreted, circumstances: Circumstances) -> None:
        self.value = section.value
        self.stamps: set[Stamp] = set()
        self.problems: list[Problem] = []
        if section.value is None:
            return
        secrets: dict[str, Any] = {}
        for option, path in _named_files(section):
            try:
                secrets.update(self._look(option, path, circumstances))
            except ValueError as error:
                entry = section.entries[option.key]
                self.problems.append(section.section.problem(str(error), entry=entry))
        if section.kind is MaintSettings and section.value.password_file is None:
            secrets["password"] = circumstances.environ.get("SUPERVISOR_PASSWORD") or None
        self.value = attrs.evolve(section.value, **secrets)

    def _look(self, option: Option, path: Path, circumstances: Circumstances) -> Mapping[str, str]:
        try:
            with path.open("rb") as stream:
                self.stamps.add(reading.stamp(str(path), os.fstat(stream.fileno())))
                first = stream.readline() if option.fills else b""
            open_to = trust.readers(path) if option.file_use is FileUse.SECRET else None
        except OSError as error:
            raise ValueError(
                f"expected a file that can be read, found {str(path)!r}: {error.strerror}"
            ) from None
        if open_to and circumstances.is_root:
            raise ValueError(
                f"expected a secret that only its owner can read, found {str(path)!r} with "
                f"{open_to}: chmod 0600 {path}"
            )
        return {option.fills: _secret(first, path)} if option.fills else {}


def _secret(line: bytes, path: Path) -> str:
    try:
        secret = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise ValueError(f"expected the secret on the first line of {str(path)!r}, found none")
    return secret


def _named_files(section: Interpreted) -> Iterator[tuple[Option, Path]]:
    for option in options_of(section.kind).values():
        path = getattr(section.value, option.attribute)
        if option.file_use is not None and path is not None:
            yield option, path
