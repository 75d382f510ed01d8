"""What to do about a path: facts in, a decision out. No I/O here.

A fix carries the facts it was decided on. Whoever applies it compares them with what is there
then, and does nothing when they differ.
"""

from __future__ import annotations

from typing import Union

import attrs

from supervisor_maint.permissions.facts import ROOT, Facts, Surroundings
from supervisor_maint.permissions.modes import PERMISSION_BITS, SETGID, SETUID
from supervisor_maint.permissions.standards import Standard


@attrs.frozen(kw_only=True)
class Fix:
    """What is to change about an object; None is left as it is.

    The owner is changed before the mode: the kernel takes setuid and setgid from a file whose
    owner changes (chown(2)), and a mode that was set before would be gone. ``mode`` is set
    whenever the file had one of them, so that they are gone on every file system.
    """

    facts: Facts
    owner: int | None = None
    group: int | None = None
    mode: int | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether it changes nothing."""
        return self.owner is None and self.group is None and self.mode is None

    @property
    def outcome(self) -> Facts:
        """The object as it is afterwards."""
        kind = self.facts.mode & ~PERMISSION_BITS
        return attrs.evolve(
            self.facts,
            mode=kind | self.wanted_mode,
            owner=self.wanted_owner,
            group=self.wanted_group,
        )

    @property
    def reverse(self) -> Fix:
        """The way back, decided on what it makes."""
        before = self.facts
        return Fix(
            facts=self.outcome, owner=before.owner, group=before.group, mode=before.permissions
        )

    @property
    def wanted_mode(self) -> int:
        """The permissions afterwards."""
        return self.facts.permissions if self.mode is None else self.mode

    @property
    def wanted_owner(self) -> int:
        """The owner afterwards."""
        return self.facts.owner if self.owner is None else self.owner

    @property
    def wanted_group(self) -> int:
        """The group afterwards."""
        return self.facts.group if self.group is None else self.group


@attrs.frozen
class Skip:
    """Something is not touched, and why; ``drift`` is what would put it right, if that is known."""

    reason: str
    drift: Fix | None = None


Decision = Union[Fix, Skip, None]


def plan(standard: Standard, facts: Facts, surroundings: Surroundings) -> Decision:
    """Decide about something that a rule governs: None when it is as it should be.

    That answer depends on the mode, the owner and the group alone, so that it can be remembered
    for them. A folder keeps its setgid through a change of owner: there it only names the group
    of new files (inode(7)).
    """
    if not (facts.is_file or facts.is_folder):
        return Skip(f"{facts.kind}; only regular files and folders are changed")
    fix = _fix(standard, facts)
    if fix is None:
        return None
    if facts.has_several_names and not _is_out_of_reach(standard, facts, surroundings):
        return Skip(
            f"it has {facts.links} names (hard links), and others than root and its owner may "
            "have made one of them; remove the ones that should not be (find -samefile)",
            drift=fix,
        )
    return fix


def _fix(standard: Standard, facts: Facts) -> Fix | None:
    owner = _change(facts.owner, standard.owner)
    group = _change(facts.group, standard.group)
    before = facts.permissions
    if facts.is_file and (owner is not None or group is not None):
        before &= ~(SETUID | SETGID)
    mode = standard.mode_for(is_directory=facts.is_folder)
    after = before if mode is None else mode.apply(before, is_directory=facts.is_folder)
    fix = Fix(facts=facts, owner=owner, group=group, mode=_change(facts.permissions, after))
    return None if fix.is_empty else fix


def _change(found: int, wanted: int | None) -> int | None:
    return None if wanted == found else wanted


def _is_out_of_reach(standard: Standard, facts: Facts, surroundings: Surroundings) -> bool:
    """Tell whether nobody but root can have given a file the name it was found by.

    Nor the rule's owner: in a folder of his own he could give a name to a file of root's, and
    would be given that file. His own files he has already.
    """
    if not facts.is_written_by(standard.keepers):
        return False
    own = facts.owner == standard.owner and facts.owner != ROOT
    return surroundings.is_roots or (surroundings.is_private and own)


@attrs.frozen
class Actor:
    """Who applies the fixes, and what the kernel lets him."""

    user: int
    groups: frozenset[int]

    @property
    def is_root(self) -> bool:
        """Tell whether he may do everything."""
        return self.user == ROOT

    def share_of(self, fix: Fix) -> Fix:
        """Return what he may do of a fix (chmod(2), chown(2)); maybe nothing."""
        if self.is_root:
            return fix
        if fix.facts.owner != self.user:
            return Fix(facts=fix.facts)
        group = fix.group if fix.group in self.groups else None
        share = Fix(facts=fix.facts, group=group, mode=fix.mode)
        return share if share.wanted_group in self.groups else _without_setgid(share)

    def lacks_for(self, fix: Fix) -> str | None:
        """Say who can do what he may not; None when he may do it all."""
        if self.share_of(fix) == fix:
            return None
        if fix.owner is not None or fix.facts.owner in (self.user, ROOT):
            return "root"
        return f"root or user {fix.facts.owner}"


def _without_setgid(fix: Fix) -> Fix:
    """Return what of a fix stays when who applies it is not in the group of the object.

    The kernel takes setgid from the mode then, and says nothing (chmod(2)). What has it and
    should keep it is left as it is: any mode would take it away.
    """
    if fix.mode is None or not fix.mode & SETGID:
        return fix
    before = fix.facts.permissions
    mode = None if before & SETGID else _change(before, fix.mode & ~SETGID)
    return attrs.evolve(fix, mode=mode)
