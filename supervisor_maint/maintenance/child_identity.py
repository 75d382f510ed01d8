"""Who a child is, so that a later listener knows it, and never takes a stranger for it.

A process id comes again; with the time of its start, in ticks since the boot of the machine, and
the id of that boot it does not. Both clocks are the kernel's: no clock jump makes it look older.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import attrs

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_GONE = frozenset({"Z", "X", "x"})  # proc_pid_stat(5): a zombie has ended, nobody reaped it yet


@attrs.frozen(kw_only=True)
class ChildIdentity:
    """A child that leads a process group of its own."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> ChildIdentity:
        """Tell who a process is that nobody has reaped yet. Raises OSError, ValueError."""
        _, start_ticks = _state_and_start(pid)
        return cls(pid=pid, start_ticks=start_ticks, boot_id=_boot_id())

    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        try:
            state, start_ticks = _state_and_start(self.pid)
            return (start_ticks, _boot_id()) == (self.start_ticks, self.boot_id) and (
                state not in _GONE
            )
        except (OSError, ValueError):
            return False

    def age_seconds(self) -> float:
        """Tell how long ago it was started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / _TICKS_PER_SECOND

    def signal_group(self, number: int) -> None:
        """Send a signal to its process group, if it lives."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def _state_and_start(pid: int) -> tuple[str, int]:
    # The name in the middle may hold anything: what follows the last parenthesis counts.
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    if len(fields) < 20:  # noqa: PLR2004 - the 20th after the name is the start
        raise ValueError(f"expected a line of /proc/{pid}/stat, found {fields!r}")
    return fields[0].decode("ascii"), int(fields[19])


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()
