"""When a burst is over, and what still moves then."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_maint.snapshots.settling import Reason, Settling
from tests.fakes.watching import NOW, ns, snapshot, status


def burst(*moved_at: float) -> Settling:
    """A burst of web:a with transitions this many seconds after NOW."""
    settling = Settling()
    for at in moved_at:
        settling.moved(ns("web:a"), NOW + at)
    return settling


def look(settling: Settling, at: float, state: str = "RUNNING", **values):
    return settling.verdict(snapshot(status("web:a", state, **values), at=NOW + at))


@pytest.mark.parametrize(
    ("moved_at", "looked_at", "state", "flapping"),
    [
        pytest.param((0,), 9.9, "RUNNING", None, id="a transition less than 10 s ago"),
        pytest.param((0,), 10, "RUNNING", [], id="none for 10 s"),
        pytest.param((0, 8), 17, "RUNNING", None, id="the last transition counts"),
        pytest.param((0,), 30, "STARTING", None, id="STARTING"),
        pytest.param((0,), 30, "STOPPING", None, id="STOPPING"),
        pytest.param((0,), 30, "BACKOFF", None, id="BACKOFF"),
        pytest.param((0,), 30, "FATAL", [], id="FATAL has settled"),
        pytest.param((0,), 30, "EXITED", [], id="EXITED has settled"),
        pytest.param((0,), 60, "STARTING", ["web:a"], id="still STARTING after settle_max"),
        pytest.param((0, 55), 60, "RUNNING", ["web:a"], id="a restart loop"),
        pytest.param((0, 55), 59, "RUNNING", None, id="not before settle_max"),
    ],
)
def test_verdict(moved_at, looked_at, state, flapping):
    """All have settled, or settle_max is over and what still moves is flapping."""
    verdict = look(burst(*moved_at), looked_at, state)

    found = None if verdict is None else [each.qualified for each in sorted(verdict.flapping)]
    assert flapping == found


def test_no_burst_no_verdict():
    """Looking at what has settled says nothing."""
    assert look(Settling(), 0) is None
    assert Settling().next_due(NOW) is None


def test_listener_start_waits_for_what_may_be_starting():
    """At the listener's start a burst is open, although no event told of one."""
    settling = Settling()
    settling.stir(NOW, Reason.LISTENER_START)

    assert look(settling, 9) is None
    assert Reason.LISTENER_START is look(settling, 10).reason


def test_what_flaps_begins_the_next_burst():
    """What still moved is looked at again, and its settling is a verdict of its own."""
    settling = burst(0, 55)
    look(settling, 60)

    assert NOW + 65 == settling.next_due(NOW + 60)
    second = look(settling, 65)
    assert (NOW + 60, Reason.STILL_MOVING, frozenset()) == (
        second.began_at,
        second.reason,
        second.flapping,
    )
    assert settling.next_due(NOW + 65) is None


@pytest.mark.parametrize(
    ("moved_at", "due_at"),
    [
        pytest.param((0,), 10, id="settle after the transition"),
        pytest.param((0, 7), 17, id="after the last one"),
        pytest.param((0, 55), 60, id="at most settle_max after the first"),
    ],
)
def test_next_due(moved_at, due_at):
    """The next snapshot is due when it may end the burst."""
    assert NOW + due_at == burst(*moved_at).next_due(NOW)


def test_moving_state_is_looked_at_again_soon():
    """A state that no event told of does not make the listener ask without end."""
    settling = burst(0)
    look(settling, 10, "STARTING")

    assert NOW + 12.5 == settling.next_due(NOW + 10)


def test_transition_that_no_event_told_counts():
    """supervisord's own start time tells of a restart whose events were lost."""
    settling = burst(0)

    assert look(settling, 12, started_at=NOW + 5) is None


def test_start_time_in_the_future_is_not_believed():
    """A clock that was set back makes no process unsettled for ever."""
    assert look(burst(0), 12, started_at=NOW + 5000) is not None


def test_snapshot_finds_a_burst_that_no_event_told_of():
    """Something moving opens a burst."""
    settling = Settling()
    look(settling, 0, "BACKOFF")

    assert NOW == settling.began_at


def test_removed_group_is_not_waited_for():
    """What is gone moves no more."""
    settling = burst(0, 55)
    settling.forget_group("web")

    assert settling.verdict(snapshot(at=NOW + 60)).flapping == frozenset()


def test_supervisord_start_is_the_reason_of_its_burst():
    """It says more than the listener's start, which comes first."""
    settling = Settling()
    settling.stir(NOW, Reason.LISTENER_START)
    settling.stir(NOW + 1, Reason.SUPERVISORD_START)
    settling.stir(NOW + 2, Reason.GROUP)

    assert Reason.SUPERVISORD_START is look(settling, 20).reason


def test_clock_set_back_does_not_prolong_a_burst():
    """A burst lasts settle_max, not as long as the clock needs to catch up."""
    settling = burst(0)
    back = -3600.0

    assert settling.next_due(NOW + back) <= NOW + back + 60
    assert look(settling, back + 60, started_at=None) is not None


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_negative_time_is_refused(seconds):
    """Only 0 or more seconds make sense."""
    with pytest.raises(ValueError, match="settle_seconds must be 0 or more seconds"):
        Settling(settle_seconds=seconds)


@settings(deadline=None, max_examples=100)
@given(
    gaps=st.lists(st.floats(0, 9), min_size=1, max_size=40),
    states=st.lists(st.sampled_from(["RUNNING", "STARTING", "BACKOFF", "FATAL"]), min_size=1),
)
def test_settling_always_ends_within_settle_max(gaps, states):
    """However it moves, who looks when it is due gets a verdict by settle_max."""
    settling = burst(0)
    moves = iter([sum(gaps[: index + 1]) for index in range(len(gaps))])
    move_at, looks = next(moves), 0
    due_at = settling.next_due(NOW) - NOW
    while look(settling, due_at, states[looks % len(states)], started_at=None) is None:
        assert due_at < 60
        looks += 1
        due_at = settling.next_due(NOW + due_at) - NOW
        while move_at is not None and move_at <= due_at:
            settling.moved(ns("web:a"), NOW + move_at)
            move_at = next(moves, None)
            due_at = settling.next_due(NOW + due_at) - NOW

    assert due_at <= 60
