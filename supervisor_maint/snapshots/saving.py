"""The watch as documents to save, and back. Pure; the store writes them in one transaction.

Unknown keys are ignored, so that an older version can read what a newer one of the same
``VERSION`` wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.errors import NewerSchema, StoreDamaged
from supervisor_maint.processes import Namespec
from supervisor_maint.snapshots.baseline import Baseline
from supervisor_maint.snapshots.configurations import Configurations, config_document
from supervisor_maint.snapshots.counting import Counting
from supervisor_maint.snapshots.diff import Difference
from supervisor_maint.snapshots.serials import EventOrder

VERSION = 1


@attrs.frozen(kw_only=True)
class Changes:
    """What to save in one transaction, JSON-able; None stands for a process that is gone."""

    meta: dict[str, Any]
    processes: dict[str, dict[str, Any] | None]


@attrs.frozen(kw_only=True)
class Saved:
    """Everything of the watch that outlives the listener."""

    order: EventOrder
    counting: Counting
    baseline: Baseline
    configurations: Configurations
    identity: tuple[int, float] | None
    is_stopping: bool
    opening_groups: list[str] | None
    differences: tuple[Difference, ...]


def changes(state: Saved) -> Changes:
    """Return the whole of what all processes share, and the processes that changed."""
    parts = (state.counting, state.baseline, state.configurations)
    changed: set[Namespec] = set().union(*(part.changed for part in parts))
    for part in parts:
        part.changed.clear()
    return Changes(
        meta=_meta(state),
        processes={each.qualified: _process(state, each) for each in sorted(changed)},
    )


def _meta(state: Saved) -> dict[str, Any]:
    opening = state.opening_groups
    return {
        "version": VERSION,
        "known_at": max(state.counting.known_at, 0.0),
        "identity": None if state.identity is None else list(state.identity),
        "is_stopping": state.is_stopping,
        "opening_groups": None if opening is None else list(opening),
        "order": state.order.save(),
        "baseline": state.baseline.save(),
        "configurations": state.configurations.save(),
        "differences": [difference.to_document() for difference in state.differences],
    }


def _process(state: Saved, namespec: Namespec) -> dict[str, Any] | None:
    runs = state.counting.runs.get(namespec)
    wanted = state.baseline.wanted.get(namespec)
    config = state.configurations.running.get(namespec)
    document: dict[str, Any] = {}
    if runs is not None:
        document["runs"] = runs.save()
    if wanted is not None:
        document["wanted"] = wanted.save()
    if config is not None:
        document["config"] = config_document(config)
    return document or None


def read(meta: Mapping[str, Any], processes: Mapping[str, Mapping[str, Any]]) -> Saved:
    """Read what ``changes`` wrote. Raises NewerSchema or StoreDamaged."""
    version = meta.get("version")
    if isinstance(version, int) and version > VERSION:
        raise NewerSchema(
            f"the saved counts have version {version} and this program knows {VERSION}: "
            "install the version that wrote them"
        )
    try:
        return _read(meta, processes)
    except (LookupError, TypeError, ValueError) as error:
        raise StoreDamaged(f"the saved counts make no sense: {error!r}") from error


def _read(meta: Mapping[str, Any], processes: Mapping[str, Mapping[str, Any]]) -> Saved:
    parts: dict[str, dict[Namespec, Any]] = {"runs": {}, "wanted": {}, "config": {}}
    for name, document in processes.items():
        for part in parts.keys() & document.keys():
            parts[part][Namespec.parse(name)] = document[part]
    identity = meta["identity"]
    opening = meta["opening_groups"]
    return Saved(
        order=EventOrder.restore(meta["order"]),
        counting=Counting.restore(parts["runs"], float(meta["known_at"])),
        baseline=Baseline.restore(meta["baseline"], parts["wanted"]),
        configurations=Configurations.restore(meta["configurations"], parts["config"]),
        identity=None if identity is None else (int(identity[0]), float(identity[1])),
        is_stopping=bool(meta["is_stopping"]),
        opening_groups=None if opening is None else list(opening),
        differences=tuple(map(Difference.from_document, meta["differences"])),
    )
