"""What somebody typed after ``supervisorctl maint``, as a request. No I/O here.

Part of the plug-in of supervisorctl: nothing is imported but the standard library. supervisorctl
joins the words of its command line with blanks, so that quotes are gone: what may hold blanks
takes every word up to the next option.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from typing import Any, NoReturn

from supervisor_maint import durations, moments

STATUS = "status"
USAGE = """\
maint status\t\t\t\tShow the listener, its runs and its holds
maint run [PLAN]\t\t\tStart a planned restart now
maint hold [PLAN] [--for 2h | --until TIME] [--reason TEXT]
\t\t\t\t\tLet no planned restart start
maint resume [PLAN]\t\t\tEnd a hold
maint cancel\t\t\t\tEnd the run under way: what is stopped is started

PLAN is the NAME of a section [maintenance:NAME]; without it every plan is meant, or the only one.
TIME is 06:30 (the next one) or 2026-11-28T06:30, in this machine's zone, or has an offset: +09:00.

maint run nightly
maint hold --for 2h --reason disk is replaced
maint hold nightly --until 06:30
maint resume"""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would write to stderr and end the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def parse(line: str, now: float) -> tuple[str, Mapping[str, Any]]:
    """Read the words after ``maint``: the verb, and the arguments of its request.

    ``now`` is in seconds since the epoch. Raises ValueError with a sentence.
    """
    found = vars(_parser().parse_args(_words(line)))
    verb = found.pop("verb")
    if verb == "hold":
        found = {
            "plan": found["plan"],
            "until_at": hold_end(_joined(found["until"]), _joined(found["span"]), now),
            "reason": _joined(found["reason"]),
        }
    return verb, found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # an apostrophe: --reason don't
        return line.split()


def _parser() -> _Parser:
    parser = _Parser(prog="maint")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser(STATUS)
    verbs.add_parser("cancel")
    for verb in ("run", "hold", "resume"):
        verbs.add_parser(verb).add_argument("plan", nargs="?", metavar="PLAN")
    end = verbs.choices["hold"].add_mutually_exclusive_group()
    end.add_argument("--until", nargs="+", metavar="TIME")
    end.add_argument("--for", nargs="+", dest="span", metavar="DURATION")
    verbs.choices["hold"].add_argument("--reason", nargs="+", metavar="TEXT")
    return parser


def _joined(words: list[str] | None) -> str:
    return " ".join(words or ())


def hold_end(until: str, span: str, now: float) -> float | None:
    """Read ``--until`` and ``--for`` of a hold; None when neither is given.

    Raises ValueError with a sentence for what is none, and for a time that is over.
    """
    if span:
        seconds = durations.seconds(span)
        if not seconds:
            raise ValueError(f"--for: expected a duration such as 30m, 2h or 1d, found {span!r}")
        return now + seconds
    if not until:
        return None
    at = moments.moment(until, now)
    if at is None or at <= now:
        raise ValueError(
            f"--until: expected a time to come, such as 06:30 or 2026-11-28T06:30, found {until!r}"
        )
    return at
