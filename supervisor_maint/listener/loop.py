"""The listener's loop: it owns the protocol's pipes and answers before anybody works. No policy.

An event is acknowledged first and handed on afterwards, so nothing that takes time can fill the
pool's buffer at supervisord, and a death while working on an event never has it delivered twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Callable

import attrs

from supervisor_maint.errors import ProtocolError
from supervisor_maint.listener import events
from supervisor_maint.listener.events import Event
from supervisor_maint.listener.guard import Pipes
from supervisor_maint.listener.protocol import EventListenerProtocol, Notification

_READ_BYTES = 65536  # what a Linux pipe holds


def _ignore_reload() -> None:
    """Do nothing: a listener without settings has nothing to read again."""


@attrs.define(eq=False)
class Listener:
    """Reads events until supervisord or somebody else ends it.

    ``on_event`` is called once for each event, in the loop, after its acknowledgement: it must
    not block. ``on_reload`` is called for SIGHUP. ``on_error`` gets a word for where it was
    ("event", "reload", "protocol") and the exception that was survived; it must not raise.
    ``clock`` tells epoch seconds.
    """

    _pipes: Pipes
    _on_event: Callable[[Event], None]
    _on_error: Callable[[str, BaseException], None]
    _on_reload: Callable[[], None] = _ignore_reload
    _clock: Callable[[], float] = time.time
    _protocol: EventListenerProtocol = attrs.field(factory=EventListenerProtocol, init=False)
    _ended: asyncio.Future[None] | None = attrs.field(default=None, init=False)

    async def run(self) -> None:
        """Say READY and take events until EOF, SIGTERM, SIGINT or ``stop``: all a normal end.

        Raises ProtocolError when supervisord sends what is no event. To guess where the next one
        begins could leave us deaf and looking well; to end is certain: supervisord starts us
        again, on new pipes, and delivers the event in flight once more. Runs in the main thread.
        """
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        os.set_blocking(self._pipes.events_fd, False)
        with self._signals(loop):
            loop.add_reader(self._pipes.events_fd, self._receive)
            try:
                self._write(self._protocol.ready())
                await self._ended
            finally:
                loop.remove_reader(self._pipes.events_fd)

    def stop(self) -> None:
        """End ``run``; nothing happens when it is not under way."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._survive, "reload", self._on_reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _receive(self) -> None:
        """Take what is in the pipe; called when there is something, or its end."""
        try:
            data = os.read(self._pipes.events_fd, _READ_BYTES)
        except BlockingIOError:
            return  # woken for nothing
        if not data:
            self.stop()
            return
        received_at = self._clock()
        self._protocol.receive_data(data)
        try:
            self._take_events(received_at)
        except ProtocolError as error:
            self._on_error("protocol", error)
            self._fail(error)

    def _take_events(self, received_at: float) -> None:
        while True:
            notification = self._protocol.next_event()
            if notification is None:
                return
            self._write(self._protocol.result() + self._protocol.ready())
            self._survive("event", partial(self._hand_on, notification, received_at))

    def _hand_on(self, notification: Notification, received_at: float) -> None:
        self._on_event(events.parse(notification, received_at=received_at))

    def _write(self, answer: bytes) -> None:
        """Answer in one piece: pipes take up to 4096 bytes whole (POSIX PIPE_BUF)."""
        try:
            os.write(self._pipes.results_fd, answer)
        except BrokenPipeError:
            self.stop()  # supervisord is gone

    def _survive(self, where: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the one place: a listener must not go deaf
            self._on_error(where, error)

    def _fail(self, error: ProtocolError) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)
