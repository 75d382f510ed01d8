"""Take the protocol's pipes out of everybody's reach. File descriptors only; no protocol here.

One stray byte on fd 1 makes supervisord call the listener UNKNOWN, for good, while ``status``
still says RUNNING. So the protocol moves to private descriptors before anything else runs, and
fds 0 and 1 become harmless for us, for libraries and for children.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys

import attrs

from supervisor_maint.errors import MaintError

_STDIN, _STDOUT, _STDERR = 0, 1, 2


@attrs.frozen
class Pipes:
    """The two ends of the conversation: events come from one, results go to the other."""

    events_fd: int
    results_fd: int


def own_protocol_pipes() -> Pipes:
    """Move the protocol from fds 0 and 1 to private close-on-exec copies.

    After it fd 0 is /dev/null and fd 1 is stderr; ``sys.stdin`` is at its end and ``sys.stdout``
    is ``sys.stderr``. Call it once, before READY. Raises MaintError, with nothing changed, when
    supervisord has not started us.
    """
    _refuse_other_starters()
    _refuse_shared_stderr()
    pipes = Pipes(events_fd=_private_copy(_STDIN), results_fd=_private_copy(_STDOUT))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, _STDIN)
    os.close(null)
    os.dup2(_STDERR, _STDOUT)
    sys.stdout.flush()  # what was printed before waits in its buffer; fd 1 is stderr now
    sys.stdout = sys.stderr
    return pipes


def _refuse_other_starters() -> None:
    kind = _mode(_STDIN)
    if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
        return
    raise MaintError(
        f"listen is started by supervisord, with a pipe as its stdin; found {_named(kind)}: "
        "add an [eventlistener:...] stanza with this command to supervisord's configuration"
    )


def _refuse_shared_stderr() -> None:
    """Refuse a stderr that is the protocol's own pipe: our first log line would end us."""
    if not _same_file(_STDOUT, _STDERR) or not stat.S_ISFIFO(_mode(_STDOUT)):
        return
    raise MaintError(
        "stderr and stdout of listen are the same pipe, so a log line would break supervisord's "
        "protocol: remove redirect_stderr=true (or 2>&1) from the [eventlistener:...] stanza"
    )


def _mode(fd: int) -> int:
    """Return the file type bits of a descriptor, 0 for a closed one."""
    try:
        return stat.S_IFMT(os.fstat(fd).st_mode)
    except OSError:
        return 0


def _same_file(first: int, second: int) -> bool:
    try:
        return os.path.sameopenfile(first, second)
    except OSError:
        return False


def _named(kind: int) -> str:
    if kind == 0:
        return "none"
    if stat.S_ISREG(kind):
        return "a regular file"
    return "a terminal" if os.isatty(_STDIN) else "a device"


def _private_copy(fd: int) -> int:
    # Never below 3, where a copy would be taken for a standard stream when one of them is closed.
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _STDERR + 1)
