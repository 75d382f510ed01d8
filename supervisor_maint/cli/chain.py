"""Ask along the chain from our sinks to Alertmanager; what the answers mean is judged elsewhere.

Nothing of the real report is touched: what is pushed and written has a job, a file and a metric of
its own, and is taken away again.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from typing import Callable

import attrs

from supervisor_maint.cli.alerting import alertmanager_client, prometheus_client
from supervisor_maint.cli.sinks import pushgateway_target
from supervisor_maint.effects import Sink
from supervisor_maint.errors import MonitoringError, SinkError
from supervisor_maint.monitoring import chain
from supervisor_maint.monitoring.access import HttpAccess
from supervisor_maint.monitoring.alertmanager import AlertmanagerClient
from supervisor_maint.monitoring.chain import Expected, Link
from supervisor_maint.monitoring.gates import Sample
from supervisor_maint.monitoring.http_client import HttpClient, Server
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.prometheus import PrometheusClient
from supervisor_maint.monitoring.silences import Silence
from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
from supervisor_maint.monitoring.sinks.textfile import TextfileSink, TextfileTarget
from supervisor_maint.settings import Settings
from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection

_ASK_AGAIN_SECONDS = 1.0
_SILENCE_SECONDS = 60.0
_PAGE_BYTES = 64 * 1024 * 1024
_UNASKED = "not looked at"


@attrs.frozen
class Trial:
    """A sink that has been given something, and what Prometheus should have of it then."""

    link: Link
    expected: Expected


def links(settings: Settings, wait_seconds: float) -> Iterator[Link]:
    """Try each link in its turn; Prometheus is asked until what was said is there, or for so long.

    What was left at the sinks is taken away at the end.
    """
    with contextlib.ExitStack() as leaving:
        trials = list(_trials(settings, leaving))
        yield from (trial.link for trial in trials)
        if not trials:
            yield Link("sinks", False, "there is none", "add a [sink:...] section")
        expected = [trial.expected for trial in trials if trial.link.works]
        yield from _prometheus_links(settings, expected, wait_seconds)
    yield from _alertmanager_links(settings)


def _trials(settings: Settings, leaving: contextlib.ExitStack) -> Iterator[Trial]:
    now, instance = round(time.time(), 3), settings.maint.instance
    for number, section in enumerate(settings.sinks):
        value, name = now + number, f"sink {section.name}"
        if isinstance(section, PushgatewaySection):
            labels = {"job": chain.TEST_JOB, "instance": section.instance}
            expected = chain.pushed(name, value, labels)
            yield Trial(_written(_test_gateway(section), name, value, leaving), expected)
        elif isinstance(section, TextfileSection):
            expected = chain.written(name, value, instance)
            yield Trial(_written(_test_file(section), name, value, leaving), expected)
        else:
            yield Trial(_served(section, name), chain.scraped(name, instance))


def _test_gateway(section: PushgatewaySection) -> Sink:
    target = attrs.evolve(pushgateway_target(section), job=chain.TEST_JOB, delete_on_stop=True)
    return PushgatewaySink(target, name=section.name)


def _test_file(section: TextfileSection) -> Sink:
    path = section.path.with_name(f"{chain.TEST_JOB}.prom")
    return TextfileSink(TextfileTarget(path=str(path), delete_on_stop=True), name=section.name)


def _written(sink: Sink, name: str, value: float, leaving: contextlib.ExitStack) -> Link:
    """Give a sink the test metric, to be taken away when everybody has looked."""
    leaving.callback(_close, sink)
    title = f"{name} takes a report"
    try:
        sink.write(chain.exposition(value))
    except SinkError as error:
        return Link(title, False, error.msg, "as it says; nothing else is known of this sink")
    return Link(title, True, "and it is taken away again")


def _close(sink: Sink) -> None:
    with contextlib.suppress(SinkError):  # what could not be written is not there
        sink.close()


def _served(section: HttpSection, name: str) -> Link:
    """Ask the listener's own endpoint, where it listens."""
    title = f"{name} serves the metrics"
    server = Server("the scrape endpoint", f"http://{section.listen}")
    client = HttpClient(HttpAccess())
    try:
        page = client.call(server, "GET", "/metrics", most_bytes=_PAGE_BYTES)
    except MonitoringError as error:
        return Link(title, False, error.msg, "start the listener: supervisorctl start maint")
    finally:
        client.close()
    if b"supervisor_maint_heartbeat" not in page:
        return Link(title, False, "no heartbeat in it", "is the page that of supervisor-maint?")
    return Link(title, True, f"{len(page) // 1024 + 1} KB")


