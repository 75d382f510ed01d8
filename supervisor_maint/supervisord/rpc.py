"""Supervisord over XML-RPC; implements ``effects.Supervisor``.

Never ``stopAllProcesses`` nor ``startAllProcesses``: the first takes every listener with it, the
second starts what somebody stopped. Starting and stopping never waits: a call that waits holds
its answer back for ``startsecs``, and a multicall of such calls does one after the other.
Source: https://supervisord.org/api.html and ``supervisor/rpcinterface.py``.
"""

from __future__ import annotations

import os
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from xml.parsers.expat import ExpatError

import attrs

from supervisor_maint import errors
from supervisor_maint.processes import (
    Look,
    Namespec,
    OutputSizes,
    ProcessConfig,
    Snapshot,
    Supervisord,
)
from supervisor_maint.supervisord import answers, explain, procfs
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.server_url import ServerUrl
from supervisor_maint.supervisord.transport import HttpTransport

# What limits the calls of a listener, and of most commands.
RPC_TIMEOUT = "rpc_timeout in [maint]"
# Supervisord puts names, spawn errors and log lines into XML as they are. XML 1.0 allows no
# control characters but tab, line feed and carriage return, and the parser would refuse it all.
_NOT_IN_XML = bytes(set(range(32)) - {9, 10, 13})
_LONGEST_CHARACTER_BYTES = 4  # UTF-8, RFC 3629

# As the methods about logs name them, in the order of ``OutputSizes``.
_STREAMS = ("Stderr", "Stdout")

_T = TypeVar("_T")


@attrs.frozen
class Call:
    """One XML-RPC call; ``subject`` is what an error message says it was about."""

    method: str
    params: tuple[Any, ...] = ()
    subject: str = ""


_IDENTITY = (
    Call("supervisor.getPID"),
    Call("supervisor.getState"),
    Call("supervisor.getIdentification"),
    Call("supervisor.getSupervisorVersion"),
)


