"""Every kind of section there is, and which section of a file is of which kind. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from supervisor_maint.settings import words
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.settings.options import Declaration, Naming, declaration_of
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection

Kinds = tuple[type[Any], ...]

# Every listener has them.
EARLY: Kinds = (MaintSettings, PushgatewaySection, TextfileSection, HttpSection)


def _alerting() -> Kinds:
    from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection

    return AlertmanagerSection, PrometheusSection


def _plans() -> Kinds:
    from supervisor_maint.settings.maintenance import (
        MaintenanceSection,
        ReadinessSection,
        StepSection,
    )

    return MaintenanceSection, StepSection, ReadinessSection


def _permissions() -> Kinds:
    from supervisor_maint.settings.permissions import PermissionsSection

    return (PermissionsSection,)


# By family, and loaded when a file has one: a listener without them is a megabyte smaller.
_LATE: dict[str, Callable[[], Kinds]] = {
    "alertmanager": _alerting,
    "prometheus": _alerting,
    "maintenance": _plans,
    "step": _plans,
    "readiness": _plans,
    "permissions": _permissions,
}

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


def every_kind() -> Kinds:
    """Load and return the class of every kind."""
    loads = dict.fromkeys(_LATE.values())
    return (*EARLY, *(kind for load in loads for kind in load()))


def has_family(sections: Iterable[Any], family: str) -> bool:
    """Tell whether any section is of a family, without loading what that is made of."""
    return any(declaration_of(type(section)).family == family for section in sections)


def _kinds_of(family: str) -> Kinds:
    return _LATE[family]() if family in _LATE else EARLY


def kind_of(header: str) -> type[Any] | None:
    """Return the class of a section, or None when it is none of ours.

    Raises ValueError with a sentence for a header that was meant to be one of ours: a family of
    ours with a word after it that is not known, or a word that is nearly one of ours.
    """
    family = header.partition(":")[0]
    if family in SUPERVISOR_FAMILIES:
        return None
    for kind in _kinds_of(family):
        declared = declaration_of(kind)
        if header == declared.head or header.startswith(declared.head + ":"):
            _check_name(header, declared)
            return kind
    ours = {*_LATE, *(declaration_of(kind).family for kind in EARLY)}
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
    declarations = [declaration_of(kind) for kind in _kinds_of(family)]
    heads = {entry.head: entry.header for entry in declarations if entry.family == family}
    rest = header.partition(":")[2]
    close = nearest(f"{family}:{rest}" if rest else family, heads)
    if close or len(heads) == 1:
        return f"unknown section, did you mean {heads[close or family]}?"
    return "unknown section, expected one of " + ", ".join(heads.values())
