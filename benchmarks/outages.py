"""An outside client that asks web servers all the time, and the outages it found."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence

import attrs

# It is to see what a client elsewhere would see, and not to take a processor from what it
# looks at: between two rounds it rests at least this long, and three times as long as one takes.
_LEAST_PAUSE_SECONDS = 0.005
_REST_SHARE = 3.0
_PATIENCE_SECONDS = 2.0

Interval = tuple[float, float]


@attrs.frozen
class Answer:
    """Whether a server served at a moment, in seconds of any clock."""

    at: float
    is_served: bool


def outages(answers: Sequence[Answer]) -> list[Interval]:
    """Return the outages among the answers of one server, in their order.

    One begins and ends halfway between two answers that differ: neither too long nor too short
    on average. One that lasts at the first or last answer begins or ends with it.
    """
    found: list[Interval] = []
    began_at = None if not answers or answers[0].is_served else answers[0].at
    for before, after in zip(answers, answers[1:]):
        if before.is_served is after.is_served:
            continue
        between = (before.at + after.at) / 2
        if after.is_served and began_at is not None:
            found.append((began_at, between))
        began_at = None if after.is_served else between
    return found if began_at is None else [*found, (began_at, answers[-1].at)]


def seconds_of_all(each: Sequence[Sequence[Interval]]) -> float:
    """Return for how many seconds every server was in an outage."""
    common = list(each[0]) if each else []
    for intervals in each[1:]:
        common = [
            (max(first), min(last))
            for one in common
            for another in intervals
            for first, last in [((one[0], another[0]), (one[1], another[1]))]
            if max(first) < min(last)
        ]
    return sum(last - first for first, last in common)


@attrs.define
class Prober:
    """Asks every server again and again while it is entered, in a thread of its own."""

    ports: Sequence[int]
    answers: Mapping[int, list[Answer]] = attrs.field(init=False)
    _left: threading.Event = attrs.field(init=False, factory=threading.Event)
    _thread: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answers = {port: [] for port in self.ports}
        self._thread = threading.Thread(target=self._probe, daemon=True)

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def outages(self) -> list[list[Interval]]:
        """Return the outages of each server."""
        return [outages(self.answers[port]) for port in self.ports]

    def _probe(self) -> None:
        pause_seconds = _LEAST_PAUSE_SECONDS
        while not self._left.wait(pause_seconds):
            began_at = time.monotonic()
            for port in self.ports:
                is_served = _is_served(port)
                self.answers[port].append(Answer(time.monotonic(), is_served))
            round_seconds = time.monotonic() - began_at
            pause_seconds = max(_LEAST_PAUSE_SECONDS, _REST_SHARE * round_seconds)


def _is_served(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.0 200")
    except OSError:
        return False
