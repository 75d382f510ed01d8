"""Whether what monitoring answers keeps a run from starting. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

_MOST_SHOWN = 3
# They fire until a run of their plan succeeds: what they keep back would be what ends them.
_ENDED_BY_A_RUN = frozenset({"SupervisorMaintenanceFailed", "SupervisorMaintenanceMissed"})


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


def firing(alerts: Sequence[Alert], *, instance: str, plan: str) -> str:
    """Return a sentence about the alerts that keep a run of a plan from starting; empty for none.

    Those that such a run would end do not.
    """
    against = [each for each in alerts if not _is_ended_by_a_run(each.labels, instance, plan)]
    return f"firing: {_shown(against)}" if against else ""


def _is_ended_by_a_run(labels: Mapping[str, str], instance: str, plan: str) -> bool:
    is_of_plan = (labels.get("instance"), labels.get("plan")) == (instance, plan)
    return is_of_plan and labels.get("alertname") in _ENDED_BY_A_RUN


def answered(samples: Sequence[Sample]) -> str:
    """Return a sentence about the samples that keep a run from starting; empty for none.

    Every element of a vector does, whatever its value; a scalar does unless it is 0.
    """
    against = [each for each in samples if not each.is_scalar or each.value != 0]
    return f"it returns {_shown(against)}" if against else ""


def _shown(found: Sequence[object]) -> str:
    shown = ", ".join(map(str, found[:_MOST_SHOWN]))
    return f"{shown} and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else shown
