"""The sinks of the settings, opened with their deliveries, and replaced when they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Callable

import attrs
from prometheus_client import CollectorRegistry

from supervisor_maint.app.ports import Blocking
from supervisor_maint.effects import Sink
from supervisor_maint.errors import Problem, SettingsError, SinkError
from supervisor_maint.monitoring.delivery import Delivery
from supervisor_maint.monitoring.facts import SinkStatus
from supervisor_maint.monitoring.sinks.instance import random_container_name
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from supervisor_maint.settings import Settings, SinkSection
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection

if TYPE_CHECKING:
    from supervisor_maint.monitoring.sinks.http import Route

logger = logging.getLogger(__name__)

Routes = Callable[[], Mapping[str, "Route"]]


@attrs.frozen(eq=False)
class _Outlet:
    """One open sink, its delivery, and the thread that it writes in."""

    sink: Sink
    delivery: Delivery
    executor: ThreadPoolExecutor

    def retire(self, successor: _Outlet | None) -> None:
        """Write no more and close, in the sink's own thread: what it writes just now comes first.

        A successor goes on in that thread, so whatever closing does, such as to delete our group,
        comes before its first report. It may have taken over the sink as well.
        """
        self.delivery.abandon()
        if successor is None or successor.sink is not self.sink:
            self.executor.submit(self.sink.close)
        if successor is None:
            self.executor.shutdown(wait=False)


@attrs.define(kw_only=True)
class Outlets:
    """Every open sink by its section; a section that did not change keeps its sink.

    ``compute`` runs what takes long to import or to open. ``counted`` is where the counts of
    each sink go on from, by its name. ``routes`` makes what a scrape
    endpoint serves beside the metrics.
    """

    registry: CollectorRegistry
    compute: Blocking
    routes: Routes = dict
    counted: MutableMapping[str, SinkStatus] = attrs.field(factory=dict)
    deliveries: list[Delivery] = attrs.field(factory=list)
    _open: dict[SinkSection, _Outlet] = attrs.field(init=False, factory=dict)

    async def open(self, settings: Settings) -> None:
        """Open what the settings name and close what they do not name any more.

        Raises SettingsError, with everything as it was, when one cannot be opened.
        """
        self.counted.update({each.name: each.status() for each in self.deliveries})
        going = {each: self._open[each] for each in self._open if each not in settings.sinks}
        coming: dict[SinkSection, _Outlet] = {}
        for section in settings.sinks:
            if section in self._open:
                continue
            try:
                coming[section] = await self._opened(section, _same_target(section, going))
            except SinkError as error:
                self._give_up(coming, going)
                raise SettingsError([_problem(settings, section, error)]) from error
        for section, outlet in going.items():
            outlet.retire(_same_target(section, coming))
            del self._open[section]
        self._open.update(coming)
        self.deliveries[:] = [self._open[section].delivery for section in settings.sinks]

    async def drain(self, seconds: float) -> None:
        """Bring what waits to every sink, all at once; what hangs is left after the seconds."""
        await asyncio.gather(*(delivery.drain(seconds) for delivery in self.deliveries))

    async def close(self) -> None:
        """Close every sink, all at once, each in its own thread."""
        loop = asyncio.get_running_loop()
        closing = [
            loop.run_in_executor(outlet.executor, outlet.sink.close)
            for outlet in self._open.values()
        ]
        for error in await asyncio.gather(*closing, return_exceptions=True):
            if error is not None:
                logger.warning("cannot leave a sink cleanly: %s", error)

    async def _opened(self, section: SinkSection, predecessor: _Outlet | None) -> _Outlet:
        """Open a sink; an endpoint whose address stays is taken over from its predecessor."""
        if predecessor is None:
            executor = ThreadPoolExecutor(1, f"sink {section.name}")
        else:
            executor = predecessor.executor
        if predecessor is not None and isinstance(section, HttpSection):
            sink = predecessor.sink
        else:
            sink = await self.compute(make_sink, section, self.registry, self.routes)
        delivery = Delivery(sink, executor, status=self.counted.get(section.name))
        delivery.name = section.name
        return _Outlet(sink, delivery, executor)

    @staticmethod
    def _give_up(
        coming: Mapping[SinkSection, _Outlet], going: Mapping[SinkSection, _Outlet]
    ) -> None:
        """Free the addresses that were taken. Other sinks hold nothing before their first write."""
        for section, outlet in coming.items():
            if isinstance(section, HttpSection) and _same_target(section, going) is None:
                outlet.retire(None)


def _same_target(section: SinkSection, outlets: Mapping[SinkSection, _Outlet]) -> _Outlet | None:
    """Return the outlet that writes where the section wants to write."""
    for other, outlet in outlets.items():
        if type(other) is type(section) and other.target == section.target:
            return outlet
    return None


def _problem(settings: Settings, section: SinkSection, error: SinkError) -> Problem:
    return Problem(file=settings.path, section=f"sink:{section.name}", message=error.msg)


def make_sink(section: SinkSection, registry: CollectorRegistry, routes: Routes = dict) -> Sink:
    """Make the sink that a section describes. Raises SinkError when it cannot be opened."""
    if isinstance(section, PushgatewaySection):
        from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink

        if random_container_name(section.instance):
            logger.warning(
                "instance %r looks like a random container name: each new container would leave "
                "a group at the Pushgateway for ever; set instance in [maint], or delete_on_stop",
                section.instance,
            )
        return PushgatewaySink(pushgateway_target(section), name=section.name)
    if isinstance(section, TextfileSection):
        from supervisor_maint.monitoring.sinks.textfile import TextfileSink, TextfileTarget

        return TextfileSink(
            TextfileTarget(
                path=str(section.path),
                supervisor=section.supervisor,
                delete_on_stop=section.delete_on_stop,
            ),
            name=section.name,
        )
    from supervisor_maint.monitoring.sinks.http import HttpSink, HttpTarget

    target = HttpTarget(host=section.listen.host, port=section.listen.port)
    return HttpSink(target, registry, routes(), name=section.name)


def pushgateway_target(section: PushgatewaySection) -> PushgatewayTarget:
    """Return where and how a section wants to push."""
    return PushgatewayTarget(
        url=section.url,
        instance=section.instance,
        job=section.job,
        supervisor=section.supervisor,
        access=section.access,
        delete_on_stop=section.delete_on_stop,
    )
