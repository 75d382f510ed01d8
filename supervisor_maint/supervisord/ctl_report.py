"""What the listener published, as lines for ``supervisorctl maint status``. No I/O here.

Part of the plug-in of supervisorctl: nothing is imported but the standard library. Whatever the
document holds, there are lines: another version of us may have written it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from supervisor_maint import durations

Document = Mapping[str, Any]


def is_well(document: Document) -> bool:
    """Tell whether the listener runs, and reaches supervisord."""
    return bool(document.get("listener")) and document.get("supervisord_up") is not False


def lines(document: Document) -> Iterator[str]:
    """Yield the lines that tell of the listener, its settings, sinks, and the maintenance."""
    yield _listener(document)
    refused = document.get("config_reload_successful") is False
    newer = ", NEWER ONES REFUSED (its log says why)" if refused else ""
    yield f"settings    {document.get('settings_file')}{newer}"
    if document.get("supervisord_up") is False:
        yield "supervisord does not answer the listener"
    yield f"events lost {document.get('events_lost', 0)}, errors {document.get('errors', 0)}"
    for name, sink in _mapping(document.get("sinks")).items():
        last_write = f"last write {_ago(_mapping(sink).get('last_success_at'), document)}"
        yield f"sink        {name}: {_mapping(sink).get('last_error') or last_write}"
    yield from map(str, _list(_mapping(document.get("maintenance")).get("sentences")))


def _listener(document: Document) -> str:
    written = f"wrote this {_ago(document.get('published_at'), document)}"
    if not document.get("listener"):
        return f"listener    NOT RUNNING; pid {document.get('pid')} {written}"
    return (
        f"listener    {document['listener']}, pid {document.get('pid')}, "
        f"version {document.get('version')}, {written}, "
        f"last event {_ago(document.get('heartbeat_at'), document)}"
    )


def _ago(at: object, document: Document) -> str:
    """Say how long ago a moment was; both are by the clocks of supervisord's machine."""
    now = document.get("read_at")
    if isinstance(at, (int, float)) and isinstance(now, (int, float)):
        return f"{durations.show(now - at)} ago"
    return "never"


def _mapping(value: object) -> Document:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
