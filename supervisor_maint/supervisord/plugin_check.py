"""Can supervisord's own Python import our plug-in? Asked of that Python, before it is recommended.

A factory that cannot be imported keeps supervisord from starting, and it often runs under
another Python than ours: the system's, while we live in a virtual environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from supervisor_maint.errors import MaintError
from supervisor_maint.supervisord import procfs
from supervisor_maint.supervisord.started_with import find_environment

MODULE = "supervisor_maint.supervisord.rpcinterface"
TIMEOUT_SECONDS = 5.0
# The folder that -c puts first is no folder of supervisord's.
_IMPORT = f"import sys; del sys.path[0]; import {MODULE}"
# What decides where Python looks for modules; nothing else of the environment is passed on.
_PASSED_ON = ("PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "HOME", "LD_LIBRARY_PATH")
_LONGEST_SHEBANG = 256  # the kernel's limit (execve(2))


@attrs.frozen(kw_only=True)
class _Starter:
    """What supervisord was started as."""

    uid: int
    gid: int
    environment: Mapping[str, str]
    executable: Path
    arguments: tuple[str, ...]


def importable_by(supervisord_pid: int) -> str | None:
    """Say why supervisord cannot import ``[rpcinterface:maint]``; None when it can.

    Runs supervisord's interpreter, as supervisord's user, for at most 5 s. Raises MaintError
    when it cannot be told which that is.
    """
    try:
        starter = _starter(supervisord_pid)
        python = _python(starter)
    except OSError as error:
        raise MaintError(
            f"cannot tell which Python runs supervisord (pid {supervisord_pid}: "
            f"{error.strerror or error}); run this as root or as supervisord's own user"
        ) from None
    return _try_import(python, starter)


def _starter(pid: int) -> _Starter:
    uid, gid = procfs.user_and_group(pid)
    environment = find_environment(pid) or {}
    return _Starter(
        uid=uid,
        gid=gid,
        environment={name: environment[name] for name in _PASSED_ON if name in environment},
        executable=Path(f"/proc/{pid}/exe").readlink(),
        arguments=procfs.command_line(pid),
    )


def _python(starter: _Starter) -> Path:
    """Return the interpreter by the name it was started under.

    A virtual environment's is a link to another's: only by its own name it finds its modules.
    Raises OSError for what is no Python.
    """
    if not starter.executable.name.startswith(("python", "pypy")):
        raise OSError(f"it runs {starter.executable}, which is no Python")
    search_path = starter.environment.get("PATH", os.defpath)
    for name in _names(starter.arguments):
        found = shutil.which(name, path=search_path)
        if found and Path(found).is_absolute() and _is_same(Path(found), starter.executable):
            return Path(found)
    return starter.executable


def _names(arguments: tuple[str, ...]) -> Iterator[str]:
    """Yield what may be the interpreter: the command itself, and what its script's #! names."""
    yield from arguments[:1]
    for script in arguments[1:2]:
        try:
            with Path("/", script).open("rb") as stream:
                line = stream.readline(_LONGEST_SHEBANG)
        except OSError:
            return
        if line.startswith(b"#!"):
            yield from os.fsdecode(line[2:]).split()[:1]


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def _try_import(python: Path, starter: _Starter) -> str | None:
    is_foreign = os.geteuid() == 0 != starter.uid  # root runs no program of somebody else
    try:
        done = subprocess.run(
            [str(python), "-c", _IMPORT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
            cwd="/",
            env=dict(starter.environment),
            user=starter.uid if is_foreign else None,
            group=starter.gid if is_foreign else None,
            extra_groups=[] if is_foreign else None,
        )
    except subprocess.TimeoutExpired:
        return f"supervisord's Python ({python}) did not import {MODULE} in {TIMEOUT_SECONDS:g} s"
    except (OSError, ValueError) as error:
        return f"supervisord's Python ({python}) cannot be started: {error}"
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return (
        f"supervisord's Python ({python}) cannot import {MODULE} ({last}): install "
        "supervisor-maint there as well, or leave [rpcinterface:maint] out"
    )
