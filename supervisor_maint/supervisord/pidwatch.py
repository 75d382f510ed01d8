"""Hearing of a process's death at once, where supervisord would notice it within a second.

A process id means something here only where supervisord is our parent and theirs: then
``pidfd_open(2)`` tells of the death, also of another user's process. Everywhere else (another
pid namespace, a wrapper between supervisord and us, an old kernel, no more descriptors) there
is a wake-up four times a second instead: a wake-up is never more than a reason to look.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Callable

import attrs

from supervisor_maint.supervisord import procfs

# Often enough that a process is down for hardly longer than it must be, and 4 cheap calls.
POLL_SECONDS = 0.25


@attrs.define(eq=False)
class PidWatch:
    """Watches the processes it was last told to keep; to be used in a running loop.

    ``on_death`` is called in the loop with a pid that died, once. Of a pid that cannot be
    watched, and of a dead one that is still to be kept, it is called every ``poll_seconds``.
    """

    _on_death: Callable[[int], None]
    _poll_seconds: float = POLL_SECONDS
    _descriptors: dict[int, int] = attrs.field(factory=dict, init=False)
    _polled: set[int] = attrs.field(factory=set, init=False)
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False)

    def keep(self, pids: Iterable[int], *, supervisord_pid: int) -> None:
        """Watch these processes, children of that supervisord, and no others any more."""
        wanted = set(pids)
        for pid in set(self._descriptors) - wanted:
            self._close(pid)
        self._polled &= wanted
        for pid in wanted - self._polled - set(self._descriptors):
            self._open(pid, supervisord_pid)
        self._set_timer()

    def close(self) -> None:
        """Watch nothing any more; more than once is fine."""
        self.keep((), supervisord_pid=0)

    def _open(self, pid: int, supervisord_pid: int) -> None:
        descriptor = _pidfd_of_child(pid, supervisord_pid)
        if descriptor is None:
            self._polled.add(pid)
            return
        self._descriptors[pid] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._died, pid)

    def _close(self, pid: int) -> None:
        descriptor = self._descriptors.pop(pid)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)

    def _died(self, pid: int) -> None:
        self._close(pid)
        # Whoever still asks for it has not seen that it is gone: remind, but not without pause.
        self._polled.add(pid)
        self._set_timer()
        self._on_death(pid)

    def _set_timer(self) -> None:
        if not self._polled and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._polled and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._poll_seconds, self._poll)

    def _poll(self) -> None:
        self._timer = None
        self._set_timer()
        for pid in tuple(self._polled):
            if pid in self._polled:  # what is called may stop the watch
                self._on_death(pid)


def _pidfd_of_child(pid: int, supervisord_pid: int) -> int | None:
    """Open a pidfd of supervisord's child, closed on exec; None when that cannot be had."""
    if supervisord_pid != os.getppid() or not hasattr(os, "pidfd_open"):
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, OverflowError):
        return None
    # Asked for after the opening: the answer is about the process that we hold.
    stat = procfs.read_stat(pid)
    if stat is None or stat.parent != supervisord_pid:
        os.close(descriptor)
        return None
    return descriptor
