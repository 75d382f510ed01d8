"""What a running supervisord was started with: its configuration file and its environment."""

from __future__ import annotations

import getopt
from collections.abc import Mapping
from pathlib import Path, PurePath

from supervisor.options import ServerOptions

from supervisor_maint.errors import MaintError
from supervisor_maint.supervisord import procfs

# As supervisor.options.Options.__init__ has them; relative ones are supervisord's.
_DEFAULT_FILES = (
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)


def find_configuration(pid: int) -> str:
    """Return the absolute path of the configuration file supervisord was started with.

    From ``-c FILE`` on its command line in any spelling that supervisord takes, else the first
    that exists of those it would look for. Raises MaintError with a sentence.
    """
    try:
        arguments = procfs.command_line(pid)
        script, options = _split(arguments)
        named = _configuration_option(options)
        return _default_file(pid, script) if named is None else _named_file(pid, named)
    except (OSError, getopt.GetoptError) as error:
        raise MaintError(
            f"cannot tell which configuration file supervisord (pid {pid}) was started with"
            f" ({error}): set supervisord_config in [maint]"
        ) from None


def usual_configurations() -> tuple[str, ...]:
    """Return those that exist of the absolute files that a supervisord without ``-c`` looks for."""
    return tuple(file for file in _DEFAULT_FILES if file.startswith("/") and Path(file).exists())


def find_environment(pid: int) -> Mapping[str, str] | None:
    """Return the environment supervisord was started with; None when only root may see it."""
    try:
        return procfs.environment(pid)
    except OSError:
        return None


def _split(arguments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Split a command line into what is supervisord and its options.

    An interpreter may stand before it, with options of its own: ``python -u -m
    supervisor.supervisord -n``.
    """
    for index, argument in enumerate(arguments):
        is_option = argument.startswith("-")
        if "supervisord" in PurePath(argument).name and not is_option:
            return argument, arguments[index + 1 :]
    return arguments[1] if len(arguments) > 1 else "", arguments[2:]


def _configuration_option(options: tuple[str, ...]) -> str | None:
    known = ServerOptions()
    known.poller.close()
    found, _ = getopt.getopt(options, "".join(known.short_options), known.long_options)
    files = [value for name, value in found if name in ("-c", "--configuration")]
    return files[-1] if files else None


def _absolute(pid: int, file: str) -> str:
    if file.startswith("/"):
        return file
    return str(Path(procfs.working_directory(pid), file))


def _named_file(pid: int, named: str) -> str:
    file = _absolute(pid, named)
    if file != named and not Path(file).exists():
        raise FileNotFoundError(f"{file} is not there")
    return file


def _default_file(pid: int, script: str) -> str:
    beside = PurePath(script).parent.parent
    candidates = (
        str(beside / "etc/supervisord.conf"),
        str(beside / "supervisord.conf"),
        *_DEFAULT_FILES,
    )
    for candidate in candidates:
        path = _absolute(pid, candidate)
        if Path(path).exists():
            return path
    raise FileNotFoundError(f"found none of {', '.join(candidates)}")
