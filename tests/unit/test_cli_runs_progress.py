"""The progress of a run in a terminal and without one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from supervisor_maint.cli.progress import Progress
from tests.fakes.planning import published_run, target

NOW = 1_000_005.0
GONE = "the listener is gone; the run goes on when supervisord has started it again"


def follow(
    *looks: dict[str, Any] | None,
    terminal: bool = False,
    height: int = 30,
    troubles: Sequence[str] = (),
) -> tuple[Any, str]:
    """Follow a run through these looks; return what comes back and what was printed."""
    shown, told = iter(looks), iter(troubles)
    out = Console(
        file=io.StringIO(), force_terminal=terminal, width=120, height=height, color_system=None
    )
    progress = Progress(
        run_id="abc",
        published=lambda: next(shown),
        trouble=lambda: next(told, ""),
        out=out,
        zone=ZoneInfo("Asia/Tokyo"),
        clock=lambda: NOW,
        sleep=lambda _seconds: None,
    )
    found = progress.follow()
    assert isinstance(out.file, io.StringIO)
    return found, out.file.getvalue()


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_plain_lines_come_once() -> None:
    """Without a terminal each line of the story is printed once, with its time in the zone."""
    done = published_run("succeeded", ("preparing", "restarting", "succeeded"))

    found, printed = follow(
        published_run("preparing", ("preparing",)),
        published_run("restarting", ("preparing", "restarting")),
        published_run("restarting", ("preparing", "restarting")),
        done,
    )

    assert found is done
    assert [
        "1970-01-12 22:46:40 JST preparing",
        "1970-01-12 22:46:41 JST restarting",
        "1970-01-12 22:46:42 JST succeeded",
    ] == lines(printed)


def test_process_is_named_and_brackets_are_no_markup() -> None:
    """A line about a process begins with its name, as it is."""
    line = {"number": 0, "at": 1_000_000.0, "process": "web[bold]", "text": "is restarted"}

    _, printed = follow({**published_run("succeeded"), "story": [line]})

    assert ["1970-01-12 22:46:40 JST web[bold] is restarted"] == lines(printed)


@pytest.mark.parametrize("other", [None, published_run("pending", id="def")])
@pytest.mark.parametrize("terminal", [False, True])
def test_another_run_ends_the_watching(other: dict[str, Any] | None, terminal: bool) -> None:
    """When the listener shows another run, or none, there is nothing more to follow."""
    found, _ = follow(published_run("restarting"), other, terminal=terminal)

    assert None is found


def test_listener_that_is_gone_is_told_once() -> None:
    """Who watches learns that the listener is gone, and goes on when it is back."""
    _, printed = follow(
        published_run("restarting", ("restarting",)),
        published_run("restarting", ("restarting",)),
        published_run("restarting", ("restarting",)),
        published_run("restarting", ("restarting", "goes on")),
        published_run("succeeded", ("restarting", "goes on", "succeeded")),
        troubles=["", GONE, GONE, ""],
    )

    told = [line.partition(" JST ")[2] or line for line in lines(printed)]
    assert ["restarting", GONE, "goes on", "succeeded"] == told


def test_live_table() -> None:
    """A terminal shows each process with its batch, how long it is away, and what is expected."""
    _, printed = follow(
        published_run("restarting"), published_run("succeeded"), terminal=True, height=40
    )

    shown = lines(printed)
    assert "run abc of nightly: restarting, 5s of about 12s; 1 of 2 restarted" in shown[0]
    assert "batch process progress away for about reason" in shown
    assert "1 a done 1.5s 1.5s" in shown
    assert "2 b stopping 4.0s 1.5s" in shown
    assert any("run abc of nightly: succeeded, 9s; 1 of 2 restarted" in line for line in shown)


def test_live_head_says_why() -> None:
    """A run that waits says for what; one that ended says why."""
    _, printed = follow(
        published_run("pending", targets=[], blockers=["nightly is held"], expected_seconds=None),
        published_run("skipped", targets=[], reason="nightly is held"),
        terminal=True,
    )

    shown = " / ".join(lines(printed))
    assert "run abc of nightly: pending, 5s" in shown
    assert "waits: nightly is held" in shown
    assert "run abc of nightly: was skipped, 9s" in shown


def test_live_table_of_a_crowd_shows_what_is_under_way() -> None:
    """With more processes than lines, what failed or is under way is shown."""
    crowd = [target(f"p{number}", number, "done") for number in range(1, 50)]
    crowd += [target("late", 50, "stopping"), target("bad", 51, "failed", reason="it is FATAL")]

    _, printed = follow(published_run("failed", targets=crowd), terminal=True, height=15)

    shown = lines(printed)
    assert "50 late stopping 8.0s 1.5s" in shown
    assert "51 bad failed - 1.5s it is FATAL" in shown
    assert "and 46 more" in shown
