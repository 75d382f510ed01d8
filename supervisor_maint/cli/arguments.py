"""Arguments that commands share, and where the configuration is looked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from supervisor_maint.errors import Problem, SettingsError

if TYPE_CHECKING:
    from supervisor_maint.settings import Settings

CONFIG_VARIABLE = "SUPERVISOR_MAINT_CONFIG"
CONFIG_PLACES = (
    "/etc/supervisor/conf.d/maint.conf",
    "/etc/supervisord.d/maint.conf",
    "/etc/supervisor/supervisord.conf",
    "/etc/supervisord.conf",
)


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,  # noqa: A002 - argparse's own name for it
    example: str,
) -> argparse.ArgumentParser:
    """Add a command whose help ends with an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config FILE``."""
    parser.add_argument(
        "--config",
        "-c",
        metavar="FILE",
        type=Path,
        help=f"the file with [maint] (default: ${CONFIG_VARIABLE}, else the first of "
        f"{', '.join(CONFIG_PLACES)})",
    )


def add_limit(parser: argparse.ArgumentParser, *, default: int) -> None:
    """Add ``--limit COUNT``: how many of the newest are shown."""
    parser.add_argument(
        "--limit", type=_count, default=default, help=f"how many (default {default})"
    )


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


def find_config(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the configuration file to use. Raises SettingsError when there is none."""
    if args.config is not None:
        return Path(args.config)
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    for place in CONFIG_PLACES:
        if os.path.lexists(place):  # Path.exists raises when we may not look into the folder
            return Path(place)
    message = (
        f"expected a configuration file, found none of {', '.join(CONFIG_PLACES)}: "
        f"name one with --config FILE or ${CONFIG_VARIABLE}"
    )
    raise SettingsError([Problem(message=message)])


def load_at_least_maint(args: argparse.Namespace) -> Settings:
    """Load the settings for a command that only asks the listener, or looks at what it keeps.

    Where ``[maint]`` is good that suffices: what is wrong elsewhere is complained about, and keeps
    nobody from a hold or from cancelling a run. Raises SettingsError.
    """
    import time

    from supervisor_maint.cli import complain
    from supervisor_maint.settings import Settings, SettingsRefused
    from supervisor_maint.settings.maint_alone import load_maint

    try:
        return load_settings(args)
    except SettingsRefused as refused:
        if any(problem.section in (None, "maint") for problem in refused.problems):
            raise
        maint = load_maint(find_config(args), environ=os.environ)
        complain(
            f"{refused.msg}\nall but [maint] is left out: what the listener loaded last holds",
            code=0,
        )
        return Settings(sources=refused.sources, loaded_at=time.time(), maint=maint)


def load_settings(args: argparse.Namespace) -> Settings:
    """Load the settings of the file that the arguments name."""
    import time

    from supervisor_maint.settings import load

    return load(find_config(args), environ=os.environ, now=time.time())
