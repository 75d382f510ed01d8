"""The metrics of supervisor-maint itself: ``supervisor_maint_*``. No I/O here.

A deadline is pushed instead of a flag that would say "in maintenance": the Pushgateway keeps
what it was last given for ever, and a run that dies must not mute for ever (pushgateway #19,
#117, #527).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from supervisor_maint.monitoring.facts import PATH_RESULTS, Facts, PermissionFacts, PlanFacts
from supervisor_maint.monitoring.families import (
    Family,
    Samples,
    by_namespec,
    counted,
    counter,
    gauge,
    info,
    single,
)

DIFFERENCE_KINDS = (
    *("missing", "added", "state", "flapping", "exit_status", "config"),
    *("not_restarted", "slower", "memory"),
)
EVENT_NAMES = (
    *("PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING", "PROCESS_STATE_BACKOFF"),
    *("PROCESS_STATE_STOPPING", "PROCESS_STATE_STOPPED", "PROCESS_STATE_EXITED"),
    *("PROCESS_STATE_FATAL", "PROCESS_STATE_UNKNOWN"),
    *("PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED"),
    *("SUPERVISOR_STATE_CHANGE_RUNNING", "SUPERVISOR_STATE_CHANGE_STOPPING"),
    *("REMOTE_COMMUNICATION", "TICK_5", "TICK_3600"),
)
OTHER_EVENTS = "other"
RUN_RESULTS = ("succeeded", "failed", "skipped")
STORES = ("journal", "history")


def _by_plan(value: Callable[[PlanFacts], float | None]) -> Callable[[Facts], Samples]:
    """Read one sample a plan, none while the value is unknown."""

    def read(facts: Facts) -> Samples:
        for plan in facts.plans:
            known = value(plan)
            if known is not None:
                yield (plan.name,), known

    return read


def _by_label(counts: Callable[[Facts], Mapping[str, int]]) -> Callable[[Facts], Samples]:
    """Read one sample a label value."""

    def read(facts: Facts) -> Samples:
        for label, count in counts(facts).items():
            yield (label,), count

    return read


def _runs(facts: Facts) -> Samples:
    for plan in facts.plans:
        for result, count in counted(plan.runs, RUN_RESULTS).items():
            yield (plan.name, result), count


def _paths(facts: Facts) -> Samples:
    for permission in facts.permissions:
        for result, count in counted(permission.paths, PATH_RESULTS).items():
            yield (permission.rule, result), count


def _by_rule(value: Callable[[PermissionFacts], float]) -> Callable[[Facts], Samples]:
    """Read one sample a permission rule."""
    return lambda facts: (((each.rule,), value(each)) for each in facts.permissions)


def _permissions_run_at(facts: Facts) -> float | None:
    times = (permission.last_run_at for permission in facts.permissions)
    return max((at for at in times if at is not None), default=None)


def _differences(facts: Facts) -> Mapping[str, int]:
    """Count what lasts by kind, and what only the last run of a plan could find."""
    counts = Counter(facts.differences_by_kind)
    for plan in facts.plans:
        counts.update(plan.differences)
    return counted(counts, DIFFERENCE_KINDS)


def _events(facts: Facts) -> Mapping[str, int]:
    """Count events by name; whatever we did not ask for is one kind: labels stay few."""
    counts = dict.fromkeys((*EVENT_NAMES, OTHER_EVENTS), 0)
    for name, count in facts.events.items():
        counts[name if name in counts else OTHER_EVENTS] += count
    return counts


def _sink_writes(facts: Facts) -> Samples:
    for name, status in facts.sinks.items():
        yield (name, "ok"), status.ok
        yield (name, "failed"), status.failed
        yield (name, "rejected"), status.rejected


def _sink_successes(facts: Facts) -> Samples:
    for name, status in facts.sinks.items():
        if status.last_success_at is not None:
            yield (name,), status.last_success_at


def _monitoring(facts: Facts) -> Samples:
    for server, counts in facts.monitoring.items():
        for result, count in counts.items():
            yield (server, result), count


def _build(facts: Facts) -> Samples:
    yield (facts.build.version, facts.build.python), 1


MAINT_FAMILIES: tuple[Family, ...] = (
    gauge(
        "supervisor_maint_in_progress",
        "Whether a run of the plan has begun and is not over: 1 or 0; mute by the deadline, not by "
        "this.",
        _by_plan(lambda plan: plan.in_progress),
        "plan",
    ),
    gauge(
        "supervisor_maint_window_start_timestamp_seconds",
        "When the open or last maintenance window began, in seconds since the epoch.",
        single(lambda facts: facts.window_start_at),
    ),
    gauge(
        "supervisor_maint_window_deadline_timestamp_seconds",
        "When the open or last maintenance window ends, in seconds since the epoch.",
        single(lambda facts: facts.window_deadline_at),
    ),
    gauge(
        "supervisor_maint_next_start_timestamp_seconds",
        "When the plan is due next, in seconds since the epoch.",
        _by_plan(lambda plan: plan.next_start_at),
        "plan",
    ),
    gauge(
        "supervisor_maint_start_by_timestamp_seconds",
        "Until when the run that is due next may begin, in seconds since the epoch.",
        _by_plan(lambda plan: plan.start_by_at),
        "plan",
    ),
    gauge(
        "supervisor_maint_last_start_timestamp_seconds",
        "When the last run of the plan started, in seconds since the epoch.",
        _by_plan(lambda plan: plan.last_start_at),
        "plan",
    ),
    gauge(
        "supervisor_maint_last_completion_timestamp_seconds",
        "When the last run of the plan ended, in seconds since the epoch.",
        _by_plan(lambda plan: plan.last_completion_at),
        "plan",
    ),
    gauge(
        "supervisor_maint_last_success_timestamp_seconds",
        "When a run of the plan last succeeded, in seconds since the epoch; absent before.",
        _by_plan(lambda plan: plan.last_success_at),
        "plan",
    ),
    gauge(
        "supervisor_maint_last_duration_seconds",
        "How long the last run of the plan took, in seconds.",
        _by_plan(lambda plan: plan.last_duration_seconds),
        "plan",
    ),
    counter(
        "supervisor_maint_runs_total",
        "Number of runs of the plan, by result.",
        _runs,
        *("plan", "result"),
    ),
    gauge(
        "supervisor_maint_process_downtime_seconds",
        "Seconds that the process was not RUNNING in its last planned restart.",
        by_namespec(lambda facts: facts.process_downtime),
        *("name", "group"),
    ),
    gauge(
        "supervisor_maint_process_memory_given_back_bytes",
        "Resident memory of the process and its children before its last planned restart less "
        "that after it, in bytes; below 0 when it takes more.",
        by_namespec(lambda facts: facts.memory_given_back),
        *("name", "group"),
    ),
    gauge(
        "supervisor_maint_hold_until_timestamp_seconds",
        "When the hold ends that keeps plans from running, in seconds since the epoch.",
        single(lambda facts: facts.hold_until_at),
    ),
    gauge(
        "supervisor_maint_snapshot_timestamp_seconds",
        "When the processes were last looked at, in seconds since the epoch.",
        single(lambda facts: facts.snapshot_at),
    ),
    gauge(
        "supervisor_maint_diff_processes",
        "Number of processes that differ from the baseline, or from before the last run, by kind "
        "of difference.",
        _by_label(_differences),
        "kind",
    ),
    counter(
        "supervisor_maint_permission_paths_total",
        "Number of paths that the permission rule looked at, by result.",
        _paths,
        *("rule", "result"),
    ),
    gauge(
        "supervisor_maint_permissions_last_run_timestamp_seconds",
        "When permissions were last looked at, in seconds since the epoch.",
        single(_permissions_run_at),
    ),
    gauge(
        "supervisor_maint_permissions_problem",
        "Whether the last pass could not do all that the permission rule asks for: 1 or 0.",
        _by_rule(lambda permission: permission.has_problem),
        "rule",
    ),
    gauge(
        "supervisor_maint_permissions_churn",
        "Whether each of the last three passes mended the same path of the rule: 1 or 0.",
        _by_rule(lambda permission: permission.is_churning),
        "rule",
    ),
    counter(
        "supervisor_maint_events_total",
        "Number of events received from supervisord, by event.",
        _by_label(_events),
        "event",
    ),
    counter(
        "supervisor_maint_events_lost_total",
        "Number of events that supervisord dropped: gaps in poolserial.",
        single(lambda facts: facts.events_lost),
    ),
    counter(
        "supervisor_maint_errors_total",
        "Number of unexpected exceptions that the listener survived, by where it happened.",
        _by_label(lambda facts: facts.errors),
        "where",
    ),
    counter(
        "supervisor_maint_store_errors_total",
        "Number of times a store could not be read or written.",
        _by_label(lambda facts: counted(facts.store_errors, STORES)),
        "store",
    ),
    gauge(
        "supervisor_maint_config_last_reload_successful",
        "Whether the settings last read are the ones in use: 1 or 0.",
        single(lambda facts: facts.config_reload_successful),
    ),
    counter(
        "supervisor_maint_sink_writes_total",
        "Number of reports written to the sink, by result.",
        _sink_writes,
        *("sink", "result"),
    ),
    gauge(
        "supervisor_maint_sink_last_success_timestamp_seconds",
        "When the sink last took a report, in seconds since the epoch; absent before.",
        _sink_successes,
        "sink",
    ),
    counter(
        "supervisor_maint_monitoring_requests_total",
        "Number of requests to Alertmanager or Prometheus, by result.",
        _monitoring,
        *("server", "result"),
    ),
    gauge(
        "supervisor_maint_silence_end_timestamp_seconds",
        "When the silence ends that is held for a run, in seconds since the epoch; absent without.",
        single(lambda facts: facts.silence_ends_at),
    ),
    gauge(
        "supervisor_maint_heartbeat_timestamp_seconds",
        "When the last event arrived from supervisord, in seconds since the epoch.",
        single(lambda facts: facts.heartbeat_at),
    ),
    info(
        "supervisor_maint_build_info",
        "The version of supervisor-maint and of the Python that runs it.",
        _build,
        *("version", "python"),
    ),
)
