"""The configuration file of supervisord, as facts, read by supervisor's own parser.

XML-RPC tells neither what is an event listener nor what listens where. ``ServerOptions`` is made
to read only: it imports no plug-in, opens no socket, writes no log, changes no folder or user,
and what it would print before it exits becomes a ``SettingsError``. It does look at the machine
(do users and folders exist), as supervisord would.
"""

from __future__ import annotations

import configparser
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from supervisor.datatypes import (
    Automatic,
    RestartUnconditionally,
    RestartWhenExitUnexpected,
    boolean,
    list_of_strings,
)
from supervisor.events import EventTypes
from supervisor.options import EventListenerPoolConfig, ServerOptions, UnhosedConfigParser

from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    InetServer,
    ListenerPool,
    PluginSection,
    RpcInterface,
    UnixServer,
    listener_pools,
)
from supervisor_maint.supervisord.started_with import find_configuration, find_environment

__all__ = [
    "Configuration",
    "find_configuration",
    "find_environment",
    "listener_pools",
    "read_configuration",
]

_IN_SECTION = re.compile(r"^(?P<said>.*) in section '(?P<section>.*)' \(file: '(?P<file>.*)'\)$")
_AT_LINE = re.compile(r"\[line +(?P<line>\d+)\]")
_AUTORESTART = {RestartUnconditionally: "true", RestartWhenExitUnexpected: "unexpected"}
_HERE = "%(here)s"
_PLUGINS = ("rpcinterface:", "ctlplugin:")
_INCLUDED = re.compile(r'^Included extra file "(?P<file>.*)" during parsing$')


