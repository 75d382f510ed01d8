"""The row about owners and modes: what was mended, what could not be."""

from __future__ import annotations

from dashboard import fleet
from dashboard.fleet import AGE, NONE_IS_GOOD, NUMBER
from dashboard.model import Row, increase, per
from dashboard.panels import GREY, RED, Column, Value, bars, graph, table

KEYS = (*fleet.KEYS, "rule")
BAD_NEWS = Value(words={"0": ("no", GREY), "1": ("yes", RED)})


def _paths(result: str) -> str:
    chosen = f'supervisor_maint_permission_paths_total{{$fleet, result="{result}"}}'
    return per(KEYS, "sum", increase(chosen))


def _now(what: str) -> str:
    return per(KEYS, "max", f"supervisor_maint_permissions_{what}{{$fleet}}")


PERMISSIONS = Row(
    "Permissions",
    (
        table(
            "Rules",
            "Whether the last pass could not do all that a rule asks for, whether the last three "
            "mended the same path, and what all passes in the time shown did, by path: right "
            "already, mended, to be mended where passes only report, failed, or left alone because "
            "it is not safe to touch.",
            KEYS,
            (
                Column(title="Problem", expression=_now("problem"), value=BAD_NEWS),
                Column(title="Churn", expression=_now("churn"), value=BAD_NEWS),
                Column(title="Right", expression=_paths("ok"), value=NUMBER),
                Column(title="Mended", expression=_paths("fixed"), value=NUMBER),
                Column(title="To be mended", expression=_paths("would_fix"), value=NUMBER),
                Column(title="Failed", expression=_paths("failed"), value=NONE_IS_GOOD),
                Column(title="Left alone", expression=_paths("skipped"), value=NUMBER),
            ),
            width=12,
            alert="SupervisorPermissionsFailing",
        ),
        bars(
            "Paths by result",
            "What the hourly pass did. A rule that mends at each pass fights with somebody.",
            {
                "{{result}}": "sum by (result) (increase("
                "supervisor_maint_permission_paths_total{$fleet}[$__rate_interval]))"
            },
            NUMBER,
            width=6,
            colored=("ok", "fixed", "would_fix", "failed", "skipped"),
            alert="SupervisorPermissionsChurn",
        ),
        graph(
            "Time since the last pass",
            "How long ago permissions were last looked at: an hour at most, while no run is due.",
            {
                "{{instance}} {{supervisor}}": "time() - "
                + per(
                    fleet.KEYS,
                    "max",
                    "supervisor_maint_permissions_last_run_timestamp_seconds{$fleet}",
                )
            },
            AGE,
            width=6,
        ),
    ),
)
