"""What a report takes: the snapshot, the memory, the text of the registry, and the push."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
from prometheus_client import CollectorRegistry, push_to_gateway
from supervisor import childutils

from benchmarks.children import Crowd, Gateway, SupervisordServer
from benchmarks.stopwatch import median_seconds_of
from benchmarks.tables import Table, duration, times
from supervisor_maint.monitoring import metrics
from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from supervisor_maint.supervisord.memory import ProcessMemory
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.fakes.reports import crowd as crowd_facts

COUNTS = (10, 100, 1000)
REPEATS = 9


@attrs.frozen(kw_only=True)
class Measured:
    """Median seconds of each step, and of the peers' way of the same."""

    processes: int
    snapshot: float
    peers_snapshot: float
    memory: float
    render: float
    size: int
    push: float
    peers_push: float


def measure() -> Iterator[Table]:
    """Measure each step by itself, for each number of processes."""
    yield Table(
        title="A report, step by step",
        note=(
            f"Medians of {REPEATS}. Peers: `getAllProcessInfo` through "
            "`childutils.getRPCInterface` as memmon asks it, and `push_to_gateway` of "
            "prometheus_client with the same registry, its text included. supervisord's own time "
            "for the answer is left out."
        ),
        columns=(
            "processes",
            "snapshot",
            "to childutils",
            "memory",
            "text",
            "push",
            "text and push to prometheus_client",
            "size",
        ),
        rows=[_row(_measured(count)) for count in COUNTS],
    )


def _row(measured: Measured) -> tuple[str, ...]:
    return (
        str(measured.processes),
        duration(measured.snapshot),
        times(measured.snapshot / measured.peers_snapshot),
        duration(measured.memory),
        duration(measured.render),
        duration(measured.push),
        times((measured.render + measured.push) / measured.peers_push),
        f"{measured.size / 1000:.0f} kB",
    )


def _measured(count: int) -> Measured:
    with Crowd(count) as crowd, SupervisordServer(crowd.pids) as supervisord:
        client = SupervisorClient(supervisord.url)
        peer = childutils.getRPCInterface({"SUPERVISOR_SERVER_URL": supervisord.url})
        statuses = client.snapshot().processes
        pids = {namespec: status.pid or 0 for namespec, status in statuses.items()}
        snapshot = _median(client.snapshot)
        peers_snapshot = _median(peer.supervisor.getAllProcessInfo)
        memory = _median(lambda: ProcessMemory().resident(pids))
        peer("transport").close()
        client.close()
    registry = metrics.new_registry(metrics.MaintCollector(lambda: facts))
    facts = crowd_facts(count)
    text = metrics.render(registry)
    with Gateway("accept") as gateway:
        sink = PushgatewaySink(PushgatewayTarget(url=gateway.url, instance="bench"))
        push = _median(lambda: sink.write(text))
        peers_push = _median(lambda: _push_as_peers_do(gateway, registry))
        sink.close()
    return Measured(
        processes=count,
        snapshot=snapshot,
        peers_snapshot=peers_snapshot,
        memory=memory,
        render=_median(lambda: metrics.render(registry)),
        size=len(text),
        push=push,
        peers_push=peers_push,
    )


def _push_as_peers_do(gateway: Gateway, registry: CollectorRegistry) -> None:
    push_to_gateway(gateway.url, "supervisor", registry, {"instance": "bench"})


def _median(work: Callable[[], object]) -> float:
    return median_seconds_of(work, REPEATS)
