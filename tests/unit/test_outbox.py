"""What is written next and when, decided without a loop, a thread or a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.facts import SinkStatus
from supervisor_maint.monitoring.outbox import Change, Outbox, backoff_seconds

AWAY = SinkError("nobody there")
REJECTED = SinkError("malformed", rejected=True)


@pytest.mark.parametrize(
    ("outage_seconds", "jitter", "expected"),
    [
        (0.0, 0.0, 0.5),
        (10.0, 0.0, 0.5),
        (30.0, 0.0, 1.5),
        (30.0, 1.0, 1.125),
        (600.0, 0.0, 30.0),
        (86400.0, 0.0, 30.0),
        (86400.0, 1.0, 22.5),
    ],
)
def test_backoff(outage_seconds: float, jitter: float, expected: float) -> None:
    """The rest before a write is a twentieth of the outage within bounds, less the jitter."""
    assert expected == pytest.approx(backoff_seconds(outage_seconds, jitter))


def test_only_the_newest_waits() -> None:
    """A report that is overtaken is dropped."""
    outbox = Outbox()
    outbox.put(b"old")
    outbox.put(b"new")

    assert (b"new", None) == (outbox.take(), outbox.take())


def test_failed_report_waits_again() -> None:
    """What failed is tried again when nothing newer came."""
    outbox = Outbox()
    outbox.refused(b"report", AWAY, now=10.0)

    assert outbox.wait_seconds(10.0, jitter=0.0) == 0.5
    assert outbox.take() == b"report"


def test_failed_report_is_dropped_for_a_newer_one() -> None:
    """What failed does not replace what came meanwhile."""
    outbox = Outbox()
    outbox.put(b"new")
    outbox.refused(b"old", AWAY, now=10.0)

    assert outbox.take() == b"new"


def test_rejected_report_is_not_tried_again() -> None:
    """A report that the sink said no to is given up, and the next may go at once."""
    outbox = Outbox()
    outbox.refused(b"report", REJECTED, now=10.0)

    assert outbox.take() is None
    assert outbox.wait_seconds(10.0, jitter=0.0) == 0.0


def test_status_counts_each_outcome() -> None:
    """The counts go on from those given, and the last error goes with a success."""
    outbox = Outbox(SinkStatus(ok=1, failed=2, rejected=3, last_success_at=5.0))
    outbox.refused(b"", AWAY, now=10.0)
    outbox.refused(b"", REJECTED, now=11.0)
    bad = outbox.status
    outbox.delivered(12.0)

    assert bad == SinkStatus(
        ok=1, failed=3, rejected=4, last_success_at=5.0, last_error="malformed"
    )
    assert outbox.status == SinkStatus(ok=2, failed=3, rejected=4, last_success_at=12.0)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([None, None], [Change.NOTHING, Change.NOTHING]),
        ([AWAY, AWAY, None], [Change.WENT_BAD, Change.NOTHING, Change.RECOVERED]),
        ([REJECTED, REJECTED, None], [Change.WENT_BAD, Change.NOTHING, Change.RECOVERED]),
        ([AWAY, REJECTED, REJECTED], [Change.WENT_BAD, Change.WENT_BAD, Change.NOTHING]),
        ([AWAY, None, AWAY], [Change.WENT_BAD, Change.RECOVERED, Change.WENT_BAD]),
    ],
)
def test_only_changes_are_worth_a_line(
    outcomes: list[SinkError | None], expected: list[Change]
) -> None:
    """An outage is told when it begins, when it becomes another, and when it ends."""
    outbox = Outbox()
    changes = [
        outbox.delivered(1.0) if error is None else outbox.refused(b"", error, 1.0)
        for error in outcomes
    ]

    assert expected == changes


def test_clock_that_jumps_back_does_not_matter() -> None:
    """A wait is never negative and never longer than its bounds."""
    outbox = Outbox()
    outbox.refused(b"", AWAY, now=1000.0)

    assert outbox.wait_seconds(0.0, jitter=0.0) == 0.5


def first_delivery_after(outage_seconds: float, hang_seconds: float, jitter: float) -> float:
    """Play an outage in which each write hangs; return when a report arrives after its end."""
    outbox, now = Outbox(), 0.0
    outbox.put(b"report")
    while now < outage_seconds:
        exposition = outbox.take() or b""
        now += hang_seconds
        outbox.refused(exposition, AWAY, now)
        now += outbox.wait_seconds(now, jitter)
    return now - outage_seconds


@given(
    outage_seconds=st.floats(0.0, 30.0),
    hang_seconds=st.floats(0.001, 3.0),
    jitter=st.floats(0.0, 1.0),
)
def test_newest_report_within_5_seconds(
    outage_seconds: float, hang_seconds: float, jitter: float
) -> None:
    """After up to 30 s of a hanging gateway the next write begins within 5 s of its return."""
    assert first_delivery_after(outage_seconds, hang_seconds, jitter) <= 5.0