def _prometheus_links(
    settings: Settings, expected: Sequence[Expected], wait_seconds: float
) -> Iterator[Link]:
    section = next(iter(settings.of(PrometheusSection)), None)
    if section is None:
        to_do = "add [prometheus] with its url to have it asked"
        yield Link("Prometheus", None, _UNASKED, to_do)
        return
    client = prometheus_client(section)
    try:
        yield from _arrivals(client, expected, wait_seconds)
        yield _judged(chain.RULES, lambda: chain.rules(client.alert_health()))
        yield _judged(
            chain.SENDING,
            lambda: chain.alertmanagers(client.alertmanagers()),
        )
    finally:
        client.close()


def _arrivals(
    client: PrometheusClient, expected: Sequence[Expected], wait_seconds: float
) -> tuple[Link, ...]:
    """Ask for each until it is there, or time is over for all.

    An endpoint that is scraped has been for long; where another sink is read nobody waits for it.
    """
    ends_at = time.monotonic() + wait_seconds
    found: list[Link] = []
    for each in sorted(expected, key=lambda each: not each.is_unique):
        is_needed = each.is_unique or not any(link.works for link in found)
        until = ends_at if is_needed else time.monotonic()
        look = functools.partial(_arrival, client, each, until, wait_seconds)
        found.append(_judged(each.name, look))
    return chain.one_source(found)


def _arrival(
    client: PrometheusClient, expected: Expected, ends_at: float, wait_seconds: float
) -> Link:
    samples: tuple[Sample, ...] = client.query(expected.query)
    while not chain.is_known(samples, expected) and time.monotonic() < ends_at:
        time.sleep(_ASK_AGAIN_SECONDS)
        samples = client.query(expected.query)
    return chain.arrival(samples, expected, wait_seconds)


def _alertmanager_links(settings: Settings) -> Iterator[Link]:
    section = next(iter(settings.of(AlertmanagerSection)), None)
    if section is None:
        to_do = "add [alertmanager] with its urls to have it asked"
        yield Link("Alertmanager", None, _UNASKED, to_do)
        return
    client = alertmanager_client(section)
    try:
        yield _judged(
            chain.MUTING,
            lambda: chain.inhibition(client.configuration()),
        )
        yield _judged(chain.SILENCING, lambda: _silence(client, settings.maint.instance))
    finally:
        client.close()


def _silence(client: AlertmanagerClient, instance: str) -> Link:
    """Make a silence for a minute that silences nothing, and end it."""
    now = time.time()
    created_by = f"{chain.TEST_JOB} {instance} {now:.3f}"
    silence = Silence(
        matchers=(Matcher("alertname", chain.TEST_JOB), Matcher("instance", instance)),
        starts_at=now,
        ends_at=now + _SILENCE_SECONDS,
        created_by=created_by,
        comment="made by supervisor-maint monitoring test, which ends it at once",
    )
    silence_id = client.save(silence)
    try:
        made = [each for each in client.silences(created_by) if not each.is_expired]
    finally:
        client.expire(silence_id)
    left = [each for each in client.silences(created_by) if not each.is_expired]
    return chain.silence(made=bool(made), ended=not left)


def _judged(name: str, look: Callable[[], Link]) -> Link:
    """Look at a link; what cannot be asked does not work."""
    try:
        return look()
    except MonitoringError as error:
        return Link(name, False, error.msg, "as it says")
