"""The listener's loop on real pipes: what it answers, hands on, survives, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from typing import Callable

import attrs
import pytest

from supervisor_maint.errors import ProtocolError
from supervisor_maint.listener.events import Event
from supervisor_maint.listener.guard import Pipes
from supervisor_maint.listener.loop import Listener
from tests.fakes.envelopes import envelope

ANSWER = b"RESULT 2\nOKREADY\n"
SECONDS = 60  # a deadline for a busy machine; nothing here takes a tenth of a second


@attrs.define
class Supervisord:
    """The other ends of the listener's pipes."""

    pipes: Pipes
    events_fd: int
    results_fd: int
    is_open: bool = True

    def send(self, data: bytes) -> None:
        os.write(self.events_fd, data)

    def hang_up(self) -> None:
        """Close the events pipe, as a dying supervisord does."""
        if self.is_open:
            self.is_open = False
            os.close(self.events_fd)

    def heard(self) -> bytes:
        """Return what the listener has said so far."""
        os.set_blocking(self.results_fd, False)
        try:
            return os.read(self.results_fd, 1_000_000)
        except BlockingIOError:
            return b""


@pytest.fixture
def supervisord() -> Iterator[Supervisord]:
    events_read, events_write = os.pipe()
    results_read, results_write = os.pipe()
    ends = Supervisord(Pipes(events_read, results_write), events_write, results_read)
    yield ends
    ends.hang_up()
    for fd in (events_read, results_read, results_write):
        os.close(fd)


class Diary:
    """What the listener told, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.errors: list[tuple[str, BaseException]] = []
        self.reloads = 0

    def on_error(self, where: str, error: BaseException) -> None:
        self.errors.append((where, error))

    def on_reload(self) -> None:
        self.reloads += 1

    @property
    def serials(self) -> list[int]:
        return [event.serial for event in self.events]


@pytest.fixture
def diary() -> Diary:
    return Diary()


def run(listener: Listener, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Run the listener to its end; ``meanwhile`` is called once it has said READY."""

    async def session() -> None:
        running = asyncio.ensure_future(listener.run())
        await asyncio.sleep(0)  # the task's first step ends where it waits, after READY
        meanwhile()
        await asyncio.wait_for(running, SECONDS)

    asyncio.run(session())


def listener_of(
    supervisord: Supervisord, diary: Diary, on_event: Callable[[Event], None] | None = None
) -> Listener:
    return Listener(
        supervisord.pipes,
        on_event or diary.events.append,
        diary.on_error,
        on_reload=diary.on_reload,
        clock=lambda: 1.5,
    )


def test_first_ready_is_said_at_the_start(supervisord: Supervisord, diary: Diary) -> None:
    """READY is said before anything was read, and nothing else."""
    supervisord.hang_up()
    run(listener_of(supervisord, diary))

    assert b"READY\n" == supervisord.heard()


def test_event_is_acknowledged_before_it_is_handed_on(
    supervisord: Supervisord, diary: Diary
) -> None:
    """When on_event is called, supervisord has its answer and may send the next event."""
    heard = []
    supervisord.send(envelope("TICK_5", "when:5"))
    supervisord.hang_up()
    run(listener_of(supervisord, diary, lambda _event: heard.append(supervisord.heard())))

    assert [b"READY\n" + ANSWER] == heard


def test_events_are_handed_on_in_order(supervisord: Supervisord, diary: Diary) -> None:
    """Each event is handed on once, in order, with the time when it was read."""
    for serial in range(5):
        supervisord.send(envelope("TICK_5", "when:5", serial=serial))
    supervisord.hang_up()
    run(listener_of(supervisord, diary))

    assert [(serial, 1.5) for serial in range(5)] == [
        (event.serial, event.received_at) for event in diary.events
    ]
    assert b"READY\n" + 5 * ANSWER == supervisord.heard()


def test_event_that_arrives_byte_by_byte(supervisord: Supervisord, diary: Diary) -> None:
    """An event is answered once its last byte is there, not earlier."""
    heard = []
    data = envelope("REMOTE_COMMUNICATION", "type:maint\né€")

    async def session() -> None:
        running = asyncio.ensure_future(listener_of(supervisord, diary).run())
        for byte in data:
            supervisord.send(bytes([byte]))
            await asyncio.sleep(0)
            heard.append(supervisord.heard())
        supervisord.hang_up()
        await asyncio.wait_for(running, SECONDS)

    asyncio.run(session())

    assert 1 == len(diary.events)
    assert b"READY\n" + ANSWER == b"".join(heard) + supervisord.heard()
    assert ANSWER not in b"".join(heard[:-1])


def test_many_events_are_all_answered(supervisord: Supervisord, diary: Diary) -> None:
    """Five thousand events, more than a pipe holds, are all answered and handed on."""
    count = 5000

    def send_all() -> None:
        for serial in range(count):
            supervisord.send(envelope("TICK_5", "when:5", serial=serial))
        supervisord.hang_up()

    heard = bytearray()
    sender = threading.Thread(target=send_all)

    def take(event: Event) -> None:
        diary.events.append(event)
        heard.extend(supervisord.heard())

    run(listener_of(supervisord, diary, take), meanwhile=sender.start)
    sender.join(SECONDS)

    assert list(range(count)) == diary.serials
    assert b"READY\n" + count * ANSWER == bytes(heard)


