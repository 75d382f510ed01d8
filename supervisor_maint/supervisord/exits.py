"""How processes ended, as supervisord's own log tells it. Text to values; no I/O here.

With autorestart the exit status is gone from XML-RPC in the same turn, and a FATAL process shows
0 though it exited 1. The log line has it (``supervisor/process.py``, ``finish``), but names the
process without its group: a name that two groups share says nothing of either. A ``spawnerr``
line names no process at all and is left alone; ``getProcessInfo`` has that text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo

import attrs

from supervisor_maint.processes import Namespec

# A name cannot hold a blank or a colon (datatypes.process_or_group_name).
_ENDED = re.compile(
    r"^(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) [A-Z]{4} "
    r"(?P<verb>exited|stopped): (?P<name>\S+) \("
    r"(?:exit status (?P<status>\d+)|terminated by (?P<signal>[^();]+?)"
    r"|unknown termination cause \w+)"
    r"(?P<core> \(core dumped\))?"
    r"(?:; (?P<expectation>not expected|expected))?\)$",
    re.MULTILINE,
)


@attrs.frozen(kw_only=True)
class ExitFact:
    """The last end of a process of this name that the log shows.

    Either ``exit_status`` or ``signal`` (``SIGKILL``, or ``signal 40`` for one without a name)
    is known, or neither. ``stopped`` when supervisord was asked to stop it: then nothing was
    expected. ``logged_at`` is in seconds since the epoch.
    """

    name: str
    logged_at: float
    exit_status: int | None = None
    signal: str | None = None
    core_dumped: bool = False
    expected: bool | None = None
    stopped: bool = False


def parse_exits(log_tail: str, zone: tzinfo | None = None) -> dict[str, ExitFact]:
    """Return the newest fact of each process name in a piece of supervisord's log.

    Lines cut at either end of the piece are left out. ``zone`` is supervisord's, for the log has
    local times; None stands for this machine's.
    """
    facts = (_ended(match, zone) for match in _ENDED.finditer(log_tail))
    return {fact.name: fact for fact in facts}


def ambiguous_names(namespecs: Iterable[Namespec]) -> frozenset[str]:
    """Return the process names that more than one group has."""
    counts = Counter(namespec.name for namespec in set(namespecs))
    return frozenset(name for name, count in counts.items() if count > 1)


def attribute(
    facts: Mapping[str, ExitFact], namespecs: Iterable[Namespec]
) -> dict[Namespec, ExitFact]:
    """Give each process its fact; none to those whose name more than one group has.

    ``namespecs`` must be every process of supervisord, or a shared name is not recognised.
    """
    everyone = list(namespecs)
    ambiguous = ambiguous_names(everyone)
    return {
        namespec: facts[namespec.name]
        for namespec in everyone
        if namespec.name in facts and namespec.name not in ambiguous
    }


def _ended(match: re.Match[str], zone: tzinfo | None) -> ExitFact:
    expectation = match["expectation"]
    return ExitFact(
        name=match["name"],
        logged_at=_logged_at(match["stamp"], zone),
        exit_status=None if match["status"] is None else int(match["status"]),
        signal=match["signal"],
        core_dumped=match["core"] is not None,
        expected=None if expectation is None else expectation == "expected",
        stopped=match["verb"] == "stopped",
    )


def _logged_at(stamp: str, zone: tzinfo | None) -> float:
    return datetime.fromisoformat(stamp.replace(",", ".")).replace(tzinfo=zone).timestamp()
