"""A permission pass as a child of the listener: started, watched, and ended when it is late.

It walks file trees, so it may block, and its memory goes with it. What it writes is kept in
memory that has no name (memfd_create(2)): a pipe would have to be read, and would end a child
whose listener has died in the middle of its work. Nothing here waits in the way of the loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence

import attrs

from supervisor_maint.children import Child, describe, last_line
from supervisor_maint.errors import MaintError
from supervisor_maint.permissions.endings import PassEnd

# The program leaves off by itself at its time limit and reports what it has done until then. One
# that does not, because the file system hangs, is ended this much later.
LATER_SECONDS = 10.0
GRACE_SECONDS = 5.0
# The report leaves paths out long before that.
OUTPUT_BYTES = 32 * 1024 * 1024
ERROR_BYTES = 16 * 1024
# The lowest. The I/O priority follows it: best-effort 7 of 0 to 7 for who asked for none
# (ioprio_set(2)), so ionice is not needed.
NICENESS = 19


@attrs.define(eq=False)
class PassChild:
    """Runs passes, one at a time."""

    _child: Child | None = attrs.field(init=False, default=None)

    async def run(
        self,
        command: Sequence[str],
        timeout_seconds: float,
        *,
        later_seconds: float = LATER_SECONDS,
    ) -> PassEnd:
        """Run a command that ends itself after the timeout, and tell how it ended.

        Raises MaintError when it cannot be started.
        """
        with _memory("output") as output, _memory("errors") as errors:
            child = self._child = Child(_start(command, output, errors))

            def bound() -> None:
                _bound(output, OUTPUT_BYTES)
                _bound(errors, ERROR_BYTES)

            is_late = not await child.ends_within(timeout_seconds + later_seconds, bound)
            has_ended = not is_late or await child.end(GRACE_SECONDS, bound)
            self._child = None
            told = describe(child.reap(), _last(errors)) if has_ended else "SIGKILL did not end it"
            late = f"{timeout_seconds:g} s passed; " if is_late else ""
            return PassEnd(output=_content(output, OUTPUT_BYTES), reason=f"{late}{told}")

    def end(self) -> None:
        """End the child under way at once: the listener leaves.

        Each change that it makes is whole, and the next pass goes on from there.
        """
        if self._child is not None:
            self._child.signal_group(signal.SIGKILL)


def _start(command: Sequence[str], output: int, errors: int) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            # Python looks for modules in the folder it is started in, and root trusts this one.
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise MaintError(f"cannot start {command[0]!r}: {error.strerror}") from error
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already; hardened
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    return process


@contextlib.contextmanager
def _memory(name: str) -> Iterator[int]:
    descriptor = os.memfd_create(f"permissions-{name}")
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
        yield descriptor
    finally:
        os.close(descriptor)


def _bound(descriptor: int, limit: int) -> None:
    """Cut what is far too much to its end: it is no report, and not to fill the memory."""
    if os.fstat(descriptor).st_size > 2 * limit:
        end = _content(descriptor, limit)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, end)


def _last(descriptor: int) -> str:
    return last_line(_content(descriptor, ERROR_BYTES).decode("utf-8", "replace"))


def _content(descriptor: int, limit: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, limit, max(0, size - limit))
