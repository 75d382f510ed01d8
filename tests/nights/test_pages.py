"""What a webhook receives of planned runs, crashes and outages, by the shipped rules and routes.

That nothing was received is told by something that came later on the same way: a process of the
same host that supervisord gives up, which no window mutes.

Most hosts are watched by one Prometheus and one Alertmanager, and what happens to each happens at
the same time: the first test waits for most of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import attrs
import pytest

from tests.e2e import shortened
from tests.e2e.harness_servers import (
    Alertmanager,
    HangingServer,
    Pushgateway,
    WebhookReceiver,
    at,
)
from tests.e2e.hosts import Host, NodeExporter, Told, Watchers, scrape_jobs, watch
from tests.e2e.planned import outcome

pytestmark = [
    pytest.mark.needs_server(
        *("prometheus", "prometheus-alertmanager"),
        *("prometheus-pushgateway", "prometheus-node-exporter"),
    ),
    pytest.mark.timeout(300),  # the first test waits for what happens to everybody
]

SINKS = ("http", "pushgateway", "textfile")
UNANSWERED = ("hangs", "down")
RESTARTS = 5  # more than the three that are flapping
DOWN = ("/tickets", "SupervisorProcessDown", "worker")
FATAL = ("/pager", "SupervisorProcessFatal", "canary")
NOT_BACK = ("/pager", "SupervisorProcessNotBack", "worker")
OVERRAN = ("/pager", "SupervisorMaintenanceOverran", "")
ABSENT = ("/pager", "SupervisorMetricsAbsent", "")
GONE = ("/pager", "SupervisorDown", "")


def normal_run(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Hold a run until what is down is muted, and let it end well."""
    run_id = host.begin("nightly")
    return {**muted(host, watchers), **end(run_id, host, watchers)}


def muted(host: Host, watchers: Watchers, *, by_silence: bool = False) -> dict[str, Any]:
    """Wait until what a run has stopped is muted; return how: by its marker, by its silences."""
    down, marker = watchers.until_muted(host.instance, "worker", by_silence=by_silence)
    silences = [each["id"] for each in watchers.alertmanager.silences_of_runs(host.instance)]
    by_marker = marker["fingerprint"] in down["status"]["inhibitedBy"]
    by_silences = [each in silences for each in down["status"]["silencedBy"]]
    return {"muted": (down["status"]["state"], by_marker, by_silences)}


def end(run_id: str, host: Host, watchers: Watchers) -> dict[str, Any]:
    """Let a run end, wait until nothing is muted any more, and have the canary sing."""
    host.let_go()
    record = host.runs.finish(run_id)
    watchers.until_unmarked(host.instance)
    told = watchers.until_told(host.instance, host.sing())
    return {"outcome": outcome(record), "told": told}


