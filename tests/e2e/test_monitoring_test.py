"""``monitoring test`` on a real chain: each of the three sinks, Prometheus and Alertmanager."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import pytest

from tests.e2e.harness_programs import program, sleeper
from tests.e2e.harness_servers import Alertmanager, Prometheus, Pushgateway
from tests.e2e.hosts import NodeExporter
from tests.e2e.monitoring_files import (
    ALERTMANAGER,
    PROMETHEUS,
    RULES,
    load,
    prometheus_configuration,
)
from tests.e2e.observed import Observed

# As the shipped scrape jobs spell it: the address without its port.
INSTANCE = "127.0.0.1"
# What is there comes within a scrape, and what has come wrong is not waited for.
WAIT = "50s"


@attrs.frozen(kw_only=True)
class Chain:
    """Everything from the listener to Alertmanager, and two who scrape: one is wrongly set up."""

    observed: Observed
    gateway: Pushgateway
    exporter: NodeExporter
    alertmanager: Alertmanager
    well: Prometheus
    wrong: Prometheus

    @property
    def sinks(self) -> dict[str, str]:
        """The section of each sink, by its name."""
        return {
            "http": f"[sink:http]\nlisten=127.0.0.1:{self.observed.port}\n",
            "textfile": f"[sink:textfile]\npath={self.exporter.directory}/supervisor.prom\n",
            "pushgateway": f"[sink:pushgateway]\nurl={self.gateway.url}\n",
        }

    def test(self, prometheus: Prometheus, *names: str) -> subprocess.CompletedProcess[str]:
        """Try the chain from sinks of these names on."""
        config = self.observed.folder / f"{'-'.join(names)}.conf"
        maint = f"[maint]\nstate_dir={self.observed.folder}/state\ninstance={INSTANCE}\n"
        sinks = "".join(self.sinks[name] for name in names)
        servers = f"[prometheus]\nurl={prometheus.url}\n"
        servers += f"[alertmanager]\nurls={self.alertmanager.url}\n"
        config.write_text(maint + sinks + servers, encoding="utf-8")
        arguments = ("--config", str(config), "--json", "--wait", WAIT)
        return self.observed.command("monitoring", "test", *arguments)


def _jobs(ports: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return the shipped jobs by their sinks, of which only the targets are ours."""
    found = {}
    for sink, port in ports.items():
        (job,) = load(PROMETHEUS / f"scrape-{sink}.yml")["scrape_configs"]
        found[sink] = {**job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    return found


def _prometheus(jobs: Mapping[str, dict[str, Any]], alertmanager: Alertmanager) -> Prometheus:
    configuration = prometheus_configuration(list(jobs.values()), alertmanager.port)
    return Prometheus(configuration, {RULES.name: RULES.read_text(encoding="utf-8")})


@contextmanager
def _chain(observe: Callable[..., Observed]) -> Iterator[Chain]:
    """Start everything; every job has been scraped when it is given away."""
    with ExitStack() as stack:
        gateway = stack.enter_context(Pushgateway())
        exporter = stack.enter_context(NodeExporter())
        alertmanager = stack.enter_context(Alertmanager(ALERTMANAGER.read_text("utf-8")))
        observed = observe(program("worker", sleeper()), instance=INSTANCE)
        ports = {"http": observed.port, "textfile": exporter.port, "pushgateway": gateway.port}
        jobs = _jobs(ports)
        well = stack.enter_context(_prometheus(jobs, alertmanager))
        jobs["pushgateway"]["honor_labels"] = False
        del jobs["textfile"]["metric_relabel_configs"]
        wrong = stack.enter_context(_prometheus(jobs, alertmanager))
        for each in (well, wrong):
            observed.wait_until(
                lambda each=each: each.query("count(up == 1)").value("") == len(ports),
                "everything is scraped",
            )
        yield Chain(
            observed=observed,
            gateway=gateway,
            exporter=exporter,
            alertmanager=alertmanager,
            well=well,
            wrong=wrong,
        )


def _links(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {link["link"]: link for link in json.loads(ended.stdout)}


def _arrival(sink: str) -> str:
    return f"Prometheus has what sink {sink} said"


@pytest.mark.needs_server(
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-pushgateway",
    "prometheus-node-exporter",
)
def test_chain(observe: Callable[..., Observed]) -> None:
    """From each sink on every link works as shipped, and nothing is left; then each fault is found.

    Without honor_labels and without what takes the port from our instance the labels that were
    found are told, and what to change; an Alertmanager that is gone takes no silence.
    """
    with _chain(observe) as chain:
        with ThreadPoolExecutor(len(chain.sinks)) as executor:
            tests = {sink: executor.submit(chain.test, chain.well, sink) for sink in chain.sinks}
        left = chain.gateway.metrics().matching("supervisor_maint_test_timestamp_seconds")
        files = list(chain.exporter.directory.glob("*.prom"))
        silences = {each["status"]["state"] for each in chain.alertmanager.silences()}
        chain.alertmanager.stop()
        broken = chain.test(chain.wrong, *chain.sinks)

    for sink, test in tests.items():
        ended = test.result()
        links = _links(ended)
        assert {True} == {link["works"] for link in links.values()}, ended.stdout
        assert (0, "", 6) == (ended.returncode, ended.stderr, len(links))
        assert _arrival(sink) in links
    assert ({}, [], {"expired"}) == (left, files, silences)

    failed = {name: each for name, each in _links(broken).items() if each["works"] is not True}
    assert 1 == broken.returncode
    assert {
        _arrival("pushgateway"),
        _arrival("textfile"),
        "Alertmanager mutes what a window sets off",
        "Alertmanager takes a silence",
    } == set(failed)
    assert "honor_labels: true" in failed[_arrival("pushgateway")]["to_do"]
    assert "conf.d/prometheus/scrape-textfile.yml" in failed[_arrival("textfile")]["to_do"]
