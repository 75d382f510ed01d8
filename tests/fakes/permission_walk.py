"""Permission passes in a test's hands: what they report, and a child that a test ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import attrs

from supervisor_maint.app.permission_passes import PermissionPasses
from supervisor_maint.errors import MaintError
from supervisor_maint.permissions.endings import PassEnd
from supervisor_maint.permissions.report import PassReport, PathResult, Result, RuleResult
from tests.fakes.app import World


def mended(rule: str, *paths: str) -> list[PathResult]:
    """Return what a pass tells of paths that it mended."""
    found = PathResult(rule=rule, path="", had="0600", wanted="0644", result=Result.FIXED)
    return [attrs.evolve(found, path=path) for path in paths]


def report(*rules: RuleResult, paths: Sequence[PathResult] = ()) -> PassReport:
    """Return the report of a pass that took two seconds."""
    return PassReport(
        started_at=1000.0,
        ended_at=1002.0,
        is_dry_run=False,
        is_root=True,
        rules=rules,
        paths=tuple(paths),
    )


def told(*rules: RuleResult, paths: Sequence[PathResult] = ()) -> PassEnd:
    """Return the end of a child that printed its report."""
    document = report(*rules, paths=paths).as_document()
    return PassEnd(output=json.dumps(document).encode(), reason="exit status 0")


@attrs.define
class FakeWalk:
    """A child that ends when the test says how; ``began`` counts those that were started."""

    began: int = 0
    _ends: asyncio.Queue[PassEnd | MaintError] = attrs.field(factory=asyncio.Queue)

    async def __call__(self) -> PassEnd:
        self.began += 1
        end = await self._ends.get()
        if isinstance(end, MaintError):
            raise end
        return end

    def end(self, end: PassEnd | MaintError) -> None:
        """Have the child end, now or as soon as it is started."""
        self._ends.put_nowait(end)


def keep(world: World, *rules: str) -> tuple[PermissionPasses, FakeWalk]:
    """Have the world's application keep these rules; to be called inside the loop."""
    walk = FakeWalk()

    def changed() -> None:
        world.app.pace.report_now()
        world.app.woken.set()

    passes = PermissionPasses(
        ports=world.app.ports,
        totals=world.app.totals,
        recorder=world.app.recorder,
        walk=walk,
        changed=changed,
        rules=rules,
    )
    passes.restore(world.app.totals.permissions)
    world.app.keep_permissions(passes)
    return passes, walk
