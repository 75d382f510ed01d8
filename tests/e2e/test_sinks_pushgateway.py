"""Reports on their way to a Pushgateway: a real one, and one that hangs, refuses and fails."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests import servers
from tests.e2e.harness_programs import program, sleeper
from tests.e2e.harness_servers import HangingServer, Pushgateway, metrics
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]

HANGS_SECONDS = 30.0
BACK_WITHIN_SECONDS = 5.0
EVENTS = 1000
GROUP = {"job": "supervisor", "instance": "web01"}


class Refusal(NamedTuple):
    """What a gateway answers, how that is counted, and the words for it in the log."""

    status: int
    result: str
    words: str


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    """A real Pushgateway."""
    with Pushgateway() as running:
        yield running


@pytest.fixture
def server() -> Iterator[HangingServer]:
    """What hangs until it is told to do something else."""
    with HangingServer() as running:
        yield running


def pushing_to(url: str, *lines: str, name: str = "") -> str:
    """Return the section of a sink that pushes to a URL."""
    header = f"[sink:pushgateway:{name}]" if name else "[sink:pushgateway]"
    return "\n".join([header, f"url={url}", *lines, ""])


@pytest.mark.needs_server("prometheus-pushgateway", "promtool")
def test_report_replaces_the_group_and_is_well_formed(
    observe: Observe, gateway: Pushgateway, server: HangingServer
) -> None:
    """What is pushed is what promtool approves, and a process that is gone goes from the group."""
    server.proxy(gateway.url)
    observed = observe(
        program("worker", sleeper()), program("old", sleeper()), sinks=pushing_to(server.url)
    ).settled()
    up = "supervisor_process_up"
    observed.wait_until(
        lambda: gateway.metrics().value(up, name="old", **GROUP) == 1.0, "the report is there"
    )
    observed.supervisord.update(observed.stanza(), program("worker", sleeper()))
    observed.wait_until(
        lambda: gateway.metrics().value(up, name="old", **GROUP) is None, "it is replaced"
    )
    requests = list(server.requests)
    checked = subprocess.run(
        [servers.path_of("promtool"), "check", "metrics"],
        input=requests[-1].body,
        capture_output=True,
        check=False,
    )
    asked = {(request.method, request.path) for request in requests}

    assert {("PUT", "/metrics/job/supervisor/instance/web01")} == asked
    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)
    assert 0.0 == gateway.metrics().value("push_failure_time_seconds", **GROUP)
    assert 1.0 == gateway.metrics().value(up, name="worker", **GROUP)


@pytest.mark.needs_server("prometheus-pushgateway")
def test_hung_gateway_is_in_nobodys_way(
    observe: Observe, gateway: Pushgateway, server: HangingServer
) -> None:
    """While the gateway hangs for 30 s, 1,000 events are taken; then the newest report arrives."""
    observed = observe(program("worker", sleeper()), sinks=pushing_to(server.url)).settled()
    observed.wait_until(lambda: server.requests, "the gateway was tried")
    hung_at = time.monotonic()
    send = {"methodName": "supervisor.sendRemoteCommEvent", "params": ["test", "é €"]}
    for _ in range(EVENTS // 100):
        observed.supervisord.rpc.system.multicall([send] * 100)
    observed.wait_for_value(EVENTS, "maint_events_total", event="REMOTE_COMMUNICATION")
    taken_seconds = time.monotonic() - hung_at
    time.sleep(max(0.0, HANGS_SECONDS - taken_seconds))
    tried, returned_at = len(server.requests), time.monotonic()
    server.proxy(gateway.url)
    observed.wait_until(lambda: len(server.requests) > tried, "the gateway is tried again")
    waited_seconds = time.monotonic() - returned_at
    newest = metrics(server.requests[tried].body.decode())
    observed.wait_until(
        lambda: gateway.metrics().value("supervisor_up", **GROUP), "the report has arrived"
    )

    assert HANGS_SECONDS > taken_seconds
    assert BACK_WITHIN_SECONDS > waited_seconds
    assert EVENTS == newest.value("supervisor_maint_events_total", event="REMOTE_COMMUNICATION")
    assert 0.0 < newest.value(
        "supervisor_maint_sink_writes_total", sink="pushgateway", result="failed"
    )
    assert 0.0 == newest.value("supervisor_maint_events_lost_total")
    observed.wait_for_at_least(1.0, "maint_sink_writes_total", sink="pushgateway", result="ok")
    assert 1 == observed.log().count("takes no reports, trying again")
    assert 1 == observed.log().count("takes reports again")


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(status=400, result="rejected", words="rejects reports"),
        Refusal(status=500, result="failed", words="takes no reports, trying again"),
    ],
    ids=lambda refusal: str(refusal.status),
)
@pytest.mark.needs_server("prometheus-pushgateway")
def test_gateway_that_refuses_is_told_once_and_tried_again(
    observe: Observe, gateway: Pushgateway, server: HangingServer, refusal: Refusal
) -> None:
    """A refusal is counted, logged once with the gateway's reason, and the next report goes."""
    server.answer(refusal.status, "pushed metrics are invalid or inconsistent")
    observed = observe(program("worker", sleeper()), sinks=pushing_to(server.url))
    observed.wait_for_at_least(
        2.0, "maint_sink_writes_total", sink="pushgateway", result=refusal.result
    )
    log = observed.log()
    success = observed.value("maint_sink_last_success_timestamp_seconds", sink="pushgateway")

    assert success is None
    assert 1 == log.count(refusal.words)
    assert f"(HTTP {refusal.status}): pushed metrics are invalid or inconsistent" in log

    server.proxy(gateway.url)
    observed.wait_until(
        lambda: gateway.metrics().value("supervisor_up", **GROUP), "the next report arrives"
    )
    observed.wait_until(lambda: "takes reports again" in observed.log(), "that is logged")

    assert 0.0 == observed.value("maint_events_lost_total")


