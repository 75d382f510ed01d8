"""``supervisor-maint cancel``: end the run under way."""

from __future__ import annotations

import argparse

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "cancel",
        run,
        help="end the run under way: the batch is finished, and what is stopped is started",
        example="supervisor-maint cancel",
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the listener to cancel."""
    from supervisor_maint.cli.requesting import request
    from supervisor_maint.store.requests import Verb

    return request(load_at_least_maint(args), Verb.CANCEL)
