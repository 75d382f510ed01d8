"""A planned restart as it should go: who is restarted, how many at once, and what is kept of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness_programs import crasher, program, sleeper
from tests.e2e.observed import Observed
from tests.e2e.planned import (
    LOGS_STOPS,
    Prober,
    Runs,
    Webs,
    lines,
    outcome,
    plan,
    progress,
)

Observe = Callable[..., Observed]

ONCE = {"killing": 1, "spawned": 1, "success": 1}


def _restarts(runs: Runs, webs: Webs) -> dict[str, dict[str, int]]:
    """Count in supervisord's log what was done to each web server."""
    seen = runs.transitions()
    return {name: {what: seen.count(what, name) for what in ONCE} for name in webs.names}


@pytest.mark.smoke
def test_rolling_run_of_twelve(observe: Observe, tmp_path: Path) -> None:
    """Each of twelve is restarted once, one at a time, and everything kept says so."""
    webs, log = Webs(12), tmp_path / "restart.log"
    nightly = plan("nightly", programs="web:*", restart_log=log)
    observed = observe(
        webs.stanzas(), sinks=nightly + webs.readiness(), supervisord=LOGS_STOPS
    ).settled()
    runs = Runs(observed)
    with Prober(webs) as prober:
        record = runs.run("nightly")
    run_id, shown = record["run"]["id"], observed.command("history", "--json")
    observed.wait_for_value(1.0, "maint_runs_total", plan="nightly", result="succeeded")
    observed.wait_for_value(0.0, "maint_in_progress", plan="nightly")
    observed.wait_until(lambda: lines(log), "the run has its line")

    assert ("succeeded", "") == outcome(record)
    assert dict.fromkeys(webs.namespecs, "done") == progress(record)
    assert dict.fromkeys(webs.names, ONCE) == _restarts(runs, webs)
    assert 1 == runs.transitions().most_away(webs.names)
    assert dict.fromkeys(webs.names, 2) == prober.pids()
    assert prober.most_away() <= 1
    assert [run_id] == [run["run"]["id"] for run in json.loads(shown.stdout)["runs"]]
    assert {*webs.namespecs} == {*record["downtime_seconds"]}
    assert [] == record["differences"]
    (line,) = lines(log)
    assert re.search(
        rf"nightly succeeded \(asked for by .*12 of 12 restarted, .*run {run_id}", line
    )
    for name in webs.names:
        observed.wait_for_value(1.0, "process_restarts_total", name, cause="maintenance")
        assert 0.0 == observed.value("process_restarts_total", name, cause="command")
    closed_at = observed.value("maint_window_deadline_timestamp_seconds") or 0.0
    assert closed_at == pytest.approx(record["run"]["ended_at"])
    assert closed_at <= time.time()


def test_share_and_all_at_once(observe: Observe) -> None:
    """With 25% three of twelve are away, never four; all-at-once starts nothing before the last
    has stopped."""
    webs = Webs(12)
    plans = plan("share", max_unavailable="25%") + plan("flat", strategy="all-at-once")
    observed = observe(
        webs.stanzas(), sinks=plans + webs.readiness(), supervisord=LOGS_STOPS
    ).settled()
    runs = Runs(observed)
    with Prober(webs) as prober:
        share = runs.run("share")

    assert ("succeeded", "") == outcome(share)
    assert dict.fromkeys(webs.names, ONCE) == _restarts(runs, webs)
    assert 3 == runs.transitions().most_away(webs.names)
    assert prober.most_away() <= 3
    assert dict.fromkeys(webs.names, 2) == prober.pids()

    flat = runs.run("flat")
    seen = runs.transitions()

    assert ("succeeded", "") == outcome(flat)
    assert dict.fromkeys(webs.names, ONCE) == _restarts(runs, webs)
    assert 12 == seen.most_away(webs.names)
    last_stop = max(seen.first("killing", name) for name in webs.names)
    assert last_stop < min(seen.first("spawned", name) for name in webs.names)
    # what the second run did has replaced nothing that the first had counted
    observed.wait_for_value(2.0, "process_restarts_total", "web_00", cause="maintenance")


def test_others_are_left_as_they_are(observe: Observe) -> None:
    """What is excluded, STOPPED, FATAL or EXITED stays so, and is told with the reason."""
    webs = Webs(2)
    observed = observe(
        webs.stanzas(),
        program("postgres", sleeper()),
        program("resting", sleeper(), autostart="false"),
        program("stopped", sleeper()),
        program("broken", crasher(status=3), startretries=0, startsecs=2),
        program("finished", crasher(status=0), startsecs=0, autorestart="false"),
        sinks=plan("nightly", exclude="postgres", max_unavailable=2),
        supervisord=LOGS_STOPS,
    )
    supervisord = observed.supervisord
    supervisord.ctl("stop", "stopped")
    supervisord.wait_for_state("broken", "FATAL")
    observed.settled()
    runs = Runs(observed)
    record = runs.run("nightly")
    reasons = {each["namespec"]: each["reason"] for each in record["run"]["left_alone"]}
    now = runs.processes()

    assert ("succeeded", "") == outcome(record)
    assert {*webs.namespecs} == runs.replaced()
    for name in ("postgres", "resting", "stopped", "broken", "finished"):
        assert runs.before[f"{name}:{name}"] == now[f"{name}:{name}"]
    assert {
        "postgres:postgres": "excluded by 'postgres'",
        "resting:resting": "it was STOPPED before",
        "stopped:stopped": "it was STOPPED before",
        "broken:broken": "it was FATAL before",
        "finished:finished": "it was EXITED before",
        "maint:maint": "it belongs to this listener's own group",
    } == reasons
