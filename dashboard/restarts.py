"""The rows about planned restarts: when, with which result, and what they cost and gained."""

from __future__ import annotations

from dashboard import fleet, processes
from dashboard.fleet import AGE, DEADLINE, NUMBER, SOON, YES
from dashboard.model import Row, increase, per
from dashboard.panels import (
    BLUE,
    NOTHING,
    YELLOW,
    Column,
    Value,
    bars,
    graph,
    ranking,
    stacked,
    states,
    table,
)

KEYS = (*fleet.KEYS, "plan")
PROCESS = "{{instance}} {{supervisor}} {{group}}:{{name}}"
SECONDS = Value(unit="s")
BYTES = Value(unit="bytes")
MOST_BARS = 15


def _now(what: str) -> str:
    return per(KEYS, "max", f"supervisor_maint_{what}{{$fleet}}")


def _at(what: str) -> str:
    return f"{_now(f'{what}_timestamp_seconds')} * 1000"


def _runs(result: str) -> str:
    chosen = f'supervisor_maint_runs_total{{$fleet, result="{result}"}}'
    return per(KEYS, "sum", increase(chosen))


def _last(what: str) -> str:
    return per(processes.KEYS, "max", f"supervisor_maint_process_{what}{{$chosen}}")


def _most(expression: str) -> str:
    return f"topk({MOST_BARS}, {expression})"


_PLANS = (
    Column(title="Under way", expression=_now("in_progress"), value=Value(words=YES)),
    Column(title="Next start", expression=_at("next_start"), value=SOON),
    Column(title="Last start", expression=_at("last_start"), value=SOON),
    Column(title="Last success", expression=_at("last_success"), value=SOON),
    Column(title="Last duration", expression=_now("last_duration_seconds"), value=SECONDS),
    Column(title="Succeeded", expression=_runs("succeeded"), value=NUMBER),
    Column(title="Failed", expression=_runs("failed"), value=Value(decimals=0, bad_from=1)),
    Column(title="Skipped", expression=_runs("skipped"), value=NUMBER),
)

RESTARTS = Row(
    "Planned restarts",
    (
        table(
            "Plans",
            "Each plan: when it starts next, how its last run went, and its runs in the time "
            "shown by result.",
            KEYS,
            _PLANS,
            height=6,
            alert="SupervisorMaintenanceMissed",
        ),
        states(
            "Maintenance history",
            "When a run was under way, and when alerts were muted because of it: until the window "
            "was closed, or its deadline passed. Windows and runs are annotations of every graph, "
            "too.",
            {
                "{{instance}} {{supervisor}} {{plan}}": _now("in_progress"),
                "{{instance}} {{supervisor}} window": "2 * "
                + per(fleet.KEYS, "max", f"{DEADLINE} > bool time()"),
            },
            Value(words={"0": ("-", NOTHING), "1": ("run", BLUE), "2": ("window", YELLOW)}),
            height=7,
            alert="SupervisorMaintenanceOverran",
        ),
        bars(
            "Runs by result",
            "How many runs ended with each result.",
            {
                "{{result}}": "sum by (result) (increase("
                "supervisor_maint_runs_total{$fleet}[$__rate_interval]))"
            },
            NUMBER,
            colored=("succeeded", "failed", "skipped"),
            alert="SupervisorMaintenanceFailed",
        ),
        graph(
            "Duration of the last run",
            "How long the last run of each plan took.",
            {"{{instance}} {{supervisor}} {{plan}}": _now("last_duration_seconds")},
            SECONDS,
        ),
        graph(
            "Time since the last success",
            "How long ago a run of each plan last succeeded.",
            {
                "{{instance}} {{supervisor}} {{plan}}": "time() - "
                + _now("last_success_timestamp_seconds")
            },
            AGE,
        ),
    ),
)

DOWNTIME_AND_MEMORY = Row(
    "Downtime and memory",
    (
        stacked(
            "Down by cause",
            "How many processes were down on average: seconds of downtime in a second. What an "
            "operator stopped is not down.",
            {
                "{{cause}}": "sum by (cause) (rate("
                "supervisor_process_downtime_seconds_total{$chosen}[$__rate_interval]))"
            },
            Value(),
            width=12,
            colored=("maintenance", "exit"),
        ),
        graph(
            "Memory",
            "Resident memory of the processes of each group, and of their children.",
            {
                "{{instance}} {{supervisor}} {{group}}": per(
                    (*fleet.KEYS, "group"),
                    "sum",
                    "supervisor_process_resident_memory_bytes{$chosen}",
                )
            },
            BYTES,
            width=12,
        ),
        ranking(
            "Longest down",
            "The processes with the most downtime in the time shown, by cause.",
            {
                f"{PROCESS} {{{{cause}}}}": _most(
                    per(
                        (*processes.KEYS, "cause"),
                        "sum",
                        increase("supervisor_process_downtime_seconds_total{$chosen}"),
                    )
                )
            },
            SECONDS,
            width=8,
        ),
        ranking(
            "Down in the last planned restart",
            "The processes that were away longest in their last planned restart.",
            {PROCESS: _most(_last("downtime_seconds"))},
            SECONDS,
            width=8,
        ),
        ranking(
            "Memory given back",
            "The processes whose last planned restart freed the most memory, children included; "
            "below 0 when it takes more than before.",
            {PROCESS: _most(_last("memory_given_back_bytes"))},
            BYTES,
            width=8,
        ),
    ),
)
