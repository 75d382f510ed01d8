"""The second row: the processes of one instance, or of all that were chosen."""

from __future__ import annotations

from dashboard import fleet
from dashboard.fleet import AGE, NONE_IS_GOOD, NUMBER
from dashboard.model import Row, increase, per
from dashboard.panels import (
    COLORS,
    GREY,
    Column,
    Value,
    bars,
    stacked,
    states,
    table,
)

KEYS = (*fleet.KEYS, "group", "name")
NUMBERS = {
    "0": "STOPPED",
    "10": "STARTING",
    "20": "RUNNING",
    "30": "BACKOFF",
    "40": "STOPPING",
    "100": "EXITED",
    "200": "FATAL",
    "1000": "UNKNOWN",
}
STATE = Value(words={number: (name, COLORS[name]) for number, name in NUMBERS.items()})


def _now(what: str) -> str:
    return per(KEYS, "max", f"supervisor_process_{what}{{$chosen}}")


def _happened(what: str, matcher: str = "") -> str:
    chosen = f"$chosen, {matcher}" if matcher else "$chosen"
    return per(KEYS, "sum", increase(f"supervisor_process_{what}_total{{{chosen}}}"))


def _restarts(cause: str) -> str:
    return _happened("restarts", f'cause="{cause}"')


_COLUMNS = (
    Column(title="State", expression=_now("state"), value=STATE),
    Column(
        title="Wanted",
        expression=_now("wanted"),
        value=Value(words={"0": ("-", GREY), "1": ("RUNNING", GREY)}),
    ),
    Column(title="Up for", expression=f"time() - {_now('start_time_seconds')}", value=AGE),
    Column(title="Memory", expression=_now("resident_memory_bytes"), value=Value(unit="bytes")),
    Column(title="Restarts: maintenance", expression=_restarts("maintenance"), value=NUMBER),
    Column(title="Restarts: command", expression=_restarts("command"), value=NUMBER),
    Column(title="Restarts: exit", expression=_restarts("exit"), value=NONE_IS_GOOD),
    Column(title="Failed starts", expression=_happened("start_failures"), value=NONE_IS_GOOD),
    Column(
        title="Downtime",
        expression=_happened("downtime_seconds"),
        value=Value(unit="s", decimals=1),
    ),
    Column(title="Exit status", expression=_now("exit_status"), value=NUMBER),
)

PROCESSES = Row(
    "Processes of $instance",
    (
        table(
            "Processes",
            "Each process now, and what happened to it in the time shown. No exit status: it is "
            "not known, or the process never exited.",
            KEYS,
            _COLUMNS,
            height=10,
        ),
        states(
            "States",
            "The state of each process over time.",
            {"{{instance}} {{supervisor}} {{group}}:{{name}}": _now("state")},
            STATE,
            height=10,
        ),
        bars(
            "Restarts by cause",
            "How often processes entered RUNNING again: because of a plan, of somebody's command, "
            "or because they ended by themselves.",
            {
                "{{cause}}": "sum by (cause) (increase("
                "supervisor_process_restarts_total{$chosen}[$__rate_interval]))"
            },
            NUMBER,
            width=6,
            colored=("maintenance", "command", "exit"),
            alert="SupervisorProcessFlapping",
        ),
        bars(
            "Failed starts",
            "How often processes ended before startsecs, and how often supervisord gave one up.",
            {
                "failed starts": "sum(increase("
                "supervisor_process_start_failures_total{$chosen}[$__rate_interval]))",
                "given up": "sum(increase("
                "supervisor_process_fatal_total{$chosen}[$__rate_interval]))",
            },
            NUMBER,
            width=6,
            alert="SupervisorProcessCrashLoop",
        ),
        bars(
            "Ends by themselves",
            "How often RUNNING processes ended by themselves, by whether the exit status was one "
            "of exitcodes.",
            {
                "expected: {{expected}}": "sum by (expected) (increase("
                "supervisor_process_exits_total{$chosen}[$__rate_interval]))"
            },
            NUMBER,
            width=6,
        ),
        stacked(
            "Differences",
            "Processes that are not as they are wanted, by kind; what supervisor-maint diff shows.",
            {"{{kind}}": "sum by (kind) (supervisor_maint_diff_processes{$fleet})"},
            NUMBER,
            width=6,
            alert="SupervisorDiffFound",
        ),
    ),
)
