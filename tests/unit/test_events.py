"""Supervisord's events as values: every kind, odd names, and what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    ProcessStateEvent,
    RemoteCommunicationEvent,
    SupervisorStateEvent,
    TickEvent,
    parse,
)
from supervisor_maint.listener.protocol import Notification
from supervisor_maint.processes import Namespec, ProcessState

RECEIVED_AT = 1_700_000_000.25


def parsed(event_name: str, payload: str) -> Event:
    notification = Notification(
        version="3.0",
        server="supervisor",
        serial=21,
        pool="maint",
        pool_serial=10,
        event_name=event_name,
        payload=payload,
    )
    return parse(notification, received_at=RECEIVED_AT)


def of_kind(kind: type, name: str, /, **fields: object) -> Event:
    return kind(name=name, serial=21, pool_serial=10, received_at=RECEIVED_AT, **fields)


KNOWN = [
    (
        "PROCESS_STATE_STARTING",
        "processname:cat groupname:pets from_state:STOPPED tries:0",
        ProcessStateEvent,
        {
            "namespec": Namespec("pets", "cat"),
            "state": ProcessState.STARTING,
            "from_state": ProcessState.STOPPED,
            "tries": 0,
        },
    ),
    (
        "PROCESS_STATE_BACKOFF",
        "processname:cat groupname:pets from_state:STARTING tries:3",
        ProcessStateEvent,
        {
            "namespec": Namespec("pets", "cat"),
            "state": ProcessState.BACKOFF,
            "from_state": ProcessState.STARTING,
            "tries": 3,
        },
    ),
    (
        "PROCESS_STATE_RUNNING",
        "processname:cat groupname:cat from_state:STARTING pid:2766",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.RUNNING,
            "from_state": ProcessState.STARTING,
            "pid": 2766,
        },
    ),
    (
        "PROCESS_STATE_STOPPING",
        "processname:cat groupname:cat from_state:RUNNING pid:2766",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.STOPPING,
            "from_state": ProcessState.RUNNING,
            "pid": 2766,
        },
    ),
    (
        "PROCESS_STATE_STOPPED",
        "processname:cat groupname:cat from_state:STOPPING pid:2766",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.STOPPED,
            "from_state": ProcessState.STOPPING,
            "pid": 2766,
        },
    ),
    (
        "PROCESS_STATE_EXITED",
        "processname:cat groupname:cat from_state:RUNNING expected:0 pid:2766",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.EXITED,
            "from_state": ProcessState.RUNNING,
            "expected": False,
            "pid": 2766,
        },
    ),
    (
        "PROCESS_STATE_FATAL",
        "processname:cat groupname:cat from_state:BACKOFF",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.FATAL,
            "from_state": ProcessState.BACKOFF,
        },
    ),
    (
        "PROCESS_STATE_UNKNOWN",
        "processname:cat groupname:cat from_state:BACKOFF",
        ProcessStateEvent,
        {
            "namespec": Namespec("cat", "cat"),
            "state": ProcessState.UNKNOWN,
            "from_state": ProcessState.BACKOFF,
        },
    ),
    (
        "PROCESS_GROUP_ADDED",
        "groupname:pets\n",
        ProcessGroupEvent,
        {"group": "pets", "added": True},
    ),
    (
        "PROCESS_GROUP_REMOVED",
        "groupname:größe\n",
        ProcessGroupEvent,
        {"group": "größe", "added": False},
    ),
    ("SUPERVISOR_STATE_CHANGE_RUNNING", "", SupervisorStateEvent, {"running": True}),
    ("SUPERVISOR_STATE_CHANGE_STOPPING", "", SupervisorStateEvent, {"running": False}),
    ("TICK_5", "when:1201063880", TickEvent, {"period": 5, "when": 1201063880}),
    ("TICK_60", "when:1201063880", TickEvent, {"period": 60, "when": 1201063880}),
    ("TICK_3600", "when:1201063200", TickEvent, {"period": 3600, "when": 1201063200}),
    (
        "REMOTE_COMMUNICATION",
        'type:maint\n{"verb":"run"}\r\nsecond: line\n',
        RemoteCommunicationEvent,
        {"kind": "maint", "data": '{"verb":"run"}\r\nsecond: line\n'},
    ),
    ("REMOTE_COMMUNICATION", "type:\n", RemoteCommunicationEvent, {"kind": "", "data": ""}),
    (
        "REMOTE_COMMUNICATION",
        "type:a:b c\ntype:d\n",
        RemoteCommunicationEvent,
        {"kind": "a:b c", "data": "type:d\n"},
    ),
]


@pytest.mark.parametrize(("name", "payload", "kind", "fields"), KNOWN)
def test_known_events(name: str, payload: str, kind: type, fields: dict[str, object]) -> None:
    """Each event of Supervisor becomes a value with the payload's fields."""
    assert of_kind(kind, name, **fields) == parsed(name, payload)


ODD_NAMES = [
    "a:b",
    "two words",
    "größe 🦊",
    "x groupname:y",
    "x from_state:RUNNING",
    "\u00a0",
    "a\nb",
]


