"""Every exception this package raises on purpose, in one tree.

A message is one sentence that an operator can act on: what was expected, what was found, what
to change. Foreign exceptions are translated by the module that touches the foreign thing.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


class MaintError(Exception):
    """Something an operator can act on; ``msg`` is the sentence to show."""

    def __init__(self, msg: str) -> None:
        super().__init__(msg)
        self.msg = msg


class ProtocolError(MaintError):
    """Supervisord sent something that is no event."""


class SupervisorError(MaintError):
    """Supervisord could not be asked, or said no."""


class SupervisorUnreachable(SupervisorError):
    """Nobody answers at the server URL."""


class SupervisorUnauthorized(SupervisorError):
    """Supervisord refuses the user and password, or the socket's mode refuses us."""


class SupervisorTimeout(SupervisorError):
    """Supervisord did not answer in time."""


class SupervisorShuttingDown(SupervisorError):
    """Supervisord is on its way down: Fault ``SHUTDOWN_STATE``. A normal end."""


class SupervisorFault(SupervisorError):
    """Supervisord answered with a fault; ``code`` is one of ``supervisor.xmlrpc.Faults``."""

    def __init__(self, msg: str, *, code: int) -> None:
        super().__init__(msg)
        self.code = code


class StoreError(MaintError):
    """The state could not be read or written."""


class StoreAbsent(StoreError):
    """There is no such file: no listener has saved anything yet."""


class StateLocked(StoreError):
    """Another listener holds the state directory; ``pid`` is its process id, if known."""

    def __init__(self, msg: str, *, pid: int | None = None) -> None:
        super().__init__(msg)
        self.pid = pid


class NewerSchema(StoreError):
    """The file was written by a newer version than this one."""


class StoreDamaged(StoreError):
    """The file is no longer what was written; nothing in it can be believed."""


class DeploymentError(MaintError):
    """A file could not be laid out."""


class ListenerAbsent(MaintError):
    """No listener owns the state directory, so nothing was changed."""


class SinkError(MaintError):
    """A sink did not take the metrics; ``rejected`` when it answered and said no."""

    def __init__(self, msg: str, *, rejected: bool = False) -> None:
        super().__init__(msg)
        self.rejected = rejected


class MonitoringError(MaintError):
    """A monitoring server could not be asked.

    ``rejected`` when it answered and said no, ``absent`` when it said that there is no such thing.
    """

    def __init__(self, msg: str, *, rejected: bool = False, absent: bool = False) -> None:
        super().__init__(msg)
        self.rejected = rejected
        self.absent = absent


@attrs.frozen(kw_only=True)
class Problem:
    """One thing that is wrong with the configuration, and where."""

    message: str
    file: str | None = None
    line: int | None = None
    section: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = self.file or "settings"
        if self.line is not None:
            place += f":{self.line}"
        if self.section is not None:
            place += f": [{self.section}]"
        if self.key is not None:
            place += f" {self.key}"
        return f"{place}: {self.message}"


class SettingsError(MaintError):
    """The configuration cannot be used; ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