def read_configuration(path: str, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read a configuration file and all that it includes.

    ``environment`` is what ``%(ENV_X)s`` stands for: supervisord's own, if it is known, else
    ours. Relative paths are taken from our working directory, as supervisord takes them from its
    own. Raises SettingsError with every problem that supervisor's parser lets us see.
    """
    options = _ReadingOptions(environment)
    try:
        options.realize(args=["-c", path], doc="", progname="supervisord")
    except (configparser.Error, OSError) as error:  # the parser translates most, not all
        raise SettingsError([_problem(str(error), path)]) from None
    finally:
        options.poller.close()
    files = (path, *options.included_files())
    unreadable = [_unreadable(file) for file in files[1:] if not _is_readable(file)]
    if unreadable:
        raise SettingsError(unreadable)
    return options.facts(files)


class _ReadingOptions(ServerOptions):  # type: ignore[misc]  # supervisor ships no types
    """Supervisor's options without what they do to the process that reads them."""

    def __init__(self, environment: Mapping[str, str] | None) -> None:
        super().__init__()
        self.pool_sections: dict[str, _PoolSection] = {}
        self.plugin_sections: list[PluginSection] = []
        if environment is not None:
            self.environ_expansions = {f"ENV_{name}": environment[name] for name in environment}

    def usage(self, msg: object) -> None:
        """Raise what supervisord would print before it exits."""
        raise SettingsError([_problem(str(msg), self.configfile)])

    def import_spec(self, spec: str) -> str:
        """Leave plug-ins alone: they belong to the Python that runs supervisord."""
        return spec

    def get_plugins(
        self, parser: UnhosedConfigParser, factory_key: str, section_prefix: str
    ) -> list[Any]:
        """Take notes of the plug-ins, ours and supervisorctl's, before supervisor's own reading."""
        self.plugin_sections = [
            _note_plugin(parser, section, self.here, self.configfile)
            for section in parser.sections()
            if section.startswith(_PLUGINS)
        ]
        found: list[Any] = super().get_plugins(parser, factory_key, section_prefix)
        return found

    def process_groups_from_parser(self, parser: UnhosedConfigParser) -> list[Any]:
        """Take notes of the pools, and hide what would stop the parser from telling the rest."""
        for section in parser.sections():
            if section.startswith("eventlistener:"):
                noted = _note_pool(parser, section, self.here, self.configfile)
                self.pool_sections[section.partition(":")[2]] = noted
        groups: list[Any] = super().process_groups_from_parser(parser)
        return groups

    def included_files(self) -> list[str]:
        """Return the files that were included, in order."""
        found = (_INCLUDED.match(message) for message in self.parse_infos)
        return [match["file"] for match in found if match]

    def facts(self, files: tuple[str, ...]) -> Configuration:
        """Return what was read."""
        groups = self.process_group_configs
        servers = self.server_configs
        return Configuration(
            files=files,
            identifier=self.identifier,
            logfile=self.logfile,
            groups=tuple(_group(group) for group in groups if not _is_pool(group)),
            pools=tuple(
                _pool(group, self.pool_sections[group.name]) for group in groups if _is_pool(group)
            ),
            unix_servers=tuple(
                _unix_server(server) for server in servers if server["family"] == socket.AF_UNIX
            ),
            inet_servers=tuple(
                _inet_server(server) for server in servers if server["family"] == socket.AF_INET
            ),
            rpcinterfaces=tuple(
                RpcInterface(name=name, factory=factory)
                for name, factory, _ in self.rpcinterface_factories
            ),
            warnings=tuple(self.parse_warnings),
            plugins=tuple(self.plugin_sections),
            uid=self.uid,
        )


@attrs.frozen
class _PoolSection:
    events: tuple[str, ...]
    unknown_events: tuple[str, ...]
    redirect_stderr: bool
    file: str


def _note_pool(parser: UnhosedConfigParser, section: str, here: str, main: str) -> _PoolSection:
    def get(option: str, default: str) -> str:
        return str(parser.saneget(section, option, default, expansions={"here": here}))

    events = tuple(event.upper() for event in list_of_strings(get("events", "")))
    redirect_stderr = bool(boolean(get("redirect_stderr", "false")))
    parser.set(section, "redirect_stderr", "false")
    # A plug-in may register events of its own when supervisord imports it; we do not import it.
    unknown = tuple(event for event in events if not hasattr(EventTypes, event))
    known = [event for event in events if event not in unknown]
    parser.set(section, "events", ",".join(known or ["EVENT"]) if events else "")
    file = parser.section_to_file.get(section, main)
    return _PoolSection(events, unknown, redirect_stderr, file)


def _note_plugin(parser: UnhosedConfigParser, section: str, here: str, main: str) -> PluginSection:
    """Note a section, and put the folder where supervisord would end for not knowing it."""
    file = parser.section_to_file.get(section, main)
    written: Mapping[str, str] = dict(parser.items(section))
    values = {key: value.replace(_HERE, here) for key, value in written.items()}
    for key, value in values.items():
        parser.set(section, key, value)
    is_included = file != main
    if section.startswith("ctlplugin:") and not is_included:
        written = _as_supervisorctl_reads(main, section)
    return PluginSection(
        header=section,
        file=file,
        is_included=is_included,
        values=values,
        uses_here=any(_HERE in value for value in written.values()),
    )


def _as_supervisorctl_reads(main: str, section: str) -> Mapping[str, str]:
    """Return a section without the folder that supervisord puts in when there is an [include]."""
    parser = UnhosedConfigParser()
    parser.read(main)
    return dict(parser.items(section))


def _is_pool(group: Any) -> bool:
    return isinstance(group, EventListenerPoolConfig)


def _pool(group: Any, section: _PoolSection) -> ListenerPool:
    return ListenerPool(
        name=group.name,
        priority=group.priority,
        events=section.events,
        unknown_events=section.unknown_events,
        buffer_size=group.buffer_size,
        redirect_stderr=section.redirect_stderr,
        file=section.file,
        processes=_processes(group),
    )


def _group(group: Any) -> Group:
    return Group(name=group.name, priority=group.priority, processes=_processes(group))


def _processes(group: Any) -> tuple[ConfiguredProcess, ...]:
    return tuple(
        ConfiguredProcess(
            name=process.name,
            command=process.command,
            autostart=process.autostart,
            autorestart=_AUTORESTART.get(process.autorestart, "false"),
            stdout_logfile=_logfile(process.stdout_logfile),
            stderr_logfile=_logfile(process.stderr_logfile),
            redirect_stderr=process.redirect_stderr,
            environment_names=frozenset(process.environment),
            priority=process.priority,
            start_seconds=float(process.startsecs),
            stop_wait_seconds=float(process.stopwaitsecs),
            uid=process.uid,
        )
        for process in group.process_configs
    )


def _logfile(value: Any) -> str | None:
    return "AUTO" if value is Automatic else value


def _unix_server(server: Mapping[str, Any]) -> UnixServer:
    return UnixServer(
        path=server["file"], chmod=server["chmod"], has_password=server["password"] is not None
    )


def _inet_server(server: Mapping[str, Any]) -> InetServer:
    return InetServer(
        host=server["host"], port=server["port"], has_password=server["password"] is not None
    )


def _problem(said: str, path: str | None) -> Problem:
    """Find the place in what supervisor's parser says."""
    one_line = " ".join(said.split())
    section = _IN_SECTION.match(one_line)
    line = _AT_LINE.search(one_line)
    return Problem(
        message=section["said"] if section else one_line,
        file=section["file"] if section else path,
        line=int(line["line"]) if line else None,
        section=section["section"] if section else None,
    )


def _is_readable(file: str) -> bool:
    try:
        with Path(file).open("rb"):
            return True
    except OSError:
        return False


def _unreadable(file: str) -> Problem:
    return Problem(
        message="expected an included file that we may read, found none: supervisor's parser"
        " passes over it in silence; run this as the user that supervisord runs as",
        file=file,
    )
