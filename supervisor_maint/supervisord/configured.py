"""What supervisord is configured to run, as facts. Values only; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from supervisor_maint.processes import Namespec


@attrs.frozen(kw_only=True)
class ConfiguredProcess:
    """One process of a program; a logfile is a path, ``AUTO``, or None for none.

    ``autorestart`` is ``true``, ``false`` or ``unexpected``. Of the environment only the names
    are kept: the values may be passwords. ``uid`` is None when it runs as supervisord does.
    """

    name: str
    command: str
    autostart: bool
    autorestart: str
    stdout_logfile: str | None
    stderr_logfile: str | None
    redirect_stderr: bool
    environment_names: frozenset[str]
    priority: int = 999
    start_seconds: float = 1.0
    stop_wait_seconds: float = 10.0
    uid: int | None = None


@attrs.frozen(kw_only=True)
class Group:
    """A group of processes that are no event listeners."""

    name: str
    priority: int
    processes: tuple[ConfiguredProcess, ...]


@attrs.frozen(kw_only=True)
class ListenerPool:
    """An ``[eventlistener:NAME]`` section, ``file`` where it is.

    ``redirect_stderr`` is what the section says, though supervisord does not start with it.
    Nor does it with ``unknown_events``, unless a plug-in registers them.
    """

    name: str
    priority: int
    events: tuple[str, ...]
    buffer_size: int
    unknown_events: tuple[str, ...]
    redirect_stderr: bool
    file: str
    processes: tuple[ConfiguredProcess, ...]

    @property
    def command(self) -> str:
        """The command of the first of its processes."""
        return self.processes[0].command if self.processes else ""


@attrs.frozen(kw_only=True)
class UnixServer:
    """A ``[unix_http_server]`` section; ``chmod`` is the mode of the socket."""

    path: str
    chmod: int
    has_password: bool

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"unix://{self.path}"


@attrs.frozen(kw_only=True)
class InetServer:
    """An ``[inet_http_server]`` section; an empty ``host`` listens on every interface."""

    host: str
    port: int
    has_password: bool

    @property
    def url(self) -> str:
        """Where it is asked, from this machine."""
        return f"http://{self.host or 'localhost'}:{self.port}"


@attrs.frozen(kw_only=True)
class RpcInterface:
    """An ``[rpcinterface:NAME]`` section; ``factory`` is its ``module:function``, not imported."""

    name: str
    factory: str


@attrs.frozen(kw_only=True, hash=False)
class PluginSection:
    """An ``[rpcinterface:NAME]`` or ``[ctlplugin:NAME]`` section; ``header`` without brackets.

    ``values`` has ``%(here)s`` replaced. ``uses_here``: it stands where the one who reads it does
    not replace it, but ends: supervisord in a main file without [include], supervisorctl always.
    """

    header: str
    file: str
    is_included: bool
    values: Mapping[str, str]
    uses_here: bool = False


@attrs.frozen(kw_only=True, hash=False)
class Configuration:
    """What supervisord would run with. ``files`` are the main one, then those it includes.

    ``uid`` is the user that supervisord changes to, None when it stays who starts it.
    """

    files: tuple[str, ...]
    identifier: str
    logfile: str
    groups: tuple[Group, ...]
    pools: tuple[ListenerPool, ...]
    unix_servers: tuple[UnixServer, ...]
    inet_servers: tuple[InetServer, ...]
    rpcinterfaces: tuple[RpcInterface, ...]
    warnings: tuple[str, ...] = ()
    plugins: tuple[PluginSection, ...] = ()
    uid: int | None = None

    @property
    def namespecs(self) -> tuple[Namespec, ...]:
        """Every process, the listeners' too."""
        members = [(group.name, group.processes) for group in self.groups]
        members += [(pool.name, pool.processes) for pool in self.pools]
        return tuple(
            Namespec(name, process.name) for name, processes in members for process in processes
        )

    @property
    def process_count(self) -> int:
        """How many processes there are, the listeners' too."""
        return len(self.namespecs)


def listener_pools(configuration: Configuration) -> frozenset[str]:
    """Return the names of the groups that are listener pools."""
    return frozenset(pool.name for pool in configuration.pools)
