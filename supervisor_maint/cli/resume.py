"""``supervisor-maint resume``: let planned restarts start again."""

from __future__ import annotations

import argparse

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "resume",
        run,
        help="end a hold, or the block after a lost journal",
        example="supervisor-maint resume nightly",
    )
    add_config(parser)
    parser.add_argument(
        "plan", nargs="?", metavar="PLAN", help="whose hold (default: the one of every plan)"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the listener to end the hold."""
    from supervisor_maint.cli.requesting import request
    from supervisor_maint.store.requests import Verb

    return request(load_at_least_maint(args), Verb.RESUME, plan=args.plan)
