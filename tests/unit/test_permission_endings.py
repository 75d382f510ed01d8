"""What a pass's child told, as values: reports, and why there is none."""

from __future__ import annotations

import pytest

from supervisor_maint.permissions.endings import Pass, PassEnd, read
from supervisor_maint.permissions.report import RuleResult
from tests.fakes.permission_walk import mended, report, told

LOGS = RuleResult(rule="logs", ok=3, fixed=2, fixed_digest="d")
WEB = RuleResult(rule="web", failed=1, problem="owner 'web': there is no such user")


def test_report_is_read() -> None:
    """What the child printed is its report, whatever its exit status."""
    paths = mended("logs", "/a", "/b")
    found = read(told(LOGS, WEB, paths=paths), started_at=1.0, ended_at=9.0)

    assert Pass(started_at=1.0, ended_at=9.0, report=report(LOGS, WEB, paths=paths)) == found


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        (PassEnd(reason="ended by SIGKILL"), "ended by SIGKILL"),
        (PassEnd(output=b"{", reason="60 s passed; ended by SIGTERM"), "60 s passed; ended by"),
        (PassEnd(output=b"[]", reason="exit status 0"), "exit status 0; "),
        (PassEnd(output=b'"x"', reason="exit status 0"), "exit status 0; "),
        (PassEnd(output=b'{"version": 2}'), "expected version 1 of a pass report, found 2"),
        (PassEnd(output=b'{"version": 1}'), "expected a pass report"),
        (PassEnd(output=b"\xff", reason="exit status 1"), "exit status 1; "),
    ],
)
def test_pass_without_a_report(end: PassEnd, problem: str) -> None:
    """A child without a report is a pass with the reason in one sentence."""
    found = read(end, started_at=1.0, ended_at=9.0)

    assert problem in str(found.problem)
    assert Pass(started_at=1.0, ended_at=9.0, problem=found.problem) == found
