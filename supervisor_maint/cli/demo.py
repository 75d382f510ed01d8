"""``supervisor-maint demo``: see it work, on a real supervisord in a temporary folder."""

from __future__ import annotations

import argparse
import signal
import sys

from supervisor_maint.cli.arguments import add_command


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "demo",
        run,
        help="see it work: a real supervisord, and things going wrong",
        example="supervisor-maint demo --keep",
    )
    parser.add_argument("--keep", action="store_true", help="leave it running, and say how to look")
    parser.add_argument("--pushgateway", metavar="URL", help="push to this Pushgateway, too")


def run(args: argparse.Namespace) -> int:
    """Play the demonstration; Ctrl-C ends it and everything it started."""
    from supervisor_maint.demo.stage import Stage
    from supervisor_maint.demo.story import Story

    # A terminal that is closed, and a TERM, end what was started just as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with Stage(pushgateway_url=args.pushgateway, keep=args.keep) as stage:
        Story(stage=stage).tell()
        if args.keep:
            _say_how_to_look(stage.folder, stage.pid, stage.metrics_port)
    return 0


def _say_how_to_look(folder: object, pid: int | None, metrics_port: int) -> None:
    print(
        f"""It goes on running. To look at it:
  supervisor-maint status --config {folder}/supervisord.conf
  supervisorctl -c {folder}/supervisord.conf status
  curl -s http://127.0.0.1:{metrics_port}/metrics
  less {folder}/maint.log
To end it:
  kill {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.2; done; rm -r {folder}"""
    )
