"""Processes that a benchmark starts: servers and crowds, which end when their stdin does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

import supervisor_maint

PROGRAMS = Path(__file__).parent / "programs"
_PACKAGES = Path(supervisor_maint.__file__).parents[1]
_END_SECONDS = 30.0

_Child = TypeVar("_Child", bound="Child")


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which a child finds our package, installed or not."""
    return {**os.environ, "PYTHONPATH": str(_PACKAGES), **more}


class Child:
    """A Python program that prints one line when it is there, and ends when its stdin does."""

    def __init__(self, program: str, *arguments: object, options: tuple[str, ...] = ()) -> None:
        words = [sys.executable, *options, str(PROGRAMS / program), *map(str, arguments)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
        )
        self.first_line = self._stdout.readline().decode().strip()
        if not self.first_line:
            raise RuntimeError(f"expected a line from {program}, found its end")

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def next_line(self) -> str:
        """Wait for the next line it prints, and return it."""
        return self._stdout.readline().decode().strip()

    def end(self) -> list[str]:
        """End it, and return the lines that were not read yet."""
        if self._process.returncode is not None:
            return []
        rest, _ = self._process.communicate(timeout=_END_SECONDS)
        return rest.decode().splitlines()

    def __enter__(self: _Child) -> _Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()


class Crowd(Child):
    """Processes with a child each; ``pids`` are those of the parents."""

    def __init__(self, count: int) -> None:
        super().__init__("crowd.py", count, options=("-I", "-S"))
        self.pids = [int(pid) for pid in self.first_line.split()]


class Gateway(Child):
    """A Pushgateway's stand-in that takes every push, or hangs in each; a line for each push."""

    def __init__(self, behaviour: str) -> None:
        super().__init__("gateway.py", behaviour)
        self.url = self.first_line


class SupervisordServer(Child):
    """A supervisord's XML-RPC with running processes of these pids; a line for each snapshot."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__("supervisord_server.py", *pids)
        self.url = self.first_line
