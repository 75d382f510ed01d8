"""What a permission pass did, for people: a table of paths, and a line or two for each rule."""

from __future__ import annotations

from supervisor_maint.cli import tables
from supervisor_maint.permissions.report import PassReport, PathResult, Result, RuleResult

_WORDS = {
    Result.FIXED: "fixed",
    Result.WOULD_FIX: "would be fixed",
    Result.FAILED: "failed",
    Result.SKIPPED: "left alone",
}
_HEADERS = ("rule", "path", "had", "wanted", "result", "why not")


def show(report: PassReport) -> None:
    """Print a pass."""
    if report.paths:
        has_reasons = any(path.reason for path in report.paths)
        columns = len(_HEADERS) if has_reasons else len(_HEADERS) - 1
        rows = (_row(path)[:columns] for path in report.paths)
        tables.show(tables.console(), _HEADERS[:columns], rows)
    if report.paths_left_out:
        print(f"and {report.paths_left_out} more\n")
    for rule in report.rules:
        print(counted(rule))


def _row(path: PathResult) -> tuple[str, ...]:
    return path.rule, path.path, path.had, path.wanted, _WORDS[path.result], path.reason


def counted(rule: RuleResult) -> str:
    """Say how many paths a rule met, and what is wrong with it as a whole."""
    left_alone = _WORDS[Result.SKIPPED]
    if rule.links:
        left_alone += f" ({rule.links} symbolic {'link' if rule.links == 1 else 'links'})"
    counts = {
        "as wanted": rule.ok,
        _WORDS[Result.FIXED]: rule.fixed,
        _WORDS[Result.WOULD_FIX]: rule.would_fix,
        _WORDS[Result.FAILED]: rule.failed,
        left_alone: rule.skipped,
    }
    met = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    told = f"{met or 'no path'}; {rule.problem}" if rule.problem else met or "no path"
    return f"{rule.rule}: {told}"