def run_that_breaks(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Have a worker not come back from a run, and wait for the page and for a later one."""
    host.break_worker()
    run_id = host.begin("nightly")
    watchers.until_muted(host.instance, "worker")
    before = watchers.told(host.instance)
    host.let_go()
    host.runs.finish(run_id)
    watchers.until_told(host.instance, NOT_BACK)
    return {"before": before, **end(run_id, host, watchers)}


def run_that_dies(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Kill the listener in the middle of a run, for good, and wait for what is told."""
    host.begin("nightly")
    window = f'{{instance="{host.instance}"}}'
    watchers.until_prometheus_has(
        f'supervisor_process_up{{instance="{host.instance}",name="worker"}} == 0'
    )
    host.supervisord.crash("maint")
    watchers.until_muted(host.instance, "worker")
    before = watchers.told(host.instance)
    told = watchers.until_told(host.instance, NOT_BACK, OVERRAN, GONE)
    deadline = watchers.prometheus.query(
        f"instance:supervisor_maint_window_deadline_timestamp_seconds:last6h{window}"
    )
    first = min(at(text) for text in watchers.told_at(host.instance))
    return {
        "before": before,
        "told": told,
        "early": [first for each in deadline.values() if first < each],
    }


def outage(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Let a worker crash that nobody starts again, and have it started."""
    host.supervisord.crash("worker")
    told = watchers.until_told(host.instance, DOWN)
    alert = watchers.alert(host.instance, "SupervisorProcessDown", "worker")
    host.supervisord.ctl("start", "worker")
    watchers.until_told(host.instance, DOWN, status="resolved")
    return {"told": told, "state": alert and alert["status"]["state"]}


def down_before(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Have a plan run while a worker is down that was told of."""
    diff = ("/tickets", "SupervisorDiffFound", "")
    host.supervisord.crash("worker")
    before = watchers.until_told(host.instance, DOWN, diff)
    run_id = host.begin("others")
    watchers.until_muted(host.instance, "worker")
    return {
        "before": before,
        **end(run_id, host, watchers),
        "still_down": host.supervisord.state("worker"),
    }


def operator(host: Host, watchers: Watchers) -> dict[str, Any]:
    """Restart a worker again and again by hand, and have the canary sing."""
    host.let_go()
    for _ in range(RESTARTS):
        host.supervisord.ctl("restart", "worker")
    watchers.until_prometheus_has(
        f'supervisor_process_restarts_total{{instance="{host.instance}",name="worker",cause="command"}}'
        f" >= {RESTARTS}"
    )
    return {"told": watchers.until_told(host.instance, host.sing())}


def gateway_lost(gateway: Pushgateway, host: Host, watchers: Watchers) -> dict[str, Any]:
    """End the one gateway of a Prometheus, with its data, and bring it back."""
    watchers.until_prometheus_has(f'supervisor_up{{instance="{host.instance}"}}')
    gateway.stop()
    told = watchers.until_told("", ABSENT)
    gateway.start()
    watchers.until_told("", ABSENT, status="resolved")
    watchers.until_prometheus_has(f'supervisor_up{{instance="{host.instance}"}}')
    return {"told": told}


def alertmanager_hangs(front: HangingServer, host: Host, watchers: Watchers) -> dict[str, Any]:
    """Have the listener's Alertmanager answer nothing until a run has stopped what it restarts."""
    with front:
        return answered_late(
            lambda: front.proxy(watchers.alertmanager.url), host=host, watchers=watchers
        )


def alertmanager_down(front: HangingServer, host: Host, watchers: Watchers) -> dict[str, Any]:
    """Have the listener's Alertmanager be started only when a run has stopped what it restarts."""
    front.proxy(watchers.alertmanager.url)
    with ExitStack() as stack:
        return answered_late(lambda: stack.enter_context(front), host=host, watchers=watchers)


def answered_late(
    answer: Callable[[], object], *, host: Host, watchers: Watchers
) -> dict[str, Any]:
    """Hold a run that nobody answers until what is down is muted, have it answered, and end it."""
    run_id = host.begin("nightly")
    watchers.until_muted(host.instance, "worker")
    before = watchers.alertmanager.silences_of_runs(host.instance)
    answer()
    seen = muted(host, watchers, by_silence=True)
    return {"before": before, **seen, **end(run_id, host, watchers)}


def alertmanager_lost(host: Host, watchers: Watchers) -> dict[str, Any]:
    """End the one Alertmanager of a host, with its data, in a run, and bring it back.

    Before anything is down: what has fired for long it tells as soon as it is back, and perhaps
    before the marker (alertmanager #4064).
    """
    run_id = host.begin("patient")
    first = watchers.until_silenced(host.instance)
    watchers.alertmanager.lose_everything()
    second = watchers.until_silenced(host.instance)
    host.let_stop()
    seen = muted(host, watchers, by_silence=True)
    return {"first": first, "second": second, **seen, **end(run_id, host, watchers)}


Scenario = Callable[[Host, Watchers], dict[str, Any]]
SCENARIOS: dict[str, Scenario] = {
    "normal": normal_run,
    "silenced": normal_run,
    "breaks": run_that_breaks,
    **dict.fromkeys(SINKS, run_that_dies),
    "outage": outage,
    "before": down_before,
    "operator": operator,
}
# What the plans of a host have of their own: a run that dies keeps its window until the end.
OPTIONS = {
    **{sink: {"max_duration": f"{300 // shortened.DIVISOR}s"} for sink in SINKS},
    **{name: {"lead": "2s"} for name in UNANSWERED},
}


@attrs.frozen
class Night:
    """What happens to all hosts at once, by their names."""

    futures: dict[str, Future[dict[str, Any]]]

    def of(self, instance: str) -> dict[str, Any]:
        """Wait until it has happened, and return what was seen."""
        return self.futures[instance].result()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Start everything, and let everything happen."""
    folder = tmp_path_factory.mktemp("night")
    with ExitStack() as stack:
        gateway, lost = (stack.enter_context(Pushgateway()) for _ in range(2))
        exporter = stack.enter_context(NodeExporter())
        webhook = stack.enter_context(WebhookReceiver())
        alertmanager, killed = (
            stack.enter_context(Alertmanager(shortened.alertmanager(webhook.url))) for _ in range(2)
        )
        hanging, down = HangingServer(), HangingServer()
        scenarios = {
            **SCENARIOS,
            "hangs": partial(alertmanager_hangs, hanging),
            "down": partial(alertmanager_down, down),
            "killed": alertmanager_lost,
            "lost": partial(gateway_lost, lost),
        }
        sinks = {
            "pushgateway": f"[sink:pushgateway]\nurl={gateway.url}\n",
            "textfile": f"[sink:textfile]\npath={exporter.directory / 'maint.prom'}\n",
            "lost": f"[sink:pushgateway]\nurl={lost.url}\n",
            "silenced": silencing(alertmanager.url),
            "hangs": silencing(hanging.url),
            "down": silencing(down.url),
            "killed": silencing(killed.url),
        }
        hosts = {
            name: Host(folder / name, name, sinks.get(name, ""), **OPTIONS.get(name, {}))
            for name in scenarios
        }
        elsewhere = {"pushgateway", "textfile", "lost", "killed"}
        scraped = [host for name, host in hosts.items() if name not in elsewhere]
        prometheus = watch(stack, scrape_jobs(scraped, gateway, exporter), alertmanager)
        watchers = Watchers(prometheus, alertmanager, webhook)
        # Reports are absent only for one that has no other host.
        lonely = watch(stack, scrape_jobs([], lost, exporter)[1:2], alertmanager)
        bereft = watch(stack, scrape_jobs([hosts["killed"]], gateway, exporter)[:1], killed)
        others = {
            "lost": Watchers(lonely, alertmanager, webhook),
            "killed": Watchers(bereft, killed, webhook),
        }
        for host in hosts.values():
            stack.enter_context(host.running())
        for host in hosts.values():
            host.settle()
        pool = stack.enter_context(ThreadPoolExecutor(len(hosts)))
        futures = {
            name: pool.submit(scenario, hosts[name], others.get(name, watchers))
            for name, scenario in scenarios.items()
        }
        yield Night(futures)


def silencing(url: str) -> str:
    """Have runs silence our own alerts, too, which are left out where nothing is said."""
    return f'[alertmanager]\nurls={url}\nrenew=1s\ntail=1s\nsilence=instance="{{instance}}"\n'


def once(*told: Told) -> Counter[Told]:
    return Counter(told)


@pytest.mark.parametrize("instance", ["normal", "silenced"])
def test_nobody_is_told_of_a_normal_run(night: Night, instance: str) -> None:
    """What a run sets off is suppressed by the marker, and by the silence where there is one."""
    seen = night.of(instance)

    assert ("succeeded", "") == seen["outcome"]
    assert ("suppressed", True, [True] * (instance == "silenced")) == seen["muted"]
    assert once(FATAL) == seen["told"]


@pytest.mark.parametrize("instance", UNANSWERED)
def test_run_goes_on_unanswered_and_is_silenced_as_soon_as_it_is(
    night: Night, instance: str
) -> None:
    """Its first stop came while Alertmanager hung, or was down; nobody is told of the run."""
    seen = night.of(instance)

    assert [] == seen["before"]
    assert ("suppressed", True, [True]) == seen["muted"]
    assert ("succeeded", "") == seen["outcome"]
    assert once(FATAL) == seen["told"]


def test_silence_is_there_again_when_alertmanager_has_lost_it(night: Night) -> None:
    """It was killed in the run, and came back with no data: nobody is told of the run."""
    seen = night.of("killed")

    assert (1, 1) == (len(seen["first"]), len(seen["second"]))
    assert seen["first"] != seen["second"]
    assert ("suppressed", True, [True]) == seen["muted"]
    assert ("succeeded", "") == seen["outcome"]
    assert once(FATAL) == seen["told"]


def test_process_that_does_not_come_back_is_told_after_the_window_and_once(night: Night) -> None:
    """It stands once more beside the canary, for they are one group; and no ticket says it too."""
    seen = night.of("breaks")

    assert Counter() == seen["before"]
    assert (1, 1) == (seen["told"][NOT_BACK] - 1, seen["told"][FATAL])
    assert DOWN not in seen["told"]


@pytest.mark.parametrize("sink", SINKS)
def test_listener_that_dies_in_a_run_is_told_after_the_deadline(night: Night, sink: str) -> None:
    """Until then nobody is told of what its run has stopped, whichever sink it wrote to."""
    seen = night.of(sink)

    assert Counter() == seen["before"]
    assert [] == seen["early"]
    assert {NOT_BACK, OVERRAN, GONE} <= set(seen["told"])


def test_outage_without_a_window_is_told(night: Night) -> None:
    """And its end as well."""
    seen = night.of("outage")

    assert "active" == seen["state"]
    assert once(DOWN) == seen["told"]


def test_what_was_down_before_a_run_is_not_told_anew(night: Night) -> None:
    """It is muted in the window, and goes on firing after it."""
    seen = night.of("before")

    assert (("succeeded", ""), "EXITED") == (seen["outcome"], seen["still_down"])
    assert seen["before"][DOWN] == seen["told"][DOWN]
    assert NOT_BACK not in seen["told"]


def test_restarts_by_hand_are_no_flapping(night: Night) -> None:
    """However many there are."""
    assert once(FATAL) == night.of("operator")["told"]


def test_gateway_that_is_lost_is_told_and_recovers(night: Night) -> None:
    """Nobody reports any more; with a new gateway, which has nothing, all is well by itself."""
    assert once(ABSENT) == night.of("lost")["told"]
