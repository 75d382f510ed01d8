"""What was found at a path: the facts that a fix is decided on. Values only; no I/O here."""

from __future__ import annotations

import stat
from typing import Protocol

import attrs

ROOT = 0
# Whom else than its owner a mode lets write. Of a POSIX ACL the group's bits are the mask: when
# a named user or group may write, they say so.
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Status(Protocol):
    """What of an ``os.stat_result`` counts."""

    @property
    def st_dev(self) -> int: ...  # noqa: D102 - stat(2) tells what these are
    @property
    def st_ino(self) -> int: ...  # noqa: D102
    @property
    def st_mode(self) -> int: ...  # noqa: D102
    @property
    def st_nlink(self) -> int: ...  # noqa: D102
    @property
    def st_uid(self) -> int: ...  # noqa: D102
    @property
    def st_gid(self) -> int: ...  # noqa: D102


@attrs.frozen
class Facts:
    """An object as stat(2) tells of it; ``mode`` holds its kind too.

    Two are equal when it is the same object and nothing about it has changed that a decision
    could have been made on. A folder has one link here: its number counts what is in it.
    """

    device: int
    inode: int
    mode: int
    links: int
    owner: int
    group: int

    @classmethod
    def of(cls, status: Status) -> Facts:
        """Take what counts of a status."""
        return cls(
            device=status.st_dev,
            inode=status.st_ino,
            mode=status.st_mode,
            links=1 if stat.S_ISDIR(status.st_mode) else status.st_nlink,
            owner=status.st_uid,
            group=status.st_gid,
        )

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Tell whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Tell whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return _KINDS.get(stat.S_IFMT(self.mode), "something unknown")

    @property
    def permissions(self) -> int:
        """The twelve bits that chmod sets."""
        return stat.S_IMODE(self.mode)

    @property
    def has_several_names(self) -> bool:
        """Tell whether it is a file with more than one link."""
        return self.links > 1

    def is_written_by(self, owners: frozenset[int]) -> bool:
        """Tell whether it belongs to one of these users, and nobody else can write to it."""
        return self.owner in owners and not self.mode & WRITABLE_BY_OTHERS


@attrs.frozen
class Surroundings:
    """Who can change what is in the folder where something lies, all folders above included.

    ``is_private``: every one of them belongs to root or the rule's owner, and only they can
    write there. ``is_roots``: the same with root alone.
    """

    is_private: bool
    is_roots: bool

    def inside(self, folder: Facts, owners: frozenset[int]) -> Surroundings:
        """Return the surroundings of what lies in a folder that itself lies in these."""
        return Surroundings(
            self.is_private and folder.is_written_by(owners),
            self.is_roots and folder.is_written_by(_ROOT_ALONE),
        )


_ROOT_ALONE = frozenset({ROOT})
# Above the root of the file system there is nothing that anybody could change.
ABOVE_EVERYTHING = Surroundings(is_private=True, is_roots=True)
