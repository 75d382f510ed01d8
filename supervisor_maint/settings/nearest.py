"""The nearest known name to one that is not known. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable

_CLOSE = 0.6  # difflib's own default: one slip in a short name, two or three in a long one


def nearest(found: str, known: Iterable[str], *, cutoff: float = _CLOSE) -> str | None:
    """Return the known name that is most alike in any case, or None when none is close."""
    import difflib  # only a mistake needs it

    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(found.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else None
