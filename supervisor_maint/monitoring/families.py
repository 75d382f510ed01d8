"""The shape of a metric family, and the ways to read its samples. No I/O here.

A family is a row of the metric table: its name as exposed, type, labels and help, and how its
samples are read from the facts. The tables are ``process_families`` and ``maint_families``;
they are also the source of the reference page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Union

import attrs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.processes import Namespec

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Label values in the order of the family's labels, and the value."""

PrometheusFamily = Union[CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily]


@attrs.frozen(kw_only=True)
class Family:
    """One metric family: ``name`` is what Prometheus shows, ``read`` its samples."""

    name: str = attrs.field()
    type: str = attrs.field(validator=attrs.validators.in_(("gauge", "counter", "info")))
    labels: tuple[str, ...] = ()
    help: str
    read: Callable[[Facts], Samples]

    @name.validator
    def _check_name(self, _attribute: object, name: str) -> None:
        suffix = {"counter": "_total", "info": "_info"}.get(self.type, "")
        if not name.endswith(suffix):
            raise ValueError(f"expected the name of a {self.type} to end in {suffix}: {name!r}")

    def empty(self) -> PrometheusFamily:
        """Make the library's family, without samples."""
        if self.type == "counter":
            return CounterMetricFamily(self.name, self.help, labels=self.labels)
        if self.type == "info":
            return InfoMetricFamily(self.name[: -len("_info")], self.help)
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def collect(self, facts: Facts) -> PrometheusFamily:
        """Make the library's family with the samples that the facts give."""
        family = self.empty()
        for values, value in self.read(facts):
            # what add_metric does, at half its cost: a thousand processes have 20,000 samples
            family.add_sample(self.name, dict(zip(self.labels, values)), value)
        return family


def gauge(name: str, text: str, read: Callable[[Facts], Samples], *labels: str) -> Family:
    """Describe a gauge."""
    return Family(name=name, type="gauge", labels=labels, help=text, read=read)


def counter(name: str, text: str, read: Callable[[Facts], Samples], *labels: str) -> Family:
    """Describe a counter; ``name`` ends in ``_total``."""
    return Family(name=name, type="counter", labels=labels, help=text, read=read)


def info(name: str, text: str, read: Callable[[Facts], Samples], *labels: str) -> Family:
    """Describe an info metric; ``name`` ends in ``_info`` and the value is always 1."""
    return Family(name=name, type="info", labels=labels, help=text, read=read)


def single(value: Callable[[Facts], float | None]) -> Callable[[Facts], Samples]:
    """Read one sample without labels, none while the value is unknown."""

    def read(facts: Facts) -> Samples:
        known = value(facts)
        return () if known is None else (((), known),)

    return read


def by_namespec(
    values: Callable[[Facts], Mapping[Namespec, float]], default: float | None = None
) -> Callable[[Facts], Samples]:
    """Read one sample a process, ``default`` for one that has no value, or none at all."""

    def read(facts: Facts) -> Samples:
        known = values(facts)
        for namespec in facts.namespecs:
            value = known.get(namespec, default)
            if value is not None:
                yield (namespec.name, namespec.group), value

    return read


def counted(counts: Mapping[str, int], always: Iterable[str]) -> dict[str, int]:
    """Return counts by label value with those that must be there from the start, at 0."""
    return {**dict.fromkeys(always, 0), **counts}
