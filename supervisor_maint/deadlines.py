"""One deadline for a whole exchange over a socket, however many bytes it comes in.

A socket's own timeout is for one ``recv``, so it starts anew with each byte that comes: a server
that sends one now and then would hold whoever reads for hours.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Any, Callable


def remaining_seconds(deadline: float) -> float:
    """Return what is left until a monotonic moment. Raises socket.timeout when nothing is."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise socket.timeout("timed out")
    return remaining


class DeadlineSocket:
    """The part of a socket that http.client uses, each wait cut to what the exchange has left.

    ``remaining_seconds`` tells that, and raises socket.timeout when it is nothing.
    """

    def __init__(self, sock: socket.socket, remaining_seconds: Callable[[], float]) -> None:
        self._sock = sock
        self._remaining_seconds = remaining_seconds

    def sendall(self, sent: bytes) -> None:
        """Send all of it. Raises OSError."""
        self.wait_no_longer_than_the_rest()
        self._sock.sendall(sent)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what it receives, as a file."""
        return io.BufferedReader(_DeadlineReader(self._sock.makefile("rb", buffering=0), self))

    def close(self) -> None:
        """Close it."""
        self._sock.close()

    def wait_no_longer_than_the_rest(self) -> None:
        """Have the next wait end at the deadline. Raises socket.timeout when that is over."""
        self._sock.settimeout(self._remaining_seconds())


class _DeadlineReader(io.RawIOBase):
    def __init__(self, raw: socket.SocketIO, sock: DeadlineSocket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.wait_no_longer_than_the_rest()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
