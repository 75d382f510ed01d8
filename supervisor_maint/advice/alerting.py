"""Advice on whom plans tell of their window, and whom they ask. No I/O here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.monitoring.placeholders import INSTANCE
from supervisor_maint.settings.access import AccessKeys
from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection
from supervisor_maint.settings.sinks import PushgatewaySection


def secrets_in_the_clear(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a password or a token that is sent over a network without TLS."""
    settings = surroundings.settings
    servers: list[tuple[str, AccessKeys, tuple[str, ...]]] = [
        *((f"[sink:{each.name}]", each, (each.url,)) for each in settings.of(PushgatewaySection)),
        *(("[alertmanager]", each, each.urls) for each in settings.of(AlertmanagerSection)),
        *(("[prometheus]", each, (each.url,)) for each in settings.of(PrometheusSection)),
    ]
    for subject, section, urls in servers:
        open_urls = [url for url in urls if _is_open(url)]
        if open_urls and (section.password_file or section.bearer_token_file):
            yield Advice(
                severity=Severity.WARNING,
                subject=subject,
                message=f"{open_urls[0]} sends the secret over the network in the clear",
                what_to_do="use an https URL, with ca_file for a CA of your own",
            )


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name, which may be anybody's
        return True


def uncapped_plans(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a plan that may last longer than its silence."""
    for section in surroundings.settings.of(AlertmanagerSection):
        for plan in surroundings.settings.plans:
            if section.silence and plan.max_duration_seconds > section.cap_seconds:
                yield Advice(
                    severity=Severity.WARNING,
                    subject=f"[maintenance:{plan.name}]",
                    message=f"max_duration ({plan.max_duration_seconds:g}s) is longer than a "
                    f"silence may last: alerts page after {section.cap_seconds:g}s",
                    what_to_do="raise cap in [alertmanager], or lower max_duration",
                )


def leads_for_nobody(surroundings: Surroundings) -> Iterator[Advice]:
    """Say of a lead that nobody makes use of it."""
    settings = surroundings.settings
    has_alertmanager = bool(settings.of(AlertmanagerSection))
    if settings.sinks or has_alertmanager:
        return
    for plan in settings.plans:
        if plan.lead_seconds:
            yield Advice(
                severity=Severity.NOTE,
                subject=f"[maintenance:{plan.name}]",
                message=f"lead = {plan.lead_seconds:g}s is waited for nobody: there is neither a "
                "sink nor [alertmanager]",
                what_to_do="remove lead, or add the one that is to be told",
            )


def silences_of_other_hosts(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a silence that does not name this instance: it mutes others, too."""
    instance = surroundings.settings.maint.instance
    for section in surroundings.settings.of(AlertmanagerSection):
        named = [each for each in section.silence if INSTANCE in each.value]
        fitting = [each for each in section.silence if each.is_equal and instance in each.value]
        if section.silence and not named and not fitting:
            yield Advice(
                severity=Severity.WARNING,
                subject="[alertmanager]",
                message="silence names no instance, so a run of this host mutes alerts of others",
                what_to_do=f'add instance=~"{INSTANCE}(:.*)?" to it',
            )
