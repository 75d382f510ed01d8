"""Alertmanager and Prometheus in memory: they can be away, forget, refuse and hang."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from supervisor_maint.app.run_ports import Alerting
from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.gates import Alert, Sample
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.silences import Silence, Terms

INSTANCE = "web01"
MATCHERS = (Matcher("instance", f"{INSTANCE}(:.*)?", is_regex=True),)
TERMS = Terms(matchers=MATCHERS, instance=INSTANCE)
AWAY = MonitoringError("nobody there")


@attrs.define
class FakeAlertmanager:
    """Keeps silences as the real one does, by the clock of the test."""

    clock: Callable[[], float]
    trouble: MonitoringError | None = None
    kept: dict[str, Silence] = attrs.field(factory=dict)
    firing: list[Alert] = attrs.field(factory=list)
    muted: list[Alert] = attrs.field(factory=list)
    asked: list[str] = attrs.field(factory=list)
    ends: list[float] = attrs.field(factory=list)
    _ids: Any = attrs.field(factory=lambda: itertools.count(1))

    def silences(self, created_by: str) -> Sequence[Silence]:
        self._ask(f"silences of {created_by}")
        now = self.clock()
        return [
            attrs.evolve(each, is_expired=each.ends_at <= now)
            for each in self.kept.values()
            if each.created_by == created_by
        ]

    def silence(self, silence_id: str) -> Silence | None:
        self._ask("silence")
        kept = self.kept.get(silence_id)
        return kept and attrs.evolve(kept, is_expired=kept.ends_at <= self.clock())

    def save(self, silence: Silence) -> str:
        self._ask("save")
        silence_id = silence.id or f"s{next(self._ids)}"
        kept_end = math.floor(silence.ends_at * 1000) / 1000  # it keeps milliseconds
        self.kept[silence_id] = attrs.evolve(silence, id=silence_id, ends_at=kept_end)
        self.ends.append(silence.ends_at)
        return silence_id

    def expire(self, silence_id: str) -> None:
        self._ask("expire")
        self.kept[silence_id] = attrs.evolve(self.kept[silence_id], ends_at=self.clock())

    def alerts(self, matchers: Sequence[Matcher], *, muted: bool = False) -> Sequence[Alert]:
        self._ask("alerts")
        return [
            each
            for each in (*self.firing, *(self.muted if muted else ()))
            if all(matcher.fits(each.labels.get(matcher.name, "")) for matcher in matchers)
        ]

    def forget(self) -> None:
        """Lose everything, as one that is killed before it has saved."""
        self.kept.clear()

    @property
    def open(self) -> list[str]:
        """The ids of the silences that hold now."""
        return [each.id for each in self.kept.values() if each.ends_at > self.clock()]

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.trouble is not None:
            raise self.trouble


@attrs.define
class FakePrometheus:
    """Answers every query with the same, and keeps what it was asked."""

    samples: Sequence[Sample] = ()
    trouble: MonitoringError | None = None
    asked: list[str] = attrs.field(factory=list)

    def query(self, expression: str) -> Sequence[Sample]:
        self.asked.append(expression)
        if self.trouble is not None:
            raise self.trouble
        return self.samples


def alerting(
    alertmanager: FakeAlertmanager | None = None,
    prometheus: FakePrometheus | None = None,
    terms: Terms | None = TERMS,
) -> Alerting:
    """What the settings would name."""
    return Alerting(
        instance=INSTANCE, alertmanager=alertmanager, terms=terms, prometheus=prometheus
    )


async def never(*_args: Any, **_kwargs: Any) -> Any:
    """Hang, as a server that takes every connection and answers none."""
    await asyncio.Event().wait()
