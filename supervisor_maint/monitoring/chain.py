"""The chain from a sink to a pager, link by link: what was found of it, judged. No I/O here.

A link works, or it does not and there is something to change, or nobody could look. What is asked
is asked by the command line; here is what the answers mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from supervisor_maint.monitoring.gates import Sample

TEST_JOB = "supervisor-maint-test"
TEST_METRIC = "supervisor_maint_test_timestamp_seconds"
SCRAPE_JOB = "supervisor"
MARKER = "SupervisorPlannedMaintenance"
RULES = "Prometheus has the rules"
SENDING = "Prometheus sends alerts to an Alertmanager"
MUTING = "Alertmanager mutes what a window sets off"
SILENCING = "Alertmanager takes a silence"
_EXPORTED = "exported_"
# How a list's items begin: all of them are as far in as the first.
_ITEM = re.compile(r"\n *- ")
# maintenance="inhibit" as a matcher, or maintenance: inhibit as older configurations have it
_OPTED_IN = re.compile(r"maintenance\s*(?:=~?|:)\s*\\?[\"']?inhibit\b")
_SHOWN = 3


@attrs.frozen
class Link:
    """One link: its name, whether it works (None: nobody could look), and what was found.

    ``to_do`` says what to change where it does not work. ``is_absent``: there is nothing at all.
    """

    name: str
    works: bool | None
    found: str
    to_do: str = ""
    is_absent: bool = False


@attrs.frozen(kw_only=True)
class Expected:
    """What one sink should bring to Prometheus: the labels, and what makes it bring them.

    ``query`` finds it whatever its labels are; ``fix`` names what spells the labels, ``setting``
    what has Prometheus read the sink at all. ``is_unique`` when nothing but this sink has what is
    found by it.
    """

    sink: str
    query: str
    labels: Mapping[str, str]
    setting: str
    fix: str
    is_unique: bool = False

    @property
    def name(self) -> str:
        """The link's name."""
        return f"Prometheus has what {self.sink} said"


def exposition(value: float) -> bytes:
    """Return a report with the test metric alone."""
    return f"# TYPE {TEST_METRIC} gauge\n{TEST_METRIC} {value!r}\n".encode()


def pushed(sink: str, value: float, labels: Mapping[str, str]) -> Expected:
    """Expect what was pushed to a Pushgateway, with the labels of its grouping key."""
    return Expected(
        sink=sink,
        query=f"{TEST_METRIC} == {value!r}",
        labels=labels,
        setting="scrape the Pushgateway: conf.d/prometheus/scrape-pushgateway.yml",
        fix="set honor_labels: true in the job that scrapes the Pushgateway",
        is_unique=True,
    )


def written(sink: str, value: float, instance: str) -> Expected:
    """Expect what was written for node_exporter, with the instance that all others have."""
    return Expected(
        sink=sink,
        query=f"{TEST_METRIC} == {value!r}",
        labels={"instance": instance},
        setting="give node_exporter --collector.textfile.directory with the folder of `path`, and "
        "scrape it",
        fix="take the port from our instance: conf.d/prometheus/scrape-textfile.yml; or set "
        "instance in [maint] as it is found here",
        is_unique=True,
    )


def scraped(sink: str, instance: str) -> Expected:
    """Expect Prometheus to scrape the endpoint itself."""
    return Expected(
        sink=sink,
        query=f'up{{job="{SCRAPE_JOB}"}} == 1',
        labels={"instance": instance},
        setting=f"scrape the endpoint in a job named {SCRAPE_JOB}, from where `listen` can be "
        "reached: conf.d/prometheus/scrape-http.yml",
        fix="take the port from the instance: conf.d/prometheus/scrape-http.yml; or set instance "
        "in [maint] as it is found here",
    )


def has_arrived(samples: Iterable[Sample], expected: Expected) -> bool:
    """Tell whether it is there with the labels that it should have."""
    return any(_wrong_labels(sample, expected) == {} for sample in samples)


def is_known(samples: Sequence[Sample], expected: Expected) -> bool:
    """Tell whether looking again would find nothing else: it is right, or is ours with a fault."""
    return has_arrived(samples, expected) or (expected.is_unique and bool(samples))


