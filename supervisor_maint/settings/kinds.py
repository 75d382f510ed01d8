"""Every kind of section there is, and which section of a file is of which kind. No I/O here."""

from __future__ import annotations

from typing import Any

from supervisor_maint.settings import words
from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.maintenance import MaintenanceSection, ReadinessSection, StepSection
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.settings.options import Declaration, Naming, declaration_of
from supervisor_maint.settings.permissions import PermissionsSection
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection

KINDS: tuple[type[Any], ...] = (
    MaintSettings,
    PushgatewaySection,
    TextfileSection,
    HttpSection,
    AlertmanagerSection,
    PrometheusSection,
    MaintenanceSection,
    StepSection,
    ReadinessSection,
    PermissionsSection,
)

# Supervisor's own, from options.py of 4.3.0, and DEFAULT, which its parser knows.
SUPERVISOR_FAMILIES = frozenset(
    {
        "DEFAULT",
        "ctlplugin",
        "eventlistener",
        "fcgi-program",
        "group",
        "include",
        "inet_http_server",
        "program",
        "rpcinterface",
        "supervisorctl",
        "supervisord",
        "unix_http_server",
    }
)
# One slip in a word of five letters is 0.8. Less alike is a plug-in's section, not a mistake.
_SLIP = 0.75


def kind_of(header: str) -> type[Any] | None:
    """Return the class of a section, or None when it is none of ours.

    Raises ValueError with a sentence for a header that was meant to be one of ours: a family of
    ours with a word after it that is not known, or a word that is nearly one of ours.
    """
    family = header.partition(":")[0]
    if family in SUPERVISOR_FAMILIES:
        return None
    for kind in KINDS:
        declared = declaration_of(kind)
        if header == declared.head or header.startswith(declared.head + ":"):
            _check_name(header, declared)
            return kind
    ours = {declaration_of(kind).family for kind in KINDS}
    close = nearest(family, ours | SUPERVISOR_FAMILIES, cutoff=_SLIP)
    if close in ours:
        raise ValueError(_unknown(header, close))
    return None


def _check_name(header: str, declared: Declaration) -> None:
    given = header[len(declared.head) + 1 :]
    has_colon = len(header) > len(declared.head)
    if (has_colon and declared.naming is Naming.NEVER) or (
        not has_colon and declared.naming is Naming.ALWAYS
    ):
        raise ValueError(f"expected {declared.header}, found [{header}]")
    if has_colon:
        words.name(given)


def _unknown(header: str, family: str) -> str:
    """Say which headers of the family there are, the nearest first by name."""
    declarations = [declaration_of(kind) for kind in KINDS]
    heads = {entry.head: entry.header for entry in declarations if entry.family == family}
    rest = header.partition(":")[2]
    close = nearest(f"{family}:{rest}" if rest else family, heads)
    if close or len(heads) == 1:
        return f"unknown section, did you mean {heads[close or family]}?"
    return "unknown section, expected one of " + ", ".join(heads.values())
