"""The event listener protocol, fed whole, in pieces, and with what does not belong there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.errors import ProtocolError
from supervisor_maint.listener.protocol import (
    MAX_HEADER_LENGTH,
    TRANSITIONS,
    EventListenerProtocol,
    ListenerState,
    Move,
    Notification,
)
from tests.fakes.envelopes import envelope

PAYLOADS = {
    "empty": "",
    "ascii": "when:1201063880",
    "several bytes a character": "type:deploy\né € 🦊 done",
    "line ends": "type:deploy\r\nfirst\r\nsecond\n\n",
    "looks like a header": "ver:3.0 server:x serial:1 pool:p poolserial:1 eventname:E len:3\nabc",
    "null and controls": "\x00\x1b[0m\u2028\u0085",
}
SERVERS = {
    "plain": "supervisor",
    "colon": "host:9001",
    "spaces": "my own supervisor",
    "unicode": "größe 🦊",
    "known keys": "a serial:1 pool:b poolserial:2 eventname:E len:3",
    "empty": "",
}


def listening() -> EventListenerProtocol:
    protocol = EventListenerProtocol()
    protocol.ready()
    return protocol


def conversation(chunks: Iterable[bytes]) -> list[Notification]:
    """Feed the chunks to a listener that acknowledges at once; return what it was told."""
    protocol, told = listening(), []
    for chunk in chunks:
        protocol.receive_data(chunk)
        while (notification := protocol.next_event()) is not None:
            told.append(notification)
            protocol.result()
            protocol.ready()
    return told


def each_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_header_fields_are_told() -> None:
    """Every field of the header arrives under its own name."""
    protocol = listening()
    protocol.receive_data(
        b"ver:3.0 server:host:9001 serial:21 pool:maint poolserial:10 eventname:TICK_5 len:6\n"
        b"when:5"
    )

    assert (
        Notification(
            version="3.0",
            server="host:9001",
            serial=21,
            pool="maint",
            pool_serial=10,
            event_name="TICK_5",
            payload="when:5",
        )
        == protocol.next_event()
    )


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
@pytest.mark.parametrize("cut", [lambda data: [data], each_byte], ids=["whole", "byte by byte"])
def test_payload_and_identifier_survive(cut, payload: str, server: str) -> None:
    """Any identifier and payload arrive as sent, whole or byte by byte."""
    told = conversation(cut(envelope("REMOTE_COMMUNICATION", payload, server=server)))

    assert [(server, payload)] == [(each.server, each.payload) for each in told]


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_trailing_data_is_the_next_event(payload: str) -> None:
    """What follows a payload in the same chunk is the next event, not lost and not mixed in."""
    first = envelope("REMOTE_COMMUNICATION", payload, serial=1)
    second = envelope("TICK_5", "when:5", serial=2)

    told = conversation([first + second + b"ver:3.0 serv"])

    assert [(1, payload), (2, "when:5")] == [(each.serial, each.payload) for each in told]


@given(
    sent=st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        max_size=4,
    ),
    cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=8),
)
def test_any_split_of_any_text(sent: list[tuple[str, str]], cuts: list[int]) -> None:
    """Identifiers and payloads of any text arrive as sent, however the bytes are cut."""
    data = b"".join(envelope("REMOTE_COMMUNICATION", text, server=name) for name, text in sent)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    told = conversation(data[start:end] for start, end in zip(places, places[1:]))

    assert sent == [(each.server, each.payload) for each in told]


def test_one_event_at_a_time() -> None:
    """An event that came early waits until the one before it is answered."""
    protocol = listening()
    protocol.receive_data(envelope("TICK_5", serial=1) + envelope("TICK_5", serial=2))

    first = protocol.next_event()
    while_busy = protocol.next_event()
    protocol.result()
    while_acknowledged = protocol.next_event()
    protocol.ready()
    second = protocol.next_event()

    assert first is not None
    assert second is not None
    assert (1, None, None, 2) == (first.serial, while_busy, while_acknowledged, second.serial)


def test_no_event_before_the_first_ready() -> None:
    """Nothing is taken before READY was said."""
    protocol = EventListenerProtocol()
    protocol.receive_data(envelope("TICK_5"))

    assert protocol.next_event() is None


def test_answers_are_what_supervisord_expects() -> None:
    """READY ends with a line feed, RESULT counts the two characters of OK and has none."""
    protocol = listening()
    protocol.receive_data(envelope("TICK_5"))
    protocol.next_event()

    assert b"RESULT 2\nOKREADY\n" == protocol.result() + protocol.ready()


def protocol_in(state: ListenerState) -> EventListenerProtocol:
    protocol = EventListenerProtocol()
    if state is ListenerState.ACKNOWLEDGED:
        return protocol
    protocol.ready()
    if state is ListenerState.BUSY:
        protocol.receive_data(envelope("TICK_5"))
        protocol.next_event()
    return protocol


@pytest.mark.parametrize("state", ListenerState, ids=lambda state: state.name)
@pytest.mark.parametrize("move", [Move.SAY_READY, Move.SAY_RESULT], ids=lambda move: move.name)
def test_only_moves_of_the_table_are_legal(move: Move, state: ListenerState) -> None:
    """Each thing to say is allowed where the table has it, and elsewhere changes nothing."""
    protocol = protocol_in(state)
    say = protocol.ready if move is Move.SAY_READY else protocol.result
    expected = TRANSITIONS.get((state, move))

    if expected is None:
        with pytest.raises(ValueError, match=f"cannot {move.value} in state {state.name}"):
            say()
    else:
        say()

    assert (expected or state) is protocol.state


def test_every_state_has_one_way_on() -> None:
    """The conversation is a circle: each state is left by one move, and comes around again."""
    followers = {state: new_state for (state, _), new_state in TRANSITIONS.items()}

    assert set(ListenerState) == set(followers) == set(followers.values())
    assert len(TRANSITIONS) == len(ListenerState)


def test_ready_is_not_said_within_an_event() -> None:
    """While an event has arrived in part there is nothing legal to say: it must be read first."""
    protocol = listening()
    data = envelope("REMOTE_COMMUNICATION", "type:x\nabc")
    for byte in each_byte(data[:-1]):
        protocol.receive_data(byte)
        assert protocol.next_event() is None
        with pytest.raises(ValueError, match="cannot say READY in state READY"):
            protocol.ready()

    protocol.receive_data(data[-1:])

    assert protocol.next_event() is not None


def test_length_counts_characters() -> None:
    """A payload of 14 characters in 17 bytes ends where Supervisor's len says (#1243)."""
    payload = "type:x\né € end"[:14]
    protocol = listening()
    protocol.receive_data(
        b"ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:14\n" + payload.encode()
    )
    notification = protocol.next_event()

    assert (14, 17) == (len(payload), len(payload.encode()))
    assert notification is not None
    assert payload == notification.payload


