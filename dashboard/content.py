"""The dashboard: its rows from the fleet to the listener itself, its variables and annotations."""

from __future__ import annotations

import json
from pathlib import Path

from dashboard.fleet import FLEET
from dashboard.listener import LISTENER
from dashboard.model import (
    JSON,
    SCHEMA_VERSION,
    annotation,
    constant,
    datasource_variable,
    placed,
    query_variable,
)
from dashboard.permissions import PERMISSIONS
from dashboard.processes import PROCESSES
from dashboard.restarts import DOWNTIME_AND_MEMORY, RESTARTS

FILE = Path(__file__).resolve().parents[1] / "conf.d" / "grafana" / "supervisor-maint.json"
UID = "supervisor-maint"
ROWS = (FLEET, PROCESSES, RESTARTS, DOWNTIME_AND_MEMORY, PERMISSIONS, LISTENER)

# As in the alerts' runbook_url: the place where docs/runbook.md is published.
RUNBOOK = "https://docs.example/supervisor-maint/runbook.md"

VARIABLES = (
    datasource_variable(),
    query_variable("job", "Job", "label_values(supervisor_maint_build_info, job)"),
    query_variable(
        "instance",
        "Instance",
        'label_values(supervisor_maint_build_info{job=~"$job"}, instance)',
    ),
    query_variable("group", "Group", "label_values(supervisor_process_state{$fleet}, group)"),
    constant("runbook", RUNBOOK),
)

ANNOTATIONS = (
    annotation(
        "Planned restarts",
        "max by (job, instance, supervisor, plan) (supervisor_maint_in_progress{$fleet}) == 1",
        "blue",
        "{{plan}} runs on {{instance}}",
    ),
    # as the alert that mutes the others: also when the listener died in the window
    annotation(
        "Windows in which alerts are muted",
        "max by (job, instance, supervisor) (last_over_time("
        "supervisor_maint_window_deadline_timestamp_seconds{$fleet}[6h])) > time()",
        "yellow",
        "window of {{instance}}",
    ),
    # a run that is shorter than the time between two scrapes is seen by this alone
    annotation(
        "Ends of planned restarts",
        "max by (job, instance, supervisor, plan) ("
        "supervisor_maint_last_completion_timestamp_seconds{$fleet}) * 1000",
        "purple",
        "{{plan}} ended on {{instance}}",
        useValueForTime="on",
    ),
)


def dashboard() -> JSON:
    """Return the dashboard as Grafana provisions it."""
    return {
        "uid": UID,
        "title": "supervisor-maint",
        "description": (
            "What supervisord runs, what is not as it is wanted, what was restarted and why, and "
            "how supervisor-maint itself does."
        ),
        "tags": ["supervisord", "supervisor-maint"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "",
        "links": [],
        "annotations": {"list": list(ANNOTATIONS)},
        "templating": {"list": list(VARIABLES)},
        "panels": list(placed(ROWS)),
    }


def text() -> str:
    """Return the file: one value a line, so that a change is seen where it is."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
