"""``supervisor-maint reload``: have the listener read its settings again."""

from __future__ import annotations

import argparse

from supervisor_maint.cli.arguments import add_command, add_config, load_settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "reload",
        run,
        help="have the listener read its settings again, at once",
        example="supervisor-maint reload",
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the listener to read its settings; bad ones are refused, each problem printed."""
    from supervisor_maint.cli.requesting import request
    from supervisor_maint.store.requests import Verb

    return request(load_settings(args), Verb.RELOAD)
