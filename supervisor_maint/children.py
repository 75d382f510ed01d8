"""Children of the listener in sessions of their own: watched, and ended when they are late.

A child is reaped in ``reap`` and nowhere else, so that its pid stays its own until then, and no
signal meant for it reaches a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from typing import Callable

import attrs

# How often what a child writes is looked at: one that writes without end fills at most what it
# writes in this time.
_MEANWHILE_SECONDS = 1.0
# What still reads as one line in a log or a chat.
_LINE_LENGTH = 200


def _nothing() -> None:
    """Do nothing."""


@attrs.define(eq=False)
class Child:
    """A child that leads a process group of its own. Needs the loop that it is watched in."""

    process: subprocess.Popen[bytes]
    _ended: asyncio.Future[None] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._ended = _end_of(self.process.pid)

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended, reaped or not."""
        return self._ended.done()

    async def ends_within(self, seconds: float, meanwhile: Callable[[], None] = _nothing) -> bool:
        """Wait for its end, and call ``meanwhile`` each second."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self.has_ended and loop.time() < deadline:
            pause = min(_MEANWHILE_SECONDS, deadline - loop.time())
            await asyncio.wait({self._ended}, timeout=pause)
            meanwhile()
        return self.has_ended

    async def end(self, grace_seconds: float, meanwhile: Callable[[], None] = _nothing) -> bool:
        """Send its group TERM, and KILL if it is still there after the grace; tell if it is gone.

        What is in the kernel, such as a read from a dead file server, outlives both.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.signal_group(number)
            if await self.ends_within(grace_seconds, meanwhile):
                return True
        return False

    def signal_group(self, number: int) -> None:
        """Send its process group a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def reap(self) -> int:
        """Return how it ended, as ``Popen.returncode`` has it; to be called once it has."""
        return self.process.wait()


def _end_of(pid: int) -> asyncio.Future[None]:
    """Return a future that is done when a child has ended; it stays to be reaped.

    A thread waits for it: any kernel, any loop, and unlike an executor's it holds up nobody's
    end.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ended.done():
            ended.set_result(None)

    def wait() -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the listener has left
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=wait, name=f"wait-for-{pid}", daemon=True).start()
    return ended


def describe(returncode: int, output: str = "") -> str:
    """Say how a child ended, and the last line that it wrote."""
    if returncode >= 0:
        told = f"exit status {returncode}"
    else:
        told = f"ended by {_signal_name(-returncode)}"
    last = last_line(output)
    return f"{told}: {last}" if last else told


def last_line(output: str) -> str:
    """Return the last line with something in it, shortened, without control characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    printable = "".join(char if char.isprintable() else " " for char in lines[-1]) if lines else ""
    return printable[:_LINE_LENGTH].strip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal, known to Python by its first and last only
        return f"signal {number}"