@pytest.mark.needs_server("prometheus-pushgateway")
def test_two_gateways_do_not_wait_for_each_other(
    observe: Observe, gateway: Pushgateway, server: HangingServer
) -> None:
    """Of two gateways one hangs; the other has every report, and both are counted by name."""
    observed = observe(
        program("worker", sleeper()),
        sinks=pushing_to(server.url, name="hung") + pushing_to(gateway.url, name="well"),
    )
    observed.wait_for_at_least(2.0, "maint_sink_writes_total", sink="pushgateway:well", result="ok")
    observed.wait_for_at_least(
        1.0, "maint_sink_writes_total", sink="pushgateway:hung", result="failed"
    )

    assert 1.0 == gateway.metrics().value("supervisor_process_up", name="worker", **GROUP)
    assert 0.0 == observed.value(
        "maint_sink_writes_total", sink="pushgateway:well", result="failed"
    )
    assert 0.0 == observed.value("maint_sink_writes_total", sink="pushgateway:hung", result="ok")


def test_listener_leaves_a_hung_gateway_behind(observe: Observe, server: HangingServer) -> None:
    """While the gateway hangs, a stop still ends the listener within a second, with 0."""
    observed = observe(
        program("worker", sleeper()), sinks=pushing_to(server.url, "delete_on_stop=true")
    ).settled()
    observed.wait_until(lambda: server.requests, "the gateway was tried")
    began_at = time.monotonic()
    observed.supervisord.rpc.supervisor.stopProcess("maint")
    took_seconds = time.monotonic() - began_at

    assert 3.0 > took_seconds  # one, and a loaded machine
    assert 1 == observed.logged(r"stopped: maint \(exit status 0\)")
    assert 0 == observed.logged("killing 'maint'")
    assert "Traceback" not in observed.log()


@pytest.mark.needs_server("prometheus-pushgateway")
def test_group_stays_or_goes_with_the_listener(observe: Observe, gateway: Pushgateway) -> None:
    """Our group outlives the listener with a last report, unless ``delete_on_stop`` says other."""
    sinks = pushing_to(gateway.url, "instance=stays", name="stays")
    sinks += pushing_to(gateway.url, "instance=goes", "delete_on_stop=true", name="goes")
    # After the first report none is due before the last one.
    observed = observe(
        program("worker", sleeper(), startsecs=0), sinks=sinks, settle="50s", push_interval="1h"
    )
    for instance in ("stays", "goes"):
        observed.wait_until(
            lambda instance=instance: gateway.metrics().value("supervisor_up", instance=instance),
            f"{instance} is there",
        )
    stopped = {"event": "PROCESS_STATE_STOPPED"}
    before = gateway.metrics().value("supervisor_maint_events_total", **stopped, instance="stays")
    observed.supervisord.ctl("stop", "worker")
    observed.wait_for_value(1.0, "maint_events_total", **stopped)
    observed.supervisord.ctl("stop", "maint")
    left = gateway.metrics()

    assert 0.0 == before
    assert 1.0 == left.value("supervisor_up", instance="stays")
    assert 1.0 == left.value("supervisor_maint_events_total", **stopped, instance="stays")
    assert {} == left.matching("supervisor_up", instance="goes")


@pytest.mark.needs_server("prometheus-pushgateway")
def test_decommission_waits_for_the_end_of_the_listener(
    observe: Observe, gateway: Pushgateway
) -> None:
    """``decommission`` refuses while the listener lives, then deletes our group and no other."""
    gateway.send("PUT", "/metrics/job/backup", "backup_bytes 42\n")
    observed = observe(program("worker", sleeper()), sinks=pushing_to(gateway.url)).settled()
    observed.wait_until(lambda: gateway.metrics().value("supervisor_up", **GROUP), "we are there")
    pid = observed.supervisord.listener_pid()
    refused = observed.command("decommission")
    observed.supervisord.ctl("stop", "maint")
    before = gateway.metrics().value("supervisor_up", **GROUP)
    done = observed.command("decommission")
    left = gateway.metrics()

    assert (1, "") == (refused.returncode, refused.stdout)
    assert refused.stderr.startswith(f"supervisor-maint: the listener lives (pid {pid})")
    assert 1.0 == before
    assert (0, "") == (done.returncode, done.stderr)
    assert left.value("supervisor_up") is None
    assert [] == [series for series in left if 'job="supervisor"' in series]
    assert 42.0 == left.value("backup_bytes", job="backup")
