"""A rule of the policy: which paths it is about, and what they should have. No I/O here.

A rule that would be dangerous, or says nothing, cannot be made.
"""

from __future__ import annotations

import enum
import posixpath
import re
from collections.abc import Iterable, Iterator

import attrs

from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.permissions.modes import SETGID, SETUID, Mode
from supervisor_maint.permissions.patterns import Pattern, literally
from supervisor_maint.permissions.scope import Choice, Scope, check_choice

# The regular log files that supervisord says its programs have.
SUPERVISOR_LOGS = "supervisor:logs"
# What supervisord can be told to log to that is no file of its own.
_NOT_ON_A_DISK = ("/dev/", "/proc/")
# chown(2) takes this number for "leave it as it is", so it is nobody's.
_HIGHEST_ID = 2**32 - 2
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", re.ASCII)
# Whoever means one of these with everything in it means less.
_TOO_MUCH = (
    *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/media", "/mnt", "/opt", "/root", "/run", "/sbin", "/srv", "/usr", "/usr/*", "/var"),
    *("/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool"),
    *("/tmp", "/var/tmp"),  # noqa: S108 - named to be refused
    *("/proc", "/proc/**", "/sys", "/sys/**"),
)

Found = Iterator[tuple[str, str]]


class Missing(enum.Enum):
    """What it means that a rule finds nothing at its path."""

    IGNORE = "ignore"
    REPORT = "report"


@attrs.frozen(kw_only=True)
class Rule:
    """What the files and folders at a path should have; None leaves what there is.

    ``path`` is an absolute pattern (see ``patterns``) or ``supervisor:logs``. ``owner``, ``group``
    and ``trust_owner`` are names or numbers, as written. ``mode`` is for everything, ``dir_mode``
    and ``file_mode`` for one kind. Raises SettingsError with every reason against it, each at the
    key of its section.
    """

    name: str
    path: str
    owner: str | None = None
    group: str | None = None
    mode: Mode | None = None
    dir_mode: Mode | None = None
    file_mode: Mode | None = None
    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    missing: Missing = Missing.IGNORE
    is_enabled: bool = True
    trust_owner: str | None = None
    scope: Scope = attrs.field(init=False, eq=False, repr=False)

    @scope.default
    def _(self) -> Scope:
        problems = tuple(_problems(self))
        if problems:
            raise SettingsError([Problem(key=key, message=message) for key, message in problems])
        path = "/" if self.is_for_logs else self.path
        return Scope(path, self.recursive, Choice(self.include, self.exclude))

    @property
    def is_for_logs(self) -> bool:
        """Tell whether it is about the logs that supervisord says its programs have.

        Such a rule covers nothing itself: ``for_logs`` makes the ones that do.
        """
        return self.path == SUPERVISOR_LOGS

    @property
    def is_literal(self) -> bool:
        """Tell whether its path means one path at most, which is its base."""
        return self.scope.pattern.is_literal and not self.is_for_logs

    @property
    def is_about_one_path(self) -> bool:
        """Tell whether that path is all it is about."""
        return self.is_literal and not self.recursive

    @property
    def base(self) -> str:
        """The folder whose owner decides whether the rule is followed.

        It is what the path begins with before any pattern: ``/tmp/x`` of ``/tmp/x/*.hash``, and
        of a path without a pattern the whole. When no folder is there, as with the path of a
        file, it is the folder that holds it: ``folder_of(base)``.
        """
        return self.scope.base

    def mode_for(self, *, is_directory: bool) -> Mode | None:
        """Return the mode that something of this kind should have, None for any."""
        return (self.dir_mode if is_directory else self.file_mode) or self.mode

    def wants(self, *, is_directory: bool) -> bool:
        """Tell whether it says anything about things of this kind."""
        has_owner = self.owner is not None or self.group is not None
        return has_owner or self.mode_for(is_directory=is_directory) is not None

    def covers(self, path: str, *, is_directory: bool) -> bool:
        """Tell whether it is about this absolute path, and says something about its kind."""
        return (
            not self.is_for_logs
            and self.wants(is_directory=is_directory)
            and self.scope.covers(path)
        )

    def for_logs(self, files: Iterable[str]) -> tuple[Rule, ...]:
        """Return this rule for each of these files, as ``log_file`` names them; itself for no logs.

        The rules that come back have its name, and a path that means that file and no other.
        """
        if not self.is_for_logs:
            return (self,)
        chosen = [file for file in files if self.scope.choice.takes(file.rpartition("/")[2])]
        return tuple(
            attrs.evolve(self, path=literally(file), include=(), exclude=()) for file in chosen
        )


def log_file(path: str) -> str | None:
    """Return a program's log path without ``.`` and ``..``: ``%(here)s/../log/a.log`` has them.

    None when it may name no file: ``NONE``, ``syslog``, a device, or a file that no rule can name.
    """
    if not path.startswith("/") or "\n" in path:
        return None
    plain = "/" + posixpath.normpath(path).lstrip("/")
    return None if plain.startswith(_NOT_ON_A_DISK) else plain


def folder_of(path: str) -> str:
    """Return the folder that holds an absolute path."""
    return path.rpartition("/")[0] or "/"


def _problems(rule: Rule) -> Found:
    """Yield the key and the sentence of everything that speaks against a rule."""
    yield from _of_path(rule)
    yield from _of_choice(rule)
    yield from _of_modes(rule)
    for key in ("owner", "group", "trust_owner"):
        account = getattr(rule, key)
        if account is not None and not _is_account(account):
            yield key, f"expected a name or a number of this machine, found {account!r}"
    if not (rule.wants(is_directory=False) or rule.wants(is_directory=True)):
        yield "path", "expected owner, group, mode, dir_mode or file_mode beside it, found none"


def _is_account(text: str) -> bool:
    if text.isascii() and text.isdecimal():
        return int(text) <= _HIGHEST_ID
    return _ACCOUNT.fullmatch(text) is not None


def _of_path(rule: Rule) -> Found:
    if rule.is_for_logs:
        if rule.recursive or rule.dir_mode is not None:
            key = "recursive" if rule.recursive else "dir_mode"
            yield key, f"expected none with {SUPERVISOR_LOGS}, for logs are files"
        return
    try:
        pattern = _absolute(rule.path)
    except ValueError as error:
        yield "path", str(error)
        return
    too_much = _too_much(pattern, rule.recursive)
    if too_much:
        yield (
            "recursive" if rule.recursive else "path",
            f"expected a folder that holds one thing's files, found {rule.path!r}: that "
            f"{'is' if pattern.is_literal else 'may be'} everything in {too_much}",
        )


def _absolute(path: str) -> Pattern:
    if not path.startswith("/") or "\0" in path or "\n" in path:
        raise ValueError(f"expected an absolute path or {SUPERVISOR_LOGS}, found {path!r}")
    if {".", ".."} & set(path.split("/")):
        raise ValueError(f"expected a path without '.' and '..' between slashes, found {path!r}")
    return Pattern.parse(path)


def _too_much(pattern: Pattern, is_recursive: bool) -> str | None:
    """Return what may not be taken with everything in it, and might be."""
    tops = [pattern] if is_recursive else []
    if pattern.is_deep:
        tops.append(pattern.before_depth)
    known = ((path, Pattern.parse(path)) for path in _TOO_MUCH)
    ways = [way for top in tops for way in (top, top.before_any_name)]
    return next((path for path, folder in known for way in ways if way.meets(folder)), None)


def _of_choice(rule: Rule) -> Found:
    chooses = rule.recursive or rule.is_for_logs or any(letter in rule.path for letter in "*?[")
    for key in ("include", "exclude"):
        texts = getattr(rule, key)
        if texts and not chooses:
            yield key, "expected recursive = true or a pattern in path beside it, found neither"
        for text in texts:
            try:
                check_choice(text)
            except ValueError as error:
                yield key, str(error)
            else:
                if rule.is_for_logs and "/" in text:
                    yield key, f"expected names alone with {SUPERVISOR_LOGS}, found {text!r}"


def _of_modes(rule: Rule) -> Found:
    if rule.mode is not None and (rule.dir_mode is not None or rule.file_mode is not None):
        yield "mode", "expected either mode, or dir_mode and file_mode, found both"
    for key in ("mode", "dir_mode", "file_mode"):
        mode: Mode | None = getattr(rule, key)
        if mode is None:
            continue
        if mode.lets_world_write:
            yield key, f"expected a mode that does not let everybody write, found {str(mode)!r}"
        yield from _of_set_ids(key, mode)


def _of_set_ids(key: str, mode: Mode) -> Found:
    """Refuse to hand out somebody's rights; setgid of a folder only names its files' group."""
    added = mode.could_add(is_directory=key == "dir_mode")
    if added & SETUID:
        yield key, f"expected a mode that does not set setuid, found {str(mode)!r}"
    elif added & SETGID and key != "dir_mode":
        yield key, f"expected setgid for folders alone, in dir_mode, found {str(mode)!r}"
