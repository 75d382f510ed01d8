"""Advice on our two plug-ins for Supervisor. No I/O here.

Both are optional, and each can keep something from starting: the one supervisord, the other
supervisorctl.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.supervisord.configured import PluginSection

_OURS = "supervisor_maint."
_STANZAS = "conf.d/supervisor/plugins.conf"
_FACTORIES = {
    "rpcinterface": "supervisor.rpcinterface_factory",
    "ctlplugin": "supervisor.ctl_factory",
}


def importable(surroundings: Surroundings) -> Iterator[Advice]:
    """Say what supervisord's own Python says of our plug-in, before anybody relies on it."""
    if surroundings.configuration is None:
        return
    told = surroundings.plugin_trial
    configured = _sections(surroundings, "rpcinterface")
    if not configured and told.is_importable:
        yield Advice(
            severity=Severity.NOTE,
            subject="[rpcinterface:maint]",
            message="it is not there, and supervisord's Python could import it: it adds "
            "supervisorctl reopen and maint, also from other machines",
            what_to_do=f"add it as {_STANZAS} shows; everything else works without",
        )
    for section in configured:
        yield from _import_of(section, surroundings)


def _import_of(section: PluginSection, surroundings: Surroundings) -> Iterator[Advice]:
    told = surroundings.plugin_trial
    if told.is_importable is False:
        yield Advice(
            severity=Severity.ERROR,
            subject=f"[{section.header}]",
            message=f"supervisord would not start again with it: {told.reason}",
            what_to_do="do so before supervisord is started again",
        )
    elif told.is_importable is None:
        yield Advice(
            severity=Severity.NOTE,
            subject=f"[{section.header}]",
            message=f"it was not tried whether supervisord can import it: {told.reason}",
            what_to_do="check again while supervisord runs, as its user or as root",
        )


def shared_state(surroundings: Surroundings) -> Iterator[Advice]:
    """Compare the plug-in's ``state_dir`` with the listener's, where it reads what to answer."""
    wanted = surroundings.settings.maint.state_dir
    for section in _sections(surroundings, "rpcinterface"):
        found = section.values.get("state_dir")
        if found is None or PurePosixPath(found) != PurePosixPath(wanted):
            yield Advice(
                severity=Severity.ERROR,
                subject=f"[{section.header}]",
                message=f"state_dir is {found or 'missing'}, and the listener's is {wanted}: "
                "supervisorctl maint would know nothing of it",
                what_to_do=f"set state_dir = {wanted}",
            )


def unexpanded_here(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of ``%(here)s`` where supervisor does not know it: in plug-ins of the main file."""
    configuration = surroundings.configuration
    for section in configuration.plugins if configuration else ():
        if section.uses_here:
            who = "supervisord" if section.header.startswith("rpcinterface:") else "supervisorctl"
            yield Advice(
                severity=Severity.ERROR,
                subject=f"[{section.header}]",
                message=f"{who} does not know %(here)s in this section of {section.file}, and "
                "does not start with it",
                what_to_do="write the whole path",
            )


def supervisorctls(surroundings: Surroundings) -> Iterator[Advice]:
    """Look at ``[ctlplugin:maint]``: where supervisorctl reads it, and whom it would ask."""
    interfaces = _sections(surroundings, "rpcinterface")
    for section in _sections(surroundings, "ctlplugin"):
        if section.is_included:
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[{section.header}]",
                message=f"supervisorctl does not follow [include], and so ignores it in "
                f"{section.file}",
                what_to_do="move it to the file that supervisorctl reads, supervisord.conf",
            )
        elif surroundings.plugin_trial.is_importable is False:
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[{section.header}]",
                message="supervisord's Python cannot import our package; supervisorctl mostly "
                "runs under the same, and then ends with an error at every command",
                what_to_do="install supervisor-maint there as well, or remove the section",
            )
        if not interfaces:
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[{section.header}]",
                message="its commands ask [rpcinterface:maint], which is not there",
                what_to_do=f"add it as {_STANZAS} shows, or use supervisor-maint itself",
            )


def _sections(surroundings: Surroundings, kind: str) -> list[PluginSection]:
    """Return the sections of a kind that load our factory."""
    configuration = surroundings.configuration
    return [
        section
        for section in (configuration.plugins if configuration else ())
        if section.header.startswith(f"{kind}:")
        and section.values.get(_FACTORIES[kind], "").startswith(_OURS)
    ]
