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


def _scheduled(observed: Observed, name: str) -> dict[str, Any]:
    """Wait for the record of a scheduled run of a plan."""

    def record() -> dict[str, Any] | None:
        run = observed.status()["maintenance"]["run"]
        is_it = run and run["plan"] == name and run["scheduled_at"] is not None
        return Runs(observed).over(run["id"]) if is_it else None

    found: dict[str, Any] = observed.wait_until(record, f"{name} has run", timeout=PATIENCE_SECONDS)
    return found


def test_due_plan_runs(observe: Observe, tmp_path: Path) -> None:
    """At the minute the plan runs, for that minute, once."""
    log = tmp_path / "restart.log"
    every_minute = plan("minutely", schedule="* * * * *", settle="0s", restart_log=log)
    observed = observe(
        program("worker", sleeper()), program("other", sleeper()), sinks=every_minute
    ).settled()
    runs = Runs(observed)
    next_at = observed.status()["maintenance"]["plans"]["minutely"]["next_start_at"]
    record = _scheduled(observed, "minutely")

    assert 0 == next_at % 60
    assert next_at == record["run"]["scheduled_at"]
    assert record["run"]["created_at"] >= next_at
    assert record["run"]["asked_by"] is None
    assert ("succeeded", "") == outcome(record)
    assert {"worker:worker", "other:other"} == runs.replaced()
    assert 1 == sum(record["run"]["id"] in line for line in lines(log))
    assert all("asked for" not in line for line in lines(log))


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
    record = _scheduled(observed, "patient")

    assert ("succeeded", "") == outcome(record)
    assert due_at <= record["run"]["scheduled_at"]
    assert "worker:worker" in runs.replaced()
