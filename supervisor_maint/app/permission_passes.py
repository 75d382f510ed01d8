"""Keeping the permissions: a pass an hour, by a child, one at a time.

A pass is wanted from the tick on, and begins once no planned run is near. When it is still going
at the next tick that is reported, and no second one is begun. What it found goes to the history,
the metrics, the published status and, where it is news, the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from supervisor_maint.app.permission_records import PermissionRecords, paths
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.recording import Recorder
from supervisor_maint.app.survival import surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import MaintError
from supervisor_maint.monitoring.facts import PermissionFacts
from supervisor_maint.permissions import endings
from supervisor_maint.permissions.endings import Pass, PassEnd
from supervisor_maint.permissions.report import PassReport, shortened

logger = logging.getLogger(__name__)

# Of each hour, for months: a policy that is only reported finds the same paths each time.
PATHS_KEPT = 100


@attrs.define(kw_only=True)
class PermissionPasses:
    """Makes the passes. ``walk`` runs the child to its end, and may raise MaintError.

    ``rules`` are the names of those that are kept, in the order of the file. ``changed`` is
    called when there is news to report.
    """

    ports: Ports
    totals: Totals
    recorder: Recorder
    walk: Callable[[], Awaitable[PassEnd]]
    changed: Callable[[], None]
    rules: tuple[str, ...] = ()
    records: PermissionRecords = attrs.field(factory=PermissionRecords)
    _is_wanted: bool = attrs.field(init=False, default=False)
    _since_at: float | None = attrs.field(init=False, default=None)
    _pass: asyncio.Future[None] | None = attrs.field(init=False, default=None)
    _is_overdue: bool = attrs.field(init=False, default=False)
    _told: frozenset[str] = attrs.field(init=False, factory=frozenset)

    def restore(self, document: Mapping[str, Any]) -> None:
        """Go on from what an earlier listener saved."""
        try:
            self.records = PermissionRecords.restore(document)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            logger.error(
                "begin to count permissions at 0, what was saved makes no sense: %r", error
            )

    def begin_hour(self) -> None:
        """Want a pass, unless one is still going."""
        if not self.rules:
            return
        if self._pass is None:
            self._is_wanted = True
        else:
            self._is_overdue = True
            self._tell()

    def consider(self, *, is_run_close: bool) -> None:
        """Begin the pass that is wanted, once no planned run is near."""
        if self._is_wanted and self.rules and not is_run_close:
            self._is_wanted = False
            self._since_at = self.ports.clock()
            self._pass = asyncio.ensure_future(self._survive(self._since_at))

    def facts(self) -> tuple[PermissionFacts, ...]:
        """Return what the metrics show of each rule."""
        known = self.records.facts(self.rules)
        if not self._is_overdue:
            return known
        return tuple(attrs.evolve(each, has_problem=True) for each in known)

    def document(self) -> dict[str, Any]:
        """Return what the published status says, JSON-able."""
        if not self.rules:
            return {}
        return {
            "is_under_way": self._pass is not None,
            "started_at": self.records.started_at,
            "ended_at": self.records.ended_at,
            "counts": {name: dict(self.records.rule(name).counts) for name in self.rules},
            "sentences": self._sentences(),
        }

    def _sentences(self) -> list[str]:
        sentences = list(self.records.sentences(self.rules))
        if self._is_overdue:
            sentences.insert(0, "a pass is still going since before the last hour; none was begun")
        return sentences

    async def _survive(self, started_at: float) -> None:
        await surviving(self.totals, "permissions", self._make(started_at))
        self._pass, self._is_overdue = None, False
        self._tell()

    async def _make(self, started_at: float) -> None:
        made = await self._made(started_at)
        self.records.note(made)
        self.totals.permissions = self.records.to_document()
        fixed = sum(rule.fixed for rule in made.report.rules) if made.report else 0
        if fixed:
            logger.info("permissions: %s mended", paths(fixed))
        await self.recorder.keep_permissions(made.ended_at, _kept(made))

    async def _made(self, started_at: float) -> Pass:
        try:
            end = await self.walk()
        except MaintError as error:
            end = PassEnd(reason=error.msg)
        return await self.ports.compute(
            endings.read, end, started_at=started_at, ended_at=self.ports.clock()
        )

    def _tell(self) -> None:
        """Log what is wrong and was not before, and have it reported."""
        sentences = self._sentences()
        for sentence in sentences:
            if sentence not in self._told:
                logger.warning("permissions: %s", sentence)
        self._told = frozenset(sentences)
        self.changed()


def _kept(made: Pass) -> dict[str, Any]:
    """Return what the history keeps of a pass, JSON-able."""
    report = made.report and _shortened(made.report).as_document()
    return {
        "started_at": made.started_at,
        "ended_at": made.ended_at,
        "problem": made.problem,
        "report": report,
    }


def _shortened(report: PassReport) -> PassReport:
    paths = shortened(report.paths, PATHS_KEPT)
    left_out = report.paths_left_out + len(report.paths) - len(paths)
    return attrs.evolve(report, paths=paths, paths_left_out=left_out)