def test_exception_is_reported_and_survived(supervisord: Supervisord, diary: Diary) -> None:
    """An exception in on_event is reported with where it was; the next event is handed on."""
    mishap = RuntimeError("mishap")

    def stumble_once(event: Event) -> None:
        diary.events.append(event)
        if event.serial == 1:
            raise mishap

    for serial in (1, 2):
        supervisord.send(envelope("TICK_5", "when:5", serial=serial))
    supervisord.hang_up()
    run(listener_of(supervisord, diary, stumble_once))

    assert [1, 2] == diary.serials
    assert [("event", mishap)] == diary.errors
    assert b"READY\n" + 2 * ANSWER == supervisord.heard()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_signal_ends_quietly(supervisord: Supervisord, diary: Diary, number: int) -> None:
    """SIGTERM and SIGINT are a normal end."""
    run(listener_of(supervisord, diary), meanwhile=lambda: os.kill(os.getpid(), number))

    assert ([], []) == (diary.events, diary.errors)


def test_hangup_signal_is_a_reload(supervisord: Supervisord, diary: Diary) -> None:
    """SIGHUP asks for a reload and ends nothing."""

    async def session() -> None:
        running = asyncio.ensure_future(listener_of(supervisord, diary).run())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGHUP)
        while not diary.reloads:
            await asyncio.sleep(0.01)
        was_running = not running.done()
        supervisord.hang_up()
        await running
        assert was_running

    asyncio.run(asyncio.wait_for(session(), SECONDS))

    assert 1 == diary.reloads


def test_failing_reload_is_survived(supervisord: Supervisord, diary: Diary) -> None:
    """An exception in on_reload is reported, and events go on."""
    mishap = RuntimeError("mishap")

    def fail() -> None:
        supervisord.send(envelope("TICK_5", "when:5"))
        supervisord.hang_up()
        raise mishap

    listener = Listener(supervisord.pipes, diary.events.append, diary.on_error, on_reload=fail)
    run(listener, meanwhile=lambda: os.kill(os.getpid(), signal.SIGHUP))

    assert [("reload", mishap)] == diary.errors
    assert [21] == diary.serials


def test_hangup_signal_without_reload(supervisord: Supervisord, diary: Diary) -> None:
    """A listener that has nothing to reload ignores SIGHUP."""

    def hang_up_both() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        supervisord.hang_up()

    run(Listener(supervisord.pipes, diary.events.append, diary.on_error), meanwhile=hang_up_both)

    assert [] == diary.errors


def test_stop_ends(supervisord: Supervisord, diary: Diary) -> None:
    """The application may end the loop itself, from within an event."""
    supervisord.send(envelope("TICK_5", "when:5"))
    listeners: list[Listener] = []
    listeners.append(listener_of(supervisord, diary, lambda _event: listeners[0].stop()))
    run(listeners[0])

    assert b"READY\n" + ANSWER == supervisord.heard()


def test_stop_is_harmless_outside_of_run(supervisord: Supervisord, diary: Diary) -> None:
    """To stop before the start, twice, or after the end does nothing."""
    listener = listener_of(supervisord, diary)

    def stop_twice() -> None:
        listener.stop()
        listener.stop()

    listener.stop()
    run(listener, meanwhile=stop_twice)
    listener.stop()

    assert b"READY\n" == supervisord.heard()


def test_end_within_an_event_is_quiet(supervisord: Supervisord, diary: Diary) -> None:
    """EOF in the middle of an event is an end like any other."""
    supervisord.send(envelope("TICK_5", "when:5")[:-3])
    supervisord.hang_up()
    run(listener_of(supervisord, diary))

    assert ([], []) == (diary.events, diary.errors)


def test_nobody_to_answer_to_is_quiet(diary: Diary) -> None:
    """When supervisord no longer reads, the loop ends; the event it had sent is handed on."""
    events_read, events_write = os.pipe()
    results_read, results_write = os.pipe()

    def lose_reader() -> None:
        os.close(results_read)
        os.write(events_write, envelope("TICK_5", "when:5"))

    try:
        run(
            Listener(Pipes(events_read, results_write), diary.events.append, diary.on_error),
            meanwhile=lose_reader,
        )
    finally:
        for fd in (events_read, events_write, results_write):
            os.close(fd)

    assert [21] == diary.serials
    assert [] == diary.errors


def test_what_is_no_event_ends_with_an_error(supervisord: Supervisord, diary: Diary) -> None:
    """Noise ends the loop with its reason, after the events before it were handed on."""
    supervisord.send(envelope("TICK_5", "when:5") + b"noise\n")
    with pytest.raises(ProtocolError, match="found 'noise'") as ended:
        run(listener_of(supervisord, diary))

    assert [21] == diary.serials
    assert [("protocol", ended.value)] == diary.errors


def test_foreign_event_is_answered(supervisord: Supervisord, diary: Diary) -> None:
    """An event that we never asked for is accepted: to reject it would spread it further."""
    supervisord.send(envelope("PROCESS_LOG_STDOUT", "processname:a groupname:a pid:1\nhello"))
    supervisord.hang_up()
    run(listener_of(supervisord, diary))

    assert b"READY\n" + ANSWER == supervisord.heard()
    assert ["PROCESS_LOG_STDOUT"] == [event.name for event in diary.events]
