"""The servers that tests run against: Debian's own packages, unpacked and never installed.

``apt-get download`` and ``dpkg-deb -x`` put them below ``.tox/servers``, with package lists of
our own: nothing on the machine is changed, no daemon is started, and no root is needed. Whoever
comes second waits for the first (``flock``), and a folder appears whole or not at all.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = {
    "amtool": "prometheus-alertmanager",
    "logrotate": "logrotate",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "promtool": "prometheus",
}
# The one library of these that a small Debian has not got: logrotate reads its options with it.
LIBRARY = "libpopt0"
PACKAGES = (*sorted(set(PROGRAMS.values())), LIBRARY)

SERVERS = Path(__file__).resolve().parent.parent / ".tox" / "servers"
FOLDERS = ("bin", "usr/bin", "usr/sbin")  # "bin" holds our wrappers
COMMAND_TIMEOUT_SECONDS = 300.0
FAILURE_HOLDS_SECONDS = 600.0  # the next environment need not wait for the same dead network

ALERTMANAGER_SHARE = "/usr/share/prometheus/alertmanager"
WRAPPERS = {
    # Not exported further than needed: logrotate's own scripts inherit it, and need no libpopt.
    "logrotate": 'LD_LIBRARY_PATH="$root/lib-of-ours" exec "$root/usr/sbin/logrotate" "$@"',
    # Its templates are looked for in the present folder, see _relocate_alertmanager.
    "prometheus-alertmanager": (
        f'cd "$root{ALERTMANAGER_SHARE}" && exec "$root/usr/bin/prometheus-alertmanager" "$@"'
    ),
}


class ServerUnavailable(Exception):
    """A server can neither be fetched nor found on PATH; the message says why."""


def path_of(name: str) -> Path:
    """Return the path of a program of ``PROGRAMS``, fetching all of them at the first call.

    Where Debian's packages cannot be had, one that is on PATH is taken. Raises
    ServerUnavailable with the reason when there is none.
    """
    if name not in PROGRAMS:
        raise ValueError(f"expected one of {', '.join(PROGRAMS)}, found {name!r}")
    root, reason = _fetched()
    if root is not None:
        return _program_in(root, name)
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise ServerUnavailable(f"{name} is not on PATH and cannot be fetched: {reason}")
    return Path(found)


@functools.lru_cache(maxsize=1)
def _fetched() -> tuple[Path | None, str]:
    try:
        return fetch(), ""
    except ServerUnavailable as error:
        return None, str(error)


def fetch(packages: Sequence[str] = PACKAGES, servers: Path = SERVERS) -> Path:
    """Return the folder that holds the unpacked packages, made now if it is not there.

    The folder's name follows from the list of packages and from this file, so that a change of
    either makes a new one. Raises ServerUnavailable.
    """
    key = hashlib.sha256(" ".join(packages).encode() + Path(__file__).read_bytes())
    root = servers / key.hexdigest()[:12]
    if root.is_dir():
        return root
    servers.mkdir(parents=True, exist_ok=True)
    failure = root.with_suffix(".failed")
    with _locked(root.with_suffix(".lock")):
        if root.is_dir():
            return root
        _raise_recent(failure)
        try:
            _unpack(packages, root)
        except ServerUnavailable as error:
            failure.write_text(str(error), encoding="utf-8")
            raise
    return root


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _raise_recent(failure: Path) -> None:
    if failure.exists() and time.time() - failure.stat().st_mtime < FAILURE_HOLDS_SECONDS:
        raise ServerUnavailable(failure.read_text(encoding="utf-8"))


def _unpack(packages: Sequence[str], root: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ServerUnavailable(f"there is no {tool} on this machine")
    with tempfile.TemporaryDirectory(dir=root.parent, prefix="unpacking-") as folder:
        unpacking = Path(folder)
        new = unpacking / "root"
        _download(packages, unpacking)
        for archive in sorted(unpacking.glob("*.deb")):
            _run(["dpkg-deb", "-x", str(archive), str(new)], cwd=unpacking)
        _prepare(new)
        new.chmod(0o755)
        new.rename(root)


def _download(packages: Sequence[str], folder: Path) -> None:
    apt_get = ["apt-get", "-q", *_apt_options(folder)]
    # A foreign source that does not answer makes it fail; what counts is the download.
    update = _outcome([*apt_get, "update"], cwd=folder)
    download = _outcome([*apt_get, "download", *packages], cwd=folder)
    if download.returncode:
        said = " / ".join((update.stdout + download.stdout).strip().splitlines()[-6:])
        raise ServerUnavailable(f"apt-get download failed: {said}")


def _apt_options(folder: Path) -> list[str]:
    for private in ("lists/partial", "cache/archives/partial"):
        (folder / private).mkdir(parents=True)
    options = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 20,
        "Acquire::https::Timeout": 20,
        "Acquire::Languages": "none",
        # Root's apt would drop to a user that may not write here.
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _prepare(root: Path) -> None:
    """Make what expects to be installed run from any folder."""
    found = sorted(root.glob("**/libpopt.so.*"))
    libraries = root / "lib-of-ours"
    libraries.mkdir()
    for library in found:
        shutil.copy(library, libraries / library.name)
    _relocate_alertmanager(root)
    (root / "bin").mkdir(exist_ok=True)
    for name, command in WRAPPERS.items():
        wrapper = root / "bin" / name
        lines = ["#!/bin/sh", 'root=$(dirname "$(dirname "$(readlink -f "$0")")")', command, ""]
        wrapper.write_text("\n".join(lines), encoding="utf-8")
        wrapper.chmod(0o755)


def _relocate_alertmanager(root: Path) -> None:
    """Turn the folder of its templates, a constant of Debian's build, into the present folder.

    Without ``default.tmpl`` Alertmanager refuses every configuration. The new path is as long
    as the old one, for Go keeps lengths beside its strings.
    """
    binary = root / "usr/bin/prometheus-alertmanager"
    if binary.exists():
        here = ".".ljust(len(ALERTMANAGER_SHARE), "/")
        relocated = binary.read_bytes().replace(ALERTMANAGER_SHARE.encode(), here.encode())
        binary.write_bytes(relocated)


def _program_in(root: Path, name: str) -> Path:
    for folder in FOLDERS:
        if (root / folder / name).exists():
            return root / folder / name
    raise ServerUnavailable(f"Debian's {PROGRAMS[name]} has no program {name}")


def _run(command: list[str], *, cwd: Path) -> None:
    outcome = _outcome(command, cwd=cwd)
    if outcome.returncode:
        raise ServerUnavailable(f"{' '.join(command)} failed: {outcome.stdout.strip()}")


def _outcome(command: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired as error:
        raise ServerUnavailable(f"{' '.join(command[:2])} took over {error.timeout:g} s") from error
