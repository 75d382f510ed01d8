"""Plans that the clock starts: the one that is due, and the one that was missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.harness_programs import program, sleeper
from tests.e2e.observed import Observed
from tests.e2e.planned import Runs, lines, outcome, plan

Observe = Callable[..., Observed]

# The next minute and what a run takes.
PATIENCE_SECONDS = 110


def _scheduled(observed: Observed, name: str, since_at: float) -> dict[str, Any]:
    """Wait for the record of a plan's run that was scheduled for a moment or later."""

    def record() -> dict[str, Any] | None:
        run = observed.status()["maintenance"]["run"]
        is_it = run and run["plan"] == name and (run["scheduled_at"] or 0.0) >= since_at
        return Runs(observed).over(run["id"]) if is_it else None

    found: dict[str, Any] = observed.wait_until(record, f"{name} has run", timeout=PATIENCE_SECONDS)
    return found


def test_due_plan_runs(observe: Observe, tmp_path: Path) -> None:
    """From the next minute on, the plan runs for each minute once."""
    log = tmp_path / "restart.log"
    every_minute = plan("minutely", schedule="* * * * *", settle="0s", restart_log=log)
    observed = observe(program("worker", sleeper()), program("other", sleeper())).settled()
    runs, since_at = Runs(observed), time.time()
    observed.configure(sinks=every_minute)
    observed.command("reload")
    record = _scheduled(observed, "minutely", since_at)
    run_id, scheduled_at = f"run {record['run']['id']}", record["run"]["scheduled_at"]
    observed.wait_until(lambda: run_id in "".join(lines(log)), "the run has its line")

    assert 0 == scheduled_at % 60
    assert scheduled_at <= record["run"]["created_at"]
    assert record["run"]["asked_by"] is None
    assert ("succeeded", "") == outcome(record)
    assert {"worker:worker", "other:other"} == runs.replaced()
    assert 1 == sum(run_id in line for line in lines(log))
    assert "asked for" not in "".join(lines(log))


def test_plan_missed_while_the_listener_was_away(observe: Observe) -> None:
    """What was due while no listener ran is done within start_within, and skipped after it."""
    plans = [
        plan("strict", schedule="* * * * *", start_within="1s", programs="other", settle="0s"),
        plan("patient", schedule="* * * * *", start_within="59s", programs="worker", settle="0s"),
    ]
    observed = observe(
        program("worker", sleeper()), program("other", sleeper()), sinks="\n".join(plans)
    ).settled()
    runs = Runs(observed)
    observed.supervisord.ctl("stop", "maint")
    due_at = (int(time.time()) // 60 + 1) * 60
    runs.remember()
    observed.wait_until(lambda: time.time() > due_at + 2, "the minute is over", timeout=70)
    observed.supervisord.ctl("start", "maint")
    observed.wait_for_at_least(1.0, "maint_runs_total", plan="strict", result="skipped")
    record = _scheduled(observed, "patient", due_at)

    assert ("succeeded", "") == outcome(record)
    assert "worker:worker" in runs.replaced()
