"""The first row: how many there are, who is silent, what is down, what is planned."""

from __future__ import annotations

from dashboard.model import Row, per
from dashboard.panels import (
    BLUE,
    GREEN,
    GREY,
    RED,
    STATES,
    Column,
    Value,
    graph,
    stacked,
    stat,
    table,
)

KEYS = ("job", "instance", "supervisor")
# A listener that died has no series any more; the alerts remember both as long.
HEARTBEAT = "last_over_time(supervisor_maint_heartbeat_timestamp_seconds{$fleet}[1d])"
DEADLINE = "last_over_time(supervisor_maint_window_deadline_timestamp_seconds{$fleet}[6h])"
_IN_PROGRESS = per(KEYS, "max", "supervisor_maint_in_progress{$fleet}")
_IS_DOWN = "supervisor_process_wanted{$fleet} > bool supervisor_process_up{$fleet}"
# 0 where nobody has such a series, but nothing where there is nobody.
OR_0 = "or 0 * sum(supervisor_up{$fleet})"

NUMBER = Value(decimals=0)
NONE_IS_GOOD = Value(decimals=0, bad_from=1)
SOON = Value(unit="dateTimeFromNow")
AGE = Value(unit="s", decimals=0)
STALE = Value(unit="s", decimals=0, bad_from=300)
YES = {"0": ("no", GREY), "1": ("yes", BLUE)}
# In milliseconds; a hold without an end has the value +Inf.
HELD = Value(
    unit="dateTimeFromNow",
    mappings=(
        {
            "type": "range",
            "options": {"from": 1e13, "to": None, "result": {"text": "resumed", "index": 0}},
        },
    ),
)

# A click on an instance shows it alone.
_SHOW_ALONE = {
    "title": "Show ${__value.text} alone",
    "url": "/d/supervisor-maint?${datasource:queryparam}&var-job=${__data.fields.job}"
    "&var-instance=${__value.raw}&${__url_time_range}",
}

_INSTANCES = (
    Column(
        title="Answers",
        expression=per(KEYS, "max", "supervisor_up{$fleet}"),
        value=Value(words={"0": ("no", RED), "1": ("yes", GREEN)}),
    ),
    Column(title="Last event", expression=f"time() - {per(KEYS, 'max', HEARTBEAT)}", value=STALE),
    Column(
        title="Processes", expression=per(KEYS, "sum", "supervisor_processes{$fleet}"), value=NUMBER
    ),
    Column(
        title="Running",
        expression=per(KEYS, "sum", 'supervisor_processes{$fleet, state="RUNNING"}'),
        value=NUMBER,
    ),
    Column(title="Wanted and down", expression=per(KEYS, "sum", _IS_DOWN), value=NONE_IS_GOOD),
    Column(
        title="Differences",
        expression=per(KEYS, "sum", "supervisor_maint_diff_processes{$fleet}"),
        value=NONE_IS_GOOD,
    ),
    Column(title="In maintenance", expression=_IN_PROGRESS, value=Value(words=YES)),
    Column(
        title="Next run",
        expression=per(KEYS, "min", "supervisor_maint_next_start_timestamp_seconds{$fleet}")
        + " * 1000",
        value=SOON,
    ),
    Column(
        title="Last success",
        expression=per(KEYS, "max", "supervisor_maint_last_success_timestamp_seconds{$fleet}")
        + " * 1000",
        value=SOON,
    ),
    Column(
        title="Held until",
        expression=per(KEYS, "max", "supervisor_maint_hold_until_timestamp_seconds{$fleet}")
        + " * 1000",
        value=HELD,
    ),
)

FLEET = Row(
    "Fleet",
    (
        stat(
            "Listeners",
            "Listeners that were heard of within the last day.",
            f"count({HEARTBEAT})",
            NUMBER,
        ),
        stat(
            "Silent listeners",
            "Listeners that have received no event for more than five minutes: the listener, its "
            "supervisord or the host is down, or the listener is deaf.",
            f"sum(time() - {HEARTBEAT} > bool 300)",
            NONE_IS_GOOD,
            alert="SupervisorDown",
        ),
        stat(
            "Running",
            "Processes that are RUNNING.",
            'sum(supervisor_processes{$fleet, state="RUNNING"})',
            NUMBER,
        ),
        stat(
            "Wanted and down",
            "Processes that should be RUNNING and are not up.",
            f"sum({_IS_DOWN})",
            NONE_IS_GOOD,
            alert="SupervisorProcessDown",
        ),
        stat(
            "Given up",
            "Processes that supervisord does not start any more: FATAL.",
            'sum(supervisor_processes{$fleet, state="FATAL"})',
            NONE_IS_GOOD,
            alert="SupervisorProcessFatal",
        ),
        stat(
            "In maintenance",
            "Instances on which a planned restart is under way.",
            f"sum({_IN_PROGRESS}) {OR_0}",
            NUMBER,
        ),
        stat(
            "Muted",
            "Instances in a maintenance window: alerts that opted in do not page until its end.",
            f"sum({DEADLINE} > bool time()) {OR_0}",
            NUMBER,
        ),
        stat(
            "Held",
            "Instances on which somebody holds at least one plan: it does not start by itself.",
            f"sum(supervisor_maint_hold_until_timestamp_seconds{{$fleet}} > bool time()) {OR_0}",
            NUMBER,
            alert="SupervisorHoldForgotten",
        ),
        table(
            "Instances",
            "Each supervisord, one that went silent too. A click on the instance shows it alone.",
            KEYS,
            _INSTANCES,
            links={"instance": [_SHOW_ALONE]},
        ),
        stacked(
            "Processes by state",
            "Number of processes in each state.",
            {"{{state}}": "sum by (state) (supervisor_processes{$fleet})"},
            NUMBER,
            colored=STATES,
            width=12,
        ),
        graph(
            "Time since the last event",
            "supervisord sends a TICK every five seconds, so this stays below ten and the time "
            "between two pushes.",
            {
                "{{instance}} {{supervisor}}": "time() - "
                + per(KEYS, "max", "supervisor_maint_heartbeat_timestamp_seconds{$fleet}")
            },
            AGE,
            width=12,
            alert="SupervisorDown",
        ),
    ),
)
