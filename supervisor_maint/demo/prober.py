"""An outside client of the demonstration's web servers, which notices every outage."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import attrs

_PAUSE_SECONDS = 0.02
_ANSWER_WITHIN_SECONDS = 2.0


@attrs.define
class Prober:
    """Asks every server again and again while it is entered, in a thread of its own."""

    _front: str
    rounds: int = attrs.field(init=False, default=0)
    fewest_served: int = attrs.field(init=False, default=3)
    _left: threading.Event = attrs.field(init=False, factory=threading.Event)
    _thread: threading.Thread = attrs.field(init=False)

    def __enter__(self) -> Prober:
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _probe(self) -> None:
        ports = [int(self._front + str(last)) for last in range(3)]
        while not self._left.wait(_PAUSE_SECONDS):
            self.rounds += 1
            self.fewest_served = min(self.fewest_served, _served(ports))


def _served(ports: Sequence[int]) -> int:
    return sum(_is_served(port) for port in ports)


def _is_served(port: int) -> bool:
    """Tell whether a request gets its 200: a connection alone may be one in a dying queue."""
    try:
        with socket.create_connection(("127.0.0.1", port), _ANSWER_WITHIN_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.0 200")
    except OSError:
        return False
