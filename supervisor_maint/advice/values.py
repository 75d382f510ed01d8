"""What advice is given on, and what it looks like. Values only; no I/O here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Union

import attrs

from supervisor_maint.advice.commands import runs_listener
from supervisor_maint.errors import Problem
from supervisor_maint.settings.model import Settings
from supervisor_maint.supervisord.configured import (
    Configuration,
    InetServer,
    ListenerPool,
    UnixServer,
)

Server = Union[UnixServer, InetServer]
PythonVersion = tuple[int, int]


def _fixed(values: Mapping[str, Any]) -> Mapping[str, Any]:
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


@attrs.frozen(kw_only=True, hash=False)
class Surroundings:
    """What there is to give advice on.

    ``configuration`` is None when it is not known what supervisord runs with; when it was found
    and refused, ``problems`` say why. ``writers`` says of files whom besides root and the owner
    they can be changed by. ``pythons`` has the Python version of each command that could be told.
    """

    settings: Settings
    configuration: Configuration | None = None
    problems: tuple[Problem, ...] = ()
    writers: Mapping[str, str] = attrs.field(converter=_fixed, factory=dict)
    pythons: Mapping[str, PythonVersion] = attrs.field(converter=_fixed, factory=dict)

    @property
    def pools(self) -> tuple[ListenerPool, ...]:
        """Every listener pool that is known."""
        return self.configuration.pools if self.configuration else ()

    @property
    def our_pools(self) -> tuple[ListenerPool, ...]:
        """The pools that run our listener: one, unless something is wrong."""
        return tuple(pool for pool in self.pools if runs_listener(pool.command))

    @property
    def servers(self) -> tuple[Server, ...]:
        """Every server that is known, in the order in which supervisord prefers them."""
        if self.configuration is None:
            return ()
        return (*self.configuration.unix_servers, *self.configuration.inet_servers)
