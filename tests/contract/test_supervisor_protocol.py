"""What the listener assumes of the installed Supervisor's events and of how it hears answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from supervisor import events as supervisor_events
from supervisor.compat import as_bytes
from supervisor.dispatchers import (
    EventListenerStates,
    PEventListenerDispatcher,
    default_handler,
)
from supervisor.process import EventListenerPool
from supervisor.states import ProcessStates, getProcessStateDescription

from supervisor_maint.listener import events
from supervisor_maint.listener.events import Event
from supervisor_maint.listener.protocol import (
    EventListenerProtocol,
    ListenerState,
    Notification,
)
from supervisor_maint.processes import Namespec, ProcessState

IDENTIFIERS = ["supervisor", "host:9001", "my own supervisor", "größe 🦊", "a serial:1 pool:b"]
STATE_NAMES = sorted(state.name for state in ProcessState)


class SilentLogger:
    """Supervisor's logger, with nothing written."""

    def debug(self, *_words: object) -> None: ...

    info = warn = debug


def process(name: str = "cat", group: str = "pets", pid: int = 2766, backoff: int = 2) -> object:
    return SimpleNamespace(
        config=SimpleNamespace(name=name),
        group=SimpleNamespace(config=SimpleNamespace(name=group)),
        pid=pid,
        backoff=backoff,
    )


def sent(event: object, identifier: str = "supervisor") -> bytes:
    """Write an event as a pool of Supervisor does in ``_dispatchEvent``."""
    pool = SimpleNamespace(
        config=SimpleNamespace(name="maint", options=SimpleNamespace(identifier=identifier))
    )
    return as_bytes(
        EventListenerPool._eventEnvelope(pool, event.__class__, 21, 10, event.payload())
    )


def told(data: bytes) -> Notification:
    protocol = EventListenerProtocol()
    protocol.ready()
    protocol.receive_data(data)
    notification = protocol.next_event()
    assert notification is not None
    return notification


def parsed(event: object) -> Event:
    return events.parse(told(sent(event)), received_at=1.5)


def envelope(name: str) -> dict[str, object]:
    return {"name": name, "serial": 21, "pool_serial": 10, "received_at": 1.5}


@pytest.mark.parametrize("identifier", IDENTIFIERS)
@pytest.mark.parametrize("data", ["", "é €", "a\r\nb\r\n", "🦊" * 3000])
def test_envelope_is_read(identifier: str, data: str) -> None:
    """Supervisor's own envelope is read, whatever the identifier and the payload hold."""
    event = supervisor_events.RemoteCommunicationEvent("maint", data)

    assert Notification(
        version="3.0",
        server=identifier,
        serial=21,
        pool="maint",
        pool_serial=10,
        event_name="REMOTE_COMMUNICATION",
        payload=f"type:maint\n{data}",
    ) == told(sent(event, identifier))


def test_length_counts_characters() -> None:
    """Supervisor's len counts characters, though its documentation says bytes (#1243)."""
    event = supervisor_events.RemoteCommunicationEvent("x", "é €")
    header, payload = sent(event).split(b"\n", 1)

    assert header.endswith(b" len:10")
    assert (10, 13) == (len(payload.decode()), len(payload))


PROCESS_EVENTS = [
    ("STARTING", {"tries": 2}),
    ("BACKOFF", {"tries": 2}),
    ("RUNNING", {"pid": 2766}),
    ("STOPPING", {"pid": 2766}),
    ("STOPPED", {"pid": 2766}),
    ("EXITED", {"pid": 2766, "expected": False}),
    ("FATAL", {}),
    ("UNKNOWN", {}),
]


@pytest.mark.parametrize(("state", "fields"), PROCESS_EVENTS)
@pytest.mark.parametrize("name", ["cat", "größe 🦊", "a:b", "two words"])
def test_process_state_events(name: str, state: str, fields: dict[str, object]) -> None:
    """Each PROCESS_STATE event has the fields we read, and only these."""
    kind = getattr(supervisor_events.EventTypes, f"PROCESS_STATE_{state}")
    event = kind(process(name), ProcessStates.STARTING, expected=False)

    assert events.ProcessStateEvent(
        **envelope(f"PROCESS_STATE_{state}"),
        namespec=Namespec("pets", name),
        state=ProcessState[state],
        from_state=ProcessState.STARTING,
        **fields,
    ) == parsed(event)


def test_process_state_events_are_all_there_are() -> None:
    """Supervisor has exactly one PROCESS_STATE event for each state that we know."""
    names = {
        name for name in vars(supervisor_events.EventTypes) if name.startswith("PROCESS_STATE_")
    }

    assert {f"PROCESS_STATE_{state}" for state in STATE_NAMES} == names


@pytest.mark.parametrize("state", STATE_NAMES)
def test_from_state_is_the_name_of_a_state(state: str) -> None:
    """Supervisor describes a state in a payload by the name and number that we have for it."""
    assert state == getProcessStateDescription(int(ProcessState[state]))


@pytest.mark.parametrize(("name", "period"), [("TICK_5", 5), ("TICK_60", 60), ("TICK_3600", 3600)])
def test_ticks(name: str, period: int) -> None:
    """A tick tells the start of its period."""
    event = getattr(supervisor_events.EventTypes, name)(1201063880, None)

    assert period == event.period
    assert events.TickEvent(**envelope(name), period=period, when=1201063880) == parsed(event)


