"""Stanzas of a supervisord configuration, and the small programs that tests let it run."""

from __future__ import annotations

import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"

# Below the range that the kernel takes for outgoing connections (32768 and up).
FIRST_PORT, LAST_PORT = 20000, 29999


def program(name: str, command: str | Sequence[str | Path], **options: object) -> str:
    """Build a ``[program:NAME]`` stanza; a list of words is quoted, with its ``%`` doubled."""
    if not isinstance(command, str):
        command = shlex.join(str(word) for word in command).replace("%", "%%")
    place = f"%(here)s/{name}-%(process_num)s"
    defaults = {
        "stopwaitsecs": 10,
        "stdout_logfile": f"{place}.stdout.log",
        "stderr_logfile": f"{place}.stderr.log",
    }
    return section("program", name, command=command, **{**defaults, **options})


def group(name: str, *programs: str, **options: object) -> str:
    """Build a ``[group:NAME]`` stanza."""
    return section("group", name, programs=",".join(programs), **options)


def section(kind: str, name: str, **options: object) -> str:
    """Build a ``[KIND:NAME]`` section."""
    lines = [f"{key}={value}" for key, value in options.items()]
    return "\n".join([f"[{kind}:{name}]", *lines, ""])


def sleeper() -> list[str]:
    """The lightest program: it sleeps, and stops at once."""
    return ["sleep", "infinity"]


def http_server(port: int, *, start_seconds: float = 0, stop_seconds: float = 0) -> list[str]:
    """An HTTP server on a loopback port that takes its time to start and to stop."""
    return _script("http_server", port, start_seconds, stop_seconds)


def crasher(*, seconds: float = 0, status: int = 1) -> list[str]:
    """A program that ends after some seconds; a negative status is a signal."""
    return _script("crasher", seconds, status)


def leaker(*, rate: float = 1, limit: float = 64) -> list[str]:
    """A program that takes ``rate`` MiB a second, up to ``limit`` MiB."""
    return _script("leaker", rate, limit)


def logger(*, rate: float = 50, count: int = 1_000_000) -> list[str]:
    """A program that writes numbered lines to its output, ``rate`` a second."""
    return _script("logger", rate, count)


def stubborn() -> list[str]:
    """A program that only SIGKILL ends."""
    return _script("stubborn")


def _script(name: str, *arguments: float) -> list[str]:
    # Without site-packages it starts in 15 ms and takes 8 MB.
    script = str(PROGRAMS / f"{name}.py")
    return [sys.executable, "-I", "-S", script, *(str(argument) for argument in arguments)]


def free_port() -> int:
    """Reserve a loopback port that nobody has, until this process ends.

    The name of an abstract socket is the reservation: it holds against every other test process
    of the machine, also while the port's server is down, and vanishes with its owner.
    """
    for port in range(FIRST_PORT, LAST_PORT + 1):
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0supervisor-maint-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        reservation.detach()  # open, and nobody's to close
        return port
    raise AssertionError(f"no port of {FIRST_PORT} to {LAST_PORT} is free")
