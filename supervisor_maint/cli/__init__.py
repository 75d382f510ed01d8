"""The command line: one small module a command, and the only place that names adapters.

A command module has ``register(commands)``, which adds its parser with an example, and a
function that takes the parsed arguments and returns the exit code: 0 done, 1 failed or found
something, 2 wrong usage or settings. Those of ``health`` are Nagios' own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence

from supervisor_maint import __version__
from supervisor_maint.errors import MaintError, SettingsError

COMMANDS = (
    "listen",
    "demo",
    "check_config",
    "init",
    "status",
    "health",
    "monitoring",
    "snapshot",
    "snapshots",
    "diff",
    "accept",
    "plan",
    "run",
    "hold",
    "resume",
    "cancel",
    "permissions",
    "history",
    "reload",
    "decommission",
)

# What a check ends with that was asked wrongly: 2 would be CRITICAL, and page somebody.
# Source: https://nagios-plugins.org/doc/guidelines.html
_UNKNOWN = 3


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser of every command, or of some."""
    parser = argparse.ArgumentParser(
        prog="supervisor-maint",
        description="Keep the processes of a supervisord well: snapshots, diffs and metrics.",
        epilog="supervisor-maint COMMAND --help shows an example of each command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        importlib.import_module(f"{__name__}.{name}").register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. An error is one sentence, never a traceback."""
    args = _parse(sys.argv[1:] if argv is None else argv)
    _let_stdout_say_anything()
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except SettingsError as error:
        return complain(error.msg, code=2)
    except MaintError as error:
        return complain(error.msg, code=1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone; Python must not complain again at exit.
        # (https://docs.python.org/3/library/signal.html#note-on-sigpipe)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what no adapter expected: a disk that fails, a limit that is reached
        return complain(str(error), code=1)
    return code


def _let_stdout_say_anything() -> None:
    """Have stdout escape what its encoding has no letters for, as stderr does.

    A file or a process may be named in any language, and root's cron may know none.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse with the named command's parser alone: the listener is to be ready soon and small."""
    named = arguments[0].replace("-", "_") if arguments else ""
    try:
        return build_parser([named] if named in COMMANDS else COMMANDS).parse_args(arguments)
    except SystemExit as ended:
        if named != "health" or not ended.code:
            raise
        print("SUPERVISOR UNKNOWN - wrong usage: supervisor-maint health --help")
        raise SystemExit(_UNKNOWN) from None


def complain(message: str, *, code: int) -> int:
    """Print what is wrong on stderr, a line each, and return the exit code."""
    with contextlib.suppress(BrokenPipeError):
        for line in message.splitlines():
            print(f"supervisor-maint: {line}", file=sys.stderr)
    return code
