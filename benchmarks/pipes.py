"""A supervisord's side of the event listener protocol, which measures the other side.

It does what supervisord does with one process of a pool: one event, then its result, then READY,
then the next (https://supervisord.org/events.html). Times are monotonic seconds.
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType

import attrs

from benchmarks.children import environment
from benchmarks.listeners import Contender

PROCESSES = 50  # how many the events tell of
_READY = b"READY\n"
_RESULT = b"RESULT 2\nOK"
_ANSWER_SECONDS = 60.0


@attrs.frozen
class Acknowledgement:
    """One event: when it was written to the pipe, and what passed until its result was there."""

    sent_at: float
    seconds: float


class DrivenListener:
    """A listener at the other end of two pipes, started on entering and ended on leaving.

    What it gets are the events of one restart after the other.

    ``ready_seconds`` is what it took from its start to its first READY.
    """

    def __init__(self, contender: Contender, server_url: str) -> None:
        self._contender = contender
        self._server_url = server_url
        self._events = _restarts(PROCESSES)
        self._unread = b""

    def __enter__(self) -> DrivenListener:
        self._stderr = tempfile.TemporaryFile()
        began_at = time.monotonic()
        self._process = subprocess.Popen(
            self._contender.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(SUPERVISOR_SERVER_URL=self._server_url, SUPERVISOR_ENABLED="1"),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._events_fd = self._process.stdin.fileno()
        self._results_fd = self._process.stdout.fileno()
        self._wait_for(_READY)
        self.ready_seconds = time.monotonic() - began_at
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()
        self._stderr.close()

    def send_next(self) -> Acknowledgement:
        """Send the next event, and wait for its result, and for READY."""
        event = next(self._events)
        sent_at = time.monotonic()
        os.write(self._events_fd, event)
        self._wait_for(_RESULT)
        seconds = time.monotonic() - sent_at
        self._wait_for(_READY)
        return Acknowledgement(sent_at, seconds)

    def _wait_for(self, token: bytes) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while token not in self._unread:
            if not select.select([self._results_fd], [], [], deadline - time.monotonic())[0]:
                raise self._failure(f"nothing within {_ANSWER_SECONDS:g} s")
            data = os.read(self._results_fd, 4096)
            if not data:
                raise self._failure("its end")
            self._unread += data
        self._unread = self._unread.partition(token)[2]

    def _failure(self, found: str) -> RuntimeError:
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace")
        return RuntimeError(f"expected an answer of {self._contender.name}, found {found}: {said}")


def _restarts(processes: int) -> Iterator[bytes]:
    """Yield the events of one restart after the other, each of the next process, without end."""
    serial = 0
    restart = 0
    while True:
        number = restart % processes
        who = f"processname:worker_{number:04} groupname:group_{number // 10:03}"
        old, new = 100_000 + restart - processes, 100_000 + restart
        for name, payload in (
            ("STOPPING", f"{who} from_state:RUNNING pid:{old}"),
            ("STOPPED", f"{who} from_state:STOPPING pid:{old}"),
            ("STARTING", f"{who} from_state:STOPPED tries:0"),
            ("RUNNING", f"{who} from_state:STARTING pid:{new}"),
        ):
            yield _envelope(serial, f"PROCESS_STATE_{name}", payload)
            serial += 1
        restart += 1


def _envelope(serial: int, name: str, payload: str) -> bytes:
    """Return an event as supervisord's ``_eventEnvelope`` writes it."""
    header = (
        f"ver:3.0 server:supervisor serial:{serial} pool:bench poolserial:{serial} "
        f"eventname:{name} len:{len(payload)}\n"
    )
    return (header + payload).encode()