def test_header_with_carriage_return() -> None:
    """A header line may end in CRLF; the payload begins after the line feed."""
    told = conversation([envelope("TICK_5", "when:5").replace(b"len:6\n", b"len:6\r\n")])

    assert ["when:5"] == [each.payload for each in told]


NO_HEADERS = {
    "blank": "",
    "noise": "hello",
    "no length": "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E",
    "length is no number": "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:x",
    "negative length": "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:-1",
    "other digits": "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:٣",
    "no number of this world": (
        "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:" + "9" * 5000
    ),
    "something before": "OK ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:0",
    "something after": "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:E len:0 x",
}


@pytest.mark.parametrize("line", NO_HEADERS.values(), ids=NO_HEADERS.keys())
@pytest.mark.parametrize("cut", [lambda data: [data], each_byte], ids=["whole", "byte by byte"])
def test_what_is_no_header_is_refused(cut, line: str) -> None:
    """A line that is no header is an error that shows the beginning of the line."""
    with pytest.raises(ProtocolError) as refusal:
        conversation(cut(f"{line}\n".encode()))

    assert f"found {line[:200]!r}" in refusal.value.msg


def test_events_before_the_noise_are_told() -> None:
    """An event that was there whole is told before the noise behind it is refused."""
    protocol = listening()
    protocol.receive_data(envelope("TICK_5", serial=7) + b"noise\n")
    notification = protocol.next_event()
    protocol.result()
    protocol.ready()

    assert notification is not None
    assert 7 == notification.serial
    with pytest.raises(ProtocolError):
        protocol.next_event()


def test_endless_line_is_refused() -> None:
    """A stream without a line end is refused before it fills the memory."""
    protocol = listening()
    protocol.receive_data(b"x" * MAX_HEADER_LENGTH)
    within_limit = protocol.next_event()
    protocol.receive_data(b"x")

    assert within_limit is None
    with pytest.raises(ProtocolError):
        protocol.next_event()


@given(chunks=st.lists(st.binary(max_size=60), max_size=6))
def test_arbitrary_bytes_never_surprise(chunks: list[bytes]) -> None:
    """Whatever arrives, there is an event, a wait for more, or a ProtocolError: nothing else."""
    try:
        conversation(chunks)
    except ProtocolError as error:
        refused = error.msg
    else:
        refused = None

    assert (refused is not None) == (b"\n" in b"".join(chunks))


def test_bytes_that_are_no_utf8_do_not_stop_the_stream() -> None:
    """A stray byte in a payload becomes one replacement character; the next event is whole."""
    stray = envelope("REMOTE_COMMUNICATION", "type:x\n?").replace(b"?", b"\xff")

    told = conversation([stray, envelope("TICK_5", "when:5")])

    assert ["type:x\n\ufffd", "when:5"] == [each.payload for each in told]


def test_a_large_payload_arrives_in_pieces() -> None:
    """A payload of a megabyte is put together from pipe-sized reads."""
    payload = "type:x\n" + "é" * 500_000
    data = envelope("REMOTE_COMMUNICATION", payload)

    told = conversation(data[at : at + 65536] for at in range(0, len(data), 65536))

    assert [payload] == [each.payload for each in told]
