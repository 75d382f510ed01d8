"""JSON documents as the store keeps and exchanges them. No I/O here.

What is not JSON is refused when it is written, not found out when it is read back: a key that
is no text would silently come back as text, and NaN would not come back at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Document = Mapping[str, Any]


def encode(value: Any) -> str:
    """Return a JSON value as ASCII text, so that any string fits, even undecodable bytes.

    Raises ValueError for what JSON cannot hold.
    """
    try:
        return json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"expected a JSON value: {error}") from error


def decode(text: str) -> Any:
    """Read a JSON value. Raises ValueError, also for NaN and for what is nested without end."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("expected a JSON document, found one that is nested too deep") from error


def decode_document(text: str) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError."""
    document = decode(text)
    if not isinstance(document, dict):
        found = type(document).__name__
        raise ValueError(f"expected a JSON object, found {found}")  # noqa: TRY004 - of a text
    return document


def read_only(document: Document) -> Document:
    """Return a view of a mapping through which nobody can change it."""
    return MappingProxyType(dict(document))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise ValueError(f"expected a text as key in a JSON document, found {key!r}")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"expected JSON, found {name}, which is none")
