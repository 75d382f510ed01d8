"""The words after ``supervisorctl maint``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.supervisord import ctl_arguments

NOW = 1_800_000_000.0
LATER = "2030-01-02T03:04Z"
LATER_AT = datetime(2030, 1, 2, 3, 4, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--for 2h", (None, NOW + 7200, "")),
        ("--for 1.5 h nightly", None),
        ("nightly --for 90", ("nightly", NOW + 90, "")),
        (f"--until {LATER} --reason it's late", (None, LATER_AT, "it's late")),
        ("--until 2030-01-02 03:04+00:00", (None, LATER_AT, "")),
        ('nightly --reason "two  blanks"', ("nightly", None, "two  blanks")),
        ("--reason a b --for 1d", (None, NOW + 86400, "a b")),
    ],
)
def test_hold(line: str, expected: tuple[Any, ...] | None) -> None:
    """The end is a moment or a duration; a reason has every word up to the next option."""
    if expected is None:
        with pytest.raises(ValueError, match="expected a duration"):
            ctl_arguments.parse(f"hold {line}", NOW)
        return
    verb, args = ctl_arguments.parse(f"hold {line}", NOW)

    assert "hold" == verb
    assert dict(zip(("plan", "until_at", "reason"), expected)) == args


@given(st.text(max_size=30))
def test_any_text_is_answered(text: str) -> None:
    """What cannot be read is a ValueError, and nothing else."""
    try:
        verb, _ = ctl_arguments.parse(text, NOW)
    except ValueError as error:
        assert str(error)
    else:
        assert verb in {"status", "run", "hold", "resume", "cancel"}
