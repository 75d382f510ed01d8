"""Advice on who can reach supervisord and change its configuration, and whether we can."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator

from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.supervisord.configured import InetServer

_RPC_FACTORY = "supervisor.rpcinterface:make_main_rpcinterface"


def unreadable_configuration(surroundings: Surroundings) -> Iterator[Advice]:
    """Say that supervisord's configuration is not known, or why it would be refused."""
    for problem in surroundings.problems:
        yield Advice(
            severity=Severity.ERROR,
            subject="supervisord's configuration",
            message=str(problem),
            what_to_do="correct it: supervisord would not start with it",
        )
    if surroundings.configuration is None and not surroundings.problems:
        yield Advice(
            severity=Severity.NOTE,
            subject="supervisord's configuration",
            message="it is not known which file supervisord runs with, so nothing was checked in "
            "it",
            what_to_do="set supervisord_config in [maint]",
        )


def warned_of(surroundings: Surroundings) -> Iterator[Advice]:
    """Repeat what supervisord warns of as it starts, where nobody reads it."""
    configuration = surroundings.configuration
    for warning in configuration.warnings if configuration else ():
        yield Advice(
            severity=Severity.NOTE,
            subject="supervisord's configuration",
            message=warning,
            what_to_do="look whether that is meant; supervisord starts all the same",
        )


def open_servers(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of servers that anybody can give orders to."""
    configuration = surroundings.configuration
    if configuration is None:
        return
    for unix in configuration.unix_servers:
        if unix.chmod & stat.S_IWOTH and not unix.has_password:
            yield Advice(
                severity=Severity.WARNING,
                subject="[unix_http_server]",
                message=f"chmod={unix.chmod:04o} without a password lets every user of this "
                "machine start and stop processes",
                what_to_do="set chmod=0700, or 0770 with chown= for a group",
            )
    for inet in configuration.inet_servers:
        if not _is_loopback(inet) and not inet.has_password:
            yield Advice(
                severity=Severity.WARNING,
                subject="[inet_http_server]",
                message=f"port={inet.host or '*'}:{inet.port} without a password lets the "
                "network start and stop processes",
                what_to_do="listen on 127.0.0.1, or set username and password",
            )


def _is_loopback(server: InetServer) -> bool:
    if server.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(server.host).is_loopback
    except ValueError:  # another name, or none: every interface
        return False


def way_in(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn when the listener could not ask supervisord: no server, no interface, no password."""
    configuration = surroundings.configuration
    if configuration is None:
        return
    if not surroundings.servers:
        yield Advice(
            severity=Severity.ERROR,
            subject="[unix_http_server]",
            message="supervisord has no server, so the listener cannot ask it anything",
            what_to_do="add [unix_http_server] with a file",
        )
    elif all(interface.factory != _RPC_FACTORY for interface in configuration.rpcinterfaces):
        yield Advice(
            severity=Severity.ERROR,
            subject="[rpcinterface:supervisor]",
            message="it is missing, so supervisord answers no call",
            what_to_do=f"add it with supervisor.rpcinterface_factory = {_RPC_FACTORY}",
        )
    elif _needs_password(surroundings) and not _has_credentials(surroundings):
        yield Advice(
            severity=Severity.ERROR,
            subject="[maint]",
            message="supervisord's server has a password, and the listener is not given it",
            what_to_do="set username and password_file, or SUPERVISOR_USERNAME and "
            "SUPERVISOR_PASSWORD in environment= of the stanza",
        )


def _needs_password(surroundings: Surroundings) -> bool:
    """Tell whether the server that the listener will use has a password.

    supervisord gives its children the unix socket, else the first inet server.
    """
    asked = surroundings.settings.maint.serverurl
    named = [server for server in surroundings.servers if server.url == asked]
    return (named or surroundings.servers)[0].has_password


def _has_credentials(surroundings: Surroundings) -> bool:
    maint = surroundings.settings.maint
    if maint.username and maint.password:
        return True
    wanted = {"SUPERVISOR_USERNAME", "SUPERVISOR_PASSWORD"}
    processes = [process for pool in surroundings.our_pools for process in pool.processes]
    return any(wanted <= process.environment_names for process in processes)


def exposed_passwords(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of passwords of ours that other users of the machine can read."""
    for file, reason in sorted(surroundings.exposed.items()):
        yield Advice(
            severity=Severity.WARNING,
            subject=file,
            message="serverurl holds a password, and others than the owner can read the file "
            f"({reason})",
            what_to_do="put the password into a file of its own and name that with username and "
            f"password_file, or chmod 0600 {file}",
        )


def changeable_files(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of configuration that others can write: they can have anything run."""
    for file, reason in sorted(surroundings.writers.items()):
        yield Advice(
            severity=Severity.WARNING,
            subject=file,
            message=f"{reason}, and so can have supervisord run anything",
            what_to_do="chmod go-w it, and give it to root",
        )
