"""``monitoring test`` on a real chain: two sinks, Prometheus and Alertmanager."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.harness_programs import free_port, program, sleeper
from tests.e2e.harness_servers import Alertmanager, Prometheus, Pushgateway
from tests.e2e.monitoring_files import ALERTMANAGER, RULES
from tests.e2e.observed import Observed

SERVERS = ("prometheus", "prometheus-alertmanager", "prometheus-pushgateway")

# A second is what a scrape takes to come; what does not come is waited for to the end.
WAIT = "15s"
PROMETHEUS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]
scrape_configs:
  - job_name: pushgateway
    honor_labels: {honor_labels}
    static_configs: [{{targets: ["127.0.0.1:{gateway}"]}}]
"""
AND_THE_ENDPOINT = """\
  - job_name: supervisor
    static_configs: [{{targets: ["127.0.0.1:{listener}"]}}]
    relabel_configs: [{{target_label: instance, replacement: web01}}]
"""
CONFIGURATION = """\
[sink:pushgateway]
url=http://127.0.0.1:{gateway}
[prometheus]
url=http://127.0.0.1:{prometheus}
[alertmanager]
urls=http://127.0.0.1:{alertmanager}
"""


@pytest.mark.needs_server(*SERVERS)
def test_chain(observe: Callable[..., Observed]) -> None:
    """Every link works when set up as shipped, and nothing is left; then what is broken is found.

    The endpoint need not be scraped where the gateway is. Without honor_labels the gateway's labels
    are found, and what to change; an Alertmanager that is gone takes no silence.
    """
    with Pushgateway() as gateway, Alertmanager(ALERTMANAGER.read_text("utf-8")) as alertmanager:
        ports = {"gateway": gateway.port, "alertmanager": alertmanager.port}
        ports["prometheus"] = free_port()
        observed = observe(program("worker", sleeper()), sinks=CONFIGURATION.format(**ports))
        ports["listener"] = observed.port
        prometheus = Prometheus(
            PROMETHEUS.format(honor_labels="true", **ports),
            {"rules.yml": RULES.read_text(encoding="utf-8")},
        )
        prometheus.port = ports["prometheus"]
        prometheus.url = f"http://127.0.0.1:{prometheus.port}"
        with prometheus:
            observed.wait_until(
                lambda: prometheus.query('up{job="pushgateway"} == 1'), "the gateway is scraped"
            )
            well = observed.command("monitoring", "test", "--json", "--wait", WAIT)
            left = gateway.metrics().matching("supervisor_maint_test_timestamp_seconds")
            silences = [each["status"]["state"] for each in alertmanager.silences()]
            alertmanager.stop()
            configuration = (PROMETHEUS + AND_THE_ENDPOINT).format(honor_labels="false", **ports)
            (prometheus.directory / "prometheus.yml").write_text(configuration, encoding="utf-8")
            prometheus.send("POST", "/-/reload")
            observed.wait_until(
                lambda: prometheus.query('up{job="supervisor"} == 1'), "both are scraped"
            )
            broken = observed.command("monitoring", "test", "--json", "--wait", WAIT)

    links = json.loads(well.stdout)
    assert [] == [link for link in links if link["works"] is False]
    assert ["Prometheus has what sink http said"] == [
        link["link"] for link in links if link["works"] is None
    ]
    assert (0, "", 8) == (well.returncode, well.stderr, len(links))
    assert ({}, ["expired"]) == (left, silences)
    failed = {link["link"]: link for link in json.loads(broken.stdout) if not link["works"]}
    assert 1 == broken.returncode
    assert {
        "Prometheus has what sink pushgateway said",
        "Alertmanager mutes what a window sets off",
        "Alertmanager takes a silence",
    } == set(failed)
    arrived = failed["Prometheus has what sink pushgateway said"]
    assert "honor_labels: true" in arrived["to_do"]
