"""What conf.d ships for Prometheus is valid and tested, and its tests find mistakes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from supervisor_maint.monitoring.metrics import describe
from tests.e2e.harness import wait_until
from tests.e2e.harness_servers import HangingServer, Prometheus
from tests.e2e.monitoring_files import (
    CHAPTER,
    RULE_TESTS,
    RULES,
    SCRAPES,
    alerts,
    is_muted,
    load,
    rules,
    run_tool,
)

needs_promtool = pytest.mark.needs_server("promtool")

# Severity, and whether a window mutes it.
TABLE = {
    "SupervisorPlannedMaintenance": ("none", False),
    "SupervisorDown": ("critical", False),
    "SupervisorNotAnswering": ("critical", False),
    "SupervisorMetricsAbsent": ("critical", False),
    "SupervisorTargetDown": ("critical", True),
    "SupervisorProcessDown": ("warning", True),
    "SupervisorProcessFatal": ("critical", False),
    "SupervisorProcessNotBack": ("critical", False),
    "SupervisorProcessCrashLoop": ("warning", True),
    "SupervisorProcessFlapping": ("warning", True),
    "SupervisorDiffFound": ("warning", True),
    "SupervisorMaintenanceOverran": ("critical", False),
    "SupervisorMaintenanceFailed": ("critical", False),
    "SupervisorMaintenanceMissed": ("warning", False),
    "SupervisorHoldForgotten": ("info", False),
    "SupervisorSinkFailing": ("warning", False),
    "SupervisorEventsLost": ("warning", False),
    "SupervisorConfigReloadFailed": ("warning", False),
    "SupervisorStoreFailing": ("warning", False),
    "SupervisorPermissionsFailing": ("warning", False),
    "SupervisorPermissionsChurn": ("warning", False),
    "SupervisorClockSkew": ("warning", False),
}
EACH_IS_TESTED = ("fires", "does not fire", "in a window", "outlives its series")

every_alert = pytest.mark.parametrize("name", TABLE)


@needs_promtool
def test_rules_are_valid() -> None:
    """promtool finds nothing wrong with the rules."""
    checked = run_tool("promtool", "check", "rules", RULES)

    assert 0 == checked.returncode, checked.stdout


@needs_promtool
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.name)
def test_rules_do_what_their_tests_say(file: Path) -> None:
    """Each shipped file of tests succeeds where it is."""
    tested = run_tool("promtool", "test", "rules", file.name, cwd=file.parent)

    assert 0 == tested.returncode, tested.stdout


def test_alerts_are_those_of_the_table() -> None:
    """Severity and muting of each are as promised, and there is no other."""
    found = {
        name: (alert["labels"]["severity"], is_muted(alert)) for name, alert in alerts().items()
    }

    assert TABLE == found


def test_chapter_has_the_same_table() -> None:
    """The documentation lists every alert with its severity and muting, and links its section."""
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbook\.md#(\w+)\) \| .+ \| (\w+) \| (yes|no) \|$",
        CHAPTER.read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert TABLE == {name: (severity, muted == "yes") for name, _, severity, muted in rows}
    assert all(name.lower() == anchor for name, anchor, *_ in rows)


def test_every_alert_is_tested_in_four_ways() -> None:
    """There is a group of tests for each alert and way, and none for anything else."""
    named = [group["name"] for file in RULE_TESTS for group in load(file)["tests"]]
    expected = [f"{name}: {way}" for name, way in itertools.product(TABLE, EACH_IS_TESTED)]

    assert sorted(expected) == sorted(named)


@every_alert
def test_alert_is_told_in_words(name: str) -> None:
    """The summary is fixed, the description has the detail, and the link its section."""
    annotations = alerts()[name]["annotations"]
    base, _, anchor = annotations["runbook_url"].partition("#")

    assert {"summary", "description", "runbook_url"} == set(annotations)
    assert annotations["summary"].endswith(".")
    assert "{{" not in annotations["summary"]
    assert "https://docs.example/supervisor-maint/runbook.md" == base
    assert name.lower() == anchor


def test_metrics_are_there() -> None:
    """Every metric that a rule asks for is one that we write, or recorded before it is asked."""
    known = {row.name for row in describe()}
    for rule in rules():
        asked = re.findall(r"\b(?:\w+:)?supervisor_\w+(?::\w+)?", rule["expr"])

        assert [] == [name for name in asked if name not in known]
        known |= {rule["record"]} if "record" in rule else set()


def test_recorded_names_say_what_they_hold() -> None:
    """A recording rule is named level:metric:operation, and some alert uses it."""
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    expressions = " ".join(rule["expr"] for rule in rules())

    assert len(recorded) == len(set(recorded))
    for name in recorded:
        assert re.fullmatch(r"[a-z]+:[a-z_]+:(last\d+[hd]|max)", name)
        assert name in expressions


# A mistake that somebody could make, and the alert whose tests must find it.
MUTANTS = [
    ("SupervisorPlannedMaintenance", r"last(_over_time\(\w+_deadline\w+{)", r"max\1"),
    ("SupervisorPlannedMaintenance", r"last_over_time(\(\w+_deadline\w+{.*?})\[6h\]", r"\1"),
    ("SupervisorPlannedMaintenance", r'(_deadline_timestamp_seconds){instance!=""}', r"\1"),
    ("SupervisorPlannedMaintenance", r"        keep_firing_for: 1m\n", ""),
    ("SupervisorPlannedMaintenance", r"\n *unless \S+_deadline\S+\n *<= .*", ""),
    ("SupervisorPlannedMaintenance", r"\n *unless \S+_heartbeat\S+ - time.*", ""),
    ("SupervisorDown", r"> 300\n", "> 3000\n"),
    ("SupervisorDown", r"> 300\n", "> 60\n"),
    ("SupervisorDown", r"\[1d\]", "[6h]"),
    ("SupervisorProcessDown", r"for: 2m", "for: 1m"),
    ("SupervisorProcessDown", r"\n *and process:supervisor_process_wanted:last1h == 1", ""),
    ("SupervisorProcessFatal", r"== 200", "> 100"),
    ("SupervisorProcessFatal", r"(state\[1h\]\)) *\n *unless on .*? supervisor_\w+", r"\1"),
    ("SupervisorProcessFatal", r"process:(supervisor_process_state):last1h ==", r"\1 =="),
    ("SupervisorProcessNotBack", r">= (on .*\n.*window_start)", r"!= \1"),
    ("SupervisorProcessNotBack", r"floor\((\w+:\w+window_start\w+:last6h)\)", r"\1"),
    ("SupervisorProcessNotBack", r":last6h <= time\(\)\)", ":last6h)"),
    ("SupervisorProcessNotBack", r"(:last6h <= time\(\)\)) \+ 120", r"\1"),
    ("SupervisorProcessNotBack", r"(:last6h <= time\(\)\)) \+ 120", r"\1 + 600"),
    ("SupervisorProcessCrashLoop", r"round(\(increase\(\w+start_fail\w+\[10m\]\)\))", r"\1"),
    ("SupervisorProcessFlapping", r'cause="exit"', 'cause=~".+"'),
    ("SupervisorMaintenanceOverran", r"plan:(supervisor_maint_in_progress):last6h ==", r"\1 =="),
    ("SupervisorMaintenanceFailed", r"\n *or \(plan:\w+completion\S+\n.*\)", ""),
    ("SupervisorMaintenanceMissed", r"\n *unless plan:supervisor_maint_in_progress\S+ == 1", ""),
    ("SupervisorMaintenanceMissed", r"\n *and time\(\) - plan:supervisor_maint_start_by.*", ""),
    ("SupervisorHoldForgotten", r"for: 7d", "for: 4d"),
    ("SupervisorNotAnswering", r"instance:(supervisor_up):last1h ==", r"\1 =="),
    ("SupervisorPermissionsFailing", r"(last_run\w+\[6h\]\))\n *unless on .*", r"\1))"),
]


@needs_promtool
@pytest.mark.parametrize(("name", "pattern", "instead"), MUTANTS)
def test_mistake_is_found(name: str, pattern: str, instead: str, tmp_path: Path) -> None:
    """The tests of an alert fail when its rule is changed in one place."""
    text, count = re.subn(pattern, instead, RULES.read_text(encoding="utf-8"))
    (file,) = (file for file in RULE_TESTS if f'"{name}: fires"' in file.read_text("utf-8"))
    status, told = _test(text, tmp_path, file, f"{name}: ")

    assert 0 < count
    assert 1 == status, told
    assert "got:" in told


@needs_promtool
def test_wrong_muting_is_found(tmp_path: Path) -> None:
    """The test in a window fails for each alert that is muted wrongly, or wrongly is not."""
    document = load(RULES)
    for rule in document["groups"][0]["rules"]:
        if rule.get("alert") not in {None, "SupervisorPlannedMaintenance"}:
            was = rule["labels"].pop("maintenance", None)
            rule["labels"].update({} if was else {"maintenance": "inhibit"})
    changed = yaml.safe_dump(document)
    told = "".join(_test(changed, tmp_path, file, ": in a window")[1] for file in RULE_TESTS)
    found = re.findall(r"expr: .*SupervisorPlannedMaintenance\|(\w+)", told)

    assert set(TABLE) - {"SupervisorPlannedMaintenance"} == set(found)


def _test(changed: str, folder: Path, file: Path, wanted: str) -> tuple[int, str]:
    """Run the tests of a file whose names have some words in them against changed rules."""
    (folder / "changed.yml").write_text(changed, encoding="utf-8")
    document = load(file)
    document["rule_files"] = ["changed.yml"]
    document["tests"] = [group for group in document["tests"] if wanted in group["name"]]
    (folder / "tests.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    tested = run_tool("promtool", "test", "rules", "tests.yml", cwd=folder)
    return tested.returncode, tested.stdout


@needs_promtool
@pytest.mark.parametrize("file", SCRAPES, ids=lambda file: file.name)
def test_scrape_fragment_is_valid_alone_and_within(file: Path, tmp_path: Path) -> None:
    """Each fragment is what Prometheus takes, by itself and beside our rules."""
    whole = {"rule_files": [str(RULES)], **load(file)}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    for path in (file, tmp_path / "prometheus.yml"):
        checked = run_tool("promtool", "check", "config", path)

        assert 0 == checked.returncode, checked.stdout


@pytest.fixture
def pages() -> Iterator[dict[str, HangingServer]]:
    """A page of metrics for each fragment, as its sink brings them."""
    heartbeat = "supervisor_maint_heartbeat_timestamp_seconds"
    pushed = '{job="supervisor",instance="web01"}'
    with HangingServer() as http, HangingServer() as gateway, HangingServer() as node:
        http.answer(200, f"{heartbeat} 1\n")
        gateway.answer(200, f"{heartbeat}{pushed} 2\n")
        node.answer(200, f"{heartbeat} 3\nnode_load1 4\n")
        yield {"http": http, "pushgateway": gateway, "textfile": node}


@pytest.mark.needs_server("prometheus")
def test_every_sink_spells_the_instance_alike(pages: dict[str, HangingServer]) -> None:
    """Whatever brings a metric, its instance has no port; `up` has the same, others their own."""
    jobs = []
    for file in SCRAPES:
        (job,) = load(file)["scrape_configs"]
        kind = file.stem.partition("-")[2]
        job["static_configs"] = [{"targets": [pages[kind].url.partition("//")[2]]}]
        jobs.append(job)
    configuration = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
    ours = 'instance="127.0.0.1"'
    expected = {
        ("supervisor", ours): 1.0,
        ("supervisor", 'instance="web01"'): 2.0,
        ("node", ours): 3.0,
    }
    with Prometheus(yaml.safe_dump(configuration)) as prometheus:
        found = wait_until(
            lambda: _complete(prometheus.query("supervisor_maint_heartbeat_timestamp_seconds"), 3),
            "everything was scraped",
            evidence=prometheus.log,
        )
        up = prometheus.query('up{job="supervisor"}')
        others = prometheus.query("node_load1")

    for (job, instance), value in expected.items():
        name = "supervisor_maint_heartbeat_timestamp_seconds"
        assert value == found[f'{name}{{{instance},job="{job}"}}']
    assert [f'up{{{ours},job="supervisor"}}'] == list(up)
    assert all("127.0.0.1:" in series for series in others)


def _complete(samples: dict[str, float], count: int) -> dict[str, float] | None:
    return samples if len(samples) == count else None
