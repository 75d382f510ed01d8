"""What has been counted of each process. Values only; no I/O here."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs


class Cause(str, enum.Enum):
    """Why a process left RUNNING or came back: the ``cause`` label of the metrics."""

    MAINTENANCE = "maintenance"
    COMMAND = "command"
    EXIT = "exit"


@attrs.frozen(kw_only=True)
class ProcessTally:
    """Everything counted of one process; none of it ever goes down."""

    starts: int = 0
    start_failures: int = 0
    fatals: int = 0
    exits_expected: int = 0
    exits_unexpected: int = 0
    restarts: Mapping[Cause, int] = attrs.field(factory=dict)
    downtime_seconds: Mapping[Cause, float] = attrs.field(factory=dict)
