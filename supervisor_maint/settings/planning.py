"""The plans of the settings, each put together of the sections that say something of it.

No I/O here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.settings.alerting import (
    LEAD_SECONDS,
    AlertmanagerSection,
    PrometheusSection,
)
from supervisor_maint.settings.maintenance import (
    MaintenanceSection,
    ReadinessSection,
    StepSection,
)
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.settings.options import declaration_of

T = TypeVar("T")


def plans(sections: Iterable[Any]) -> tuple[Plan, ...]:
    """Return every plan, complete. The steps they name are known (see ``unknown_steps``)."""
    everything = tuple(sections)
    steps = _by_name(everything)
    readiness = tuple(each.readiness() for each in everything if isinstance(each, ReadinessSection))
    alertmanager = _only(AlertmanagerSection, everything)
    prometheus = _only(PrometheusSection, everything)
    return tuple(
        _told(each, each.plan(steps, readiness), alertmanager, prometheus)
        for each in everything
        if isinstance(each, MaintenanceSection)
    )


def _told(
    section: MaintenanceSection,
    plan: Plan,
    alertmanager: AlertmanagerSection | None,
    prometheus: PrometheusSection | None,
) -> Plan:
    """Let a plan have from the monitoring's sections what it does not say itself."""
    if alertmanager is not None and section.lead_seconds is None:
        plan = attrs.evolve(plan, lead_seconds=LEAD_SECONDS)
    if alertmanager is not None and alertmanager.block_on_alerts and not plan.block_on_alerts:
        shown = ", ".join(map(str, alertmanager.block_on_alerts))
        plan = attrs.evolve(plan, block_on_alerts=shown)
    if prometheus is not None and prometheus.block_on_query and not plan.block_on_query:
        plan = attrs.evolve(plan, block_on_query=prometheus.block_on_query)
    return plan


def _only(kind: type[T], sections: Iterable[Any]) -> T | None:
    return next((each for each in sections if isinstance(each, kind)), None)


def unknown_steps(sections: Iterable[Any]) -> Iterator[tuple[MaintenanceSection, str, str]]:
    """Yield for each name of a step that no section has: the plan, the key and a sentence."""
    everything = tuple(sections)
    steps = _by_name(everything)
    for each in everything:
        if not isinstance(each, MaintenanceSection):
            continue
        for key in ("check", "pre", "post"):
            for name in getattr(each, key) or ():
                if name not in steps:
                    yield each, key, _unknown(name, steps)


def unasked_blockers(sections: Iterable[Any]) -> Iterator[tuple[MaintenanceSection, str, str]]:
    """Yield for each blocker that nobody could be asked about: the plan, the key and a sentence."""
    everything = tuple(sections)
    heads = {"block_on_alerts": AlertmanagerSection, "block_on_query": PrometheusSection}
    for each in everything:
        if not isinstance(each, MaintenanceSection):
            continue
        for key, kind in heads.items():
            if getattr(each, key) is not None and _only(kind, everything) is None:
                header = declaration_of(kind).header
                yield each, key, f"expected a section {header} that says whom to ask, found none"


def _unknown(name: str, steps: Mapping[str, StepSection]) -> str:
    close = nearest(name, steps)
    hint = f"did you mean {close!r}?" if close else f"add a section [step:{name}]"
    return f"expected the name of a [step:…], found {name!r}; {hint}"


def _by_name(sections: Iterable[Any]) -> dict[str, StepSection]:
    return {each.name: each for each in sections if isinstance(each, StepSection)}
