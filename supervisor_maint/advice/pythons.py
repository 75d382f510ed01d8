"""Which Python a command would run on, told from files alone: nothing is started."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from supervisor_maint.advice.commands import split
from supervisor_maint.advice.values import PythonVersion

_VERSIONED = re.compile(r"python(\d+)\.(\d+)")
_PYVENV_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", re.MULTILINE)
_LONGEST_SHEBANG = 256  # the kernel's limit (execve(2))


def python_of(command: str, search_path: str) -> PythonVersion | None:
    """Return the version of the Python that runs a command; None when it cannot be told.

    ``search_path`` is the PATH to look programs up in.
    """
    words = split(command)
    program = _found(words[0], search_path) if words else None
    if program is None:
        return None
    if not program.name.startswith("python"):
        program = _interpreter(program, search_path)
    return _version(program) if program else None


def _found(word: str, search_path: str) -> Path | None:
    where = shutil.which(word, path=search_path)
    return Path(where) if where else None


def _interpreter(script: Path, search_path: str) -> Path | None:
    """Return what a script's first line names, looked up when it goes through ``env``."""
    try:
        with script.open("rb") as stream:
            line = stream.readline(_LONGEST_SHEBANG)
    except OSError:
        return None
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    return _found(words[0], search_path) if words else None


def _version(python: Path) -> PythonVersion | None:
    """Tell the version from the interpreter's name, its virtual environment or what it links to."""
    found = _VERSIONED.fullmatch(python.name) or _venv_version(python)
    found = found or _VERSIONED.fullmatch(Path(os.path.realpath(python)).name)
    return (int(found[1]), int(found[2])) if found else None


def _venv_version(python: Path) -> re.Match[str] | None:
    try:
        return _PYVENV_VERSION.search((python.parent.parent / "pyvenv.cfg").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
