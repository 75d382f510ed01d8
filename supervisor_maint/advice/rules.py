"""Every rule there is, and all that they say together. No I/O here.

A rule is a function of the surroundings that yields advice; a new one is added to ``RULES``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable

from supervisor_maint.advice import (
    access,
    alerting,
    listeners,
    metrics,
    permission_logs,
    permission_own,
    permissions,
    plans,
    plugins,
    superlance,
)
from supervisor_maint.advice.values import Advice, Severity, Surroundings

Rule = Callable[[Surroundings], Iterable[Advice]]

RULES: tuple[Rule, ...] = (
    access.unreadable_configuration,
    access.warned_of,
    listeners.stanza,
    listeners.redirected_stderr,
    listeners.unknown_events,
    listeners.missing_events,
    listeners.shared_priorities,
    listeners.buffer_size,
    listeners.not_restarted,
    access.way_in,
    access.open_servers,
    access.changeable_files,
    access.exposed_passwords,
    plugins.importable,
    plugins.shared_state,
    plugins.unexpanded_here,
    plugins.supervisorctls,
    plans.obstacles,
    plans.skipped_times,
    plans.users_of_steps,
    plans.files,
    permissions.unknown_accounts,
    permissions.overlaps_of_rules,
    permissions.nothing_there,
    permissions.links,
    permissions.untrusted_bases,
    permissions.open_bases,
    permissions.closed_folders,
    permissions.needs_of_root,
    permission_logs.contradictions,
    permission_logs.logrotates_files,
    permission_own.state,
    permission_own.configuration,
    metrics.no_sink,
    metrics.random_instances,
    alerting.secrets_in_the_clear,
    alerting.uncapped_plans,
    alerting.leads_for_nobody,
    alerting.silences_of_other_hosts,
    superlance.httpok_over_tls,
    superlance.memmon_any,
    superlance.crashmail_programs,
)


def advise(surroundings: Surroundings) -> tuple[Advice, ...]:
    """Return what every rule says, the worst first."""
    order = list(Severity)
    found = [advice for rule in RULES for advice in rule(surroundings)]
    return tuple(sorted(found, key=lambda advice: order.index(advice.severity)))
