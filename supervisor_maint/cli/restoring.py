"""What an earlier listener left: its watch and its totals, out of the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.app.ports import Ports
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import NewerSchema, StoreDamaged, StoreError, SupervisorError
from supervisor_maint.processes import Supervisord
from supervisor_maint.settings import Settings
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.history import History

logger = logging.getLogger(__name__)

# No event is worked on before supervisord has said who it is; a second is what one can wait.
IDENTIFY_WITHIN_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class Restored:
    """What the listener goes on from.

    ``is_saving_suspended`` when what there is could not be read: it is not to be overwritten.
    """

    watch: Watch
    totals: Totals
    is_saving_suspended: bool = False


@attrs.frozen(kw_only=True)
class _Saved:
    """The documents as they were saved."""

    meta: Mapping[str, Any] = attrs.field(factory=dict)
    processes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    totals: Mapping[str, Any] = attrs.field(factory=dict)


async def restore(settings: Settings, ports: Ports, history: History) -> Restored:
    """Go on where the history is, or begin when there is none or it makes no sense.

    Raises NewerSchema for a history that a newer version wrote.
    """
    supervisord = await _identify(ports)
    try:
        saved = await ports.store(_load, history)
    except NewerSchema:
        raise
    except StoreError as error:
        suspended = _is_there(history.path)
        consequence = "and save nothing" if suspended else "and try to save"
        logger.error("begin to count at 0, %s: %s", consequence, error.msg)
        restored = _restored(_Saved(), settings, ports.clock(), supervisord)
        restored.totals.store_errors["history"] += 1
        return attrs.evolve(restored, is_saving_suspended=suspended)
    try:
        return _restored(saved, settings, ports.clock(), supervisord)
    except StoreDamaged as error:
        logger.error("begin to count at 0: %s", error.msg)
        await ports.store(history.begin_anew)
        return _restored(_Saved(), settings, ports.clock(), supervisord)


def _load(history: History) -> _Saved:
    meta, processes = history.load_watch() or ({}, {})
    return _Saved(meta=meta, processes=processes, totals=history.load_totals() or {})


def _restored(
    saved: _Saved, settings: Settings, now: float, supervisord: Supervisord | None
) -> Restored:
    try:
        totals = Totals.restore(saved.totals)
    except (AttributeError, TypeError, ValueError) as error:
        raise StoreDamaged(f"the saved totals make no sense: {error!r}") from error
    watch = Watch.restore(
        saved.meta,
        saved.processes,
        started_at=now,
        supervisord=supervisord,
        settle_seconds=settings.maint.settle_seconds,
        settle_max_seconds=settings.maint.settle_max_seconds,
    )
    return Restored(watch=watch, totals=totals)


def _is_there(path: Path) -> bool:
    """Tell whether the file holds anything that could be lost."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


async def _identify(ports: Ports) -> Supervisord | None:
    """Ask who supervisord is; what is wrong is said by the first look, which asks again."""
    try:
        identity = ports.ask(ports.supervisor.identify)
        return await asyncio.wait_for(identity, IDENTIFY_WITHIN_SECONDS)
    except (SupervisorError, asyncio.TimeoutError):
        return None
