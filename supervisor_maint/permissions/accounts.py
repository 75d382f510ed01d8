"""The users and groups of this machine, asked once for each name and each number."""

from __future__ import annotations

import functools
import grp
import os
import pwd

from supervisor_maint.permissions.facts import Facts
from supervisor_maint.permissions.plan import Actor


class SystemAccounts:
    """What the system's account databases say (nsswitch.conf(5))."""

    def user_id(self, name: str) -> int | None:
        """Return the uid of a name, None when there is no such user."""
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    def group_id(self, name: str) -> int | None:
        """Return the gid of a name, None when there is no such group."""
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None


def describe(facts: Facts) -> str:
    """Write mode, owner and group as ``0644 root:adm``; a number for what has no name."""
    return owned(facts.permissions, facts.owner, facts.group)


def owned(mode: int, owner: int, group: int) -> str:
    """Write mode, owner and group as ``0644 root:adm``."""
    return f"{mode:04o} {user_name(owner)}:{group_name(group)}"


# A tree on a shared disk may hold files of any number of users.
@functools.lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """Return the name of a uid, the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.lru_cache(maxsize=256)
def group_name(gid: int) -> str:
    """Return the name of a gid, the number when it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def present_actor() -> Actor:
    """Return who this process works as."""
    return Actor(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))
