"""The metrics are exactly those of the table, and say what the facts say."""

from __future__ import annotations

import attrs
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from supervisor_maint.monitoring.facts import Facts, PlanFacts, SinkStatus
from supervisor_maint.monitoring.families import Family, gauge
from supervisor_maint.monitoring.metrics import MaintCollector, describe, new_registry, render
from supervisor_maint.processes import ProcessState
from tests.fakes.reports import BUILD, WEB, WORKER, crowd, full_facts, running, snapshot

BARE = Facts(build=BUILD)

TABLE = {
    "supervisor_up": ("gauge", ""),
    "supervisor_info": ("info", "version identification"),
    "supervisor_processes": ("gauge", "state"),
    "supervisor_process_up": ("gauge", "name group"),
    "supervisor_process_state": ("gauge", "name group"),
    "supervisor_process_exit_status": ("gauge", "name group"),
    "supervisor_process_start_time_seconds": ("gauge", "name group"),
    "supervisor_process_wanted": ("gauge", "name group"),
    "supervisor_process_starts_total": ("counter", "name group"),
    "supervisor_process_start_failures_total": ("counter", "name group"),
    "supervisor_process_fatal_total": ("counter", "name group"),
    "supervisor_process_exits_total": ("counter", "name group expected"),
    "supervisor_process_restarts_total": ("counter", "name group cause"),
    "supervisor_process_downtime_seconds_total": ("counter", "name group cause"),
    "supervisor_process_resident_memory_bytes": ("gauge", "name group"),
    "supervisor_maint_in_progress": ("gauge", "plan"),
    "supervisor_maint_window_start_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_window_deadline_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_next_start_timestamp_seconds": ("gauge", "plan"),
    "supervisor_maint_start_by_timestamp_seconds": ("gauge", "plan"),
    "supervisor_maint_last_start_timestamp_seconds": ("gauge", "plan"),
    "supervisor_maint_last_completion_timestamp_seconds": ("gauge", "plan"),
    "supervisor_maint_last_success_timestamp_seconds": ("gauge", "plan"),
    "supervisor_maint_last_duration_seconds": ("gauge", "plan"),
    "supervisor_maint_runs_total": ("counter", "plan result"),
    "supervisor_maint_process_downtime_seconds": ("gauge", "name group"),
    "supervisor_maint_process_memory_given_back_bytes": ("gauge", "name group"),
    "supervisor_maint_hold_until_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_snapshot_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_diff_processes": ("gauge", "kind"),
    "supervisor_maint_permission_paths_total": ("counter", "rule result"),
    "supervisor_maint_permissions_last_run_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_permissions_problem": ("gauge", "rule"),
    "supervisor_maint_permissions_churn": ("gauge", "rule"),
    "supervisor_maint_events_total": ("counter", "event"),
    "supervisor_maint_events_lost_total": ("counter", ""),
    "supervisor_maint_errors_total": ("counter", "where"),
    "supervisor_maint_store_errors_total": ("counter", "store"),
    "supervisor_maint_config_last_reload_successful": ("gauge", ""),
    "supervisor_maint_sink_writes_total": ("counter", "sink result"),
    "supervisor_maint_sink_last_success_timestamp_seconds": ("gauge", "sink"),
    "supervisor_maint_monitoring_requests_total": ("counter", "server result"),
    "supervisor_maint_silence_end_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_heartbeat_timestamp_seconds": ("gauge", ""),
    "supervisor_maint_build_info": ("info", "version python"),
    "supervisor_maint_event_duration_seconds": ("histogram", ""),
}


def registry_of(facts: Facts) -> CollectorRegistry:
    return new_registry(MaintCollector(lambda: facts))


