"""One rule at work: it decides about each path that it is shown, mends it, and keeps count."""

from __future__ import annotations

import operator

import attrs

from supervisor_maint.accounts import group_name, user_name
from supervisor_maint.permissions import filesystem
from supervisor_maint.permissions.facts import Facts, Surroundings
from supervisor_maint.permissions.plan import Actor, Fix, plan
from supervisor_maint.permissions.report import PathResult, Result, Tally, printable
from supervisor_maint.permissions.standards import Standard

# Mode with kind, owner and group of an os.stat_result: what ``plan`` says "right" to.
marks = operator.itemgetter(0, 4, 5)
_CHANGED = "it changed while it was looked at; the next pass looks again"


@attrs.define(eq=False)
class Inspector:
    """Applies one standard.

    ``mounts`` are the paths in its tree at which something is mounted. ``right_files`` and
    ``right_folders`` hold the marks to which ``plan`` said "right".
    """

    standard: Standard
    tally: Tally
    actor: Actor
    is_dry_run: bool
    mounts: frozenset[str] = frozenset()
    right_files: set[tuple[int, ...]] = attrs.field(factory=set)
    right_folders: set[tuple[int, ...]] = attrs.field(factory=set)

    def governs(self, path: str, *, is_directory: bool) -> bool:
        """Tell whether its rule decides about a path that is there: no later rule covers it."""
        if not self.standard.rule.covers(path, is_directory=is_directory):
            return False
        self.tally.is_there = True
        return not self.standard.leaves(path, is_directory=is_directory)

    def inspect(
        self, name: str, path: str, facts: Facts, folder: int, surroundings: Surroundings
    ) -> None:
        """Decide about what has this name in an open folder, and mend it.

        What vanishes meanwhile is nothing.
        """
        decision = plan(self.standard, facts, surroundings)
        if decision is None:
            right = self.right_folders if facts.is_folder else self.right_files
            right.add((facts.mode, facts.owner, facts.group))
            self.tally.ok += 1
        elif isinstance(decision, Fix):
            self._mend(decision, name, path, folder)
        elif facts.is_link and path != self._named:
            self.tally.count_link()
        else:
            result = Result.SKIPPED if decision.drift is None else Result.FAILED
            self._tell(path, result, decision.reason, facts, decision.drift)

    @property
    def _named(self) -> str | None:
        """The path that the rule names: a link there is worth a word, others are part of a tree."""
        rule = self.standard.rule
        return rule.base if rule.is_literal else None

    def fail(self, path: str, reason: str) -> None:
        """Count something that could not even be looked at."""
        self._tell(path, Result.FAILED, reason, None, None)

    def skip(self, path: str, reason: str, facts: Facts | None = None) -> None:
        """Count something that is left alone, maybe not even looked at."""
        self._tell(path, Result.SKIPPED, reason, facts, None)

    def _mend(self, fix: Fix, name: str, path: str, folder: int) -> None:
        lacking = self.actor.lacks_for(fix)
        reason = f"needs {lacking}" if lacking else ""
        result = Result.FAILED if lacking else self._done
        try:
            self._apply(self.actor.share_of(fix), name, folder)
        except FileNotFoundError:
            return
        except filesystem.ChangedMeanwhile:
            result, reason = Result.SKIPPED, _CHANGED
        except filesystem.NotApplied as error:
            result, reason = Result.FAILED, str(error)
        else:
            self.tally.lack(lacking)
        self._tell(path, result, reason, fix.facts, fix)

    @property
    def _done(self) -> Result:
        return Result.WOULD_FIX if self.is_dry_run else Result.FIXED

    def _apply(self, fix: Fix, name: str, folder: int) -> None:
        """Carry out a fix, or in a dry run see what would keep us from it."""
        if fix.is_empty:
            return
        if fix.facts.is_folder and self._closes(fix):
            self._close(fix, name, folder)
        elif not self.is_dry_run:
            filesystem.apply(fix, name, folder)

    def _closes(self, fix: Fix) -> bool:
        """Tell whether others could write in a folder, and cannot from now on."""
        keepers = self.standard.keepers
        return not fix.facts.is_written_by(keepers) and fix.outcome.is_written_by(keepers)

    def _close(self, fix: Fix, name: str, folder: int) -> None:
        """Close a folder to others, unless somebody has left a trap in it while it was open.

        A second name for a file of root's or of the rule's owner would be taken for theirs at
        the next pass, for from now on the folder is in their hands. Raises NotApplied.
        """
        close = filesystem.find_trap if self.is_dry_run else filesystem.close_to_others
        trap = close(fix, name, folder, self.standard.keepers)
        if trap is not None:
            raise filesystem.NotApplied(
                f"others could write to it, and {printable(trap)} in it is another name of a file "
                "that is not theirs (hard link); remove that name first"
            )

    def _tell(
        self, path: str, result: Result, reason: str, facts: Facts | None, fix: Fix | None
    ) -> None:
        shown = printable(path)
        self.tally.count(result, shown)
        if self.tally.has_room:
            self.tally.paths.append(
                PathResult(
                    rule=self.standard.rule.name,
                    path=shown,
                    had=_described(facts) if facts else "",
                    wanted=_described(fix.outcome) if fix else "",
                    result=result,
                    reason=reason,
                )
            )


def _described(facts: Facts) -> str:
    """Write mode, owner and group as ``0644 root:adm``; a number for what has no name."""
    return f"{facts.permissions:04o} {user_name(facts.owner)}:{group_name(facts.group)}"
