"""Counters of the listener itself, which outlive it. No I/O here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

_FAMILIES = ("events", "errors", "store_errors")


def _counter(counts: Mapping[str, int] | None = None) -> Counter[str]:
    return Counter(counts or {})


@attrs.define
class Totals:
    """How many events of each kind came in, and what went wrong where.

    They only grow, and are saved with the process counters, for a counter that starts again at
    1 shows an increase of 0 (https://prometheus.io/docs/practices/pushing/).
    """

    events: Counter[str] = attrs.field(factory=Counter, converter=_counter)
    errors: Counter[str] = attrs.field(factory=Counter, converter=_counter)
    store_errors: Counter[str] = attrs.field(factory=Counter, converter=_counter)

    def to_document(self) -> dict[str, dict[str, int]]:
        """Return what ``restore`` reads, JSON-able."""
        return {family: dict(getattr(self, family)) for family in _FAMILIES}

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> Totals:
        """Read what ``to_document`` wrote; unknown families are left out."""
        return cls(**{family: document.get(family, {}) for family in _FAMILIES})
