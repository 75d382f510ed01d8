"""``{instance}`` in matchers and queries: what it stands for is put in its place. No I/O here.

``{{word}}`` is ``{word}`` itself, as in a label of routes. What a regular expression has in braces
is left alone: ``{2,3}``, ``\\p{Greek}``, ``\\x{10FFFF}``.
"""

from __future__ import annotations

import re

# Stands for the instance of [maint]; in a regular expression its characters mean themselves.
INSTANCE = "{instance}"
_PLACE = re.compile(r"(?<!\\[pPx])(\{\{[A-Za-z_]\w*\}\}|\{[A-Za-z_]\w*\})", re.ASCII)


def check(text: str) -> None:
    """Refuse a name that stands for nothing. Raises ValueError."""
    for place in _PLACE.findall(text):
        if place != INSTANCE and not place.startswith("{{"):
            raise ValueError(
                f"expected no other name in braces than {INSTANCE}, found {place} in {text!r}; "
                f"{{{place}}} is {place} itself"
            )


def are_in(text: str) -> bool:
    """Tell whether anything is to be put into a text."""
    return _PLACE.search(text) is not None


def fill(text: str, instance: str) -> str:
    """Return a text with the instance, as it is to be written there, in its places."""
    return _PLACE.sub(lambda place: _filled(place[0], instance), text)


def _filled(place: str, instance: str) -> str:
    if place == INSTANCE:
        return instance
    return place[1:-1] if place.startswith("{{") else place
