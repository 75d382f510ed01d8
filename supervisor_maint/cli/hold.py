"""``supervisor-maint hold``: keep planned restarts from starting, until a time."""

from __future__ import annotations

import argparse
import time

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "hold",
        run,
        help="let no planned restart start; a hold counts once it is confirmed",
        example='supervisor-maint hold nightly --for 2h --reason "the disk is replaced"',
    )
    add_config(parser)
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="which plan (default: every plan)")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="until_at", type=_span, metavar="DURATION", help="30m, 2h, 1d")
    end.add_argument(
        "--until",
        dest="until_at",
        type=_time,
        metavar="TIME",
        help="06:30 (the next one) or 2026-11-28T06:30 in this machine's zone, or with +09:00",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for whoever asks")


def run(args: argparse.Namespace) -> int:
    """Ask the listener to hold."""
    from supervisor_maint.cli.requesting import request
    from supervisor_maint.store.requests import Verb

    return request(
        load_at_least_maint(args),
        Verb.HOLD,
        plan=args.plan,
        reason=args.reason,
        until_at=args.until_at,
    )


def _span(text: str) -> float:
    from supervisor_maint import durations

    seconds = durations.seconds(text)
    if not seconds:
        raise argparse.ArgumentTypeError(
            f"expected a duration such as 30m, 2h or 1d, found {text!r}"
        )
    return time.time() + seconds


def _time(text: str) -> float:
    from supervisor_maint import moments

    now = time.time()
    at = moments.moment(text, now)
    if at is None or at <= now:
        raise argparse.ArgumentTypeError(
            f"expected a time to come, such as 06:30 or 2026-11-28T06:30, found {text!r}"
        )
    return at
