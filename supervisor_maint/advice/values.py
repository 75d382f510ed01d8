"""What advice is given on, and what it looks like. Values only; no I/O here."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Union

import attrs

from supervisor_maint.advice.commands import runs_listener
from supervisor_maint.advice.permission_facts import PermissionFacts
from supervisor_maint.errors import Problem
from supervisor_maint.processes import Namespec
from supervisor_maint.settings.model import Settings
from supervisor_maint.supervisord.configured import (
    Configuration,
    InetServer,
    ListenerPool,
    UnixServer,
)

Server = Union[UnixServer, InetServer]
PythonVersion = tuple[int, int]


def _fixed(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(values))


class Severity(enum.Enum):
    """How bad it is: ``ERROR`` does not work, ``WARNING`` will hurt, ``NOTE`` may be meant."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@attrs.frozen(kw_only=True)
class Advice:
    """One piece of advice: about what, what is wrong, and what to do. Sentences for people."""

    severity: Severity
    subject: str
    message: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.subject}: {self.message}; {self.what_to_do}"


@attrs.frozen
class PluginTrial:
    """Whether supervisord's own Python can import our plug-in; None when it was not tried.

    ``reason`` says why not.
    """

    is_importable: bool | None
    reason: str = ""


@attrs.frozen(kw_only=True, hash=False)
class Surroundings:
    """What there is to give advice on.

    ``configuration`` is None when it is not known what supervisord runs with; when it was found
    and refused, ``problems`` say why. ``writers`` says of files whom besides root and the owner
    they can be changed by, ``exposed`` how far a settings file that holds a password is open to
    others. ``pythons`` has the Python version of each command that could be told.
    ``downtimes`` are those of past runs in seconds, the newest last. ``users`` has the uid of each
    user that a step names, None for nobody. ``plan_files`` says by section what will not do of
    the files it names, and what to do.
    """

    settings: Settings
    configuration: Configuration | None = None
    problems: tuple[Problem, ...] = ()
    writers: Mapping[str, str] = attrs.field(converter=_fixed, factory=dict)
    exposed: Mapping[str, str] = attrs.field(converter=_fixed, factory=dict)
    pythons: Mapping[str, PythonVersion] = attrs.field(converter=_fixed, factory=dict)
    plugin_trial: PluginTrial = PluginTrial(None, "supervisord does not answer")
    downtimes: Mapping[Namespec, Sequence[float]] = attrs.field(converter=_fixed, factory=dict)
    users: Mapping[str, int | None] = attrs.field(converter=_fixed, factory=dict)
    plan_files: Mapping[str, Sequence[tuple[str, str]]] = attrs.field(
        converter=_fixed, factory=dict
    )
    permission_facts: PermissionFacts = attrs.field(factory=PermissionFacts)

    @property
    def pools(self) -> tuple[ListenerPool, ...]:
        """Every listener pool that is known."""
        return self.configuration.pools if self.configuration else ()

    @property
    def our_pools(self) -> tuple[ListenerPool, ...]:
        """The pools that run our listener: one, unless something is wrong."""
        return tuple(pool for pool in self.pools if runs_listener(pool.command))

    @property
    def listener_uid(self) -> int | None:
        """The user that our listener runs as, None when it cannot be told."""
        own = [process.uid for pool in self.our_pools for process in pool.processes]
        known = [uid for uid in own if uid is not None]
        if known or self.configuration is None or not own:
            return known[0] if known else None
        return self.configuration.uid

    @property
    def servers(self) -> tuple[Server, ...]:
        """Every server that is known, in the order in which supervisord prefers them."""
        if self.configuration is None:
            return ()
        return (*self.configuration.unix_servers, *self.configuration.inet_servers)
