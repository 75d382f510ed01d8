"""Supervisord's events as values. No I/O here.

Source: https://supervisord.org/events.html and ``supervisor/events.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Callable, TypedDict, Union

import attrs

from supervisor_maint.listener.protocol import Notification
from supervisor_maint.processes import Namespec, ProcessState


@attrs.frozen(kw_only=True)
class _Event:
    """What every event has.

    ``serial`` counts all events of a supervisord, ``pool_serial`` those of our own pool; a gap
    in the latter is an event lost. ``received_at`` is the listener's clock.
    """

    name: str
    serial: int
    pool_serial: int
    received_at: float


@attrs.frozen(kw_only=True)
class ProcessStateEvent(_Event):
    """A process entered ``state``. Only RUNNING, STOPPING, STOPPED and EXITED carry a pid.

    ``expected`` is known for EXITED only; ``tries`` for STARTING, BACKOFF.
    """

    namespec: Namespec
    state: ProcessState
    from_state: ProcessState
    pid: int | None = None
    expected: bool | None = None
    tries: int | None = None


@attrs.frozen(kw_only=True)
class ProcessGroupEvent(_Event):
    """A group was added to or removed from the running configuration."""

    group: str
    added: bool


@attrs.frozen(kw_only=True)
class SupervisorStateEvent(_Event):
    """Supervisord began to run (also after a ``reload``), or began to stop."""

    running: bool


@attrs.frozen(kw_only=True)
class TickEvent(_Event):
    """A period began: ``when`` is its start, in whole seconds since the epoch."""

    period: int
    when: int


@attrs.frozen(kw_only=True)
class RemoteCommunicationEvent(_Event):
    """Somebody called ``sendRemoteCommEvent``."""

    kind: str
    data: str


@attrs.frozen(kw_only=True)
class ForeignEvent(_Event):
    """An event we did not ask for: a rejected one reaches every pool of equal priority."""


Event = Union[
    ProcessStateEvent,
    ProcessGroupEvent,
    SupervisorStateEvent,
    TickEvent,
    RemoteCommunicationEvent,
    ForeignEvent,
]


def parse(notification: Notification, *, received_at: float) -> Event:
    """Turn what supervisord sent into an event; ``received_at`` is epoch seconds.

    Never raises: a kind that is unknown, or a payload that is not what its kind has, makes a
    ForeignEvent. A rejected event reaches every pool of equal priority, subscribed or not, so
    anything may arrive here.
    """
    read = _READERS.get(notification.event_name)
    envelope: _Envelope = {
        "name": notification.event_name,
        "serial": notification.serial,
        "pool_serial": notification.pool_serial,
        "received_at": received_at,
    }
    event = None if read is None else read(notification.payload, envelope)
    return ForeignEvent(**envelope) if event is None else event


class _Envelope(TypedDict):
    """The fields of ``_Event``, on their way into one."""

    name: str
    serial: int
    pool_serial: int
    received_at: float


_Reader = Callable[[str, _Envelope], "Event | None"]

# A process name may hold spaces and colons: the configuration checks it before it expands
# %(ENV_X)s in it. A group's name is checked as it is (process_or_group_name), so the greedy name
# ends at the last place where a group and a state follow. Keys that a later Supervisor may add
# (an exit status is asked for in #1150) follow the state, and are passed over.
_PROCESS_STATE = re.compile(
    r"processname:(?P<name>.+) groupname:(?P<group>[^ ]+) from_state:(?P<from_state>[A-Z]+)"
    r"(?P<more>(?: [a-z_]+:[^ ]*)*)",
    re.DOTALL,
)
_NUMBER = re.compile(r" (?P<key>pid|expected|tries):(?P<value>[0-9]{1,20})(?= |\Z)")
_GROUP = re.compile(r"groupname:(?P<group>[^\n]+)\n?")
_TICK = re.compile(r"when:(?P<when>[0-9]{1,20})")
_REMOTE = re.compile(r"type:(?P<kind>[^\n]*)\n(?P<data>.*)", re.DOTALL)


def _process_state(state: ProcessState, payload: str, envelope: _Envelope) -> Event | None:
    found = _PROCESS_STATE.fullmatch(payload)
    if found is None or found["from_state"] not in ProcessState.__members__:
        return None
    numbers = {key: int(value) for key, value in _NUMBER.findall(found["more"])}
    expected = numbers.get("expected")
    return ProcessStateEvent(
        **envelope,
        namespec=Namespec(found["group"], found["name"]),
        state=state,
        from_state=ProcessState[found["from_state"]],
        pid=numbers.get("pid") or None,  # 0 is what supervisord calls no process
        expected=None if expected is None else bool(expected),
        tries=numbers.get("tries"),
    )


def _process_group(added: bool, payload: str, envelope: _Envelope) -> Event | None:
    found = _GROUP.fullmatch(payload)
    return found and ProcessGroupEvent(**envelope, group=found["group"], added=added)


def _supervisor_state(running: bool, _payload: str, envelope: _Envelope) -> Event | None:
    return SupervisorStateEvent(**envelope, running=running)


def _tick(period: int, payload: str, envelope: _Envelope) -> Event | None:
    found = _TICK.fullmatch(payload)
    return found and TickEvent(**envelope, period=period, when=int(found["when"]))


def _remote_communication(payload: str, envelope: _Envelope) -> Event | None:
    found = _REMOTE.fullmatch(payload)
    return found and RemoteCommunicationEvent(**envelope, kind=found["kind"], data=found["data"])


_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        **{f"PROCESS_STATE_{state.name}": partial(_process_state, state) for state in ProcessState},
        "PROCESS_GROUP_ADDED": partial(_process_group, True),
        "PROCESS_GROUP_REMOVED": partial(_process_group, False),
        "SUPERVISOR_STATE_CHANGE_RUNNING": partial(_supervisor_state, True),
        "SUPERVISOR_STATE_CHANGE_STOPPING": partial(_supervisor_state, False),
        "TICK_5": partial(_tick, 5),
        "TICK_60": partial(_tick, 60),
        "TICK_3600": partial(_tick, 3600),
        "REMOTE_COMMUNICATION": _remote_communication,
    }
)