@pytest.mark.parametrize("group", ["pets", "größe"])
@pytest.mark.parametrize(
    ("name", "added"), [("PROCESS_GROUP_ADDED", True), ("PROCESS_GROUP_REMOVED", False)]
)
def test_group_events(name: str, added: bool, group: str) -> None:
    """A group event tells the group's name, without the line feed behind it."""
    event = getattr(supervisor_events.EventTypes, name)(group)

    assert events.ProcessGroupEvent(**envelope(name), group=group, added=added) == parsed(event)


@pytest.mark.parametrize(("word", "running"), [("RUNNING", True), ("STOPPING", False)])
def test_supervisor_state_events(word: str, running: bool) -> None:
    """Supervisord's own states have no payload; the event's name tells them."""
    name = f"SUPERVISOR_STATE_CHANGE_{word}"
    event = getattr(supervisor_events.EventTypes, name)()

    assert events.SupervisorStateEvent(**envelope(name), running=running) == parsed(event)


@pytest.mark.parametrize("data", ['{"verb": "run"}', "", "é\r\n€\n"])
def test_remote_communication(data: str) -> None:
    """A remote communication tells its kind and its data as they were given."""
    event = supervisor_events.RemoteCommunicationEvent("maint", data)

    assert events.RemoteCommunicationEvent(
        **envelope("REMOTE_COMMUNICATION"), kind="maint", data=data
    ) == parsed(event)


@pytest.mark.parametrize(
    "event",
    [
        supervisor_events.ProcessLogStdoutEvent(process(), 7, b"hello\nworld"),
        supervisor_events.ProcessLogStderrEvent(process(), 7, b"\xff"),
        supervisor_events.ProcessCommunicationStdoutEvent(process(), 7, b"hello"),
    ],
    ids=lambda event: event.__class__.__name__,
)
def test_events_of_others_are_foreign(event: object) -> None:
    """Events that we do not ask for, and may get by rejection elsewhere, are foreign."""
    assert isinstance(parsed(event), events.ForeignEvent)


class Ear:
    """Supervisor's dispatcher for a listener's stdout, on a real pipe."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        options = SimpleNamespace(
            logger=SilentLogger(), strip_ansi=False, readfd=lambda fd: os.read(fd, 65536)
        )
        self.process = SimpleNamespace(
            config=SimpleNamespace(name="maint", stdout_logfile=None, options=options),
            group=SimpleNamespace(config=SimpleNamespace(result_handler=default_handler)),
        )
        self._dispatcher = PEventListenerDispatcher(self.process, "stdout", self._read_fd)

    def hear(self, answer: bytes) -> object:
        os.write(self._write_fd, answer)
        self._dispatcher.handle_read_event()
        return self.process.listener_state

    def send(self) -> bytes:
        """Do what ``_dispatchEvent`` does for a READY listener."""
        self.process.event = supervisor_events.Tick5Event(5, None)
        self.process.listener_state = EventListenerStates.BUSY
        return sent(self.process.event)

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


def test_states_have_supervisors_names() -> None:
    """Our states are Supervisor's, without the one that ends a listener."""
    names = {name for name in vars(EventListenerStates) if name.isupper()}

    assert {state.name for state in ListenerState} | {"UNKNOWN"} == names


def test_both_sides_walk_the_same_states(ear: Ear) -> None:
    """What we say brings Supervisor into the state that we are in, for as long as it goes on."""
    protocol = EventListenerProtocol()

    assert EventListenerStates.ACKNOWLEDGED == ear.process.listener_state
    assert EventListenerStates.READY == ear.hear(protocol.ready())
    for _ in range(3):
        protocol.receive_data(ear.send())
        assert protocol.next_event() is not None
        assert EventListenerStates.ACKNOWLEDGED == ear.hear(protocol.result())
        assert ear.process.event is None
        assert EventListenerStates.READY == ear.hear(protocol.ready())


def test_result_and_ready_in_one_write(ear: Ear) -> None:
    """RESULT and READY may be said at once: the event is accepted and the next one asked for."""
    protocol = EventListenerProtocol()
    ear.hear(protocol.ready())
    for _ in range(3):
        protocol.receive_data(ear.send())
        protocol.next_event()

        assert EventListenerStates.READY == ear.hear(protocol.result() + protocol.ready())
        assert ear.process.event is None


def test_answers_in_pieces(ear: Ear) -> None:
    """Supervisor puts our answers together when it reads them byte by byte."""
    protocol = EventListenerProtocol()
    ear.hear(protocol.ready())
    protocol.receive_data(ear.send())
    protocol.next_event()
    answer = protocol.result() + protocol.ready()
    states = [ear.hear(answer[at : at + 1]) for at in range(len(answer))]

    assert EventListenerStates.UNKNOWN not in states
    assert EventListenerStates.READY == states[-1]


@pytest.mark.parametrize("said_before", [b"", b"READY\n"])
def test_one_stray_line_is_the_end(ear: Ear, said_before: bytes) -> None:
    """A printed line makes a listener UNKNOWN for good: why fd 1 is guarded."""
    if said_before:
        ear.hear(said_before)
    ear.hear(b"hello world\n")

    assert EventListenerStates.UNKNOWN == ear.hear(b"READY\n")
