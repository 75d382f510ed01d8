"""A rule with its owners resolved to numbers: what a path should have. No I/O here."""

from __future__ import annotations

import re
from typing import Callable, Protocol

import attrs

from supervisor_maint.permissions.facts import ROOT
from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.patterns import Pattern
from supervisor_maint.permissions.policy import Policy
from supervisor_maint.permissions.rules import Rule


class Accounts(Protocol):
    """The users and groups of this machine."""

    def user_id(self, name: str) -> int | None:
        """Return the uid of a name, None when there is no such user."""
        ...

    def group_id(self, name: str) -> int | None:
        """Return the gid of a name, None when there is no such group."""
        ...


class UnknownAccount(Exception):
    """A rule names a user or a group that this machine has not; the message is a sentence."""


@attrs.frozen(kw_only=True)
class Standard:
    """What a rule wants, in numbers. None leaves what there is.

    ``trusted`` are the users that the rule's base folder may belong to. ``rivals`` are the later
    rules that take paths from this one.
    """

    rule: Rule
    owner: int | None = None
    group: int | None = None
    trusted: frozenset[int] = frozenset({ROOT})
    rivals: tuple[Rule, ...] = ()
    keepers: frozenset[int] = attrs.field(init=False)
    governs_all_below: bool = attrs.field(init=False)
    _reached: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)
    _rivals: Policy = attrs.field(init=False, eq=False, repr=False)

    @keepers.default
    def _(self) -> frozenset[int]:
        # Root and the rule's owner: in whose hands a folder cannot be used against the rule.
        return frozenset({ROOT} if self.owner is None else {ROOT, self.owner})

    @governs_all_below.default
    def _(self) -> bool:
        rule = self.rule
        chooses = rule.include or rule.exclude or self.rivals
        wants_both = rule.wants(is_directory=False) and rule.wants(is_directory=True)
        return rule.is_literal and rule.recursive and wants_both and not chooses

    @_reached.default
    def _(self) -> re.Pattern[str]:
        return _folders_on_the_way(self.rule)

    @_rivals.default
    def _(self) -> Policy:
        return Policy(self.rivals)

    def mode_for(self, *, is_directory: bool) -> Mode | None:
        """Return the mode that something of this kind should have, None for any."""
        return self.rule.mode_for(is_directory=is_directory)

    def leaves(self, path: str, *, is_directory: bool) -> bool:
        """Tell whether a later rule decides about a path that this one covers."""
        return self._rivals.rule_for(path, is_directory=is_directory) is not None

    def reaches_into(self, folder: str) -> bool:
        """Tell whether the rule may cover something below a folder that is below its base."""
        if self._reached.fullmatch(folder) is None:
            return False
        scope = self.rule.scope
        return not scope.choice.passes_over(scope.relative(folder))


def _folders_on_the_way(rule: Rule) -> re.Pattern[str]:
    """Return the expression of every folder with something in it that the pattern may mean."""
    names = rule.scope.pattern.names
    depth = len(rule.scope.pattern.fixed)
    ways = []
    for length in range(depth, len(names)):
        folder = Pattern(names[:length])
        if folder.is_deep:
            ways.append(f"/{folder.before_depth.expression}(?:/.*)?")
            break
        ways.append(f"/{folder.expression}")
    if rule.recursive:
        ways.append(f"/{rule.scope.pattern.expression}(?:/.*)?")
    return re.compile("|".join(ways) or "(?!)", re.DOTALL)


def resolve(
    rule: Rule, accounts: Accounts, *, rivals: tuple[Rule, ...] = (), user: int = ROOT
) -> Standard:
    """Look up the accounts that a rule names; ``user`` is who works, and trusts himself.

    Raises UnknownAccount.
    """
    owner = _number(rule.owner, "user", accounts.user_id)
    friend = _number(rule.trust_owner, "user", accounts.user_id)
    return Standard(
        rule=rule,
        owner=owner,
        group=_number(rule.group, "group", accounts.group_id),
        trusted=frozenset({ROOT, user, *(uid for uid in (owner, friend) if uid is not None)}),
        rivals=rivals,
    )


def _number(text: str | None, kind: str, look_up: Callable[[str], int | None]) -> int | None:
    """Return the number of an account. One written as a number need not exist."""
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    found = look_up(text)
    if found is None:
        raise UnknownAccount(
            f"there is no {kind} {text!r} on this machine; make it, or name another"
        )
    return found
