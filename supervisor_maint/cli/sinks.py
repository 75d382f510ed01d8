"""The sinks of the settings, opened with their deliveries, and replaced when they change."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
from prometheus_client import CollectorRegistry

from supervisor_maint.effects import Sink
from supervisor_maint.errors import MaintError
from supervisor_maint.monitoring.delivery import Delivery
from supervisor_maint.monitoring.sinks.instance import random_container_name
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from supervisor_maint.settings import Settings, SinkSection
from supervisor_maint.settings.sinks import PushgatewaySection, TextfileSection

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Outlets:
    """Every open sink by its section; a section that did not change keeps its sink."""

    registry: CollectorRegistry
    deliveries: list[Delivery] = attrs.field(factory=list)
    _open: dict[SinkSection, tuple[Sink, Delivery, ThreadPoolExecutor]] = attrs.field(
        init=False, factory=dict
    )

    def open(self, settings: Settings) -> None:
        """Open what the settings name and close what they do not name any more.

        Raises MaintError, with everything as it was, when one cannot be opened, unless it only
        has to wait for an old one to free its address.
        """
        wanted = settings.sinks
        gone = [section for section in self._open if section not in wanted]
        for section in gone:
            self._close(section)
        for section in wanted:
            if section not in self._open:
                self._open[section] = self._opened(section)
        self.deliveries[:] = [self._open[section][1] for section in wanted]

    async def drain(self, seconds: float) -> None:
        """Bring what waits to every sink, all at once, and close them within the seconds."""
        await asyncio.gather(*(delivery.drain(seconds) for delivery in self.deliveries))
        loop = asyncio.get_running_loop()
        closing = [
            loop.run_in_executor(executor, sink.close) for sink, _, executor in self._open.values()
        ]
        if closing:
            done, _ = await asyncio.wait(closing, timeout=seconds)
            for each in done:
                if isinstance(each.exception(), MaintError):
                    logger.warning("cannot leave a sink cleanly: %s", each.exception())

    def _opened(self, section: SinkSection) -> tuple[Sink, Delivery, ThreadPoolExecutor]:
        sink = make_sink(section, self.registry)
        executor = ThreadPoolExecutor(1, f"sink {section.name}")
        return sink, Delivery(sink, executor), executor

    def _close(self, section: SinkSection) -> None:
        """Close in the sink's own thread: what it writes just now comes first."""
        sink, _, executor = self._open.pop(section)
        executor.submit(sink.close)
        executor.shutdown(wait=False)


def make_sink(section: SinkSection, registry: CollectorRegistry) -> Sink:
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
            TextfileTarget(path=str(section.path), delete_on_stop=section.delete_on_stop),
            name=section.name,
        )
    from supervisor_maint.monitoring.sinks.http import HttpSink, HttpTarget

    target = HttpTarget(host=section.listen.host, port=section.listen.port)
    return HttpSink(target, registry, name=section.name)


def pushgateway_target(section: PushgatewaySection) -> PushgatewayTarget:
    """Return where and how a section wants to push."""
    return PushgatewayTarget(
        url=section.url,
        instance=section.instance,
        job=section.job,
        supervisor=section.supervisor,
        timeout_seconds=section.timeout_seconds,
        ca_file=_text(section.ca_file),
        username=section.username,
        password_file=_text(section.password_file),
        bearer_token_file=_text(section.bearer_token_file),
        client_cert_file=_text(section.client_cert),
        client_key_file=_text(section.client_key),
        delete_on_stop=section.delete_on_stop,
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
