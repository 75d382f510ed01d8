"""Silences as leases: made, renewed, brought forward, ended; never beyond their limits."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.monitoring import silences
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.silences import Change, Claim, Save, Silence, Terms

NOW = 1_700_000_000.0
OURS = "supervisor-maint/web01/r1"
MATCHERS = (Matcher("instance", "web01"),)
TERMS = Terms(
    matchers=MATCHERS, instance="web01", lease_seconds=600, tail_seconds=60, cap_seconds=7200
)
RUNNING = Claim(run_id="r1", plan="nightly", since_at=NOW, deadline_at=NOW + 300)


def ended(at: float, *, well: bool = True, **more: Any) -> Claim:
    return attrs.evolve(RUNNING, ended_at=at, went_well=well, **more)


def silence(until: float, **more: Any) -> Silence:
    known = {"id": "s1", "matchers": MATCHERS, "starts_at": NOW, "created_by": OURS}
    return Silence(**{**known, "ends_at": until, **more})


def shown(changes: tuple[Change, ...]) -> list[tuple[str, str, float]]:
    """What is done, with which silence, until when."""
    return [(type(each).__name__, each.silence.id, each.silence.ends_at - NOW) for each in changes]


@pytest.mark.parametrize(
    ("claim", "found", "at", "expected"),
    [
        pytest.param(RUNNING, [], 0, [("Save", "", 360)], id="made until deadline and tail"),
        pytest.param(RUNNING, [silence(NOW + 360)], 5, [], id="there already"),
        pytest.param(
            RUNNING, [silence(NOW + 360, is_expired=True)], 5, [("Save", "", 360)], id="lost"
        ),
        pytest.param(
            RUNNING, [silence(NOW + 360, created_by="ops")], 5, [("Save", "", 360)], id="a stranger"
        ),
        pytest.param(RUNNING, [silence(NOW + 900)], 5, [("Save", "s1", 360)], id="too long"),
        pytest.param(RUNNING, [silence(NOW + 20)], 5, [("Save", "s1", 360)], id="nearly over"),
        pytest.param(RUNNING, [], 400, [], id="past deadline and tail"),
        pytest.param(
            RUNNING, [silence(NOW + 900)], 400, [("Expire", "s1", 900)], id="never extended"
        ),
        pytest.param(
            attrs.evolve(RUNNING, deadline_at=NOW + 3600), [], 0, [("Save", "", 600)], id="a lease"
        ),
        pytest.param(
            attrs.evolve(RUNNING, deadline_at=NOW + 3600),
            [silence(NOW + 600)],
            299,
            [],
            id="half a lease left",
        ),
        pytest.param(
            attrs.evolve(RUNNING, deadline_at=NOW + 3600),
            [silence(NOW + 600)],
            301,
            [("Save", "s1", 901)],
            id="renewed",
        ),
        pytest.param(
            attrs.evolve(RUNNING, deadline_at=NOW + 90_000),
            [silence(NOW + 7000)],
            6900,
            [("Save", "s1", 7200)],
            id="capped",
        ),
        pytest.param(
            RUNNING,
            [silence(NOW + 100), silence(NOW + 360, id="s2")],
            5,
            [("Expire", "s1", 100)],
            id="one is enough",
        ),
        pytest.param(
            ended(NOW + 50), [silence(NOW + 360)], 50, [("Save", "s1", 110)], id="closed to tail"
        ),
        pytest.param(ended(NOW + 50), [silence(NOW + 110)], 60, [], id="closed already"),
        pytest.param(ended(NOW + 50), [silence(NOW + 80)], 60, [], id="closing extends nothing"),
        pytest.param(ended(NOW + 50), [], 50, [], id="not made for what is over"),
        pytest.param(
            ended(NOW + 350),
            [silence(NOW + 900)],
            350,
            [("Save", "s1", 360)],
            id="tail in deadline",
        ),
        pytest.param(
            ended(NOW + 50, well=False),
            [silence(NOW + 360)],
            50,
            [("Expire", "s1", 360)],
            id="a failed run pages",
        ),
    ],
)
def test_changes(claim: Claim, found: list[Silence], at: float, expected: list[Any]) -> None:
    """From what is found to what the run needs, in as few calls as possible."""
    assert expected == shown(silences.changes(TERMS, claim, found, NOW + at))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(None, True, id="the first"),
        pytest.param(silence(NOW + 360.0004), False, id="as it was saved, in milliseconds"),
        pytest.param(silence(NOW + 300), True, id="another end"),
        pytest.param(silence(NOW + 360, id="s2"), True, id="another one"),
    ],
)
def test_news(before: Silence | None, expected: bool) -> None:
    """People are told of a silence once, and again when it is another or ends at another time."""
    assert expected is silences.is_news(before, silence(NOW + 360))


def test_new_silence_says_whose_it_is() -> None:
    """It is found again by who created it, and people read what it is for."""
    (change,) = silences.changes(TERMS, RUNNING, [], NOW)

    assert isinstance(change, Save)
    assert OURS == change.silence.created_by
    assert MATCHERS == change.silence.matchers
    assert NOW > change.silence.starts_at
    assert "planned restart nightly of web01, run r1" in change.silence.comment


def test_renewed_silence_is_the_same_but_for_its_end() -> None:
    """Alertmanager makes another one of a silence whose start or matchers change."""
    old = silence(NOW + 20, matchers=(Matcher("host", "old"),), starts_at=NOW - 5.5)
    (change,) = silences.changes(TERMS, RUNNING, [old], NOW + 1)

    assert Save(attrs.evolve(old, ends_at=NOW + 360)) == change


_moments = st.floats(-100.0, 10_000.0).map(lambda seconds: NOW + seconds)
_claims = st.builds(
    Claim,
    run_id=st.just("r1"),
    plan=st.just("nightly"),
    since_at=st.just(NOW),
    deadline_at=_moments,
    ended_at=st.none() | _moments,
    went_well=st.booleans(),
)
_found = st.lists(
    st.builds(
        silence,
        until=_moments,
        id=st.sampled_from(["s1", "s2"]),
        is_expired=st.booleans(),
        created_by=st.sampled_from([OURS, "ops"]),
    ),
    max_size=3,
    unique_by=lambda each: each.id,
)


@given(_claims, _found, _moments)
def test_no_silence_outlives_its_limits(claim: Claim, found: list[Silence], now: float) -> None:
    """Whatever is found and whenever: once done, nothing of ours lasts longer than it may."""
    done = silences.after(silences.changes(TERMS, claim, found, now), found)
    limit = min(claim.deadline_at + 60, NOW + 7200)

    for each in silences.held(TERMS, claim, done):
        assert each.ends_at <= max(limit, now) + 1
    strangers = [each for each in found if each.created_by == "ops"]
    assert strangers == [each for each in done if each.created_by == "ops"]


@given(_claims, _found, _moments)
def test_nothing_is_left_to_do(claim: Claim, found: list[Silence], now: float) -> None:
    """What was done is not done again."""
    done = silences.after(silences.changes(TERMS, claim, found, now), found)

    assert () == silences.changes(TERMS, claim, done, now)
