"""What we add to supervisord's XML-RPC: the namespace ``maint``. Runs inside supervisord.

Nothing is imported but supervisor and the standard library, nothing waits, and no exception
comes out but ``RPCError``, which is a fault for the caller: what goes wrong here must not touch
the programs. One is made for each HTTP server and again at each reload, so making one does
nothing and none remembers anything.

    [rpcinterface:maint]
    supervisor.rpcinterface_factory = supervisor_maint.supervisord.rpcinterface:make_interface
    state_dir = /var/lib/supervisor-maint

Sources: https://supervisord.org/configuration.html#rpcinterface-x-section-settings,
``supervisor/xmlrpc.py`` and ``supervisor/http.py``.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
import time
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from supervisor.events import RemoteCommunicationEvent, notify
from supervisor.options import make_namespec
from supervisor.process import EventListenerPool
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.xmlrpc import Faults, RPCError

# The longest request there may be; the listener takes no longer one as a file either.
REQUEST_BYTES = 64 * 1024
# A status of 1000 processes that all differ has a fifth of it. Reading, checking and sending
# this much takes supervisord about 30 ms.
STATUS_BYTES = 1024 * 1024
# What nobody waits for any more is dropped by the listener. An event cannot be taken back, and
# one that was sent while the listener was stopped is delivered when it returns.
EXPIRES_AFTER_SECONDS = 30.0

_EVENT_TYPE = "maint"
_STATUS_FILE = "status.json"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NO_WAIT = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
# As a handler's own open(), but never waiting for the other end of a FIFO.
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# What a dispatcher calls its loggers: of a program's output, of a capture, of a listener.
_LOGGERS = ("normallog", "capturelog", "childlog")
_LONGEST_NUMBER = 40
_UP = (ProcessStates.STARTING, ProcessStates.RUNNING)


def make_interface(supervisord: Any, /, **config: Any) -> MaintNamespaceRPCInterface:
    """Make the interface; supervisord calls this. Whatever the section holds, it never raises.

    An exception here would keep supervisord from starting. What is wrong with a value is said
    by the method that needs it.
    """
    return MaintNamespaceRPCInterface(supervisord, config)


class MaintNamespaceRPCInterface:
    """The methods ``maint.*``; every public one is published."""

    def __init__(self, supervisord: Any, config: dict[str, Any]) -> None:
        self._supervisord = supervisord
        self._config = config

    def reopenLogs(self) -> list[list[str]]:  # noqa: N802 - Supervisor's way to write a method
        """Reopen supervisord's own log and every child's, as SIGUSR2 does.

        A log that could not be opened again is left as it is; SIGUSR2 would end supervisord.

        @return array result  For each log left as it is, [namespec or "supervisord", reason]
        """
        with self._faults():
            problems = [
                [owner, reason]
                for owner, target, loggers in self._logs()
                for reason in _reopen(target, loggers)
            ]
            for owner, reason in problems:
                self._supervisord.options.logger.warn(f"maint: log of {owner}: {reason}")
            return problems

    def request(self, request: str) -> str:
        """Hand a request to the listener, as an event REMOTE_COMMUNICATION of the type maint.

        Without expires_at it gets one, by supervisord's clock. The answer comes in status().

        @param  string request  A JSON object: id, verb, args, asked_by and maybe expires_at
        @return string result   The id
        """
        with self._faults():
            document = _decoded_request(request)
            self._refuse_without_listener()
            document.setdefault("expires_at", time.time() + EXPIRES_AFTER_SECONDS)
            notify(RemoteCommunicationEvent(_EVENT_TYPE, _encoded(document)))
            return str(document["id"])

    def status(self) -> str:
        """Return what the listener last published.

        Added are read_at, the time by supervisord's clock, and listener, the name of the event
        listener that has the publisher's pid, or null: it does not run any more.

        @return string result  A JSON object
        """
        with self._faults():
            document = _status(self._state_dir())
            document["read_at"] = time.time()
            document["listener"] = self._listener_with(document.get("pid"))
            return _encoded(document)

    def getListenerPools(self) -> list[str]:  # noqa: N802 - Supervisor's way to write a method
        """Return the names of the groups that are event listeners.

        @return array result  The names, sorted
        """
        with self._faults():
            return sorted(name for name, _ in self._pools())

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn whatever goes wrong into a fault; refuse while supervisord shuts down."""
        try:
            self._refuse_while_stopping()
            yield
        except RPCError:
            raise
        # supervisord is a stranger's process, in which an error of ours must stay ours
        except Exception as error:
            with contextlib.suppress(Exception):
                self._supervisord.options.logger.critical(f"maint: {traceback.format_exc()}")
            reason = f"unexpected {type(error).__name__}; supervisord's log has the traceback"
            raise RPCError(Faults.FAILED, reason) from error

    def _refuse_while_stopping(self) -> None:
        if self._supervisord.options.mood < SupervisorStates.RUNNING:
            raise RPCError(Faults.SHUTDOWN_STATE)

    def _pools(self) -> list[tuple[str, Any]]:
        groups = self._supervisord.process_groups.items()
        return [(name, group) for name, group in groups if isinstance(group, EventListenerPool)]

    def _logs(self) -> Iterator[tuple[str, Any, list[Any]]]:
        """Yield each thing that can reopen logs: its name, itself, its loggers."""
        options = self._supervisord.options
        yield "supervisord", options, [options.logger]
        for group_name, group in self._supervisord.process_groups.items():
            for process in group.processes.values():
                namespec = make_namespec(group_name, process.config.name)
                for dispatcher in process.dispatchers.values():
                    if hasattr(dispatcher, "reopenlogs"):  # that of stdin has none
                        loggers = [getattr(dispatcher, name, None) for name in _LOGGERS]
                        yield namespec, dispatcher, loggers

    def _refuse_without_listener(self) -> None:
        """Refuse what nobody would receive: it would be delivered, maybe hours later."""
        for _, pool in self._pools():
            takes = any(issubclass(RemoteCommunicationEvent, e) for e in pool.config.pool_events)
            if takes and any(process.get_state() in _UP for process in pool.processes.values()):
                return
        raise RPCError(
            Faults.NOT_RUNNING,
            "no event listener that takes REMOTE_COMMUNICATION events runs; nothing was changed",
        )

    def _listener_with(self, pid: object) -> str | None:
        for name, pool in self._pools():
            for process in pool.processes.values():
                if pid and process.pid == pid:
                    return str(make_namespec(name, process.config.name))
        return None

    def _state_dir(self) -> str:
        found = self._config.get("state_dir")
        if isinstance(found, str) and PurePath(found).is_absolute() and "\0" not in found:
            return found
        others = ", ".join(sorted(self._config)) or "no key"
        what = others if found is None else repr(found)
        raise RPCError(
            Faults.FAILED,
            "expected state_dir in [rpcinterface:maint], the absolute path of the listener's own"
            f" state_dir in [maint], found {what}",
        )


