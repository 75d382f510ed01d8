"""A pass over the policy: every rule is resolved, walked and mended, and the report is made.

The deciding parts are ``standards`` and ``plan``; this is the shell around them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import Callable

import attrs

from supervisor_maint import accounts
from supervisor_maint.permissions.filesystem import PathRefused, mount_points, reason_of
from supervisor_maint.permissions.inspecting import Inspector
from supervisor_maint.permissions.plan import Actor
from supervisor_maint.permissions.policy import Policy
from supervisor_maint.permissions.report import PassReport, Tally, listed, printable
from supervisor_maint.permissions.rules import Missing, Rule, log_file
from supervisor_maint.permissions.standards import UnknownAccount, resolve
from supervisor_maint.permissions.walking import (
    OVERDUE,
    Alone,
    BaseRefused,
    Overdue,
    Partner,
    Walk,
    enter,
)

_NO_LOGS = "supervisord could not be asked for its programs' logs; nothing was looked at"


def run_pass(
    rules: Sequence[Rule],
    *,
    supervisor_logs: Sequence[str] | None,
    is_dry_run: bool,
    clock: Callable[[], float],
    deadline_at: float | None = None,
    only: str | None = None,
    processes: int = 1,
) -> PassReport:
    """Go through the rules once, in their order, and mend what drifted unless ``is_dry_run``.

    ``supervisor_logs`` are the log paths of supervisord's programs, None when it could not be
    asked. ``only`` names the one rule to follow; the others still take from it what is theirs.
    ``clock`` and ``deadline_at`` are in seconds since the epoch. With ``processes`` 2 a large tree
    is shared with a forked process: for a caller that has no other threads. What goes wrong with
    a rule is its problem in the report, and the others go on.
    """
    started_at = clock()
    actor = _present_actor()
    enabled = [rule for rule in rules if rule.is_enabled]
    chosen = [rule for rule in enabled if only in (None, rule.name)]
    tallies = {rule.name: Tally(rule.name) for rule in chosen}
    workshop = _Workshop(tallies, actor, is_dry_run, mount_points())
    inspectors = workshop.inspectors(enabled, supervisor_logs)

    def is_overdue() -> bool:
        return deadline_at is not None and clock() >= deadline_at

    with contextlib.ExitStack() as stack:
        partner: Partner = Alone()
        if processes > 1:
            from supervisor_maint.permissions.sharing import Partnership

            partner = stack.enter_context(Partnership(inspectors, is_overdue))
        walk = stack.enter_context(contextlib.closing(Walk(is_overdue, partner)))
        _follow_all(inspectors, walk, is_overdue)
        partner.finish(walk)
    for rule in chosen:
        _note_missing(rule, tallies[rule.name])
    paths, left_out = listed(list(tallies.values()))
    return PassReport(
        started_at=started_at,
        ended_at=clock(),
        is_dry_run=is_dry_run,
        is_root=actor.is_root,
        rules=tuple(tally.result for tally in tallies.values()),
        paths=paths,
        paths_left_out=left_out,
    )


def _present_actor() -> Actor:
    return Actor(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


@attrs.frozen
class _Workshop:
    """Makes an inspector for each rule that is followed; logs have one for each file."""

    tallies: Mapping[str, Tally]
    actor: Actor
    is_dry_run: bool
    mounts: frozenset[str]

    def inspectors(
        self, rules: Sequence[Rule], supervisor_logs: Sequence[str] | None
    ) -> list[Inspector]:
        """Return them in the order of the rules; what cannot be followed is a problem."""
        files, strayed = _sorted_out(supervisor_logs or ())
        followed: list[Rule] = []
        for rule in rules:
            followed += rule.for_logs(files)
        policy = Policy(followed)
        found = (
            self._inspector(rule, policy) for rule in policy.rules if rule.name in self.tallies
        )
        problem = _NO_LOGS if supervisor_logs is None else _of_strayed(strayed)
        for rule in rules:
            if rule.is_for_logs and problem is not None and rule.name in self.tallies:
                self.tallies[rule.name].problem = problem
        return [inspector for inspector in found if inspector is not None]

    def _inspector(self, rule: Rule, policy: Policy) -> Inspector | None:
        tally = self.tallies[rule.name]
        rivals = policy.rivals_of(rule)
        try:
            standard = resolve(rule, accounts, rivals=rivals, user=self.actor.user)
        except UnknownAccount as error:
            tally.problem = str(error)
            return None
        top = rule.base.rstrip("/") + "/"
        mounts = frozenset(path for path in self.mounts if path.startswith(top))
        return Inspector(standard, tally, self.actor, self.is_dry_run, mounts)


def _sorted_out(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the regular files, each once, and the paths that mean another one without ``..``.

    What is no regular file is left out: ``/dev/stdout``, ``syslog``, ``NONE``.
    """
    files, strayed = [], []
    for path in paths:
        plain = log_file(path)
        if plain is None or not _is_regular(path):
            continue
        if path == plain or _is_same(path, plain):
            files.append(plain)
        else:
            strayed.append(path)
    return list(dict.fromkeys(files)), strayed


def _of_strayed(paths: Sequence[str]) -> str | None:
    if not paths:
        return None
    return f"{printable(paths[0])}: '..' after a symbolic link is not followed; write it without"


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except OSError:
        return False


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _follow_all(
    inspectors: Sequence[Inspector], walk: Walk, is_overdue: Callable[[], bool]
) -> None:
    for inspector in inspectors:
        with contextlib.suppress(Overdue):
            if not is_overdue():
                _follow(inspector, walk)
                continue
        inspector.tally.problem = inspector.tally.problem or OVERDUE


def _follow(inspector: Inspector, walk: Walk) -> None:
    try:
        start = enter(inspector)
        if start is not None:
            walk.run(start)
    except FileNotFoundError:
        inspector.tally.is_missing = True
    except (PathRefused, BaseRefused) as error:
        inspector.tally.problem = inspector.tally.problem or str(error)
    except OSError as error:
        path = printable(inspector.standard.rule.base)
        inspector.tally.problem = inspector.tally.problem or f"{path}: {reason_of(error)}"


def _note_missing(rule: Rule, tally: Tally) -> None:
    is_silent = rule.missing is Missing.IGNORE or tally.problem is not None
    if is_silent or tally.is_there or tally.result.seen:
        return
    if tally.is_missing or not rule.is_literal:
        tally.problem = f"nothing is there: {printable(rule.path)}"
