"""What is known of this machine for advice on permissions. Values only; no I/O here."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from supervisor_maint.advice.logrotate_files import Stanza


@attrs.frozen(kw_only=True)
class Base:
    """The base folder of a rule as it was found; ``owner`` is the name of ``uid``.

    ``link`` is the first symbolic link on the way there, ``real`` where it all leads: nothing when
    the link is a stranger's, who may lead anywhere.
    """

    path: str
    uid: int
    owner: str
    mode: int
    link: str | None = None
    real: str = ""

    @property
    def is_written_by_all(self) -> bool:
        """Tell whether everybody can put files there."""
        return bool(self.mode & stat.S_IWOTH)


def _fixed(values: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(values))


@attrs.frozen(kw_only=True, hash=False)
class PermissionFacts:
    """``users`` and ``groups`` have the number of each name in a rule, None for nobody's.

    ``bases`` has the base folder of each rule by the rule's name, None when nothing is there.
    ``logrotate_files`` are those that logrotate reads or keeps, as patterns of paths.
    ``state_dir`` and the files of ``configuration`` are ours and supervisord's, links resolved.
    """

    users: Mapping[str, int | None] = attrs.field(converter=_fixed, factory=dict)
    groups: Mapping[str, int | None] = attrs.field(converter=_fixed, factory=dict)
    bases: Mapping[str, Base | None] = attrs.field(converter=_fixed, factory=dict)
    stanzas: tuple[Stanza, ...] = ()
    logrotate_files: tuple[str, ...] = ()
    state_dir: str = ""
    configuration: tuple[str, ...] = ()

    def uid(self, name: str) -> int | None:
        """Return the uid of a name or number, None when there is no such user."""
        return int(name) if name.isdecimal() else self.users.get(name)

    def gid(self, name: str) -> int | None:
        """Return the gid of a name or number, None when there is no such group."""
        return int(name) if name.isdecimal() else self.groups.get(name)
