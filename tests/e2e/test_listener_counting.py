"""What the listener counts is what supervisord's own log says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.harness_programs import crasher, group, program, sleeper
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]


@pytest.mark.smoke
def test_restart_by_hand_has_the_cause_command(observe: Observe) -> None:
    """``supervisorctl restart`` is counted once a process, as a command, and differs in nothing."""
    observed = observe(
        program("web", sleeper(), numprocs=2, process_name="web%(process_num)d"),
        program("worker", sleeper()),
        program("other", sleeper()),
        group("site", "web"),
    ).settled()
    supervisord = observed.supervisord
    supervisord.ctl("restart", "site:*", "worker")
    observed.wait_for_value(2.0, "process_starts_total", "worker")
    observed.wait_until(
        lambda: (observed.report() or {}).get("reason") == "transition", "the burst is over"
    )
    samples = observed.metrics()

    for name in ("web0", "web1", "worker"):
        causes = samples.matching("supervisor_process_restarts_total", name=name)
        assert 2 == observed.logged_starts(name)
        assert 2.0 == samples.value("supervisor_process_starts_total", name=name)
        assert 1.0 == samples.value("supervisor_process_restarts_total", name=name, cause="command")
        assert 1.0 == sum(causes.values())
        assert 0.0 == sum(samples.matching("supervisor_process_exits_total", name=name).values())
    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total", name="other").values())
    assert {} == observed.differences()
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")


@pytest.mark.smoke
def test_crash_loop_is_counted_and_explained(observe: Observe) -> None:
    """Failed starts are as many as in the log; FATAL has the exit status that the log tells."""
    observed = observe(
        program("broken", crasher(status=3), startretries=2, startsecs=2),
        program("well", sleeper()),
    )
    difference = observed.wait_for_difference("broken:broken", "state", "FATAL")
    observed.wait_for_value(1.0, "process_fatal_total", "broken")
    samples = observed.metrics()
    failures, exits = observed.logged_ends("broken")

    assert 3 <= failures
    assert failures == samples.value("supervisor_process_start_failures_total", name="broken")
    assert exits == sum(samples.matching("supervisor_process_exits_total", name="broken").values())
    assert exits == samples.value("supervisor_process_starts_total", name="broken")
    assert 200.0 == samples.value("supervisor_process_state", name="broken")
    assert "RUNNING" == difference["expected"]
    assert "exit status 3" in difference["detail"]
    assert 3.0 == samples.value("supervisor_process_exit_status", name="broken")
    assert 1.0 == samples.value("supervisor_maint_diff_processes", kind="state")


def test_crash_loop_under_way_is_counted(observe: Observe) -> None:
    """A program that never comes up is counted at each try, and reported while it still moves."""
    observed = observe(
        program("broken", crasher(status=1), startretries=50, startsecs=2),
        settle="0.5s",
        settle_max="4s",
    )
    observed.wait_for_difference("broken:broken", "flapping")

    def as_logged() -> bool:
        failures = observed.value("process_start_failures_total", "broken")
        return 3 <= failures == observed.logged_ends("broken")[0]

    observed.wait_until(as_logged, "the failed starts are those in the log")

    assert 0.0 == observed.value("process_starts_total", "broken")
    assert 0.0 == observed.value("process_fatal_total", "broken")


def test_exits_are_counted_by_expectation(observe: Observe) -> None:
    """Exits, and the restarts that follow, are as many as in the log, by what was expected."""
    often = {"startsecs": 0, "autorestart": "true"}
    observed = observe(
        program("fine", crasher(seconds=1, status=0), **often),
        program("bad", crasher(seconds=1.1, status=7), **often),
        program("well", sleeper()),
    )
    observed.wait_for_at_least(4, "process_starts_total", "bad")
    observed.stop_for_good("fine", "bad")
    ended = {
        ("fine", "true"): r"exited: fine \(exit status 0; expected\)",
        ("bad", "false"): r"exited: bad \(exit status 7; not expected\)",
    }
    for (name, expected), pattern in ended.items():
        exits = observed.logged(pattern)
        starts = observed.logged_starts(name)

        assert exits >= 3
        observed.wait_for_value(starts, "process_starts_total", name)
        observed.wait_for_value(exits, "process_exits_total", name, expected=expected)
        observed.wait_for_value(starts - 1, "process_restarts_total", name, cause="exit")
        observed.wait_for_value(0.0, "process_restarts_total", name, cause="command")
    assert 0.0 == observed.value("process_exits_total", "fine", expected="false")
    assert 0.0 == observed.value("process_exits_total", "bad", expected="true")
    assert 0.0 == observed.value("process_downtime_seconds_total", "fine", cause="exit")
    assert 0.0 < observed.value("process_downtime_seconds_total", "bad", cause="exit")


def test_killed_program_is_an_exit(observe: Observe) -> None:
    """A program that a signal ends was not expected to end, and is down until it runs again."""
    observed = observe(program("worker", sleeper(), startsecs=1)).settled()
    observed.supervisord.crash("worker")
    observed.wait_for_value(1.0, "process_restarts_total", "worker", cause="exit")
    samples = observed.metrics()
    down = samples.value("supervisor_process_downtime_seconds_total", name="worker", cause="exit")

    assert 1.0 == samples.value("supervisor_process_exits_total", name="worker", expected="false")
    assert 0.0 < down
    observed.wait_until(
        lambda: (observed.report() or {}).get("reason") == "transition", "the burst is over"
    )
    assert {} == observed.differences()


def test_finished_one_shot_is_as_it_should_be(observe: Observe) -> None:
    """What has done its work is no difference, and a failed one says its exit status."""
    once = {"startsecs": 0, "autorestart": "false"}
    observed = observe(
        program("migrate", crasher(status=0), **once),
        program("sync", crasher(status=4), **once),
        program("later", sleeper(), autostart="false"),
    )
    difference = observed.wait_for_difference("sync:sync", "state", "EXITED")
    observed.wait_for_value(1.0, "process_exits_total", "migrate", expected="true")
    samples = observed.metrics()

    assert ["sync:sync"] == list(observed.differences())
    assert "exit status 4" in difference["detail"]
    assert 0.0 == samples.value("supervisor_process_wanted", name="migrate")
    assert 0.0 == samples.value("supervisor_process_exit_status", name="migrate")
    assert 1.0 == samples.value("supervisor_process_wanted", name="sync")
    assert 4.0 == samples.value("supervisor_process_exit_status", name="sync")
    assert 0.0 == samples.value("supervisor_process_wanted", name="later")
    assert samples.value("supervisor_process_exit_status", name="later") is None
