"""Rules for the logs that supervisord names: which are mended, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor_maint.permissions import passes
from supervisor_maint.permissions.rules import SUPERVISOR_LOGS, Missing
from tests.fakes.permission_passes import make_file, make_tree, mend, mode_of
from tests.fakes.permissions import rule


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def test_logs_of_supervisord_are_mended(tree: Path) -> None:
    """A rule for logs is about the regular files that supervisord names."""
    (tree / "link.log").symlink_to(tree / "one/b.log")
    logs = [str(tree / "a.log"), "/dev/stdout", "syslog", "NONE", "", str(tree / "link.log")]
    logs += [str(tree / "gone.log"), str(tree / "a.log"), "/proc/self/status", str(tree)]
    report = mend(rule(SUPERVISOR_LOGS, mode="0600"), supervisor_logs=logs)

    assert (1, 0) == (report.rules[0].fixed, report.rules[0].skipped)
    assert (0o600, 0o644) == (mode_of(tree / "a.log"), mode_of(tree / "one/b.log"))


def test_log_by_a_way_round_is_mended(tree: Path) -> None:
    """A log whose path goes back, as after ``%(here)s/..``, keeps nothing from being looked at."""
    logs = [f"{tree}/one/../a.log", f"{tree}/./one//b.log", f"{tree}/a.log"]
    (found,) = mend(rule(SUPERVISOR_LOGS, mode="0600"), supervisor_logs=logs).rules

    assert (2, 0, None) == (found.fixed, found.ok, found.problem)


def test_log_by_a_way_round_a_link_is_a_problem(tree: Path) -> None:
    """Where the way back begins at a link, the path without it is another file's: it is left."""
    (tree / "link").symlink_to(tree / "one/two")
    make_file(tree / "b.log")
    logs = [f"{tree}/link/../b.log"]
    (found,) = mend(rule(SUPERVISOR_LOGS, mode="0600"), supervisor_logs=logs).rules

    assert 0 == found.seen
    assert found.problem is not None
    assert found.problem.startswith(f"{tree}/link/../b.log: '..' after a symbolic link")


def test_log_that_vanishes_is_not_all_of_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is rotated away at that moment is nothing while the others are there."""
    monkeypatch.setattr(passes, "_is_regular", lambda _path: True)
    logs = [str(tree / "a.log"), str(tree / "gone.log")]
    wanted = rule(SUPERVISOR_LOGS, mode="0600", missing=Missing.REPORT)
    (found,) = mend(wanted, supervisor_logs=logs).rules
    (none,) = mend(wanted, supervisor_logs=logs[1:]).rules

    assert (1, None) == (found.fixed, found.problem)
    assert f"nothing is there: {SUPERVISOR_LOGS}" == none.problem


def test_logs_that_could_not_be_asked_for_are_a_problem() -> None:
    """Without an answer of supervisord a rule for logs says so."""
    (found,) = mend(rule(SUPERVISOR_LOGS, mode="0600")).rules

    assert found.problem is not None
    assert found.problem.startswith("supervisord could not be asked")
