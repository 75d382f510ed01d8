"""The walk below a rule's base: every folder is opened below its parent, and listed as it is read.

Names are streamed, so that memory depends on the depth of the tree and not on the number of
files. What is right costs one fstatat(2) and one look into a set. Recursion stays on the file
system that it began on: what is mounted below it is another matter, for a rule of its own, also
when it is a folder or a file of the same one (mount --bind).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import Callable, Protocol

import attrs

from supervisor_maint.accounts import user_name
from supervisor_maint.permissions import filesystem
from supervisor_maint.permissions.facts import ABOVE_EVERYTHING, Facts, Surroundings
from supervisor_maint.permissions.filesystem import Leading, reason_of
from supervisor_maint.permissions.inspecting import Inspector, marks
from supervisor_maint.permissions.report import printable
from supervisor_maint.permissions.rules import folder_of

_MOUNTED = "something else is mounted here; write a rule of its own for it"
# No program can open by its path what has a longer one (PATH_MAX, limits.h), and what lies there
# was put there to be a trouble: each further folder would be remembered with its whole path.
_LONGEST_PATH = 4095
_TOO_DEEP = f"its path is longer than {_LONGEST_PATH} characters; it was not looked at"
# How many names of one folder are looked at between two looks at the clock.
_NAMES_BETWEEN = 512


OVERDUE = "the deadline passed before this rule was done; the next pass begins anew"


class Overdue(Exception):
    """The deadline has passed in the middle of the walk."""


class BaseRefused(Exception):
    """A rule is not followed at all; the message is the reason."""


class _Listing(Iterator["os.DirEntry[str]"], Protocol):
    def close(self) -> None: ...


@attrs.define(eq=False)
class Place:
    """A folder in which the walk is. It owns its descriptor.

    ``path`` ends with a slash. ``surroundings`` are those of what lies in it.
    """

    inspector: Inspector
    descriptor: int
    path: str
    surroundings: Surroundings
    device: int
    _entries: _Listing | None = None

    @property
    def entries(self) -> _Listing:
        """What is in it and was not looked at yet. Raises OSError."""
        if self._entries is None:
            self._entries = os.scandir(self.descriptor)
        return self._entries

    def close(self) -> None:
        """Leave it."""
        if self._entries is not None:
            self._entries.close()
        os.close(self.descriptor)


def enter(inspector: Inspector) -> Place | None:
    """Go to a rule's base, decide about the base itself, and return where to walk from.

    None when there is nothing to walk. Raises FileNotFoundError when nothing is there,
    BaseRefused and PathRefused when the rule is not followed, and OSError.
    """
    rule = inspector.standard.rule
    if not rule.is_literal:
        with filesystem.opened_leading(rule.base) as base:
            _check_owner(inspector, rule.base, base.folders[-1])
            return _place(inspector, ".", base, rule.base)
    folder, name = folder_of(rule.base), rule.base.rpartition("/")[2] or "."
    with filesystem.opened_leading(folder) as leading:
        facts = filesystem.look(name, leading.descriptor)
        if facts.is_folder:
            return _enter_folder(inspector, leading, name, facts)
        _check_owner(inspector, folder, leading.folders[-1])
        if facts.is_link:  # in the place of a folder, it may be a stranger's as that
            _check_owner(inspector, rule.base, facts)
        if inspector.governs(rule.base, is_directory=False):
            around = _surroundings(inspector, leading)
            inspector.inspect(name, rule.base, facts, leading.descriptor, around)
    return None


def _enter_folder(inspector: Inspector, leading: Leading, name: str, facts: Facts) -> Place | None:
    rule = inspector.standard.rule
    _check_owner(inspector, rule.base, facts)
    if inspector.governs(rule.base, is_directory=True):
        around = _surroundings(inspector, leading)
        inspector.inspect(name, rule.base, facts, leading.descriptor, around)
    if not rule.recursive:
        return None
    return _place(
        inspector, name, attrs.evolve(leading, folders=(*leading.folders, facts)), rule.base
    )


def _check_owner(inspector: Inspector, path: str, base: Facts) -> None:
    if base.owner not in inspector.standard.trusted:
        raise BaseRefused(
            f"untrusted owner: {printable(path)} belongs to {user_name(base.owner)}, "
            "who could lead root astray; make it root's or the rule's owner's, or set trust_owner"
        )


def _surroundings(inspector: Inspector, leading: Leading) -> Surroundings:
    around = ABOVE_EVERYTHING
    for folder in leading.folders:
        around = around.inside(folder, inspector.standard.keepers)
    return around


def _place(inspector: Inspector, name: str, leading: Leading, path: str) -> Place:
    """Open the last of the folders for listing. Raises BaseRefused when another is there now."""
    descriptor = filesystem.open_folder(name, leading.descriptor)
    found, expected = filesystem.facts_of(descriptor), leading.folders[-1]
    if (found.device, found.inode) != (expected.device, expected.inode):
        os.close(descriptor)
        raise BaseRefused(f"{printable(path)} was replaced while it was looked at")
    return Place(
        inspector,
        descriptor,
        path.rstrip("/") + "/",
        _surroundings(inspector, leading),
        found.device,
    )


class Partner(Protocol):
    """Another process that may take a part of the walk."""

    def is_waiting(self) -> bool:
        """Tell whether it has nothing to do."""
        ...

    def take(self, place: Place) -> bool:
        """Hand over a place, and leave it here; False when it stays with us."""
        ...

    def finish(self, walk: Walk) -> None:
        """Do what it hands back, until both have nothing to do."""
        ...


class Alone:
    """Nobody shares the walk."""

    def is_waiting(self) -> bool:
        """Nobody waits."""
        return False

    def take(self, place: Place) -> bool:  # noqa: ARG002 - as a Partner's
        """Nobody takes it."""
        return False

    def finish(self, walk: Walk) -> None:
        """Nothing is left to do."""


class Walk:
    """Goes through the places that it is given, and through everything below them."""

    def __init__(self, is_overdue: Callable[[], bool], partner: Partner) -> None:
        self._is_overdue = is_overdue
        self._partner = partner
        self._places: list[Place] = []

    @property
    def inspectors(self) -> Iterable[Inspector]:
        """Whose places are open."""
        return [place.inspector for place in self._places]

    def run(self, start: Place) -> None:
        """Walk to the end. Raises Overdue."""
        self._places.append(start)
        while self._places:
            self._turn()

    def close(self) -> None:
        """Leave every place that is still open."""
        while self._places:
            self._places.pop().close()

    def _turn(self) -> None:
        """Go on to the next folder.

        For ourselves it is one of the deepest place, so that few are open at once; for a partner
        one of the widest, so that he is busy for long.
        """
        if self._is_overdue():
            raise Overdue
        is_wanted = self._partner.is_waiting()
        place = self._places[0 if is_wanted else -1]
        found = self._next_folder(place)
        if found is None:
            self._places.remove(place)
            place.close()
            return
        below = _below(place, found)
        if below is not None and not (is_wanted and self._partner.take(below)):
            self._places.append(below)

    def _next_folder(self, place: Place) -> str | None:
        """Look at the files of a place until a folder comes, and return its name."""
        try:
            return self._look_at_files(place)
        except OSError as error:
            place.inspector.fail(place.path.rstrip("/") or "/", f"not listed: {reason_of(error)}")
            return None

    def _look_at_files(self, place: Place) -> str | None:
        inspector = place.inspector
        governs_all = inspector.standard.governs_all_below
        right, mounts, ok = inspector.right_files, inspector.mounts, 0
        try:
            for number, entry in enumerate(place.entries, 1):
                if number % _NAMES_BETWEEN == 0 and self._is_overdue():
                    raise Overdue
                if not governs_all:
                    if entry.is_dir(follow_symlinks=False):
                        return entry.name
                    if not _governs(place, entry.name, is_directory=False):
                        continue
                if mounts and place.path + entry.name in mounts:
                    # Not even looked at: a server that is away (nfs(5)) never answers.
                    inspector.skip(place.path + entry.name, _MOUNTED)
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    _not_looked_at(place, entry.name, error)
                    continue
                if marks(status) not in right:
                    if stat.S_ISDIR(status.st_mode):
                        return entry.name
                    _inspect(place, entry.name, Facts.of(status))
                    continue
                ok += 1
            return None
        finally:
            inspector.tally.ok += ok


def _not_looked_at(place: Place, name: str, error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        place.inspector.fail(place.path + name, reason_of(error))


def _governs(place: Place, name: str, *, is_directory: bool) -> bool:
    return place.inspector.governs(place.path + name, is_directory=is_directory)


def _inspect(place: Place, name: str, facts: Facts) -> None:
    place.inspector.inspect(name, place.path + name, facts, place.descriptor, place.surroundings)


def _below(place: Place, name: str) -> Place | None:
    """Decide about a folder, and return the place in it when there is anything to do there.

    One that is no folder any more, or gone, is nothing.
    """
    standard = place.inspector.standard
    governs_all = standard.governs_all_below
    is_governed = governs_all or _governs(place, name, is_directory=True)
    path = place.path + name
    is_way = governs_all or standard.reaches_into(path)
    if not (is_governed or is_way):
        return None
    if len(path) > _LONGEST_PATH:
        place.inspector.fail(path, _TOO_DEEP)
        return None
    if path in place.inspector.mounts:
        # It is not even opened: a user's own (fuse(4)) keeps root out, or never answers.
        place.inspector.skip(path, _MOUNTED)
        return None
    try:
        return _entered(place, name, is_governed, is_way)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        place.inspector.fail(path, f"not listed: {reason_of(error)}")
        return None


def _entered(place: Place, name: str, is_governed: bool, is_way: bool) -> Place | None:
    descriptor, is_done = _opened(place, name, is_governed)
    below = None
    try:
        facts = filesystem.facts_of(descriptor)
        if facts.device != place.device:  # mounted since the pass began
            place.inspector.skip(place.path + name, _MOUNTED, facts)
            return None
        if is_governed and not is_done:
            _inspect_folder(place, name, facts)
        if is_way:
            below = Place(
                place.inspector,
                descriptor,
                f"{place.path}{name}/",
                place.surroundings.inside(facts, place.inspector.standard.keepers),
                place.device,
            )
        return below
    finally:
        if below is None:
            os.close(descriptor)


def _inspect_folder(place: Place, name: str, facts: Facts) -> None:
    if (facts.mode, facts.owner, facts.group) in place.inspector.right_folders:
        place.inspector.tally.ok += 1
    else:
        _inspect(place, name, facts)


def _opened(place: Place, name: str, is_governed: bool) -> tuple[int, bool]:
    """Open a folder for listing, and tell whether it was decided about before.

    That is so for one that we own and may not read: it is mended first.
    """
    try:
        return filesystem.open_folder(name, place.descriptor), False
    except PermissionError:
        if not is_governed:
            raise
    _inspect(place, name, filesystem.look(name, place.descriptor))
    return filesystem.open_folder(name, place.descriptor), True
