"""Supervisord's events as values. No I/O here.

Source: https://supervisord.org/events.html and ``supervisor/events.py``.
"""

from __future__ import annotations

from typing import Union

import attrs

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
