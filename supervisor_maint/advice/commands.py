"""What a listener's command line runs, by its words. No I/O here."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath


def split(command: str) -> tuple[str, ...]:
    """Split a command into words as supervisord does; at white space when its quotes are odd."""
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return tuple(command.split())


def runs_listener(command: str) -> bool:
    """Tell whether a command is ``supervisor-maint listen``, however it is spelled."""
    arguments = _after(command, "supervisor-maint", "supervisor_maint")
    return arguments is not None and "listen" in arguments


def superlance_arguments(command: str, program: str) -> tuple[str, ...] | None:
    """Return the arguments of a superlance program in a command, or None when it is not in it."""
    return _after(command, program, f"{program}.py", f"superlance.{program}")


def has_option(arguments: tuple[str, ...], short: str, long: str) -> bool:
    """Tell whether an option is among the arguments, with its value attached or not."""
    return any(
        (word.startswith(short) and not word.startswith("--")) or word.split("=")[0] == long
        for word in arguments
    )


def _after(command: str, *names: str) -> tuple[str, ...] | None:
    words = split(command)
    for index, word in enumerate(words):
        if PurePosixPath(word).name in names:
            return words[index + 1 :]
    return None
