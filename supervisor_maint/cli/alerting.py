"""The clients of the monitoring servers that the settings name, made when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor_maint.app.run_ports import Alerting
from supervisor_maint.settings import Settings
from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection

if TYPE_CHECKING:
    from supervisor_maint.monitoring.alertmanager import AlertmanagerClient
    from supervisor_maint.monitoring.prometheus import PrometheusClient


def alerting(settings: Settings) -> Alerting:
    """Return who is told of planned runs, and asked before them."""
    instance = settings.maint.instance
    alertmanager = next(iter(settings.of(AlertmanagerSection)), None)
    prometheus = next(iter(settings.of(PrometheusSection)), None)
    return Alerting(
        instance=instance,
        alertmanager=None if alertmanager is None else alertmanager_client(alertmanager),
        terms=None if alertmanager is None else alertmanager.terms(instance),
        prometheus=None if prometheus is None else prometheus_client(prometheus),
    )


def alertmanager_client(section: AlertmanagerSection) -> AlertmanagerClient:
    """Make the client that a section describes."""
    from supervisor_maint.monitoring.alertmanager import AlertmanagerClient, AlertmanagerTarget

    return AlertmanagerClient(AlertmanagerTarget(urls=section.urls, access=section.access))


def prometheus_client(section: PrometheusSection) -> PrometheusClient:
    """Make the client that a section describes."""
    from supervisor_maint.monitoring.prometheus import PrometheusClient, PrometheusTarget

    return PrometheusClient(PrometheusTarget(url=section.url, access=section.access))
