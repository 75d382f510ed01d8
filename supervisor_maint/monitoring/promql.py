"""Queries of Prometheus with the instance in their strings. No I/O here.

The rest of a query is Prometheus' own business: only its strings and comments are told apart.
"""

from __future__ import annotations

import re

from supervisor_maint.monitoring import placeholders

# A string after =~ or !~ is a regular expression; one in backquotes knows no escapes.
_PART = re.compile(
    r"(?P<comment>#[^\n]*)"
    r"|(?P<operator>[=!]~\s*)?"
    r"(?:\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'|`(?P<raw>[^`]*)`)",
    re.DOTALL,
)


def parse(text: str) -> str:
    """Read a query: it is kept as it is written.

    Raises ValueError for none, and for names in braces that stand for nothing or in no string.
    """
    if not text:
        raise ValueError("expected a query of Prometheus, found none")
    for part in _PART.finditer(text):
        if part["comment"] is None:
            placeholders.check(part[0])
    if placeholders.are_in(_PART.sub('""', text)):
        raise ValueError(
            f"expected names in braces within quotes, such as up{{instance="
            f'"{placeholders.INSTANCE}"}}, found {text!r}'
        )
    return text


def of_instance(query: str, instance: str) -> str:
    """Return a query with the instance in its places, escaped for each of them."""
    return _PART.sub(lambda part: _filled(part, instance), query)


def _filled(part: re.Match[str], instance: str) -> str:
    if part["comment"] is not None or not placeholders.are_in(part[0]):
        return part[0]
    operator = part["operator"] or ""
    value = re.escape(instance) if operator else instance
    if part["raw"] is not None:
        return f'{operator}"{_escaped(placeholders.fill(part["raw"], value))}"'
    quote = part[0][-1]
    inside = part["single"] if part["double"] is None else part["double"]
    return f"{operator}{quote}{placeholders.fill(inside, _escaped(value, quote))}{quote}"


def _escaped(text: str, quote: str = '"') -> str:
    """Return a text as it is written between quotes (Prometheus takes the escapes of Go)."""
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
