"""The ports: what the application asks of the world, as Protocols. No I/O here.

An adapter implements one of these, lives in the folder named for what it touches, and is named
by nobody but the command line (the composition root) and the tests, whose fakes implement the
same Protocol.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from supervisor_maint.processes import (
    Look,
    Namespec,
    OutputSizes,
    ProcessConfig,
    Snapshot,
    Supervisord,
)


class Supervisor(Protocol):
    """Supervisord, as asked over XML-RPC. Every call blocks for at most its timeout.

    Raises ``errors.SupervisorError`` and nothing else.
    """

    def identify(self) -> Supervisord:
        """Tell which supervisord answers, and its state."""
        ...

    def snapshot(self) -> Snapshot:
        """Ask for the status of every process."""
        ...

    def configs(self) -> Mapping[Namespec, ProcessConfig]:
        """Ask for the configuration of every process, as last read."""
        ...

    def look(self, namespecs: Collection[Namespec]) -> Look:
        """Ask for supervisord's state and the status of some processes, in one call."""
        ...

    def start(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, str | None]:
        """Have processes started, without waiting; tell for each why not, or None."""
        ...

    def stop(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, str | None]:
        """Have processes stopped, without waiting; tell for each why not, or None."""
        ...

    def log_tail(self, length: int) -> str:
        """Return the last ``length`` bytes of supervisord's own log, decoded leniently."""
        ...

    def output_sizes(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, OutputSizes]:
        """Ask how much the logs of processes hold, in one call; those unknown are left out."""
        ...

    def output_tail(
        self, namespec: Namespec, length: int, *, since: OutputSizes | None = None
    ) -> str:
        """Return the last bytes of a process's stderr log, else of its stdout log.

        With ``since``, only what was written after the logs held so much.
        """
        ...

    def nudge(self) -> None:
        """Make supervisord's loop turn now: any call does (its poll sleeps up to 1 s)."""
        ...


class Memory(Protocol):
    """The memory of processes and their children."""

    def resident(self, pids: Mapping[Namespec, int]) -> Mapping[Namespec, int]:
        """Sum resident bytes of each process with its descendants; gone processes are left out."""
        ...


class Sink(Protocol):
    """Somewhere metrics are written to. ``write`` blocks; it raises ``SinkError`` only."""

    name: str

    def write(self, exposition: bytes) -> None:
        """Deliver one whole report in the text format."""
        ...

    def close(self) -> None:
        """Leave: remove what should not outlive the listener, and free what is held."""
        ...