class SupervisorClient:
    """One supervisord. Any number of threads may use it; each call ends within the timeout.

    ``limited_by`` names for people what the timeout was set by; "" for what nobody can set.
    The user and password in the URL, if any, are used where none are given. Raises
    ``errors.SupervisorError`` and nothing else; ValueError for a server URL that is none.
    """

    def __init__(
        self,
        server_url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        timeout_seconds: float = 5.0,
        limited_by: str = RPC_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = ServerUrl.parse(server_url)
        self._clock = clock
        self._transport = HttpTransport(
            self.url,
            username=self.url.username if username is None else username,
            password=self.url.password if password is None else password,
            timeout_seconds=timeout_seconds,
            limited_by=limited_by,
        )

    def __repr__(self) -> str:
        return f"SupervisorClient({self.url.text!r})"

    def close(self) -> None:
        """Close the idle connections; the next call opens one again."""
        self._transport.close()

    def __enter__(self) -> SupervisorClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def identify(self) -> Supervisord:
        """Tell which supervisord answers, and its state."""
        return self._supervisord(self._all(_IDENTITY))

    def snapshot(self) -> Snapshot:
        """Ask for the status of every process, and who answers, in one call."""
        *identity, statuses = self._all([*_IDENTITY, Call("supervisor.getAllProcessInfo")])
        return Snapshot(
            taken_at=self._clock(),
            supervisord=self._supervisord(identity),
            processes=self._understood(answers.process_statuses, statuses),
        )

    def configs(self) -> Mapping[Namespec, ProcessConfig]:
        """Ask for the configuration of every process, as last read."""
        answer = self.call("supervisor.getAllConfigInfo", repeatable=True)
        return self._understood(answers.process_configs, answer)

    def look(self, namespecs: Iterable[Namespec]) -> Look:
        """Ask for supervisord's state and the status of some processes, in one call."""
        asked = list(namespecs)
        state = Call("supervisor.getState")
        calls = [_about("supervisor.getProcessInfo", namespec) for namespec in asked]
        told, *infos = self.multicall([state, *calls], repeatable=True)
        found = [
            _value(call, info)
            for call, info in zip(calls, infos)
            if not _is_fault(info, FaultCode.BAD_NAME)
        ]
        return self._understood(answers.look, asked, _value(state, told), found)

    def start(self, namespecs: Iterable[Namespec]) -> Mapping[Namespec, str | None]:
        """Have processes started, without waiting; tell for each why not, or None.

        Start only what was seen STOPPED, EXITED or FATAL: a STOPPING process is left alone and
        yet answered with success, a BACKOFF one counts as started already.
        """
        return self._each("supervisor.startProcess", namespecs)

    def stop(self, namespecs: Iterable[Namespec]) -> Mapping[Namespec, str | None]:
        """Have processes stopped, without waiting; tell for each why not, or None."""
        return self._each("supervisor.stopProcess", namespecs)

    def log_tail(self, length: int) -> str:
        """Return the last ``length`` bytes of supervisord's own log, whole characters only."""
        return self._tail("supervisor.readLog", length)

    def output_sizes(self, namespecs: Iterable[Namespec]) -> Mapping[Namespec, OutputSizes]:
        """Ask how much the logs of processes hold, in one call; those unknown are left out."""
        asked = list(namespecs)
        calls = [
            Call(f"supervisor.tailProcess{stream}Log", (namespec.qualified, 0, 0))
            for namespec in asked
            for stream in _STREAMS
        ]
        answer = iter(self.multicall(calls, repeatable=True))
        pairs = zip(asked, zip(answer, answer))
        return self._understood(
            lambda: {
                namespec: OutputSizes(*(int(size) for _, size, _ in pair))
                for namespec, pair in pairs
                if not any(map(_is_fault, pair))
            }
        )

    def output_tail(
        self, namespec: Namespec, length: int, *, since: OutputSizes | None = None
    ) -> str:
        """Return the last ``length`` bytes of a process's stderr log, else of its stdout log.

        Whole characters only; an empty text when it has neither. With ``since``, only what was
        written after the logs held so much; a log that was rotated or cut since is all newer.
        """
        lengths = (length, length)
        if since is not None:
            now = self.output_sizes([namespec]).get(namespec, since)
            written = now.written_since(since)
            lengths = (min(length, written.stderr), min(length, written.stdout))
        for stream, wanted in zip(_STREAMS, lengths):
            tail = self._output(stream, namespec, wanted) if wanted else ""
            if tail.strip():
                return tail
        return ""

    def _output(self, stream: str, namespec: Namespec, length: int) -> str:
        try:
            return self._tail(f"supervisor.readProcess{stream}Log", length, namespec.qualified)
        except errors.SupervisorFault as fault:
            if fault.code == FaultCode.NO_FILE:
                return ""
            raise

    def _tail(self, method: str, length: int, *params: str) -> str:
        """Read the end of a log.

        Supervisord fails when the tail begins inside a character, so it is then asked again for
        a few bytes less, at once, that the beginnings are neighbours.
        """
        if length < 1:  # supervisord would send the whole log
            raise ValueError(f"expected a length of at least 1, found {length}")
        calls = [
            Call(method, (*params, skipped - length, 0), *params[:1])
            for skipped in range(min(_LONGEST_CHARACTER_BYTES, length))
        ]
        first = self.multicall(calls[:1], repeatable=True)
        if not _is_fault(first[0], FaultCode.FAILED):
            return str(_value(calls[0], first[0]))
        tails = self.multicall(calls, repeatable=True)
        whole = [tail for tail in tails if isinstance(tail, str)]
        return whole[0] if whole else str(_value(calls[0], tails[0]))

    def nudge(self) -> None:
        """Make supervisord's loop turn now: any call does (its poll sleeps up to 1 s)."""
        self.call("supervisor.getState", repeatable=True)

    def call(self, method: str, *params: Any, repeatable: bool = False) -> Any:
        """Call any method, also a plug-in's, and return its value.

        Only a ``repeatable`` one is sent again when a kept-alive connection turns out closed.
        """
        request = xmlrpc.client.dumps(params, method).encode("utf-8", "xmlcharrefreplace")
        answer = self._transport.post(request, repeatable=repeatable)
        try:
            (value,), _ = xmlrpc.client.loads(answer.translate(None, _NOT_IN_XML))
        except xmlrpc.client.Fault as fault:
            subject = ", ".join(map(str, params[:1]))
            raise explain.fault(method, subject, fault.faultCode, fault.faultString) from None
        # What the parser raises for XML that is no XML-RPC is whatever its stack machine meets.
        except (ExpatError, xmlrpc.client.Error, LookupError, TypeError, ValueError) as error:
            raise explain.not_xmlrpc(self.url, str(error) or type(error).__name__) from None
        return value

    def multicall(self, calls: Sequence[Call], *, repeatable: bool = False) -> list[Any]:
        """Make many calls in one; a call that failed has a fault in its place.

        Supervisord puts values into the answer bare, not in a list of one as the de facto
        standard does, so ``xmlrpc.client.MultiCall`` cannot read it.
        """
        if not calls:
            return []
        struct = [{"methodName": call.method, "params": list(call.params)} for call in calls]
        answer = self.call("system.multicall", struct, repeatable=repeatable)
        if not isinstance(answer, list) or len(answer) != len(calls):
            raise explain.not_xmlrpc(self.url, f"a multicall of {len(calls)} without its answers")
        return answer

    def _all(self, calls: Sequence[Call]) -> list[Any]:
        answer = self.multicall(calls, repeatable=True)
        return [_value(call, item) for call, item in zip(calls, answer)]

    def _each(self, method: str, namespecs: Iterable[Namespec]) -> dict[Namespec, str | None]:
        asked = list(namespecs)
        calls = [_about(method, namespec, False) for namespec in asked]
        answer = self.multicall(calls)
        return {
            namespec: _refusal(call, item) for namespec, call, item in zip(asked, calls, answer)
        }

    def _supervisord(self, identity: Sequence[Any]) -> Supervisord:
        pid, *told = identity
        return self._understood(
            lambda: answers.supervisord(pid, *told, started_at=_started_at(pid, self.url))
        )

    def _understood(self, read: Callable[..., _T], *answer: Any) -> _T:
        try:
            return read(*answer)
        except (LookupError, TypeError, ValueError) as error:
            raise explain.not_xmlrpc(
                self.url, f"{type(error).__name__}: {error}; expected supervisor 4.2.5 or newer"
            ) from None


def _about(method: str, namespec: Namespec, *params: Any) -> Call:
    return Call(method, (namespec.qualified, *params), namespec.qualified)


def _is_fault(item: object, code: FaultCode | None = None) -> bool:
    if not isinstance(item, dict) or "faultCode" not in item:
        return False
    return code is None or item["faultCode"] == code


def _value(call: Call, item: Any) -> Any:
    if _is_fault(item):
        text = str(item.get("faultString", ""))
        raise explain.fault(call.method, call.subject, item["faultCode"], text)
    return item


def _refusal(call: Call, item: Any) -> str | None:
    try:
        _value(call, item)
    except errors.SupervisorShuttingDown:
        raise
    except errors.SupervisorError as error:
        return error.msg
    return None


def _started_at(pid: int, url: ServerUrl) -> float:
    """Tell when supervisord was started; 0.0 when its pid may be of another machine.

    Our own parent is believed; else the pid must be of this machine and look like supervisord
    (a socket can be shared with a container, which counts pids on its own).
    """
    if pid != os.getppid() and not (url.is_local and procfs.is_supervisord(pid)):
        return 0.0
    return procfs.started_at(pid) or 0.0
