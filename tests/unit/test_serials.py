"""Events in their order: what is repeated, what is late, what is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_maint.listener.events import ForeignEvent, SupervisorStateEvent, TickEvent
from supervisor_maint.snapshots.serials import EventOrder, Lost, PoolRestarted


def tick(number: int, serial: int | None = None) -> TickEvent:
    serial = number if serial is None else serial
    return TickEvent(
        name="TICK_5", serial=serial, pool_serial=number, received_at=0.0, period=5, when=0
    )


def begins(number: int, serial: int) -> SupervisorStateEvent:
    return SupervisorStateEvent(
        name="RUNNING", serial=serial, pool_serial=number, received_at=0.0, running=True
    )


def foreign(number: int) -> ForeignEvent:
    return ForeignEvent(name="X", serial=number, pool_serial=number, received_at=0.0)


def words(order: EventOrder, *events) -> list:
    """Tell each step as a word: the number, "lost N" or "restart"."""
    found = []
    for event in events:
        for step in order.receive(event):
            if isinstance(step, Lost):
                found.append(f"lost {step.count}")
            elif isinstance(step, PoolRestarted):
                found.append("restart")
            else:
                found.append(step.pool_serial)
    return found


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param([10, 11, 12], [10, 11, 12], id="in order"),
        pytest.param([10, 11, 11, 12, 10], [10, 11, 12], id="repeated"),
        pytest.param([10, 15, 11, 12, 13, 14, 16], [10, 11, 12, 13, 14, 15, 16], id="head"),
        pytest.param([10, 12], [10], id="a hole waits for the next event"),
        pytest.param([10, 12, 13], [10, "lost 1", 12, 13], id="lost"),
        pytest.param([10, 41, 42], [10, "lost 30", 41, 42], id="overflow"),
        pytest.param([10, 12, 14, 15], [10, "lost 1", 12, "lost 1", 14, 15], id="two holes"),
        pytest.param([10, 12, 13, 11, 14], [10, "lost 1", 12, 13, 14], id="too late is lost"),
        pytest.param([5], [5], id="the first ever begins"),
    ],
)
def test_events_come_out_in_order(numbers, expected):
    """A hole is lost when a later event comes while it is open, and not before."""
    order = EventOrder()

    assert expected == words(order, *map(tick, numbers))


def test_foreign_events_at_the_head_show_no_loss():
    """Any number of foreign events may come before those that waited longer."""
    order = EventOrder()
    events = [tick(10), foreign(15), foreign(17), tick(11), tick(12), tick(13), tick(14)]

    assert [10, 11, 12, 13, 14, 15] == words(order, *events)
    assert [16, 17, 18] == words(order, tick(16), tick(18))
    assert 0 == order.lost


def test_foreign_event_before_the_first_of_ours_begins_nothing():
    """A rejected event that comes first does not hide those that waited before it."""
    assert [3, 4] == words(EventOrder(), foreign(9), tick(3), tick(4))


def test_reload_begins_at_zero_without_a_gap():
    """A low number with a higher serial is another pool of the same supervisord."""
    order = EventOrder()
    words(order, tick(10, 100), tick(11, 101))

    assert ["restart", 0, 1] == words(order, tick(0, 102), tick(1, 103))
    assert 0 == order.lost


def test_what_a_new_pool_lost_before_its_first_event_is_counted():
    """A new pool begins at 0, whatever of it arrives first."""
    order = EventOrder()
    words(order, tick(10, 100))

    assert ["restart", "lost 3", 3, 4] == words(order, tick(3, 104), tick(4, 105))


def test_another_supervisord_begins_at_zero():
    """Once it is known to be another supervisord, its low numbers are no repetition."""
    order = EventOrder()
    words(order, tick(10, 100))
    order.another_supervisord()

    assert [0, 1] == words(order, tick(0, 0), tick(1, 1))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([begins(0, 0), tick(1, 1)], ["restart", 0, 1], id="another supervisord"),
        pytest.param([tick(4, 40), tick(11, 101)], [11], id="rejected by another pool"),
        pytest.param([tick(10, 100), tick(11, 101)], [11], id="not acknowledged"),
        pytest.param([tick(11, 101), begins(0, 0)], [11], id="only before the first new one"),
    ],
)
def test_distrustful_listener_takes_a_beginning_for_a_new_pool(events, expected):
    """Who could not ask which supervisord it is goes by the event that begins a pool."""
    order = EventOrder.restore({"newest": 10, "serial": 100, "lost": 0})
    order.distrust()

    assert expected == words(order, *events)


def test_restored_order_counts_what_was_not_saved():
    """What was received after the last save and acknowledged shows as lost."""
    order = EventOrder()
    words(order, tick(10), tick(11))
    saved = order.save()
    words(order, tick(12), tick(13))
    restored = EventOrder.restore(saved)

    assert ["lost 2", 14, 15] == words(restored, tick(14), tick(15))
    assert 2 == restored.lost


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 30), min_size=1), st.randoms())
def test_each_event_comes_out_once_and_in_order(numbers, random):
    """Whatever the order of arrival, what comes out rises, and what does not is counted."""
    order = EventOrder()
    found = words(order, *(tick(number) for number in numbers), tick(98), tick(99))
    handed_on = [each for each in found if isinstance(each, int)]
    lost = sum(int(each.split()[1]) for each in found if isinstance(each, str))

    assert sorted(set(handed_on)) == handed_on
    assert order.lost == lost
    assert 100 - handed_on[0] == len(handed_on) + lost
