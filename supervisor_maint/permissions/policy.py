"""The rules together: which of them governs a path, and which get in each other's way. No I/O here.

The later rule wins for a path, whole: what it leaves open is not taken from an earlier one. A
rule that is not enabled is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from supervisor_maint.permissions.patterns import Pattern
from supervisor_maint.permissions.rules import Rule


def _in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rules)


@attrs.frozen
class Policy:
    """Rules in the order of the files."""

    rules: tuple[Rule, ...] = attrs.field(converter=_in_order)
    _places: dict[Rule, int] = attrs.field(init=False, eq=False, repr=False)
    _at_one_path: dict[str, list[int]] = attrs.field(init=False, eq=False, repr=False)
    _wide: list[int] = attrs.field(init=False, eq=False, repr=False)

    @_places.default
    def _(self) -> dict[Rule, int]:
        return {rule: place for place, rule in enumerate(self.rules) if rule.is_enabled}

    @_at_one_path.default
    def _(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for rule, place in self._places.items():
            if rule.is_about_one_path:
                found.setdefault(rule.base, []).append(place)
        return found

    @_wide.default
    def _(self) -> list[int]:
        return [place for rule, place in self._places.items() if not rule.is_about_one_path]

    def rule_for(self, path: str, *, is_directory: bool) -> Rule | None:
        """Return the rule that governs an absolute path, None when there is none."""
        for place in self._candidates(path):
            if self.rules[place].covers(path, is_directory=is_directory):
                return self.rules[place]
        return None

    def rivals_of(self, rule: Rule) -> tuple[Rule, ...]:
        """Return the later rules that may take a path from this one, the last first.

        Where there are none, the rule governs all that it covers.
        """
        own = self._places[rule]
        places = self._candidates(rule.base) if rule.is_about_one_path else self._places.values()
        later = sorted((place for place in places if place > own), reverse=True)
        return tuple(self.rules[place] for place in later if may_overlap(rule, self.rules[place]))

    def _candidates(self, path: str) -> list[int]:
        """Return the places of the rules that may be about a path, the last first."""
        return sorted((*self._at_one_path.get(path, ()), *self._wide), reverse=True)


def overlaps(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Yield every two enabled rules that may be about the same path, the earlier first."""
    policy = Policy(rules)
    for rule in policy.rules:
        if rule.is_enabled:
            yield from ((rule, later) for later in reversed(policy.rivals_of(rule)))


def may_overlap(one: Rule, other: Rule) -> bool:
    """Tell whether two rules may be about the same path.

    Never no where the answer is yes: two patterns are compared exactly, save for sets, and
    exclusions count where they leave nothing over. Rules for supervisord's logs meet each other
    alone, for where the logs are is not known here.
    """
    if one.is_for_logs or other.is_for_logs:
        return one.is_for_logs and other.is_for_logs
    if not any(
        one.wants(is_directory=kind) and other.wants(is_directory=kind) for kind in (False, True)
    ):
        return False
    if one.is_about_one_path:
        return other.scope.covers(one.base)
    if other.is_about_one_path:
        return one.scope.covers(other.base)
    return _reach(one).meets(_reach(other)) and not (_leaves(one, other) or _leaves(other, one))


def _reach(rule: Rule) -> Pattern:
    return rule.scope.pattern.with_all_below if rule.recursive else rule.scope.pattern


def _leaves(one: Rule, other: Rule) -> bool:
    """Tell whether one rule leaves to the other, by name, everything that that one is about."""
    names = other.include or _own_name(other)
    if not names or any("/" in name for name in (*names, *one.include)):
        return False
    if one.is_literal and other.scope.covers(one.base):
        return False  # nothing excludes the base
    if set(names) <= set(one.exclude):
        return True
    return bool(one.include) and not any(
        Pattern.parse(mine).meets(Pattern.parse(theirs)) for mine in one.include for theirs in names
    )


def _own_name(rule: Rule) -> tuple[str, ...]:
    """Return the pattern of the names that a rule with a pattern is about."""
    last = rule.path.rstrip("/").rpartition("/")[2]
    return () if rule.recursive or last == "**" else (last,)
