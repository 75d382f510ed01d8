"""What permission rules are about on this machine: accounts, folders, logrotate. It only looks."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path

from supervisor_maint.accounts import group_id, user_id, user_name
from supervisor_maint.advice.logrotate_files import Defaults, Reader, Stanza
from supervisor_maint.advice.permission_facts import Base, PermissionFacts
from supervisor_maint.permissions.patterns import literally
from supervisor_maint.permissions.rules import Rule, folder_of
from supervisor_maint.settings import Settings
from supervisor_maint.settings.maintenance import MaintenanceSection

_ETC = Path("/etc")
# Debian's and Fedora's, and logrotate's own.
_STATE_FILES = ("/var/lib/logrotate/*", "/var/lib/logrotate.status")
# Of tabooExts in logrotate's config.c: what packages and editors leave behind.
_PASSED_OVER = (
    *("~", ",v", ".bak", ".cfsaved", ".disabled", ".rpmnew", ".rpmorig", ".rpmsave", ".swp"),
    *(".dpkg-bak", ".dpkg-del", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp"),
    *(".ucf-dist", ".ucf-new", ".ucf-old"),
)
_LARGEST_FILE = 1024 * 1024


def look(settings: Settings, *, files: Iterable[str] = (), etc: Path = _ETC) -> PermissionFacts:
    """Look up what the enabled rules name; nothing when there are none.

    ``files`` are those of the configuration, ours and supervisord's.
    """
    rules = [rule for rule in settings.permissions if rule.is_enabled]
    if not rules:
        return PermissionFacts()
    own = _own_files(settings)
    users = {name for rule in rules for name in (rule.owner, rule.trust_owner) if name}
    groups = {rule.group for rule in rules if rule.group}
    folder = etc / "logrotate.d"
    stanzas = stanzas_of([etc / "logrotate.conf", *_in_folder(folder), *own])
    creates = [stanza.create for stanza in stanzas if stanza.create is not None]
    users |= {create.owner for create in creates if create.owner}
    groups |= {create.group for create in creates if create.group}
    return PermissionFacts(
        users={name: user_id(name) for name in users if not name.isdecimal()},
        groups={name: group_id(name) for name in groups if not name.isdecimal()},
        bases={rule.name: _base(rule) for rule in rules if not rule.is_for_logs},
        stanzas=stanzas,
        logrotate_files=(
            *(str(etc / "logrotate.conf"), f"{folder}/*", *_STATE_FILES),
            *(literally(str(file)) for file in own),
        ),
        state_dir=os.path.realpath(settings.maint.state_dir),
        configuration=tuple(dict.fromkeys(map(os.path.realpath, files))),
    )


def _own_files(settings: Settings) -> list[Path]:
    plans = settings.of(MaintenanceSection)
    return [plan.logrotate_config for plan in plans if plan.logrotate_config is not None]


def _base(rule: Rule) -> Base | None:
    """Look at the folder whose owner decides about a rule; None when it cannot be looked at."""
    path = rule.base
    try:
        status = os.lstat(path)
        if rule.is_literal and not stat.S_ISDIR(status.st_mode):
            path = folder_of(path)
            status = os.lstat(path)
        on_the_way = reversed((Path(path), *Path(path).parents))
        link = next((str(each) for each in on_the_way if each.is_symlink()), None)
        real = os.path.realpath(path) if link is None or _is_ours(link) else ""
    except OSError:
        return None
    return Base(
        path=path,
        uid=status.st_uid,
        owner=user_name(status.st_uid),
        mode=stat.S_IMODE(status.st_mode),
        link=link,
        real=real,
    )


def _is_ours(path: str) -> bool:
    return os.lstat(path).st_uid in (0, os.geteuid())


def stanzas_of(files: Iterable[Path]) -> tuple[Stanza, ...]:
    """Return the stanzas of logrotate's files and of what they include, each file once."""
    return tuple(_Stanzas().of(files, Defaults()))


class _Stanzas:
    """Reads logrotate's files with what they include, each once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, files: Iterable[Path], defaults: Defaults) -> Generator[Stanza, None, Defaults]:
        """Yield the stanzas of files, and return the defaults that hold after them."""
        for file in files:
            real = os.path.realpath(file)
            if real not in self._seen:
                self._seen.add(real)
                defaults = yield from self._of_one(file, defaults)
        return defaults

    def _of_one(self, file: Path, defaults: Defaults) -> Generator[Stanza, None, Defaults]:
        reader = Reader(str(file), defaults)
        for found in reader.read(_text(file)):
            if isinstance(found, Stanza):
                yield found
            else:
                reader.defaults = yield from self.of(_included(Path(found.path)), reader.defaults)
        return reader.defaults


def _included(path: Path) -> Iterable[Path]:
    return _in_folder(path) if path.is_dir() else (path,)


def _in_folder(folder: Path) -> list[Path]:
    """List what logrotate reads of a folder."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [file for file in found if not file.name.endswith(_PASSED_OVER) and file.name[0] != "."]


def _text(file: Path) -> str:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST_FILE:
            return ""
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
