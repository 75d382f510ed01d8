"""Advice on where the metrics go. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.monitoring.sinks.instance import random_container_name
from supervisor_maint.settings.sinks import PushgatewaySection


def no_sink(surroundings: Surroundings) -> Iterator[Advice]:
    """Say that the metrics go nowhere."""
    if not surroundings.settings.sinks:
        yield Advice(
            severity=Severity.NOTE,
            subject="[sink:...]",
            message="there is none, so no metrics are written",
            what_to_do="add [sink:pushgateway], [sink:textfile] or [sink:http]",
        )


def random_instances(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of an instance that the next container will not have."""
    for sink in surroundings.settings.of(PushgatewaySection):
        if random_container_name(sink.instance) and not sink.delete_on_stop:
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[sink:{sink.name}]",
                message=f"instance {sink.instance!r} looks like a container's random name: each "
                "new one leaves a group at the Pushgateway for ever",
                what_to_do="set instance in [maint], or delete_on_stop=true",
            )
