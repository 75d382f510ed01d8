"""The disk as a rule meets it: names are opened below their folder's descriptor, links never.

A path is looked up by the kernel anew at each call, and whoever may write in one of its folders
can put something else there in between. A descriptor stays what it was. So nothing here takes a
path but ``open_leading``, which opens it name by name; a folder that somebody renames meanwhile
is still the folder that was looked at, and what is in it is still only what lies in it.

An object is changed through its own descriptor: it is opened with ``O_PATH``, which needs no
rights and triggers nothing, is compared with what was decided on, and is then reached through
``/proc/self/fd/N``. (fchmod and fchown refuse such a descriptor, and opening a file otherwise
could block on a FIFO or wake a device.) systemd-tmpfiles has done the
same since CVE-2018-6954. Without ``/proc`` nothing is changed.

Not even the number of a file's links is to be believed by itself: of two names, one of them the
name that was opened, one is left when that is taken away at the right moment. So a file must have
had one link while the name it was opened by was there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from supervisor_maint.accounts import user_name
from supervisor_maint.permissions.facts import ROOT, Facts
from supervisor_maint.permissions.plan import Fix
from supervisor_maint.permissions.report import printable

_NEVER_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_TO_LOOK = os.O_PATH | _NEVER_FOLLOW
# O_NONBLOCK: nothing that lies in a folder's place makes us wait.
_TO_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | _NEVER_FOLLOW
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_NO_CHANGE = -1  # chown(2)'s own word for "leave it"
_GONE = " (deleted)"  # what /proc adds to the name of a file that has lost it (proc(5))


class PathRefused(Exception):
    """The path of a rule leads through something that is not followed; the message says what."""


@attrs.frozen
class Leading:
    """The folder that a path leads to, opened, with the facts of all on the way, itself last."""

    descriptor: int
    folders: tuple[Facts, ...]


@contextlib.contextmanager
def opened_leading(path: str) -> Iterator[Leading]:
    """Open the folder at an absolute path, name by name from the root on.

    A symbolic link on the way is refused even where it is root's, such as ``/var/run``: the
    message names the path to write instead. Raises PathRefused, FileNotFoundError, OSError.
    """
    descriptor = os.open("/", _TO_LOOK | os.O_DIRECTORY)
    try:
        folders = [facts_of(descriptor)]
        passed = ""
        for name in path.split("/"):
            if name:
                passed = f"{passed}/{name}"
                descriptor = _replaced(descriptor, name, passed, path)
                folders.append(facts_of(descriptor))
        yield Leading(descriptor, tuple(folders))
    finally:
        os.close(descriptor)


def _replaced(descriptor: int, name: str, passed: str, path: str) -> int:
    """Open a folder below another, and close that one."""
    try:
        below = os.open(name, _TO_LOOK | os.O_DIRECTORY, dir_fd=descriptor)
    except NotADirectoryError:
        raise PathRefused(_no_folder(descriptor, name, passed, path)) from None
    # The number stays valid for the caller, who closes it whatever happens.
    os.dup2(below, descriptor, inheritable=False)
    os.close(below)
    return descriptor


def _no_folder(descriptor: int, name: str, passed: str, path: str) -> str:
    facts = look(name, descriptor)
    if not facts.is_link:
        return f"expected a folder at {passed}, found {facts.kind}"
    refused = f"{passed} is a symbolic link, which is not followed"
    if facts.owner not in (ROOT, os.geteuid()):
        # Nobody is told to go himself where a stranger would have led us.
        return f"{refused}; it belongs to {user_name(facts.owner)}, and may lead anywhere"
    return f"{refused}; write {printable(os.path.realpath(path))} as the path"


def mount_points() -> frozenset[str]:
    """Return the paths at which something is mounted; none where there is no /proc to tell.

    The number of its file system does not show that a folder of the same one is mounted there.
    """
    try:
        with Path("/proc/self/mountinfo").open("rb") as lines:
            return frozenset(os.fsdecode(_unescaped(line.split(b" ")[4])) for line in lines)
    except OSError:
        return frozenset()


def _unescaped(path: bytes) -> bytes:
    """Undo what keeps a path in one field: a space is written ``\\040`` (proc(5))."""
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 8),)), path)


def open_folder(name: str, folder: int) -> int:
    """Open a folder below another, to list what is in it; the caller closes it. Raises OSError."""
    return os.open(name, _TO_LIST, dir_fd=folder)


def facts_of(descriptor: int) -> Facts:
    """Return the facts of what is open. Raises OSError."""
    return Facts.of(os.fstat(descriptor))


def look(name: str, folder: int) -> Facts:
    """Return the facts of something in a folder. Raises OSError."""
    return Facts.of(os.stat(name, dir_fd=folder, follow_symlinks=False))


class ChangedMeanwhile(Exception):
    """What is there now is not what was decided on: nothing was changed."""


class NotApplied(Exception):
    """The system did not let us change it; the message is the reason."""


def apply(fix: Fix, name: str, folder: int) -> None:
    """Change the object with this name in an open folder, if it is what the fix was decided on.

    The owner comes first, the mode after it. What is right already keeps its ctime. Raises
    FileNotFoundError when it is gone, ChangedMeanwhile and NotApplied.
    """
    with _as_decided_on(fix, name, folder) as descriptor:
        _change(fix, descriptor)


def close_to_others(fix: Fix, name: str, folder: int, owners: frozenset[int]) -> str | None:
    """Apply a fix after which others than these owners cannot write in a folder any more.

    Returns None, or the name of a trap that one of them left there: a file of these owners' that
    has other names too. One that is there already has nothing changed. What decides is a second
    look after the folder was closed, so that none can be added behind our back, and into the very
    folder that was closed, whatever has its name by then; a trap has it opened again. Raises as
    ``apply`` does.
    """
    with _as_decided_on(fix, name, folder) as descriptor, contextlib.ExitStack() as undo:
        trap = _find_trap_in_reach(descriptor, owners)
        if trap is not None:
            return trap
        _change(fix, descriptor)
        undo.callback(_change, fix.reverse, descriptor)
        trap = _find_trap(descriptor, owners)
        if trap is None:
            undo.pop_all()
        return trap


def find_trap(fix: Fix, name: str, folder: int, owners: frozenset[int]) -> str | None:
    """Name a trap that would keep ``close_to_others`` from its work, and change nothing."""
    with _as_decided_on(fix, name, folder) as descriptor:
        return _find_trap_in_reach(descriptor, owners)


@contextlib.contextmanager
def _as_decided_on(fix: Fix, name: str, folder: int) -> Iterator[int]:
    """Open what has this name, if it is what the fix was decided on."""
    descriptor = _opened(name, folder)
    try:
        if facts_of(descriptor) != fix.facts:
            raise ChangedMeanwhile
        # After the links were counted: a name that is still there was one of them.
        if fix.facts.is_file and not _is_named(descriptor, name):
            raise ChangedMeanwhile
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(name: str, folder: int) -> int:
    try:
        return os.open(name, _TO_LOOK, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotApplied(reason_of(error)) from error


def _is_named(descriptor: int, name: str) -> bool:
    """Tell whether what is open still has the name that it was opened by.

    The kernel marks one that was taken away, and never gives it back. A name that ends like the
    mark proves nothing: it could have been shortened by that, and then taken away. Raises
    NotApplied.
    """
    if name.endswith(_GONE):
        raise NotApplied(
            f"its name ends in {_GONE!r}, as /proc writes that of a file that is gone; rename it"
        )
    with _through_proc(descriptor) as itself:
        return os.readlink(itself).endswith(f"/{name}")  # noqa: PTH115 - as the calls below


def _change(fix: Fix, descriptor: int) -> None:
    with _through_proc(descriptor) as itself:
        if fix.owner is not None or fix.group is not None:
            os.chown(itself, _or_none(fix.owner), _or_none(fix.group))
        if fix.mode is not None:
            os.chmod(itself, fix.mode)  # noqa: PTH101 - one name for both calls
    if not _is_done(fix, facts_of(descriptor)):
        raise NotApplied("the file system did not keep the change")


def _find_trap_in_reach(descriptor: int, owners: frozenset[int]) -> str | None:
    """Name a trap in a folder, None also when the folder cannot be listed before it is mended."""
    with contextlib.suppress(NotApplied):
        return _find_trap(descriptor, owners)
    return None


def _find_trap(descriptor: int, owners: frozenset[int]) -> str | None:
    """Name a file in a folder that has other names too and belongs to one of these users."""
    with _through_proc(descriptor) as itself, os.scandir(itself) as entries:
        for entry in entries:
            facts = _facts_of_entry(entry)
            if facts and facts.is_file and facts.has_several_names and facts.owner in owners:
                return entry.name
    return None


def _facts_of_entry(entry: os.DirEntry[str]) -> Facts | None:
    try:
        return Facts.of(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _through_proc(descriptor: int) -> Iterator[str]:
    """Name what is open by its descriptor, and raise NotApplied for what the system refuses."""
    try:
        yield f"/proc/self/fd/{descriptor}"
    except FileNotFoundError as error:  # the descriptor is there, so its folder is not
        raise NotApplied("/proc is not mounted, and nothing is changed without it") from error
    except OSError as error:
        raise NotApplied(reason_of(error)) from error


def _or_none(number: int | None) -> int:
    return _NO_CHANGE if number is None else number


def _is_done(fix: Fix, found: Facts) -> bool:
    wanted = (fix.wanted_mode, fix.wanted_owner, fix.wanted_group)
    return wanted == (found.permissions, found.owner, found.group)


def reason_of(error: OSError) -> str:
    """Say in words why the system refused."""
    if error.errno == errno.EPERM and os.geteuid() == 0:
        return (
            "not permitted, not even to root: it is immutable or append-only (lsattr), or root's "
            "capabilities are limited here"
        )
    return (error.strerror or str(error)).lower()
