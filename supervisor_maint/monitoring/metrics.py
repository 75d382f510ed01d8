"""Facts to metrics: the collector, its registry, and the table that describes them. No I/O here.

The registry is our own, never the library's global one, and holds nothing that is not in the
table of ``describe()``. A metric's type never changes: the Pushgateway would reject it. A new
meaning is a new name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import Metric

from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.monitoring.families import Family
from supervisor_maint.monitoring.maint_families import MAINT_FAMILIES
from supervisor_maint.monitoring.process_families import PROCESS_FAMILIES

_FAMILIES: tuple[Family, ...] = PROCESS_FAMILIES + MAINT_FAMILIES

_DURATION = "supervisor_maint_event_duration_seconds"
_DURATION_HELP = "Seconds from the arrival of an event to its acknowledgement."
# An acknowledgement takes some 100 µs; 10 s is where supervisord's buffer is about to overflow.
_DURATION_BUCKETS = (0.00005, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.015, 0.05, 0.25, 1, 10)


class MaintCollector:
    """Turn what ``supply`` returns into every metric family, at each collection.

    ``supply`` is called in whatever thread renders; it must return at once.
    """

    def __init__(self, supply: Callable[[], Facts]) -> None:
        self._supply = supply
        self._durations = Histogram(
            _DURATION, _DURATION_HELP, buckets=_DURATION_BUCKETS, registry=None
        )

    def observe(self, seconds: float) -> None:
        """Count how long an event took, from its arrival to its acknowledgement."""
        self._durations.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has a sample; one without any says nothing."""
        facts = self._supply()
        for family in _FAMILIES:
            collected = family.collect(facts)
            if collected.samples:
                yield collected
        yield from self._collect_durations()

    def describe(self) -> Iterator[Metric]:
        """Yield every family without samples: what the registry holds names by."""
        yield from (family.empty() for family in _FAMILIES)
        yield from self._durations.describe()

    def _collect_durations(self) -> Iterator[Metric]:
        """Yield the histogram without its ``_created`` series.

        ``disable_created_metrics`` would be for the whole process, and is younger than the
        oldest prometheus_client that we run with.
        """
        for metric in self._durations.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


def new_registry(collector: MaintCollector) -> CollectorRegistry:
    """Make the registry that holds everything we expose, and nothing else."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """Write the registry in the text format 0.0.4, in UTF-8 and without timestamps."""
    return generate_latest(registry)


@attrs.frozen(kw_only=True)
class Description:
    """A row of the reference page: a metric's name as exposed, type, labels and help."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def describe() -> tuple[Description, ...]:
    """Describe every metric, in the order of the exposition."""
    rows = [
        Description(name=family.name, type=family.type, labels=family.labels, help=family.help)
        for family in _FAMILIES
    ]
    duration = Description(name=_DURATION, type="histogram", labels=(), help=_DURATION_HELP)
    return (*rows, duration)
