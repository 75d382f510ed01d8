"""What the answers along the chain of monitoring mean, in tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from supervisor_maint.monitoring import chain
from supervisor_maint.monitoring.chain import Expected, Link
from supervisor_maint.monitoring.gates import Sample

CONF_D = Path(__file__).resolve().parents[2] / "conf.d"
VALUE = 1_764_220_000.125
PUSHED = chain.pushed("sink pushgateway", VALUE, {"job": chain.TEST_JOB, "instance": "web01"})
WRITTEN = chain.written("sink textfile", VALUE, "web01")
SCRAPED = chain.scraped("sink http", "web01")


@pytest.mark.parametrize(
    ("expected", "labels", "works", "found", "to_do"),
    [
        (
            PUSHED,
            [{"job": "supervisor-maint-test", "instance": "web01"}],
            True,
            'with job="supervisor-maint-test", instance="web01"',
            "",
        ),
        (PUSHED, [], False, "not there after 60 s", "scrape the Pushgateway"),
        (
            PUSHED,
            [
                {
                    "job": "pushgateway",
                    "instance": "gateway:9091",
                    "exported_job": "supervisor-maint-test",
                    "exported_instance": "web01",
                }
            ],
            False,
            'found job="pushgateway", instance="gateway:9091"',
            "honor_labels: true",
        ),
        (WRITTEN, [{"job": "node", "instance": "web01"}], True, 'with instance="web01"', ""),
        (WRITTEN, [], False, "not there after 60 s", "--collector.textfile.directory"),
        (
            WRITTEN,
            [{"job": "node", "instance": "web01:9100"}],
            False,
            'expected instance="web01", found instance="web01:9100"',
            "scrape-textfile.yml",
        ),
        (SCRAPED, [{"job": "supervisor", "instance": "web01"}], True, "", ""),
        (SCRAPED, [], False, "not there after 60 s", "job named supervisor"),
        (
            SCRAPED,
            [
                {"job": "supervisor", "instance": "web02"},
                {"job": "supervisor", "instance": "web01:9910"},
            ],
            False,
            'found instance="web01:9910"; instance="web02"',
            "scrape-http.yml",
        ),
        (
            SCRAPED,
            [
                {"job": "supervisor", "instance": "web02"},
                {"job": "supervisor", "instance": "web01"},
            ],
            True,
            "",
            "",
        ),
    ],
)
def test_arrival(
    expected: Expected, labels: list[dict[str, str]], works: bool, found: str, to_do: str
) -> None:
    """What Prometheus has of a sink is right, missing, or has other labels, which one is told."""
    link = chain.arrival([Sample(1.0, each) for each in labels], expected, 60.0)

    assert works is link.works
    assert found in link.found
    assert to_do in link.to_do
    assert works is (link.to_do == "")


@pytest.mark.parametrize(
    ("expected", "labels", "is_known"),
    [
        (PUSHED, [], False),
        (PUSHED, [{"job": "pushgateway"}], True),
        (WRITTEN, [{"job": "node", "instance": "web01:9100"}], True),
        (SCRAPED, [{"job": "supervisor", "instance": "web02"}], False),
        (SCRAPED, [{"job": "supervisor", "instance": "web01"}], True),
    ],
)
def test_what_has_come_wrong_is_not_waited_for(
    expected: Expected, labels: list[dict[str, str]], is_known: bool
) -> None:
    """What was pushed or written is nobody else's; of endpoints there are those of other hosts."""
    assert is_known is chain.is_known([Sample(1.0, each) for each in labels], expected)


READ = Link("a", True, "with its labels")
MISLABELLED = Link("b", False, "other labels", "honor them")
ABSENT = Link("c", False, "not there", "scrape it", is_absent=True)
UNREAD = Link("c", None, "not read, which is well: one sink is enough")
TWICE = Link(
    "Prometheus reads one sink",
    False,
    "it reads 2",
    "scrape only one of the sinks: with two each alert comes twice",
)


