"""What the child that made a permission pass tells of it. Values only; no I/O here.

The child prints the document of its report, unless it was ended before or could not begin.
"""

from __future__ import annotations

import json

import attrs

from supervisor_maint.permissions.report import PassReport


@attrs.frozen(kw_only=True)
class PassEnd:
    """How the child ended: what it printed, and in words why, for when that is no report."""

    output: bytes = b""
    reason: str = ""


@attrs.frozen(kw_only=True)
class Pass:
    """One pass, seen from outside; times are seconds since the epoch.

    ``report`` is None when there is none, and ``problem`` says why.
    """

    started_at: float
    ended_at: float
    report: PassReport | None = None
    problem: str | None = None


def read(end: PassEnd, *, started_at: float, ended_at: float) -> Pass:
    """Return what a child that has ended tells of its pass."""
    report, problem = None, end.reason
    if end.output:
        try:
            report = PassReport.from_document(json.loads(end.output))
        except (AttributeError, ValueError) as error:
            problem = f"{end.reason}; {error}"
    return Pass(
        started_at=started_at,
        ended_at=ended_at,
        report=report,
        problem=None if report else problem,
    )