def arrival(samples: Sequence[Sample], expected: Expected, waited_seconds: float) -> Link:
    """Judge what Prometheus has after so long."""
    if has_arrived(samples, expected):
        labels = ", ".join(f'{name}="{value}"' for name, value in expected.labels.items())
        return Link(expected.name, True, f"with {labels}")
    if not samples:
        to_do = f"{expected.setting}; or give it longer, with --wait"
        found = f"not there after {waited_seconds:g} s"
        return Link(expected.name, False, found, to_do, is_absent=True)
    wrong = sorted({_shown(_wrong_labels(sample, expected)) for sample in samples})
    found = "; ".join(wrong[:_SHOWN])
    wanted = _shown(expected.labels)
    return Link(expected.name, False, f"expected {wanted}, found {found}", expected.fix)


def one_source(arrivals: Sequence[Link]) -> tuple[Link, ...]:
    """Judge the arrivals together: Prometheus is to read one sink, and not a second one.

    A sink that it does not read is well where it reads another; with two each alert comes twice.
    """
    read = [link for link in arrivals if link.works]
    if not read:
        return tuple(arrivals)
    unread = "not read, which is well: one sink is enough"
    judged = [Link(each.name, None, unread) if each.is_absent else each for each in arrivals]
    if len(read) > 1:
        to_do = "scrape only one of the sinks: with two each alert comes twice"
        judged.append(Link("Prometheus reads one sink", False, f"it reads {len(read)}", to_do))
    return tuple(judged)


def _wrong_labels(sample: Sample, expected: Expected) -> dict[str, str]:
    """Return the labels that differ from what is expected, as they are."""
    return {
        name: sample.labels.get(name, "")
        for name, value in expected.labels.items()
        if sample.labels.get(name) != value or f"{_EXPORTED}{name}" in sample.labels
    }


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in labels.items())


def rules(health: Mapping[str, str]) -> Link:
    """Judge which alerts Prometheus has, each with the health of its rule."""
    ours = {alert: state for alert, state in health.items() if alert.startswith("Supervisor")}
    if MARKER not in ours:
        to_do = "name conf.d/prometheus/supervisor-maint.rules.yml in rule_files"
        return Link(RULES, False, f"there is no alert {MARKER}", to_do)
    bad = sorted(alert for alert, state in ours.items() if state not in ("ok", "unknown"))
    if bad:
        to_do = "look at the page of rules in Prometheus"
        return Link(RULES, False, f"cannot be evaluated: {', '.join(bad)}", to_do)
    return Link(RULES, True, f"{len(ours)} alerts")


def alertmanagers(urls: Sequence[str]) -> Link:
    """Judge whether Prometheus has anybody to send its alerts to."""
    if urls:
        return Link(SENDING, True, ", ".join(urls))
    return Link(SENDING, False, "it has none", "name one in alerting: alertmanagers: of Prometheus")


def inhibition(configuration: str) -> Link:
    """Judge whether Alertmanager's configuration mutes what a window sets off.

    It is read as text, for there is nothing here that reads YAML: one inhibition must name both
    the marker and the label by which alerts opt in.
    """
    text = configuration.partition("inhibit_rules:")[2]
    first_item = _ITEM.search(text)
    for rule in text.split(first_item[0]) if first_item is not None else ():
        if MARKER in rule and _OPTED_IN.search(rule):
            return Link(MUTING, True, f"while {MARKER} fires")
    to_do = "take the inhibition over from conf.d/alertmanager/supervisor-maint.yml"
    return Link(MUTING, False, f"no inhibition has {MARKER} in it", to_do)


def silence(made: bool, ended: bool) -> Link:
    """Judge a silence that was made for a minute and ended at once."""
    if made and ended:
        return Link(SILENCING, True, "made and ended")
    found = "it was made and is not there" if not made else "it does not end"
    to_do = "ask the same Alertmanager that you name: urls is a list of the nodes of one cluster"
    return Link(SILENCING, False, found, to_do)
