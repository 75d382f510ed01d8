"""Advice on permission rules about what is ours: state and configuration. No I/O here."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import PurePosixPath

from supervisor_maint.advice.permission_logs import known_rules
from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.permissions.facts import ROOT
from supervisor_maint.permissions.policy import Policy
from supervisor_maint.permissions.rules import Rule

# Of the state folder, by the names that the store gives them; the folder itself comes first.
STATE_FOLDERS = ("", "requests")
STATE_FILES = ("history.sqlite", "journal.sqlite", "listener.lock", "status.json")
_OF_STATE = {True: 0o700, False: 0o600}
_OF_CONFIGURATION = {True: 0o755, False: 0o644}


def state(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a rule that lets others into the listener's state, or gives it to another user."""
    policy, said = Policy(known_rules(surroundings)), set()
    for path, is_directory in _state_paths(surroundings.permission_facts.state_dir):
        rule = policy.rule_for(path, is_directory=is_directory)
        if rule is None or rule.name in said:
            continue
        bits = _OF_STATE[is_directory]
        mode = _mode(rule, bits, is_directory)
        wants = [f"mode {mode:04o}"] if mode != bits else []
        wants += _foreign_owner(rule, {surroundings.listener_uid}, surroundings)
        if wants:
            said.add(rule.name)
            yield _about(
                rule,
                f"it wants {' and '.join(wants)} for {path}, where the listener keeps its state: "
                "that is for its own user alone, 0700 and 0600",
                "exclude it, or narrow path; the listener sees to its modes itself",
            )


def _state_paths(folder: str) -> Iterator[tuple[str, bool]]:
    if folder:
        yield from ((str(PurePosixPath(folder, name)), True) for name in STATE_FOLDERS)
        yield from ((str(PurePosixPath(folder, name)), False) for name in STATE_FILES)


def configuration(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a rule by which others than root and our user could change a configuration file.

    Whoever can write in a folder above it can replace it, unless the folder is sticky.
    """
    policy, said = Policy(known_rules(surroundings)), set()
    for file in surroundings.permission_facts.configuration:
        for path in (PurePosixPath(file), *PurePosixPath(file).parents):
            is_directory = str(path) != file
            rule = policy.rule_for(str(path), is_directory=is_directory)
            if rule is None or rule.name in said:
                continue
            wants = [*_writing_group(rule, is_directory, surroundings)]
            wants += _foreign_owner(rule, {ROOT, surroundings.listener_uid}, surroundings)
            if wants:
                said.add(rule.name)
                yield _about(
                    rule,
                    f"it wants {' and '.join(wants)} for {path}, and so lets others change {file}, "
                    "by which they can have anything run",
                    "exclude it, or leave it to root and let nobody else write",
                )


def _writing_group(rule: Rule, is_directory: bool, surroundings: Surroundings) -> Iterator[str]:
    mode = _mode(rule, _OF_CONFIGURATION[is_directory], is_directory)
    is_sticky = is_directory and mode & stat.S_ISVTX
    is_roots = rule.group is not None and surroundings.permission_facts.gid(rule.group) == ROOT
    if mode & stat.S_IWGRP and not is_sticky and not is_roots:
        yield f"mode {mode:04o}"


def _foreign_owner(rule: Rule, users: set[int | None], surroundings: Surroundings) -> Iterator[str]:
    """Yield the owner that a rule gives, when it is known to be none of these users."""
    owner = None if rule.owner is None else surroundings.permission_facts.uid(rule.owner)
    if owner is not None and owner not in users and surroundings.listener_uid is not None:
        yield f"owner {rule.owner}"


def _mode(rule: Rule, bits: int, is_directory: bool) -> int:
    mode = rule.mode_for(is_directory=is_directory)
    return bits if mode is None else mode.apply(bits, is_directory=is_directory)


def _about(rule: Rule, message: str, what_to_do: str) -> Advice:
    return Advice(
        severity=Severity.WARNING,
        subject=f"[permissions:{rule.name}]",
        message=message,
        what_to_do=what_to_do,
    )