@pytest.mark.parametrize("process", ODD_NAMES)
def test_odd_process_names(process: str) -> None:
    """A process name may hold colons, spaces, any letter, and even the next key."""
    event = parsed(
        "PROCESS_STATE_EXITED",
        f"processname:{process} groupname:größe from_state:RUNNING expected:1 pid:7",
    )

    assert isinstance(event, ProcessStateEvent)
    assert (Namespec("größe", process), 7, True) == (event.namespec, event.pid, event.expected)


def test_pid_zero_is_no_process() -> None:
    """Supervisord writes pid 0 where there is no child."""
    event = parsed("PROCESS_STATE_STOPPED", "processname:a groupname:a from_state:STOPPING pid:0")

    assert isinstance(event, ProcessStateEvent)
    assert event.pid is None


def test_keys_of_a_later_supervisor_are_passed_over() -> None:
    """A key that is added behind the state does not hide the ones we know (#1150)."""
    event = parsed(
        "PROCESS_STATE_EXITED",
        "processname:a groupname:a from_state:RUNNING expected:0 exit_status:3 signal: pid:7",
    )

    assert isinstance(event, ProcessStateEvent)
    assert (False, 7) == (event.expected, event.pid)


FOREIGN = [
    ("PROCESS_LOG_STDOUT", "processname:a groupname:a pid:1 channel:stdout\nhello"),
    ("PROCESS_COMMUNICATION_STDOUT", "processname:a groupname:a pid:1\nhello"),
    ("None", ""),
    ("MAINT", "anything"),
    ("PROCESS_STATE", "processname:a groupname:a from_state:RUNNING"),
    ("TICK_7", "when:1"),
]
MALFORMED = [
    ("PROCESS_STATE_RUNNING", ""),
    ("PROCESS_STATE_RUNNING", "processname:a groupname:a"),
    ("PROCESS_STATE_RUNNING", "groupname:a processname:a from_state:STARTING pid:1"),
    ("PROCESS_STATE_RUNNING", "processname:a groupname:a from_state:DANCING pid:1"),
    ("PROCESS_STATE_RUNNING", "processname:a groupname: from_state:STARTING pid:1"),
    ("PROCESS_STATE_RUNNING", "processname: groupname:a from_state:STARTING pid:1"),
    ("PROCESS_GROUP_ADDED", ""),
    ("PROCESS_GROUP_ADDED", "groupname:\n"),
    ("PROCESS_GROUP_ADDED", "groupname:a\nb\n"),
    ("TICK_5", ""),
    ("TICK_5", "when:"),
    ("TICK_5", "when:now"),
    ("TICK_5", "when:٣"),
    ("TICK_5", "when:" + "9" * 5000),
    ("REMOTE_COMMUNICATION", ""),
    ("REMOTE_COMMUNICATION", "type:maint"),
    ("REMOTE_COMMUNICATION", "kind:maint\n{}"),
]


@pytest.mark.parametrize(("name", "payload"), FOREIGN + MALFORMED)
def test_what_we_do_not_know_is_foreign(name: str, payload: str) -> None:
    """An unknown kind and a malformed payload of a known one are foreign events, no error."""
    assert of_kind(ForeignEvent, name) == parsed(name, payload)


@pytest.mark.parametrize("number", ["", "x", "-1", "None", "٣", "9" * 5000])
def test_a_pid_that_is_no_number_is_unknown(number: str) -> None:
    """A pid that cannot be read leaves the event known, its pid not."""
    event = parsed(
        "PROCESS_STATE_RUNNING", f"processname:a groupname:a from_state:STARTING pid:{number}"
    )

    assert isinstance(event, ProcessStateEvent)
    assert event.pid is None


NAMES = sorted({name for name, *_ in KNOWN})


@given(name=st.sampled_from(NAMES), payload=st.text())
def test_no_payload_raises(name: str, payload: str) -> None:
    """Whatever the payload of a known event is, parsing it tells the envelope and never raises."""
    event = parsed(name, payload)

    assert (name, 21, 10) == (event.name, event.serial, event.pool_serial)


@given(
    process=st.text(min_size=1),
    group=st.text(st.characters(exclude_characters=" :/"), min_size=1),
    pid=st.integers(min_value=1, max_value=2**22),
)
def test_any_name_is_told_as_it_is(process: str, group: str, pid: int) -> None:
    """Any process name, in any group that Supervisor accepts, is told as it is."""
    event = parsed(
        "PROCESS_STATE_RUNNING",
        f"processname:{process} groupname:{group} from_state:STARTING pid:{pid}",
    )

    assert isinstance(event, ProcessStateEvent)
    assert (Namespec(group, process), pid) == (event.namespec, event.pid)


@given(kind=st.text(st.characters(exclude_characters="\n")), data=st.text())
def test_any_remote_communication_is_told_as_it_is(kind: str, data: str) -> None:
    """Kind and data of a remote communication are told as they were sent."""
    assert of_kind(
        RemoteCommunicationEvent, "REMOTE_COMMUNICATION", kind=kind, data=data
    ) == parsed("REMOTE_COMMUNICATION", f"type:{kind}\n{data}")
