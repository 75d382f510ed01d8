"""What a permission pass did, for people: a table of paths, and a line or two for each rule."""

from __future__ import annotations

from supervisor_maint.cli.tables import console, table
from supervisor_maint.permissions.report import PassReport, PathResult, Result, RuleResult

_WORDS = {
    Result.FIXED: "fixed",
    Result.WOULD_FIX: "would be fixed",
    Result.FAILED: "failed",
    Result.SKIPPED: "left alone",
}


def show(report: PassReport) -> None:
    """Print a pass."""
    if report.paths:
        headers = ("rule", "path", "had", "wanted", "result")
        console().print(table(headers, map(_row, report.paths)))
    if report.paths_left_out:
        print(f"and {report.paths_left_out} more\n")
    for rule in report.rules:
        print(counted(rule))


def _row(path: PathResult) -> tuple[str, ...]:
    words = _WORDS[path.result]
    told = f"{words}: {path.reason}" if path.reason else words
    return path.rule, path.path, path.had, path.wanted, told


def counted(rule: RuleResult) -> str:
    """Say how many paths a rule met, and what is wrong with it as a whole."""
    counts = {
        "as wanted": rule.ok,
        _WORDS[Result.FIXED]: rule.fixed,
        _WORDS[Result.WOULD_FIX]: rule.would_fix,
        _WORDS[Result.FAILED]: rule.failed,
        _WORDS[Result.SKIPPED]: rule.skipped,
    }
    met = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    told = f"{met or 'no path'}; {rule.problem}" if rule.problem else met or "no path"
    return f"{rule.rule}: {told}"
