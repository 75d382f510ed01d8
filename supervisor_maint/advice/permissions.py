"""Advice on permission rules: whom and what they name, and what will come of them. No I/O here."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from supervisor_maint.advice.permission_facts import Base
from supervisor_maint.advice.permission_logs import known_rules
from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.permissions.facts import ROOT
from supervisor_maint.permissions.policy import overlaps
from supervisor_maint.permissions.report import printable
from supervisor_maint.permissions.rules import Rule
from supervisor_maint.settings.maint import PermissionPass

_OF_A_FOLDER = 0o755
_AS_ROOT = (
    "run the listener as root; or set permissions = report in [maint], and run "
    "`supervisor-maint permissions` from root's cron"
)


def unknown_accounts(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of users and groups that this machine does not have: their rules are not followed."""
    facts = surroundings.permission_facts
    for rule in _enabled(surroundings):
        for key, name in (("owner", rule.owner), ("trust_owner", rule.trust_owner)):
            if name is not None and facts.uid(name) is None:
                yield _unknown(rule, key, name, "user")
        if rule.group is not None and facts.gid(rule.group) is None:
            yield _unknown(rule, "group", rule.group, "group")


def _unknown(rule: Rule, key: str, name: str, what: str) -> Advice:
    return _about(
        rule,
        Severity.ERROR,
        f"{key} = {name}: this machine has no such {what}, so the rule is not followed",
        "correct it, or make the account first",
    )


def overlaps_of_rules(surroundings: Surroundings) -> Iterator[Advice]:
    """Say which of two rules wins where both are about the same path."""
    said = set()
    for earlier, later in overlaps(known_rules(surroundings)):
        names = (earlier.name, later.name)
        if names in said or earlier.name == later.name:
            continue
        said.add(names)
        alone = [rule.base for rule in (later, earlier) if rule.is_about_one_path]
        where = alone[0] if alone else "some of its paths"
        yield _about(
            earlier,
            Severity.NOTE,
            f"[permissions:{later.name}] may be about {where} too, and wins there, for it is later",
            f"exclude what is meant for [permissions:{later.name}], or change their order, if that "
            "is not meant",
        )


def nothing_there(surroundings: Surroundings) -> Iterator[Advice]:
    """Say that a rule has nothing to be about now, which a slip of the pen has too."""
    bases = surroundings.permission_facts.bases
    for rule in _enabled(surroundings):
        if rule.name in bases and bases[rule.name] is None:
            yield _about(
                rule,
                Severity.NOTE,
                f"path = {rule.path}: there is nothing at {rule.base} now, or it cannot be seen",
                "look whether it is spelt right; missing = report says so each time",
            )


def links(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a path that goes through a symbolic link: none is followed."""
    for rule, base in _bases(surroundings):
        if base.link is not None:
            real = f"{printable(base.real)}{rule.path[len(base.path) :]}"
            yield _about(
                rule,
                Severity.WARNING,
                f"path = {rule.path}: {base.link} is a symbolic link, and none is followed",
                f"name where it leads: {real}" if base.real else "find out who made it, and why",
            )


def untrusted_bases(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a base folder that belongs to somebody the rule does not trust.

    Who works trusts himself, too.
    """
    facts, listener = surroundings.permission_facts, surroundings.listener_uid
    for rule, base in _bases(surroundings):
        named = [name for name in (rule.owner, rule.trust_owner) if name is not None]
        if base.link is None and base.uid not in {ROOT, listener, *map(facts.uid, named)}:
            yield _about(
                rule,
                Severity.WARNING,
                f"{base.path} belongs to {base.owner}, so the rule is not followed (untrusted "
                "owner): who owns it decides what is in it",
                f"chown it, or set trust_owner = {base.owner} if they may",
            )


def open_bases(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a base folder that everybody can write to."""
    for rule, base in _bases(surroundings):
        gives = rule.owner is not None or rule.group is not None
        if base.is_written_by_all and (gives or base.uid != ROOT) and _finds_names(rule, base):
            yield _about(
                rule,
                Severity.WARNING,
                f"everybody can write to {base.path} (mode {base.mode:04o}), and so decides what "
                "the rule finds there",
                "name a folder that only root or the owner can write to",
            )


def _finds_names(rule: Rule, base: Base) -> bool:
    """Tell whether what is in the base matters: it does not to a rule about that folder alone."""
    return rule.recursive or rule.base != base.path or not rule.is_literal


def closed_folders(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a mode that takes from folders what lets one in: a file's mode for everything."""
    for rule in _enabled(surroundings):
        mode = rule.mode_for(is_directory=True)
        base = surroundings.permission_facts.bases.get(rule.name)
        is_about_folders = (
            rule.recursive
            or rule.scope.pattern.is_deep
            or (rule.is_literal and base is not None and base.path == rule.base)
        )
        if mode is None or not is_about_folders:
            continue
        after = mode.apply(_OF_A_FOLDER, is_directory=True)
        if not after & stat.S_IXUSR:
            yield _about(
                rule,
                Severity.WARNING,
                f"a folder with mode {_OF_A_FOLDER:04o} becomes {after:04o}, and not even its "
                "owner gets into it",
                "write dir_mode and file_mode instead, or X as in u=rwX,go=rX",
            )


def needs_of_root(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of what a listener without root's rights cannot put right."""
    uid = surroundings.listener_uid
    does_apply = surroundings.settings.maint.permissions is PermissionPass.APPLY
    if uid in (None, ROOT) or not does_apply:
        return
    bases = surroundings.permission_facts.bases
    for rule in _enabled(surroundings):
        base = bases.get(rule.name)
        if rule.owner is not None and surroundings.permission_facts.uid(rule.owner) != uid:
            needed = f"owner = {rule.owner} needs root"
        elif base is not None and base.uid != uid:
            needed = f"{base.path} is {base.owner}'s"
        else:
            continue
        yield _about(
            rule,
            Severity.WARNING,
            f"{needed}, and the listener runs as uid {uid}: what drifts is reported and stays",
            _AS_ROOT,
        )


def _enabled(surroundings: Surroundings) -> tuple[Rule, ...]:
    return tuple(rule for rule in surroundings.settings.permissions if rule.is_enabled)


def _bases(surroundings: Surroundings) -> Iterator[tuple[Rule, Base]]:
    for rule in _enabled(surroundings):
        base = surroundings.permission_facts.bases.get(rule.name)
        if base is not None:
            yield rule, base


def _about(rule: Rule, severity: Severity, message: str, what_to_do: str) -> Advice:
    return Advice(
        severity=severity,
        subject=f"[permissions:{rule.name}]",
        message=message,
        what_to_do=what_to_do,
    )
