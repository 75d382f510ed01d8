"""Supervisord's event listener protocol as bytes in, bytes out. No I/O here.

The owner of the pipes feeds what it reads to ``receive_data``, takes events from ``next_event``
and writes what ``ready`` and ``result`` return. Everything that decides who may speak lives in
``TRANSITIONS``.

Source: https://supervisord.org/events.html#event-listener-notification-protocol, and what
``supervisor.process.EventListenerPool._eventEnvelope`` writes and
``supervisor.dispatchers.PEventListenerDispatcher`` reads.
"""

from __future__ import annotations

import codecs
import enum
import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from supervisor_maint.errors import ProtocolError


class ListenerState(enum.Enum):
    """Where the conversation stands, with Supervisor's names (``EventListenerStates``)."""

    ACKNOWLEDGED = "acknowledged"
    READY = "ready"
    BUSY = "busy"


class Move(enum.Enum):
    """What moves the conversation on."""

    SAY_READY = "say READY"
    TAKE_EVENT = "take an event"
    SAY_RESULT = "say RESULT"


TRANSITIONS: Mapping[tuple[ListenerState, Move], ListenerState] = MappingProxyType(
    {
        (ListenerState.ACKNOWLEDGED, Move.SAY_READY): ListenerState.READY,
        (ListenerState.READY, Move.TAKE_EVENT): ListenerState.BUSY,
        (ListenerState.BUSY, Move.SAY_RESULT): ListenerState.ACKNOWLEDGED,
    }
)
"""Every legal move. Supervisord takes any other for the end of a listener: UNKNOWN, for good."""


@attrs.frozen(kw_only=True)
class Notification:
    """One event as it was sent: the header's fields, and the payload not yet read.

    ``server`` is supervisord's identifier; it may hold spaces and colons. ``serial`` counts all
    events of a supervisord, ``pool_serial`` those of our pool.
    """

    version: str
    server: str
    serial: int
    pool: str
    pool_serial: int
    event_name: str
    payload: str


# Only the identifier is free text: a pool's name holds neither space nor colon (Supervisor's
# process_or_group_name), the rest are numbers and words. So the greedy field ends at the last
# place where the known keys follow it, whatever it holds. (64 bits have at most 20 digits.)
_HEADER = re.compile(
    r"ver:(?P<version>[^ ]+)"
    r" server:(?P<server>.*)"
    r" serial:(?P<serial>[0-9]{1,20})"
    r" pool:(?P<pool>[^ ]+)"
    r" poolserial:(?P<pool_serial>[0-9]{1,20})"
    r" eventname:(?P<event_name>[^ ]+)"
    r" len:(?P<length>[0-9]{1,20})\r?"
)

# A header is about 120 characters. 16 KiB is what h11 gives an HTTP header; without a limit a
# stream that holds no line end would fill the memory.
MAX_HEADER_LENGTH = 16 * 1024

_SHOWN_LENGTH = 200  # enough of a broken header to recognise who wrote it


@attrs.define(eq=False)
class EventListenerProtocol:
    """The listener's side of one conversation with supervisord.

    It begins in ACKNOWLEDGED: supervisord waits for the first READY.
    """

    state: ListenerState = attrs.field(default=ListenerState.ACKNOWLEDGED, init=False)
    # Supervisord encodes strictly, so bytes that are no UTF-8 are not its own. They become
    # U+FFFD, and the next header tells whether the stream is still in step.
    _decoder: codecs.IncrementalDecoder = attrs.field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace"), init=False
    )
    _text: str = attrs.field(default="", init=False)
    _position: int = attrs.field(default=0, init=False)
    _header: re.Match[str] | None = attrs.field(default=None, init=False)

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they come, cut anywhere, also within a character."""
        self._text = self._text[self._position :] + self._decoder.decode(data)
        self._position = 0

    def next_event(self) -> Notification | None:
        """Return the next event once it is there whole, and be BUSY with it.

        Returns None when more bytes are needed, and in every state but READY: what came early
        waits. Raises ProtocolError when a line is no header; nothing can be read after that,
        because where the next event begins is then unknown.
        """
        if self.state is not ListenerState.READY:
            return None
        if self._header is None:
            self._header = self._take_header()
        if self._header is None:
            return None
        payload = self._take_payload(int(self._header["length"]))
        if payload is None:
            return None
        header, self._header = self._header, None
        self._move(Move.TAKE_EVENT)
        return _notification(header, payload)

    def ready(self) -> bytes:
        """Return what tells supervisord to send the next event.

        Legal in ACKNOWLEDGED only, so never before the event before it was read whole: a READY
        said while our stdin pipe is full kills supervisord (an uncaught EAGAIN in its write).
        Raises ValueError in any other state.
        """
        self._move(Move.SAY_READY)
        return b"READY\n"

    def result(self) -> bytes:
        """Return what tells supervisord that the event was accepted.

        It is always OK: FAIL means "deliver it again at once", to every pool of equal priority.
        Legal in BUSY only; raises ValueError in any other state.
        """
        self._move(Move.SAY_RESULT)
        return b"RESULT 2\nOK"

    def _move(self, move: Move) -> None:
        new_state = TRANSITIONS.get((self.state, move))
        if new_state is None:
            raise ValueError(f"cannot {move.value} in state {self.state.name}")
        self.state = new_state

    def _take_header(self) -> re.Match[str] | None:
        """Consume a header line, if it has ended."""
        end = self._text.find("\n", self._position)
        if end == -1:
            if len(self._text) - self._position > MAX_HEADER_LENGTH:
                raise _no_header(self._text[self._position :])
            return None
        header = _HEADER.fullmatch(self._text, self._position, end)
        if header is None:
            raise _no_header(self._text[self._position : end])
        self._position = end + 1
        return header

    def _take_payload(self, length: int) -> str | None:
        """Consume a payload of ``length`` characters, if it is there."""
        # len counts characters, not bytes as the documentation says (Supervisor #1243).
        end = self._position + length
        if len(self._text) < end:
            return None
        payload = self._text[self._position : end]
        self._position = end
        return payload


def _notification(header: re.Match[str], payload: str) -> Notification:
    return Notification(
        version=header["version"],
        server=header["server"],
        serial=int(header["serial"]),
        pool=header["pool"],
        pool_serial=int(header["pool_serial"]),
        event_name=header["event_name"],
        payload=payload,
    )


def _no_header(line: str) -> ProtocolError:
    shown = line[:_SHOWN_LENGTH]
    return ProtocolError(
        "expected an event header from supervisord ('ver:3.0 server:NAME serial:N pool:NAME "
        f"poolserial:N eventname:NAME len:N'), found {shown!r}: restart the listener"
    )
