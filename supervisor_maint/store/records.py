"""What the journal and the history remember, as values. No I/O here.

Times are seconds since the epoch. The open run and a step's intent are JSON documents: the
maintenance decides what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs.validators import and_, in_, instance_of, min_len, optional

from supervisor_maint.store.documents import read_only

OUTCOMES = ("succeeded", "failed", "skipped")

_text = instance_of(str)
_name = and_(instance_of(str), min_len(1))
_instant = instance_of((int, float))


@attrs.frozen(kw_only=True)
class Hold:
    """No run starts while it lasts: of one plan, or of every plan (``plan`` is None).

    ``until_at`` None lasts until somebody resumes.
    """

    plan: str | None = attrs.field(default=None, validator=optional(_name))
    reason: str = attrs.field(default="", validator=_text)
    asked_by: str = attrs.field(default="", validator=_text)
    since_at: float = attrs.field(validator=_instant)
    until_at: float | None = attrs.field(default=None, validator=optional(_instant))

    def covers(self, plan: str, now: float) -> bool:
        """Tell whether it keeps this plan from starting now."""
        lasts = self.until_at is None or now < self.until_at
        return lasts and self.plan in (None, plan)


@attrs.frozen(kw_only=True)
class LastRun:
    """How a plan ran last, or why it did not.

    ``scheduled_at`` is the newest scheduled time that is dealt with, so that it is never dealt
    with twice. ``is_manual``: somebody asked for it.
    """

    plan: str = attrs.field(validator=_name)
    run_id: str | None = attrs.field(default=None, validator=optional(_text))
    scheduled_at: float | None = attrs.field(default=None, validator=optional(_instant))
    started_at: float | None = attrs.field(default=None, validator=optional(_instant))
    ended_at: float = attrs.field(validator=_instant)
    outcome: str = attrs.field(validator=in_(OUTCOMES))
    reason: str = attrs.field(default="", validator=_text)
    is_manual: bool = attrs.field(default=False, validator=instance_of(bool))

    def after(self, before: LastRun | None) -> LastRun:
        """Return it as it is remembered: a manual run keeps what was dealt with before it."""
        known_at = None if before is None or not self.is_manual else before.scheduled_at
        if known_at is None or (self.scheduled_at is not None and self.scheduled_at >= known_at):
            return self
        return attrs.evolve(self, scheduled_at=known_at)


@attrs.frozen(kw_only=True, hash=False)
class JournalState:
    """Everything the journal holds.

    ``needs_resume`` is the reason why no run may start before somebody resumes: an earlier
    journal could not be read. ``revision`` grows with every write of the run.
    """

    run: Mapping[str, Any] | None = None
    revision: int = 0
    holds: tuple[Hold, ...] = ()
    last_runs: Mapping[str, LastRun] = attrs.field(converter=read_only, factory=dict)
    needs_resume: str | None = None


@attrs.frozen(kw_only=True, hash=False)
class Record:
    """One thing that was kept; ``recorded_at`` is its own time, in seconds since the epoch."""

    recorded_at: float
    name: str | None
    document: Mapping[str, Any]
