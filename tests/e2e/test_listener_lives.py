"""Groups and supervisords come and go: what an operator did is wanted, the rest is a difference."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.e2e.harness import is_alive
from tests.e2e.harness_programs import program, sleeper
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]


@pytest.mark.smoke
def test_groups_come_and_go_with_update(observe: Observe) -> None:
    """What ``update`` adds and removes has series, or none, and is wanted as the operator did."""
    observed = observe(program("old", sleeper()), program("stays", sleeper())).settled()
    before, began_at = observed.metrics(), time.time()
    observed.supervisord.update(
        observed.stanza(),
        program("stays", sleeper()),
        program("new", sleeper()),
        program("idle", sleeper(), autostart="false"),
    )
    observed.wait_for_value(1.0, "process_starts_total", "new")
    observed.wait_for_value(1.0, "process_wanted", "new")
    observed.wait_for_report_after(began_at)
    observed.wait_for_no_difference()
    samples = observed.metrics()

    assert [] == [series for series in samples if 'name="old"' in series]
    assert 0.0 == samples.value("supervisor_process_wanted", name="idle")
    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total").values())
    assert 1.0 == samples.value("supervisor_process_starts_total", name="stays")
    for event, count in {"PROCESS_GROUP_ADDED": 2, "PROCESS_GROUP_REMOVED": 1}.items():
        known = before.value("supervisor_maint_events_total", event=event)
        assert known + count == samples.value("supervisor_maint_events_total", event=event)
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")


def test_configuration_read_but_not_applied_differs(observe: Observe) -> None:
    """A program whose change was read and not applied is a difference until it is applied."""
    observed = observe(program("worker", sleeper(), startsecs=0)).settled()
    file = observed.supervisord.config_file
    changed = file.read_text(encoding="utf-8") + program("extra", sleeper(), startsecs=0)
    file.write_text(changed.replace("stopwaitsecs=10", "stopwaitsecs=7"), encoding="utf-8")
    observed.supervisord.ctl("update", "extra")
    difference = observed.wait_for_difference("worker:worker", "config", "changed: stopwaitsecs")

    assert "read, not applied" == difference["detail"]

    observed.supervisord.ctl("update", "worker")
    observed.wait_until(lambda: "worker:worker" not in observed.differences(), "it is applied")
    observed.wait_for_value(1.0, "process_wanted", "worker")


def test_reload_is_reported_and_not_undone(observe: Observe) -> None:
    """``reload`` runs what an operator had stopped, and stops what he had started: differences."""
    observed = observe(
        program("worker", sleeper()),
        program("resting", sleeper()),
        program("manual", sleeper(), autostart="false"),
    ).settled()
    observed.supervisord.ctl("stop", "resting")
    observed.supervisord.ctl("start", "manual")
    observed.wait_for_value(0.0, "process_wanted", "resting")
    observed.wait_for_value(1.0, "process_wanted", "manual")
    observed.supervisord.reload()
    resting = observed.wait_for_difference("resting:resting", "state", "RUNNING")
    manual = observed.wait_for_difference("manual:manual", "state", "STOPPED")
    observed.wait_for_value(2.0, "process_starts_total", "worker")
    samples = observed.metrics()

    assert {"resting:resting", "manual:manual"} == set(observed.differences())
    assert ("STOPPED", "RUNNING") == (resting["expected"], manual["expected"])
    assert "RUNNING" == observed.supervisord.state("resting")
    assert "supervisord_start" == observed.report()["reason"]
    assert 2.0 == samples.value("supervisor_process_starts_total", name="resting")
    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total").values())


@pytest.mark.smoke
def test_killed_supervisord_is_another_life(observe: Observe) -> None:
    """After a crash of supervisord counts go on, first starts are no restarts, and it differs."""
    observed = observe(program("worker", sleeper()), program("resting", sleeper())).settled()
    supervisord = observed.supervisord
    supervisord.ctl("stop", "resting")
    observed.wait_for_value(0.0, "process_wanted", "resting")
    before, listener = supervisord.pid, supervisord.listener_pid()
    supervisord.kill()
    observed.wait_until(lambda: not is_alive(listener), "the listener has left")
    supervisord.start()
    difference = observed.wait_for_difference("resting:resting", "state", "RUNNING")
    observed.wait_for_value(2.0, "process_starts_total", "worker")
    samples = observed.metrics()

    assert before != supervisord.pid
    assert "STOPPED" == difference["expected"]
    assert {"resting:resting"} == set(observed.differences())
    assert 2.0 == samples.value("supervisor_process_starts_total", name="resting")
    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total").values())
    assert 0.0 < samples.value(
        "supervisor_process_downtime_seconds_total", name="worker", cause="exit"
    )
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")
    assert 0.0 == sum(samples.matching("supervisor_maint_errors_total").values())
    assert "Traceback" not in observed.log()


def test_orderly_restart_of_supervisord_differs_where_it_should(observe: Observe) -> None:
    """After stop and start of supervisord nothing counts as crashed, and the diff is right."""
    observed = observe(program("worker", sleeper()), program("resting", sleeper())).settled()
    supervisord = observed.supervisord
    supervisord.ctl("stop", "resting")
    observed.wait_for_value(0.0, "process_wanted", "resting")
    supervisord.shutdown()
    supervisord.start()
    observed.wait_for_difference("resting:resting", "state", "RUNNING")
    observed.wait_for_value(2.0, "process_starts_total", "worker")
    samples = observed.metrics()

    assert {"resting:resting"} == set(observed.differences())
    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total").values())
    assert 0.0 == sum(samples.matching("supervisor_process_exits_total", name="worker").values())
    assert 0.0 == sum(
        samples.matching("supervisor_process_downtime_seconds_total", name="worker").values()
    )
