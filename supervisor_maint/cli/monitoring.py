"""``supervisor-maint monitoring test``: whether what we say reaches whoever is to be paged."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_settings

if TYPE_CHECKING:
    from supervisor_maint.monitoring.chain import Link

# Two scrapes at Prometheus' own default of a minute would be too long to watch; most scrape
# every 15 or 30 s.
DEFAULT_WAIT = "60s"
_INDENT = " " * 8


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "monitoring",
        run,
        help="try the chain from the sinks to Prometheus and Alertmanager, link by link, and say "
        "what to change",
        example="supervisor-maint monitoring test --wait 2m",
    )
    parser.add_argument("what", choices=("test",), help="test: try every link")
    add_config(parser)
    parser.add_argument(
        "--wait",
        metavar="DURATION",
        type=_span,
        default=DEFAULT_WAIT,
        help="how long Prometheus may take to have what the sinks were told: a scrape interval "
        f"and a little (default: {DEFAULT_WAIT})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Try each link, and print it as it is known. 1 when one does not work."""
    from supervisor_maint.cli.chain import links

    settings = load_settings(args)
    found: list[Link] = []
    for link in links(settings, args.wait):
        found.append(link)
        if not args.json:
            _show(link)
    if args.json:
        print(json.dumps([_document(link) for link in found], indent=2))
    return 1 if any(link.works is False for link in found) else 0


def _span(text: str) -> float:
    from supervisor_maint import durations

    seconds = durations.seconds(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"expected a duration such as 30s or 2m, found {text!r}")
    return seconds


def _show(link: Link) -> None:
    word = {True: "ok", False: "failed", None: "-"}[link.works]
    print(f"{word:<8}{link.name}: {link.found}", flush=True)
    if link.works is not True and link.to_do:
        print(f"{_INDENT}to do: {link.to_do}", flush=True)


def _document(link: Link) -> dict[str, object]:
    return {"link": link.name, "works": link.works, "found": link.found, "to_do": link.to_do}
