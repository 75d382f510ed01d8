"""The last row: whether what is shown above can be believed."""

from __future__ import annotations

from dashboard.fleet import AGE, KEYS, NONE_IS_GOOD, NUMBER
from dashboard.model import Row, per
from dashboard.panels import GREEN, RED, Column, Value, graph, stacked, stat, table

_EVENT_SECONDS = "supervisor_maint_event_duration_seconds_bucket{$fleet}[$__rate_interval]"
_ERRORS = "supervisor_maint_errors_total{$fleet}"

_VERSIONS = (
    Column(
        title="Last look",
        expression="time() - "
        + per(KEYS, "max", "supervisor_maint_snapshot_timestamp_seconds{$fleet}"),
        value=AGE,
    ),
    Column(
        expression=per((*KEYS, "version", "python"), "max", "supervisor_maint_build_info{$fleet}"),
    ),
    Column(
        expression=per(
            (*KEYS, "supervisord"),
            "max",
            'label_replace(supervisor_info{$fleet}, "supervisord", "$1", "version", "(.+)")',
        ),
    ),
)


def _quantile(share: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({_EVENT_SECONDS})))"


LISTENER = Row(
    "The listener itself",
    (
        stat(
            "Settings",
            "Whether the settings last read are in use everywhere; those that are refused are "
            "in the listener's log.",
            "min(supervisor_maint_config_last_reload_successful{$fleet})",
            Value(words={"0": ("refused", RED), "1": ("in use", GREEN)}),
            width=4,
            alert="SupervisorConfigReloadFailed",
        ),
        stat(
            "Events lost",
            "Events that supervisord dropped in the time shown, because its buffer was full.",
            "sum(increase(supervisor_maint_events_lost_total{$fleet}[$__range]))",
            NONE_IS_GOOD,
            width=4,
            alert="SupervisorEventsLost",
        ),
        stat(
            "Exceptions",
            "Unexpected exceptions that listeners survived in the time shown; each is in the log "
            "with its traceback.",
            f"sum(increase({_ERRORS}[$__range]))",
            NONE_IS_GOOD,
            width=4,
        ),
        stat(
            "Store errors",
            "Times that the journal, the history or the status could not be read or written in "
            "the time shown.",
            "sum(increase(supervisor_maint_store_errors_total{$fleet}[$__range]))",
            NONE_IS_GOOD,
            width=4,
            alert="SupervisorStoreFailing",
        ),
        stat(
            "Reports refused or lost",
            "Reports that did not reach their sink in the time shown.",
            'sum(increase(supervisor_maint_sink_writes_total{$fleet, result!="ok"}[$__range]))',
            NONE_IS_GOOD,
            width=4,
            alert="SupervisorSinkFailing",
        ),
        stat(
            "Events",
            "Events received in the time shown.",
            "sum(increase(supervisor_maint_events_total{$fleet}[$__range]))",
            NUMBER,
            width=4,
        ),
        stacked(
            "Events by kind",
            "Events received in a second, by kind.",
            {
                "{{event}}": "sum by (event) (rate("
                "supervisor_maint_events_total{$fleet}[$__rate_interval]))"
            },
            Value(unit="eps"),
            width=12,
        ),
        graph(
            "Time to acknowledge an event",
            "From the arrival of an event to its acknowledgement. supervisord waits as long with "
            "the next one.",
            {
                "half of them": _quantile("0.5"),
                "99 of 100": _quantile("0.99"),
            },
            Value(unit="s"),
            width=12,
        ),
        stacked(
            "Reports",
            "Reports written in a second, by sink and result.",
            {
                "{{sink}} {{result}}": "sum by (sink, result) (rate("
                "supervisor_maint_sink_writes_total{$fleet}[$__rate_interval]))"
            },
            Value(unit="wps"),
            alert="SupervisorSinkFailing",
        ),
        graph(
            "Time since a sink took a report",
            "How long ago each sink last took a report.",
            {
                "{{instance}} {{supervisor}} {{sink}}": "time() - "
                + per(
                    (*KEYS, "sink"),
                    "max",
                    "supervisor_maint_sink_last_success_timestamp_seconds{$fleet}",
                )
            },
            AGE,
            alert="SupervisorSinkFailing",
        ),
        stacked(
            "Errors",
            "Exceptions by where they were survived, and errors of each store, in a second.",
            {
                "{{where}}": f"sum by (where) (rate({_ERRORS}[$__rate_interval]))",
                "{{store}}": "sum by (store) (rate("
                "supervisor_maint_store_errors_total{$fleet}[$__rate_interval]))",
            },
            Value(unit="ops"),
            alert="SupervisorStoreFailing",
        ),
        table(
            "Versions",
            "What runs where, and how long ago each listener looked at its processes.",
            (*KEYS, "version", "python", "supervisord"),
            _VERSIONS,
            titles={"version": "supervisor-maint", "python": "Python"},
            height=6,
        ),
    ),
)
