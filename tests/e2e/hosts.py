"""Hosts on which plans run, and those who watch them: what is told of a host ends at a webhook.

Prometheus has the shipped rules and scrape jobs, Alertmanager the shipped file, with durations
divided and addresses replaced, see ``shortened``. Every host has the same three programs.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from tests.e2e import shortened
from tests.e2e.harness import RealSupervisord, wait_until
from tests.e2e.harness_programs import program
from tests.e2e.harness_servers import (
    Alertmanager,
    Prometheus,
    Pushgateway,
    Server,
    WebhookReceiver,
)
from tests.e2e.monitoring_files import PROMETHEUS, RULES, load, prometheus_configuration
from tests.e2e.observed import Observed, fragile
from tests.e2e.planned import Runs, plan, step

MARKER = "SupervisorPlannedMaintenance"
PATIENCE_SECONDS = 120.0
RESEND_SECONDS = 60 // shortened.DIVISOR  # a firing alert is sent again this often
_HELD = (
    "sh -c \"trap 'until test -e {go}; do sleep 0.1; done; exit 0' TERM; sleep infinity & wait\""
)

_BEGINNING = threading.Lock()

Told = tuple[str, str, str]  # who is told, the alert, its process


class NodeExporter(Server):
    """A real node_exporter with its textfile collector alone."""

    program = "prometheus-node-exporter"
    ready_path = "/metrics"

    def arguments(self) -> list[str]:
        """Read the files in its own folder."""
        return [
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={self.directory}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]


class QuickPrometheus(Prometheus):
    """Sends what fires again after the twelfth part of a minute, not after a minute."""

    def arguments(self) -> list[str]:
        """Add to what there is: a firing alert is sent again, like all, so much sooner."""
        return [*super().arguments(), f"--rules.alert.resend-delay={RESEND_SECONDS}s"]


@attrs.frozen
class Watchers:
    """Who watches, and who is told."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: WebhookReceiver

    def told(self, instance: str, status: str = "firing") -> Counter[Told]:
        """Count the notifications so far in which an instance's alerts had a status."""
        return Counter(
            (request.path, alert["labels"]["alertname"], alert["labels"].get("name", ""))
            for request in list(self.webhook.requests)
            for alert in request.json()["alerts"]
            if alert["labels"].get("instance", "") == instance and alert["status"] == status
        )

    def told_at(self, instance: str) -> list[str]:
        """Return since when each alert that was told of an instance fires, as it was written."""
        return [
            alert["startsAt"]
            for alert in self.webhook.alerts()
            if alert["labels"].get("instance", "") == instance
        ]

    def until_told(self, instance: str, *wanted: Told, status: str = "firing") -> Counter[Told]:
        """Wait until all of these were told, and return all that was told of the instance."""

        def all_are_told() -> Counter[Told]:
            told = self.told(instance, status)
            return told if set(wanted) <= set(told) else Counter()

        return wait_until(
            all_are_told,
            f"{wanted} of {instance} are told as {status}",
            timeout=PATIENCE_SECONDS,
            evidence=lambda: self.evidence(instance),
        )

    def alert(self, instance: str, name: str, process: str = "") -> dict[str, Any] | None:
        """Return what Alertmanager knows of an alert that fires, None when it knows none."""
        for alert in self.alertmanager.alerts():
            labels = alert["labels"]
            found = labels["alertname"], labels.get("instance"), labels.get("name", "")
            if found == (name, instance, process):
                return alert
        return None

    def until_muted(
        self, instance: str, process: str, *, by_silence: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until a process that is down is suppressed, by the marker and if asked a silence.

        Return its alert and the marker.
        """

        def muted() -> tuple[dict[str, Any], dict[str, Any]] | None:
            down = self.alert(instance, "SupervisorProcessDown", process)
            marker = self.alert(instance, MARKER)
            if not (down and marker and down["status"]["inhibitedBy"]):
                return None
            return (down, marker) if down["status"]["silencedBy"] or not by_silence else None

        found = wait_until(
            muted,
            f"{process} of {instance} is suppressed",
            timeout=PATIENCE_SECONDS,
            evidence=lambda: self.evidence(instance),
        )
        assert found is not None
        return found

    def until_silenced(self, instance: str) -> list[str]:
        """Wait until a run of an instance holds a silence; return the ids of those it holds."""
        silences = wait_until(
            lambda: self.alertmanager.silences_of_runs(instance),
            f"a run of {instance} holds a silence",
            timeout=PATIENCE_SECONDS,
        )
        return [each["id"] for each in silences]

    def until_unmarked(self, instance: str) -> None:
        """Wait until Alertmanager has no marker of an instance any more."""
        wait_until(
            lambda: self.alert(instance, MARKER) is None,
            f"the marker of {instance} is gone",
            timeout=PATIENCE_SECONDS,
            evidence=lambda: self.evidence(instance),
        )

    def until_prometheus_has(self, expression: str) -> None:
        """Wait until an expression returns something."""
        wait_until(
            lambda: self.prometheus.query(expression),
            f"Prometheus has {expression}",
            timeout=PATIENCE_SECONDS,
        )

    def evidence(self, instance: str) -> str:
        """Tell what everybody knows of an instance."""
        known = [each for each in self.alertmanager.alerts() if _is_of(each, instance)]
        pending = [each for each in self.prometheus.alerts() if _is_of(each, instance)]
        return f"told: {self.told(instance)}\nAlertmanager: {known}\nPrometheus: {pending}"


def _is_of(alert: dict[str, Any], instance: str) -> bool:
    return bool(alert["labels"].get("instance", "") == instance)


class Host:
    """A supervisord with our listener and three programs.

    ``worker`` does not come back once it is broken; ``held`` stops when it is let go, so that a
    run can be had in its middle; ``canary`` is no plan's: it is given up when it is asked to.
    Plan ``patient`` stops nothing before it may. ``options`` go into every plan.
    """

    def __init__(self, folder: Path, instance: str, sinks: str = "", **options: object) -> None:
        folder.mkdir()
        self.instance = instance
        self._go, self._broken, self._ill = folder / "go", folder / "broken", folder / "ill"
        self._may_stop = folder / "may-stop"
        options = {"strategy": "all-at-once", **options}
        plans = [
            plan("nightly", programs="worker, held", **options),
            plan("others", programs="held", **options),
            plan("patient", programs="worker, held", pre="wait", **options),
            step("wait", f"sh -c 'until test -e {self._may_stop}; do sleep 0.1; done'"),
        ]
        self.observed = Observed(folder, instance=instance, sinks="\n".join([*plans, sinks]))
        self.supervisord = RealSupervisord(
            self.observed.stanza(autorestart="false"),
            program("worker", fragile(self._broken, 0), startsecs=0, autorestart="false"),
            program(
                "held", _HELD.format(go=self._go), startsecs=0, stopwaitsecs=90, stopasgroup="true"
            ),
            # so long that a supervisord that has to wait for the machine does not take it for up
            program("canary", fragile(self._ill), startsecs=5, startretries=0, autorestart="true"),
        )

    @contextmanager
    def running(self) -> Iterator[Host]:
        """Run it, and let go of what is held before everything is ended."""
        with self.supervisord:
            try:
                yield self
            finally:
                self.let_stop()
                self.let_go()

    def settle(self) -> None:
        """Wait until the listener knows what there is."""
        self.observed.under(self.supervisord).settled()

    @property
    def runs(self) -> Runs:
        """What has plans run."""
        return Runs(self.observed)

    def begin(self, name: str) -> str:
        """Have a plan begin, and return the run's id; one host after the other, for the load."""
        with _BEGINNING:
            return self.runs.begin(name)

    def let_stop(self) -> None:
        """Let ``patient`` come to its first stop."""
        self._may_stop.touch()

    def let_go(self) -> None:
        """Let ``held`` stop."""
        self._go.touch()

    def break_worker(self) -> None:
        """Let ``worker`` not come back when it is started anew."""
        self._broken.touch()

    def sing(self) -> Told:
        """Let ``canary`` be given up; return what is told of that, whatever else is muted."""
        self.supervisord.wait_for_state("canary", "RUNNING")
        self._ill.touch()
        self.supervisord.crash("canary")
        return "/pager", "SupervisorProcessFatal", "canary"


def scrape_jobs(
    scraped: Sequence[Host], gateway: Pushgateway, exporter: NodeExporter
) -> list[dict[str, Any]]:
    """Return the shipped scrape jobs with our targets.

    All hosts have one address, so that their name is not taken from it but given.
    """
    http, pushed, node = (
        load(PROMETHEUS / f"scrape-{sink}.yml")["scrape_configs"][0]
        for sink in ("http", "pushgateway", "textfile")
    )
    del http["relabel_configs"]
    http["static_configs"] = [
        _target(host.observed.port, instance=host.instance) for host in scraped
    ]
    pushed["static_configs"] = [_target(gateway.port)]
    node["static_configs"] = [_target(exporter.port, instance="textfile:9100")]
    return [http, pushed, node]


def _target(port: int, **labels: str) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def watch(
    stack: ExitStack, jobs: Sequence[dict[str, Any]], alertmanager: Alertmanager
) -> Prometheus:
    """Start a Prometheus with the shipped rules that tells an Alertmanager."""
    configuration = prometheus_configuration(jobs, alertmanager.port)
    return stack.enter_context(QuickPrometheus(configuration, {RULES.name: shortened.rules()}))
