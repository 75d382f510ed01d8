"""The users and groups of this machine, as its account databases have them (nsswitch.conf(5))."""

from __future__ import annotations

import functools
import grp
import pwd

# A tree on a shared disk may hold files of any number of users.
_NAMES_KEPT = 256


def user_id(name: str) -> int | None:
    """Return the uid of a name, None when there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def group_id(name: str) -> int | None:
    """Return the gid of a name, None when there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


@functools.lru_cache(maxsize=_NAMES_KEPT)
def user_name(uid: int) -> str:
    """Return the name of a uid, the number when it has none; asked once for each."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.lru_cache(maxsize=_NAMES_KEPT)
def group_name(gid: int) -> str:
    """Return the name of a gid, the number when it has none; asked once for each."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
