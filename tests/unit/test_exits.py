"""The ends of processes in supervisord's log."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.processes import Namespec
from supervisor_maint.supervisord.exits import ExitFact, ambiguous_names, attribute, parse_exits

UTC = timezone.utc
STAMP = "2026-01-31 03:00:00,250"
AT = datetime(2026, 1, 31, 3, 0, 0, 250_000, tzinfo=UTC).timestamp()


def _fact(name: str = "web_1", **changes: object) -> ExitFact:
    return ExitFact(name=name, logged_at=AT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "WARN exited: web_1 (exit status 1; not expected)",
            _fact(exit_status=1, expected=False),
        ),
        ("INFO exited: web_1 (exit status 0; expected)", _fact(exit_status=0, expected=True)),
        (
            "WARN exited: web_1 (terminated by SIGKILL; not expected)",
            _fact(signal="SIGKILL", expected=False),
        ),
        (
            "WARN exited: web_1 (terminated by SIGSEGV (core dumped); not expected)",
            _fact(signal="SIGSEGV", core_dumped=True, expected=False),
        ),
        (
            "WARN exited: web_1 (terminated by signal 40; not expected)",
            _fact(signal="signal 40", expected=False),
        ),
        (
            "WARN exited: web_1 (unknown termination cause 0x137f; not expected)",
            _fact(expected=False),
        ),
        ("INFO stopped: web_1 (exit status 0)", _fact(exit_status=0, stopped=True)),
        ("WARN stopped: web_1 (terminated by SIGTERM)", _fact(signal="SIGTERM", stopped=True)),
        (
            "INFO exited: bödögä(1) (exit status 0; expected)",
            _fact("bödögä(1)", exit_status=0, expected=True),
        ),
    ],
)
def test_line_is_read(line: str, expected: ExitFact) -> None:
    """Each form of line that supervisord writes."""
    assert {expected.name: expected} == parse_exits(f"{STAMP} {line}\n", UTC)


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} INFO spawned: 'web_1' with pid 4711",
        f"{STAMP} INFO spawnerr: can't find command '/bin/absent'",
        f"{STAMP} INFO gave up: web_1 entered FATAL state, too many start retries too quickly",
        f"{STAMP} INFO success: web_1 entered RUNNING state, process has stayed up",
        f"{STAMP} WARN exited: web_1 (exit status 1; not exp",
        "00:00,250 WARN exited: web_1 (exit status 1; not expected)",
        f"DEBG: {STAMP} WARN exited: web_1 (exit status 1; not expected)",
        "exited: web_1 (exit status 1; not expected)",
        "",
    ],
)
def test_other_and_cut_lines_are_left_out(line: str) -> None:
    """What tells no end, and lines cut at either end, are no facts."""
    assert {} == parse_exits(line, UTC)


def test_newest_fact_wins_and_giving_up_keeps_it() -> None:
    """FATAL after three failed starts keeps the last exit status; a stop replaces an exit."""
    log = (
        f"{STAMP} WARN exited: a (exit status 1; not expected)\n"
        f"{STAMP} WARN exited: b (exit status 9; not expected)\n"
        f"{STAMP} WARN exited: a (exit status 2; not expected)\n"
        f"{STAMP} INFO gave up: a entered FATAL state, too many start retries too quickly\n"
        f"{STAMP} INFO stopped: b (exit status 0)\n"
    )

    assert {
        "a": _fact("a", exit_status=2, expected=False),
        "b": _fact("b", exit_status=0, stopped=True),
    } == parse_exits(log, UTC)


def test_time_is_in_supervisords_zone() -> None:
    """The log has local times; the zone makes an instant of them."""
    line = f"{STAMP} INFO exited: a (exit status 0; expected)"
    tokyo = timezone(timedelta(hours=9))

    assert AT - 9 * 3600 == parse_exits(line, tokyo)["a"].logged_at


def test_shared_name_is_given_to_nobody() -> None:
    """The log names no group, so a name in two groups says nothing of either."""
    everyone = [Namespec("x", "a"), Namespec("y", "a"), Namespec("y", "b"), Namespec("y", "c")]
    facts = {"a": _fact("a"), "b": _fact("b"), "unknown": _fact("unknown")}

    assert frozenset({"a"}) == ambiguous_names([*everyone, *everyone])
    assert {Namespec("y", "b"): _fact("b")} == attribute(facts, everyone)


LOG = (
    f"{STAMP} INFO spawned: 'a' with pid 1\n"
    f"{STAMP} WARN exited: a (exit status 1; not expected)\n"
    f"{STAMP} WARN exited: b (terminated by SIGKILL; not expected)\n"
)


@given(st.integers(0, len(LOG)), st.integers(0, len(LOG)))
def test_any_piece_of_a_log_tells_only_what_is_in_it(start: int, end: int) -> None:
    """A tail may begin and end anywhere: it tells fewer facts, never other ones."""
    whole = parse_exits(LOG, UTC)
    piece = parse_exits(LOG[start:end], UTC)

    assert piece.items() <= whole.items()


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Nothing that a log may hold raises."""
    line = f"{STAMP} WARN exited: {text}"

    assert all(name in text for name in parse_exits(text, UTC))
    assert all(name in line for name in parse_exits(line, UTC))
