"""``supervisor-maint diff``: what is not as it is wanted, right now."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor_maint.snapshots.diff import Difference


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "diff",
        run,
        help="show what is not as it is wanted; looking never moves the baseline",
        example="supervisor-maint diff --check",
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--check", action="store_true", help="exit 1 when there is a difference, 0 when none"
    )


def run(args: argparse.Namespace) -> int:
    """Compare the present with the listener's baseline."""
    from supervisor_maint.cli.looking import restored, snapshot

    settings = load_at_least_maint(args)
    watch = restored(settings, time.time())
    if not watch.baseline.is_established:
        raise MaintError(
            "there is nothing to compare with: the listener has not seen things settle yet"
        )
    differences = _with_details(watch.compare(snapshot(settings)), watch.differences)
    if args.json:
        print(json.dumps([difference.to_document() for difference in differences], indent=2))
    else:
        _show(differences)
    return 1 if differences and args.check else 0


def _with_details(
    present: Sequence[Difference], reported: Sequence[Difference]
) -> Sequence[Difference]:
    """Return what differs now, as the listener reported it where it still is the same.

    The listener may have learnt from supervisord's log how a process ended.
    """
    known = {_what(difference): difference for difference in reported}
    return [known.get(_what(difference), difference) for difference in present]


def _what(difference: Difference) -> tuple[object, ...]:
    return difference.namespec, difference.kind, difference.expected, difference.found


def _show(differences: Sequence[Difference]) -> None:
    from supervisor_maint.cli.tables import console, show

    if not differences:
        print("Everything is as it is wanted.")
        return
    rows = [
        (str(each.namespec), each.kind.value, each.expected, each.found, each.detail)
        for each in differences
    ]
    show(console(), ("process", "difference", "wanted", "found", "detail"), rows)