@pytest.mark.parametrize(
    ("arrivals", "judged"),
    [
        ((), ()),
        ((READ,), (READ,)),
        ((ABSENT,), (ABSENT,)),
        ((ABSENT, MISLABELLED), (ABSENT, MISLABELLED)),
        ((READ, ABSENT), (READ, UNREAD)),
        ((READ, MISLABELLED), (READ, MISLABELLED)),
        ((READ, READ, ABSENT), (READ, READ, UNREAD, TWICE)),
    ],
)
def test_one_sink_is_to_be_read(arrivals: tuple[Link, ...], judged: tuple[Link, ...]) -> None:
    """One sink that Prometheus reads is enough, and a second one is too many."""
    assert judged == chain.one_source(arrivals)


def test_report_holds_what_is_asked_for() -> None:
    """The value that is written is the one that the query names, to the last digit."""
    (family,) = text_string_to_metric_families(chain.exposition(VALUE).decode())
    (sample,) = family.samples

    assert (chain.TEST_METRIC, VALUE) == (sample.name, sample.value)
    assert f"{chain.TEST_METRIC} == {sample.value!r}" == PUSHED.query == WRITTEN.query


@pytest.mark.parametrize(
    ("health", "works", "found"),
    [
        ({}, False, "there is no alert SupervisorPlannedMaintenance"),
        ({"SupervisorDown": "ok"}, False, "there is no alert SupervisorPlannedMaintenance"),
        ({"SupervisorPlannedMaintenance": "ok", "SupervisorDown": "unknown"}, True, "2 alerts"),
        (
            {"SupervisorPlannedMaintenance": "ok", "SupervisorDown": "err", "Other": "err"},
            False,
            "cannot be evaluated: SupervisorDown",
        ),
    ],
)
def test_rules(health: dict[str, str], works: bool, found: str) -> None:
    """The marker's rule must be there, and each of ours must be well."""
    link = chain.rules(health)

    assert (works, found) == (link.works, link.found)


@pytest.mark.parametrize(("urls", "works"), [((), False), (("http://am1:9093/api",), True)])
def test_alertmanagers(urls: tuple[str, ...], works: bool) -> None:
    """Prometheus needs an Alertmanager."""
    assert works is chain.alertmanagers(urls).works


OLD = """\
inhibit_rules:
- source_match:
    alertname: SupervisorPlannedMaintenance
  target_match:
    maintenance: inhibit
  equal: [instance]
route:
  receiver: all
"""
MARSHALLED = """\
route: {receiver: all}
inhibit_rules:
- source_matchers:
  - alertname="SupervisorPlannedMaintenance"
  target_matchers:
  - maintenance="inhibit"
  equal: [instance]
"""
OTHERS = """\
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [maintenance="inhibit"]
  - source_matchers: [alertname="SupervisorPlannedMaintenance"]
    target_matchers: [severity="warning"]
"""


@pytest.mark.parametrize(
    ("configuration", "works"),
    [
        pytest.param(
            (CONF_D / "alertmanager" / "supervisor-maint.yml").read_text(encoding="utf-8"),
            True,
            id="as shipped",
        ),
        pytest.param(OLD, True, id="as older ones write it"),
        pytest.param(MARSHALLED, True, id="as Alertmanager shows it"),
        pytest.param("route: {receiver: all}\n", False, id="none"),
        pytest.param(OTHERS, False, id="two rules that are not it"),
        pytest.param(f"# {OLD.splitlines()[0]}\n", False, id="a comment"),
    ],
)
def test_inhibition(configuration: str, works: bool) -> None:
    """One inhibition has the marker and the label by which alerts opt in."""
    link = chain.inhibition(configuration)

    assert works is link.works


@pytest.mark.parametrize(
    ("made", "ended", "found"),
    [
        (True, True, "made and ended"),
        (False, True, "it was made and is not there"),
        (True, False, "it does not end"),
    ],
)
def test_silence(made: bool, ended: bool, found: str) -> None:
    """A silence must be seen when it was made, and be gone when it was ended."""
    link = chain.silence(made, ended)

    assert ((made and ended), found) == (link.works, link.found)
