"""Have supervisord open its logs anew after they were renamed, with or without our plug-in.

With ``[rpcinterface:maint]`` it is one call, done when it returns. Without, SIGUSR2 does it, but
a log that cannot be opened again ends supervisord: so everything is looked at first, and when
anything is in doubt nothing is done.
Source: ``supervisor/supervisord.py`` ``handle_signal``, ``supervisor/loggers.py``.
"""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path

import attrs

from supervisor_maint.errors import SupervisorError, SupervisorFault
from supervisor_maint.processes import ProcessState, ProcessStatus
from supervisor_maint.supervisord import procfs
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.rpc import SupervisorClient

SUPERVISORD = "supervisord"
_STANDARD_STREAM = re.compile(r"/dev/(?:fd/(\d+)|(stdout)|(stderr))")
_SIGNAL_HANDLED_AFTER_TURNS = 2


@attrs.frozen(kw_only=True)
class UnopenedLog:
    """A log that was not reopened; ``owner`` is a namespec or ``supervisord``."""

    owner: str
    reason: str

    def __str__(self) -> str:
        return f"log of {self.owner}: {self.reason}"


def reopen_logs(client: SupervisorClient, *, own_log: str | None) -> tuple[UnopenedLog, ...]:
    """Reopen supervisord's own log and those of all its processes; return which were not.

    ``own_log`` is ``logfile`` of supervisord's configuration, which only the way without the
    plug-in needs. On that way a log in doubt keeps all others from being reopened. Blocks for a
    few calls. Raises SupervisorError when supervisord cannot be asked, or not be signalled.
    """
    try:
        answer = client.call("maint.reopenLogs")
    except SupervisorFault as fault:
        if fault.code != FaultCode.UNKNOWN_METHOD:
            raise
        return _reopen_by_signal(client, own_log)
    try:
        return tuple(UnopenedLog(owner=str(owner), reason=str(why)) for owner, why in answer)
    except (TypeError, ValueError):
        raise SupervisorError(
            f"expected from maint.reopenLogs pairs of name and reason, found {answer!r:.80}"
        ) from None


def _reopen_by_signal(client: SupervisorClient, own_log: str | None) -> tuple[UnopenedLog, ...]:
    snapshot = client.snapshot()
    pid = _local_pid(client, snapshot.supervisord.pid)
    logs = [(SUPERVISORD, own_log)] if own_log else []
    for status in snapshot.processes.values():
        logs += [(status.namespec.qualified, log) for log in _open_logs(status)]
    doubts = [
        UnopenedLog(owner=owner, reason=reason)
        for owner, log in logs
        if (reason := _doubt(log, pid)) is not None
    ]
    if own_log is None:
        doubts.append(UnopenedLog(owner=SUPERVISORD, reason="where it is, is not known"))
    if not doubts:
        _signal(pid)
        for _ in range(_SIGNAL_HANDLED_AFTER_TURNS):
            client.nudge()
    return tuple(doubts)


def _open_logs(status: ProcessStatus) -> list[str]:
    """List the logs supervisord has open for a process: those of a child that exists."""
    is_open = status.state.is_up or status.state is ProcessState.UNKNOWN
    return [log for log in (status.stdout_logfile, status.stderr_logfile) if log and is_open]


def _local_pid(client: SupervisorClient, pid: int) -> int:
    """Return supervisord's pid if it is one of this machine and of supervisord."""
    is_here = pid == os.getppid() or (client.url.is_local and procfs.is_supervisord(pid))
    if is_here and _uid(pid) == os.geteuid():
        return pid
    raise SupervisorError(
        f"cannot send SIGUSR2 to supervisord (pid {pid} at {client.url.text}): it runs on another "
        "machine or as another user, so it cannot be told whether a reopened log would end it; "
        "add [rpcinterface:maint], or run this as supervisord's own user"
    )


def _uid(pid: int) -> int | None:
    try:
        return procfs.user_and_group(pid)[0]
    except OSError:
        return None


def _doubt(log: str, pid: int) -> str | None:
    """Say why a log might not be opened again by supervisord; None when it will be."""
    place = _as_seen_by(pid, log)
    try:
        kind = place.stat().st_mode
    except FileNotFoundError:
        return _doubt_of_folder(place.parent)
    except OSError as error:
        return f"{log}: {error.strerror}"
    if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
        return f"{log} is no regular file, and may not be opened twice"
    return None if os.access(place, os.W_OK) else f"{log} cannot be written to"


def _doubt_of_folder(folder: Path) -> str | None:
    if os.access(folder, os.W_OK | os.X_OK):
        return None
    return f"a new log cannot be made in {folder}"


def _as_seen_by(pid: int, log: str) -> Path:
    """Return where a path leads for supervisord, whose standard streams are not ours."""
    found = _STANDARD_STREAM.fullmatch(log)
    if found:
        number = found[1] or ("1" if found[2] else "2")
        return Path(f"/proc/{pid}/fd/{number}")
    return Path(procfs.working_directory(pid), log)


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGUSR2)
    except OSError as error:
        raise SupervisorError(f"cannot send SIGUSR2 to pid {pid}: {error.strerror}") from error
