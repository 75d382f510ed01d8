"""A planned restart in which something goes wrong: programs, steps, and what is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness_programs import free_port, http_server, program, sleeper, stubborn
from tests.e2e.observed import Observed, fragile
from tests.e2e.planned import (
    LOGS_STOPS,
    Runs,
    Webs,
    lines,
    outcome,
    plan,
    progress,
    readiness,
    step,
)

Observe = Callable[..., Observed]


def _broken_by(flag: Path) -> list[str]:
    script = f"test -e {flag} && echo no licence >&2 && exit 7; exec sleep infinity"
    return ["sh", "-c", script]


@pytest.mark.smoke
def test_programs_that_do_not_do_as_they_are_told(observe: Observe, tmp_path: Path) -> None:
    """One that ignores TERM is restarted all the same; one that does not start fails the run.

    What was restarted until then runs, and what came after it was not touched.
    """
    flag, slow_port = tmp_path / "flag", free_port()
    observed = observe(
        program("a_deaf", stubborn(), stopwaitsecs=2, startsecs=1),
        program("b_slow", http_server(slow_port, start_seconds=3), startsecs=1),
        program("c_broken", _broken_by(flag), startretries=1, startsecs=1),
        program("d_last", sleeper()),
        sinks=plan("nightly") + readiness("slow", "b_slow", slow_port),
        supervisord=LOGS_STOPS,
    ).settled()
    runs = Runs(observed)
    well = runs.run("nightly")

    assert ("succeeded", "") == outcome(well)
    assert 4 == len(runs.replaced())
    assert "killing 'a_deaf'" in observed.supervisord.log()

    run_id = runs.begin("nightly")
    flag.touch()
    failed = runs.finish(run_id)
    found, reason = outcome(failed)
    now = runs.processes()
    told = progress(failed)
    story = {(line["process"], line["text"]) for line in failed["story"]}

    assert "failed" == found
    assert "c_broken" in reason
    assert "FATAL" in reason
    assert ("c_broken", "ended last by exit status 7") in story
    assert ("c_broken", "wrote: no licence") in story
    assert {"a_deaf:a_deaf", "b_slow:b_slow"} == runs.replaced()
    assert ("FATAL", 0) == now["c_broken:c_broken"]
    assert runs.before["d_last:d_last"] == now["d_last:d_last"]
    assert ("failed", "waiting") == (told["c_broken:c_broken"], told["d_last:d_last"])
    observed.wait_for_value(1.0, "maint_runs_total", plan="nightly", result="failed")


def test_all_at_once_with_one_that_does_not_start(observe: Observe, tmp_path: Path) -> None:
    """Everything that the failed run had stopped is started."""
    webs, flag = Webs(3), tmp_path / "flag"
    observed = observe(
        webs.stanzas(),
        program("broken", fragile(flag), startretries=0, startsecs=1),
        sinks=plan("flat", strategy="all-at-once"),
        supervisord=LOGS_STOPS,
    ).settled()
    runs = Runs(observed)
    flag.touch()
    record = runs.run("flat")
    runs.wait_until_running(webs.namespecs)

    assert "failed" == outcome(record)[0]
    assert {*webs.namespecs} == runs.replaced()


def test_next_is_stopped_when_the_one_before_serves(observe: Observe) -> None:
    """RUNNING is not enough for a program that serves later than startsecs."""
    webs = Webs(2, start_seconds=2.5)
    observed = observe(
        webs.stanzas(), sinks=plan("nightly") + webs.readiness(), supervisord=LOGS_STOPS
    ).settled()
    runs = Runs(observed)
    record = runs.run("nightly")
    story = [
        (line["process"], line["text"]) for line in record["story"] if line["process"] is not None
    ]
    seen = runs.transitions()

    assert ("succeeded", "") == outcome(record)
    first, second = webs.names
    assert seen.first("success", first) < seen.first("killing", second)
    is_back = story.index((f"web:{first}", "is restarted"))
    assert is_back < story.index((f"web:{second}", "is being stopped"))
    assert min(record["downtime_seconds"].values()) > 2.5


def test_steps(observe: Observe, tmp_path: Path) -> None:
    """A step that hangs is ended, and means what on_failure says; exit 75 skips the run."""
    told = tmp_path / "told"
    tell = f"sh -c 'echo $MAINT_PLAN $MAINT_RESULT >> {told}'"
    sections = [
        plan("patient", pre="hanging-allowed", post="tell"),
        plan("strict", pre="hanging", post="tell"),
        plan("quiet", pre="not-today", post="tell"),
        step("hanging-allowed", "sleep infinity", timeout="1s", on_failure="continue"),
        step("hanging", "sleep infinity", timeout="1s"),
        step("not-today", "sh -c 'exit 75'"),
        step("tell", tell),
    ]
    observed = observe(program("worker", sleeper()), sinks="\n".join(sections)).settled()
    runs = Runs(observed)
    patient = runs.run("patient")
    replaced = runs.replaced()
    strict = runs.run("strict")
    left = runs.replaced()
    quiet = runs.run("quiet")

    assert ("succeeded", "") == outcome(patient)
    assert {"worker:worker"} == replaced
    assert ("hanging-allowed", "timed_out") == _step(patient)
    assert "failed" == outcome(strict)[0]
    assert "hanging" in outcome(strict)[1]
    assert ("hanging", "timed_out") == _step(strict)
    assert "skipped" == outcome(quiet)[0]
    assert "exit status 75" in outcome(quiet)[1]
    assert set() == left | runs.replaced()
    assert ["patient succeeded", "strict failed", "quiet skipped"] == lines(told)


def _step(record: dict[str, Any]) -> tuple[str, str]:
    first = record["run"]["steps"][0]
    return first["name"], first["outcome"]
