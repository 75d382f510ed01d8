"""The options of ``init``: what is filled in, and what this machine says where nobody did."""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import attrs

from supervisor_maint.accounts import group_id, group_name, user_id

if TYPE_CHECKING:
    from supervisor_maint.deployment.values import Values


@attrs.frozen
class Given:
    """An option with a value: how its help shows it, what reads it, and what it is."""

    metavar: str
    read: Callable[[str], Any]
    meaning: str


def _word(name: str) -> Callable[[str], str]:
    """Return what reads an option as the settings read the key of the same kind."""

    def read(text: str) -> str:
        from supervisor_maint.deployment.plain import plain
        from supervisor_maint.settings import words

        getattr(words, name)(text)
        return plain(text)

    return read


def _port(text: str) -> int:
    from supervisor_maint.settings import words

    return words.address(f"127.0.0.1:{text}").port


def _user(text: str) -> str:
    if user_id(text) is None:
        raise ValueError(f"expected a user of this machine, found {text!r}")
    return text


def _group(text: str) -> str:
    if group_id(text) is None:
        raise ValueError(f"expected a group of this machine, found {text!r}")
    return text


OPTIONS: Mapping[str, Given] = {
    "instance": Given("NAME", _word("label"), "`instance` label (default: the host's short name)"),
    "host": Given("NAME", _word("text"), "how Prometheus reaches this host (default: its name)"),
    "port": Given("PORT", _port, "port of the scrape endpoint (default: 9910)"),
    "owner": Given("USER", _user, "whom the listener runs as (default: who runs this)"),
    "group": Given("GROUP", _group, "group of the logs (default: the owner's)"),
    "state-dir": Given(
        "PATH",
        _word("path"),
        "state of the listener (default: /var/lib/supervisor-maint as root, else DIR/state)",
    ),
    "log-dir": Given(
        "PATH",
        _word("path"),
        "logs that are rotated (default: /var/log/supervisor as root, else DIR/log)",
    ),
    "timezone": Given("ZONE", _word("zone"), "zone of what people read (default: the machine's)"),
    "command": Given("PATH", _word("path"), "supervisor-maint itself (default: the one that runs)"),
    "textfile": Given("PATH", _word("path"), "write for node_exporter's textfile collector, too"),
    "pushgateway-url": Given("URL", _word("url"), "push to this Pushgateway, too"),
    "prometheus-url": Given("URL", _word("url"), "Prometheus, which Grafana and runs ask"),
    "alertmanager-url": Given("URL", _word("url"), "Alertmanager, where runs hold a silence"),
    "runbook-url": Given("URL", _word("url"), "where docs/runbook.md is published"),
    "pager-url": Given("URL", _word("url"), "webhook that critical alerts go to"),
    "tickets-url": Given("URL", _word("url"), "webhook that other alerts go to"),
}
_SERVERS: Mapping[str, str] = {
    "pushgateway": "the Pushgateway",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
}
# The keys of a section that names a server; files are named here, and not made.
_ACCESS: Mapping[str, Given] = {
    "ca-file": Given("PATH", _word("path"), "CAs for the certificate of {server}"),
    "username": Given("NAME", _word("text"), "user for {server}"),
    "password-file": Given("PATH", _word("path"), "file with the password for {server}"),
    "bearer-token-file": Given("PATH", _word("path"), "file with the token for {server}"),
    "client-cert": Given("PATH", _word("path"), "our certificate for {server}"),
    "client-key": Given("PATH", _word("path"), "its key (default: in the certificate)"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option with a value; what one does not take is wrong usage, in a sentence."""
    for name, given in OPTIONS.items():
        _add(parser, name, given, given.meaning)
    for server, shown in _SERVERS.items():
        for key, given in _ACCESS.items():
            _add(parser, f"{server}-{key}", given, given.meaning.format(server=shown))


def _add(parser: argparse.ArgumentParser, name: str, given: Given, meaning: str) -> None:
    parser.add_argument(f"--{name}", metavar=given.metavar, type=_typed(given.read), help=meaning)


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def values_of(args: argparse.Namespace, root: Path) -> Values:
    """Return what was given, and what this machine says of the rest. Raises ValueError."""
    from supervisor_maint.deployment.access import Access
    from supervisor_maint.deployment.values import Values

    names = [name.replace("-", "_") for name in OPTIONS]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    accesses = {f"{server}_access": Access(**_keys(args, server)) for server in _SERVERS}
    return Values(**{**_of_this_machine(args.owner, root), **given, **accesses})


def contradiction(args: argparse.Namespace) -> str | None:
    """Say what of the options does not go together; None when all of them do."""
    from supervisor_maint.monitoring.access import contradictions

    for server in _SERVERS:
        keys = _keys(args, server)
        for key, problem in contradictions(keys):
            return _as_options(server, f"{key}: {problem}")
        if keys and getattr(args, f"{server}_url") is None:
            return f"expected --{server}-url beside how it lets us in, found none"
    return None


def _as_options(server: str, sentence: str) -> str:
    """Return a sentence about keys of the settings as one about options."""
    for name in _ACCESS:
        sentence = sentence.replace(name.replace("-", "_"), f"--{server}-{name}")
    return sentence


def _keys(args: argparse.Namespace, server: str) -> dict[str, str]:
    """Return how a server lets us in, by the keys of the settings."""
    names = [key.replace("-", "_") for key in _ACCESS]
    found = {name: getattr(args, f"{server}_{name}") for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _of_this_machine(owner: str | None, root: Path) -> dict[str, Any]:
    from supervisor_maint.settings.circumstances import observe

    seen = observe(os.environ)
    user, group = _owner(owner)
    found: dict[str, Any] = {
        "instance": seen.instance,
        "host": seen.host_name,
        "timezone": seen.zone_name,
        "command": _command(),
        "owner": user,
        "group": group,
    }
    if not seen.is_root:
        found.update(state_dir=str(root / "state"), log_dir=str(root / "log"))
    return found


def _owner(name: str | None) -> tuple[str, str]:
    """Return a user, or who runs this, and his group; a number for what has no name."""
    try:
        user = pwd.getpwuid(os.geteuid()) if name is None else pwd.getpwnam(name)
    except KeyError:  # who runs this, as a container's uid that nobody has given a name
        return str(os.geteuid()), group_name(os.getegid())
    return user.pw_name, group_name(user.pw_gid)


def _command() -> str:
    """Return the path of supervisor-maint beside the Python that runs, else as PATH has it."""
    beside = Path(sys.executable).parent / "supervisor-maint"
    if os.access(beside, os.X_OK):
        return str(beside)
    return shutil.which("supervisor-maint") or "supervisor-maint"
