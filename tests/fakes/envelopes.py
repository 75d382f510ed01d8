"""Supervisord's side of the event protocol, as bytes: what ``_eventEnvelope`` would write."""

from __future__ import annotations


def envelope(
    event_name: str,
    payload: str = "",
    *,
    server: str = "supervisor",
    serial: int = 21,
    pool: str = "maint",
    pool_serial: int = 10,
) -> bytes:
    """Write one event; ``len`` counts characters, as Supervisor does."""
    return (
        f"ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} "
        f"eventname:{event_name} len:{len(payload)}\n{payload}"
    ).encode()