def _reopen(target: Any, loggers: list[Any]) -> list[str]:
    """Reopen the logs of one thing if all of them can be; return why not.

    A handler closes its file before it opens it anew: what follows a failed reopen is lost.
    """
    handlers = [handler for logger in loggers if logger for handler in logger.handlers]
    files = dict.fromkeys(getattr(handler, "baseFilename", None) for handler in handlers)
    reasons = [reason for file in files if file is not None for reason in _try_open(file)]
    if reasons:
        return reasons
    try:
        target.reopenlogs()
    except OSError as error:  # somebody changed the folder in the meantime
        return [f"closed, and cannot be opened again ({error}); mend that, and reopen once more"]
    return []


def _try_open(file: str) -> list[str]:
    """Open a log as its handler will, and say why that fails; a new file is made, as by it."""
    try:
        os.close(os.open(file, _APPEND, 0o666))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return [f"{file} cannot be opened ({reason}), so it was not reopened"]
    return []


def _decoded_request(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        raise _bad_request(f"a text, found {type(text).__name__}")
    try:
        document = _decoded(text) if len(text) <= REQUEST_BYTES else {}
    except ValueError as error:
        raise _bad_request(f"a JSON object: {error}") from error
    if not document or len(_encoded(document)) > REQUEST_BYTES:
        raise _bad_request(f"a JSON object of at most {REQUEST_BYTES} bytes, found more or nothing")
    found = document.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise _bad_request(f"as id 1 to 64 letters, digits, '-' and '_', found {found!r:.80}")
    return document


def _bad_request(expected: str) -> RPCError:
    return RPCError(Faults.BAD_ARGUMENTS, f"expected as request {expected}")


def _status(state_dir: str) -> dict[str, Any]:
    place = f"{state_dir}/{_STATUS_FILE}"
    try:
        return _decoded(_read(state_dir, _STATUS_FILE).decode("utf-8"))
    except FileNotFoundError as error:
        raise RPCError(
            Faults.NO_FILE, f"no listener has published anything in {state_dir}"
        ) from error
    except OSError as error:
        raise RPCError(Faults.FAILED, f"{place}: {error.strerror or error}") from error
    except ValueError as error:
        raise RPCError(Faults.FAILED, f"{place}: expected a published status: {error}") from error


def _read(directory: str, name: str) -> bytes:
    """Read a regular file that no link leads to. Raises OSError, and ValueError for another."""
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | _NO_WAIT)
    try:
        descriptor = os.open(name, os.O_RDONLY | _NO_WAIT, dir_fd=folder)
    finally:
        os.close(folder)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        found = os.fstat(descriptor)
        # A second name: somebody may have linked a file here that only supervisord may read.
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise ValueError("found no regular file with one name")
        content = file.read(STATUS_BYTES + 1)
    if len(content) > STATUS_BYTES:
        raise ValueError(f"found more than {STATUS_BYTES} bytes")
    return content


def _decoded(text: str) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError."""
    try:
        document = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_number)
    except RecursionError as error:
        raise ValueError("found one that is nested too deep") from error
    if not isinstance(document, dict):
        raise ValueError(f"found {type(document).__name__}")  # noqa: TRY004 - of a text
    return document


def _encoded(document: dict[str, Any]) -> str:
    """Return ASCII without control characters: these would break XML, and a listener's parser."""
    return json.dumps(document, separators=(",", ":"))


def _number(text: str) -> float:
    """Read a number that JSON can hold, and no longer than one is: long ones take long."""
    if len(text) <= _LONGEST_NUMBER and math.isfinite(float(text)):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    raise ValueError(f"found the number {text:.{_LONGEST_NUMBER}}")
