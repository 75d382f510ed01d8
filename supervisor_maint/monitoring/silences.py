"""A silence held as a lease: for a run, renewed while it lives, never past its end. No I/O here.

Whoever dies leaves a silence that ends by itself: it never reaches beyond the run's deadline and
the tail, nor beyond the cap. It is found again by ``created_by``, and its start is kept, because
Alertmanager makes another silence of one whose start was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

import attrs
from attrs.validators import ge, gt

from supervisor_maint.monitoring.matchers import Matchers

# An end that differs by less is left as it is: Alertmanager keeps milliseconds.
_SLACK_SECONDS = 1.0
# A silence begins this long ago, which Alertmanager takes for now by its own clock: by one that is
# behind ours it would be pending, and mute nothing yet.
_SINCE_SECONDS = 3600.0


@attrs.frozen(kw_only=True)
class Terms:
    """On what terms silences are held; durations are seconds.

    ``lease_seconds`` is how long one lasts that nobody renews, ``tail_seconds`` how long it lasts
    after a run that went well, or after the deadline; ``cap_seconds`` is for all of it. Whether it
    is still there is looked at every ``renew_seconds``.
    """

    matchers: Matchers
    instance: str
    lease_seconds: float = attrs.field(default=1800.0, validator=gt(0))
    renew_seconds: float = attrs.field(default=5.0, validator=gt(0))
    tail_seconds: float = attrs.field(default=60.0, validator=ge(0))
    cap_seconds: float = attrs.field(default=4 * 3600.0, validator=gt(0))


@attrs.frozen(kw_only=True)
class Claim:
    """What a run asks of Alertmanager: silence from ``since_at`` until its deadline.

    ``ended_at`` is None while it is under way; ``went_well`` leaves the tail. A run that ended
    otherwise is muted no longer: what it left broken is to page.
    """

    run_id: str
    plan: str
    since_at: float
    deadline_at: float
    ended_at: float | None = None
    went_well: bool = False


@attrs.frozen(kw_only=True)
class Silence:
    """A silence as Alertmanager has it, or as it is to be; ``id`` is empty for a new one."""

    id: str = ""
    matchers: Matchers
    starts_at: float
    ends_at: float
    created_by: str
    comment: str = ""
    is_expired: bool = False


@attrs.frozen
class Save:
    """Create a silence, or give one another end."""

    silence: Silence


@attrs.frozen
class Expire:
    """End a silence now."""

    silence: Silence


Change = Union[Save, Expire]


def created_by(terms: Terms, claim: Claim) -> str:
    """Return the name by which a run's silence is found again."""
    return f"supervisor-maint/{terms.instance}/{claim.run_id}"


def latest_end(terms: Terms, claim: Claim) -> float:
    """Return when the silence is over whatever happens."""
    return min(claim.deadline_at + terms.tail_seconds, claim.since_at + terms.cap_seconds)


def wanted_end(terms: Terms, claim: Claim, now: float) -> float:
    """Return when the silence should end as things are now; the past for one that is to go."""
    latest = latest_end(terms, claim)
    if claim.ended_at is None:
        return min(now + terms.lease_seconds, latest)
    tail = terms.tail_seconds if claim.went_well else 0.0
    return min(claim.ended_at + tail, latest)


def held(terms: Terms, claim: Claim, found: Iterable[Silence]) -> tuple[Silence, ...]:
    """Return the silences of a run that are not over, the one that lasts longest first."""
    name = created_by(terms, claim)
    ours = [each for each in found if each.created_by == name and not each.is_expired]
    return tuple(sorted(ours, key=lambda silence: -silence.ends_at))


def changes(terms: Terms, claim: Claim, found: Iterable[Silence], now: float) -> tuple[Change, ...]:
    """Return what brings Alertmanager from the silences found to the one that the run needs.

    It is renewed when less than half a lease is left, made anew when it is lost, brought forward
    when the deadline is, and never made for a run that is over.
    """
    ours, end = held(terms, claim, found), wanted_end(terms, claim, now)
    if end <= now:
        return tuple(map(Expire, ours))
    if not ours:
        return () if claim.ended_at is not None else (Save(_new(terms, claim, end, now)),)
    kept, *others = ours
    changed = _with_end(terms, claim, kept, end, now)
    return (*(() if changed is None else (Save(changed),)), *map(Expire, others))


def _with_end(terms: Terms, claim: Claim, kept: Silence, end: float, now: float) -> Silence | None:
    """Return the silence with the wanted end; None when it has it, or need not be renewed yet."""
    is_too_long = kept.ends_at > end + _SLACK_SECONDS
    is_to_be_renewed = kept.ends_at < min(end - _SLACK_SECONDS, now + terms.lease_seconds / 2)
    if not is_too_long and (claim.ended_at is not None or not is_to_be_renewed):
        return None
    return attrs.evolve(kept, ends_at=end)


def _new(terms: Terms, claim: Claim, end: float, now: float) -> Silence:
    return Silence(
        matchers=terms.matchers,
        starts_at=now - _SINCE_SECONDS,
        ends_at=end,
        created_by=created_by(terms, claim),
        comment=f"planned restart {claim.plan} of {terms.instance}, run {claim.run_id}; it ends "
        "with the run, or by itself",
    )


def is_news(before: Silence | None, now: Silence) -> bool:
    """Tell whether a silence is another than before, or ends at another time."""
    if before is None or before.id != now.id:
        return True
    return abs(before.ends_at - now.ends_at) > _SLACK_SECONDS


def after(changed: Sequence[Change], found: Iterable[Silence]) -> tuple[Silence, ...]:
    """Return what there is after the changes."""
    gone = {change.silence.id for change in changed}
    saved = [change.silence for change in changed if isinstance(change, Save)]
    return (*saved, *(each for each in found if each.id not in gone))
