"""Whether what monitoring answers keeps a run from starting. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

_MOST_SHOWN = 3


@attrs.frozen(hash=False)
class Alert:
    """An alert that Alertmanager has, by its labels."""

    labels: Mapping[str, str]

    def __str__(self) -> str:
        name = self.labels.get("alertname", "an alert without a name")
        instance = self.labels.get("instance")
        return f"{name} of {instance}" if instance else name


@attrs.frozen(hash=False)
class Sample:
    """One sample of an answer of Prometheus; a scalar has no labels."""

    value: float
    labels: Mapping[str, str] = attrs.field(factory=dict)
    is_scalar: bool = False

    def __str__(self) -> str:
        inside = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{{{inside}}} {self.value:g}" if inside else f"{self.value:g}"


def firing(alerts: Sequence[Alert]) -> str:
    """Return a sentence about the alerts that keep a run from starting; empty for none."""
    return f"firing: {_shown(alerts)}" if alerts else ""


def answered(samples: Sequence[Sample]) -> str:
    """Return a sentence about the samples that keep a run from starting; empty for none.

    Every element of a vector does, whatever its value; a scalar does unless it is 0.
    """
    against = [each for each in samples if not each.is_scalar or each.value != 0]
    return f"it returns {_shown(against)}" if against else ""


def _shown(found: Sequence[object]) -> str:
    shown = ", ".join(map(str, found[:_MOST_SHOWN]))
    return f"{shown} and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else shown