def values(facts: Facts, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one metric by their label values, as Prometheus reads them."""
    labels = next(row.labels for row in describe() if row.name == name)
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in parse(render(registry_of(facts)).decode())
        for sample in family.samples
        if sample.name == name
    }


def test_described_as_the_table() -> None:
    """Names, types and labels are those that rules and dashboards rely on."""
    described = {row.name: (row.type, " ".join(row.labels)) for row in describe()}

    assert described == TABLE


def test_full_facts_show_every_metric() -> None:
    """A machine where everything is configured exposes the whole table and nothing else."""
    families = list(parse(render(registry_of(full_facts())).decode()))
    exposed = {family.name + "_total" * (family.type == "counter") for family in families}

    assert exposed == set(TABLE)


def test_labels_are_those_described() -> None:
    """No sample has another label than its row says, the histogram's bound excepted."""
    samples = [s for family in registry_of(full_facts()).collect() for s in family.samples]
    found = {s.name: set(s.labels) for s in samples if "event_duration" not in s.name}

    assert found == {row.name: set(row.labels) for row in describe() if row.type != "histogram"}


@pytest.mark.parametrize("row", describe(), ids=lambda row: row.name)
def test_help_is_a_sentence(row) -> None:
    """Each help is a plain sentence, and one of a time says its unit."""
    assert row.help[0].isupper()
    assert row.help.endswith(".")
    if "_seconds" in row.name:
        assert "econds" in row.help


def test_no_created_series_and_no_timestamps() -> None:
    """What Pushgateway and node_exporter refuse is not there."""
    lines = render(registry_of(full_facts())).decode().splitlines()
    samples = [line for line in lines if not line.startswith("#")]

    assert [] == [line for line in samples if "_created" in line]
    assert {1} == {len(line.rpartition("}")[2].split()) for line in samples if "}" in line}


@pytest.mark.parametrize("facts", [BARE, full_facts()], ids=["bare", "full"])
def test_unknown_times_are_absent(facts: Facts) -> None:
    """Nothing is ever said to have happened at 0: that looks 56 years old."""
    samples = [s for family in registry_of(facts).collect() for s in family.samples]

    assert [] == [s for s in samples if s.name.endswith("_timestamp_seconds") and s.value == 0]


def test_bare_facts_render() -> None:
    """The very first report, before supervisord was asked, is a report."""
    assert {(): 0} == values(BARE, "supervisor_up")
    assert {} == values(BARE, "supervisor_processes")
    assert {} == values(BARE, "supervisor_maint_heartbeat_timestamp_seconds")
    assert {(): 1} == values(BARE, "supervisor_maint_config_last_reload_successful")
    assert {("0.1.0", "3.11.2"): 1} == values(BARE, "supervisor_maint_build_info")


def test_every_state_is_counted() -> None:
    """All eight states are there, also those that no process is in."""
    expected = dict.fromkeys([(state.name,) for state in ProcessState], 0)
    expected.update({("RUNNING",): 1, ("EXITED",): 1})

    assert expected == values(full_facts(), "supervisor_processes")


@pytest.mark.parametrize(
    ("state", "is_up", "start_time"),
    [
        (ProcessState.STARTING, 1, {("web_0", "web"): 1500.0}),
        (ProcessState.RUNNING, 1, {("web_0", "web"): 1500.0}),
        (ProcessState.STOPPING, 1, {("web_0", "web"): 1500.0}),
        (ProcessState.STOPPED, 0, {}),
        (ProcessState.BACKOFF, 0, {}),
        (ProcessState.EXITED, 0, {}),
        (ProcessState.FATAL, 0, {}),
        (ProcessState.UNKNOWN, 0, {}),
    ],
)
def test_up_state_and_start_time(state: ProcessState, is_up: int, start_time: dict) -> None:
    """Up is what node_exporter calls up, and the start time is there only then."""
    facts = attrs.evolve(BARE, snapshot=snapshot(running(WEB, state=state)))

    assert {("web_0", "web"): is_up} == values(facts, "supervisor_process_up")
    assert {("web_0", "web"): state.value} == values(facts, "supervisor_process_state")
    assert start_time == values(facts, "supervisor_process_start_time_seconds")


def test_exit_status_is_the_snapshots_or_the_logs() -> None:
    """The snapshot is believed first, then supervisord's log; an unknown status is absent."""
    known = values(full_facts(), "supervisor_process_exit_status")
    unknown = attrs.evolve(BARE, snapshot=snapshot(running(WEB)))

    assert {("web_0", "web"): 2, ("worker", "worker"): 3} == known
    assert {} == values(unknown, "supervisor_process_exit_status")


def test_counters_start_at_0() -> None:
    """Every combination of labels is there before anything was counted."""
    plan = PlanFacts(name="nightly")
    facts = attrs.evolve(
        BARE,
        snapshot=snapshot(running(WEB)),
        plans=(plan,),
        sinks={"textfile": SinkStatus()},
        monitoring={"alertmanager": {"ok": 0, "failed": 0, "rejected": 0}},
    )
    counters = [row.name for row in describe() if row.type == "counter"]
    found = {name: set(values(facts, name).values()) for name in counters}
    from_rules = {"supervisor_maint_permission_paths_total", "supervisor_maint_errors_total"}

    assert found == {name: set() if name in from_rules else {0} for name in counters}


@pytest.mark.parametrize(
    ("plans", "restarts", "downtime"),
    [
        ((), {"command", "exit"}, {"exit"}),
        ((PlanFacts(name="n"),), {"maintenance", "command", "exit"}, {"maintenance", "exit"}),
    ],
)
def test_causes_follow_the_plans(plans: tuple, restarts: set, downtime: set) -> None:
    """Maintenance is a cause from the first report on where a plan is configured."""
    facts = attrs.evolve(BARE, snapshot=snapshot(running(WEB)), plans=plans)
    restart_causes = {key[2] for key in values(facts, "supervisor_process_restarts_total")}
    downtime_causes = {key[2] for key in values(facts, "supervisor_process_downtime_seconds_total")}

    assert (restarts, downtime) == (restart_causes, downtime_causes)


def test_counter_outlives_its_plan() -> None:
    """What a plan counted stays when the plan is taken out of the configuration."""
    facts = attrs.evolve(full_facts(), plans=())

    assert values(facts, "supervisor_process_restarts_total")["web_0", "web", "maintenance"] == 6


def test_removed_process_takes_its_series_along() -> None:
    """A process that supervisord no longer has is in no sample."""
    facts = attrs.evolve(full_facts(), snapshot=snapshot(running(WORKER)))
    exposition = render(registry_of(facts)).decode()

    assert "web_0" not in exposition
    assert 'name="worker"' in exposition


def test_counts_are_kept_while_supervisord_was_not_asked() -> None:
    """Before the first snapshot the counters of an earlier listener are shown already."""
    facts = attrs.evolve(full_facts(), snapshot=None)

    assert {("web_0", "web"): 3} == values(facts, "supervisor_process_starts_total")
    assert {("web_0", "web"): 1} == values(facts, "supervisor_process_wanted")


def test_unknown_events_are_one_kind() -> None:
    """Events that we did not ask for cannot make new series."""
    counts = values(full_facts(), "supervisor_maint_events_total")

    assert {("TICK_5",): 4, ("other",): 3} == {key: n for key, n in counts.items() if n}


def test_all_kinds_of_differences_are_there() -> None:
    """A kind without a difference is 0, so that an alert resolves."""
    counts = values(full_facts(), "supervisor_maint_diff_processes")

    assert len(counts) == 9
    assert {("state",): 1} == {key: n for key, n in counts.items() if n}


def test_what_only_runs_find_is_counted_with_the_differences() -> None:
    """Those of the last run of each plan, by kind."""
    found = {"a": {"slower": 2}, "b": {"slower": 1, "memory": 1}}
    plans = tuple(PlanFacts(name=name, differences=kinds) for name, kinds in found.items())
    counts = values(attrs.evolve(full_facts(), plans=plans), "supervisor_maint_diff_processes")

    assert {("state",): 1, ("slower",): 3, ("memory",): 1} == {
        key: n for key, n in counts.items() if n
    }


def test_sink_writes_by_result() -> None:
    """How often a sink took, failed and rejected is told apart."""
    expected = {("textfile", "ok"): 1, ("textfile", "failed"): 2, ("textfile", "rejected"): 3}

    assert expected == values(full_facts(), "supervisor_maint_sink_writes_total")


def test_observed_durations_are_in_the_histogram() -> None:
    """What observe is given is in the bucket that holds it, in the same registry."""
    collector = MaintCollector(lambda: BARE)
    registry = new_registry(collector)
    collector.observe(0.0003)
    name = "supervisor_maint_event_duration_seconds"

    assert registry.get_sample_value(f"{name}_count") == 1
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.0001"}) == 0
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.0005"}) == 1


def test_labels_survive_the_text_format() -> None:
    """Names with quotes, backslashes, newlines and other scripts come out as they went in."""
    odd = attrs.evolve(WEB, name='a"b\\c\nd', group="é €")
    facts = attrs.evolve(BARE, snapshot=snapshot(running(odd)))

    assert {('a"b\\c\nd', "é €"): 1} == values(facts, "supervisor_process_up")


def test_openmetrics_is_valid() -> None:
    """A scrape that asks for OpenMetrics gets what the library's strict parser takes."""
    text = openmetrics.generate_latest(registry_of(full_facts())).decode()

    assert len(TABLE) == len(list(parse_openmetrics(text)))


def test_thousand_processes_give_about_15_series_each() -> None:
    """The report of a large machine stays within what was measured."""
    samples = sum(len(family.samples) for family in registry_of(crowd(1000)).collect())

    assert 14_000 < samples < 17_000


def test_counter_without_total_is_refused() -> None:
    """A family whose name does not fit its type cannot exist."""
    with pytest.raises(ValueError, match="expected the name of a counter to end in _total"):
        Family(name="a_count", type="counter", help="", read=lambda _: ())

    assert gauge("a_count", "", lambda _: ()).name == "a_count"
