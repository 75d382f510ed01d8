"""Texts that mean themselves in every file that is deployed. No I/O here."""

from __future__ import annotations

import re
from typing import Any

import attrs

# Whatever needs no quotes in an ini file, in YAML, in JSON and in logrotate's own language.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@~+=,?&\[\]-]+")


def plain(text: str) -> str:
    """Return a text that means itself in every file; raise ValueError for another one."""
    if _PLAIN.fullmatch(text) is None:
        raise ValueError(f"expected letters, digits and ./:@~+=,?&[]-_ only, found {text!r}")
    return text


def _is_plain(_instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    try:
        plain("-" if value is None else value)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}") from None


def field(default: Any = attrs.NOTHING) -> Any:
    """Declare a text of this kind, or None."""
    return attrs.field(default=default, validator=_is_plain)
