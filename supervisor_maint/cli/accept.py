"""``supervisor-maint accept``: take the present for what is wanted."""

from __future__ import annotations

import argparse

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "accept",
        run,
        help="take the present state for the wanted one, so that it is no difference any more",
        example="supervisor-maint accept web:web_3",
    )
    add_config(parser)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a process, NAME or GROUP:NAME (default: all)"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the listener to move the baseline."""
    from supervisor_maint.cli.requesting import request
    from supervisor_maint.store.requests import Verb

    return request(load_at_least_maint(args), Verb.ACCEPT, names=args.names)
