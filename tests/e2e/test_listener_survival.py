"""The listener under everything that happens to it: killed, doubled, stopped, misconfigured."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import crasher, program, sleeper
from tests.e2e.harness_servers import Samples
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]

KILLS = 20
SEED = 20


def test_counts_survive_twenty_kills(observe: Observe) -> None:
    """A listener killed 20 times never counts too much, and too little only with events lost."""
    often = {"startsecs": 0, "autorestart": "true"}
    observed = observe(
        program("quick", crasher(seconds=0.3, status=1), **often),
        program("slow", crasher(seconds=0.8, status=0), **often),
        program("failing", crasher(status=2), startretries=1000, startsecs=2),
        program("worker", sleeper(), startsecs=0),
    )
    chance = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.9))  # in its start, its settling, or its rest
        observed.supervisord.rpc.supervisor.stopProcess("worker")
        observed.supervisord.rpc.supervisor.startProcess("worker")
        time.sleep(chance.uniform(0.0, 0.02))  # while it hears of that
        observed.kill_listener()
    observed.stop_for_good("quick", "slow", "failing")
    ticks = observed.wait_until(
        lambda: observed.value("maint_events_total", event="TICK_5"), "a tick was heard"
    )
    # At the second tick from now everything that events or snapshots tell is counted.
    observed.wait_until(
        lambda: observed.value("maint_events_total", event="TICK_5") >= ticks + 2, "time passes"
    )
    samples = observed.metrics()
    counted, truth = _counted(samples), _truth(observed)

    assert KILLS <= observed.logged(r"exited: maint \(terminated by SIGKILL")
    assert [] == [key for key in truth if counted[key] > truth[key]]
    if counted != truth:
        assert 0.0 < samples.value("supervisor_maint_events_lost_total")


def _counted(samples: Samples) -> dict[str, float]:
    """Return what the listener counts, a name each."""
    restarts = "supervisor_process_restarts_total"
    counted = {
        f"{name} starts": samples.value("supervisor_process_starts_total", name=name)
        for name in ("quick", "slow", "failing", "worker")
    }
    return {
        **counted,
        "quick exits": sum(
            samples.matching("supervisor_process_exits_total", name="quick").values()
        ),
        "slow exits": sum(samples.matching("supervisor_process_exits_total", name="slow").values()),
        "quick restarts": samples.value(restarts, name="quick", cause="exit"),
        "slow restarts": samples.value(restarts, name="slow", cause="exit"),
        "worker restarts": samples.value(restarts, name="worker", cause="command"),
        "failing failures": samples.value(
            "supervisor_process_start_failures_total", name="failing"
        ),
    }


def _truth(observed: Observed) -> dict[str, int]:
    """Return what supervisord's log says, by the same names."""
    starts = {name: observed.logged_starts(name) for name in ("quick", "slow", "failing", "worker")}
    return {
        **{f"{name} starts": count for name, count in starts.items()},
        "quick exits": observed.logged_ends("quick")[1],
        "slow exits": observed.logged_ends("slow")[1],
        "quick restarts": starts["quick"] - 1,
        "slow restarts": starts["slow"] - 1,
        "worker restarts": starts["worker"] - 1,
        "failing failures": observed.logged_ends("failing")[0],
    }


@pytest.mark.smoke
def test_stop_and_shutdown_are_quick_and_quiet(observe: Observe) -> None:
    """The listener leaves within a second of SIGTERM with exit status 0, and says nothing."""
    observed = observe(program("worker", sleeper())).settled()
    supervisor = observed.supervisord.rpc.supervisor
    began_at = time.monotonic()
    supervisor.stopProcess("maint")
    took_seconds = time.monotonic() - began_at
    supervisor.startProcess("maint")
    observed.wait_until(observed.metrics, "it is back")
    observed.supervisord.shutdown()

    assert 3.0 > took_seconds  # one, and a loaded machine
    assert 2 == observed.logged(r"stopped: maint \(exit status 0\)")
    assert 0 == observed.logged("killing 'maint'")
    assert not re.search("Traceback|ERROR|WARNING", observed.log())


def test_second_listener_says_who_is_there(observe: Observe) -> None:
    """A second listener with the same state ends with 2, and the first goes on undisturbed."""
    observed = observe(program("worker", sleeper())).settled()
    pid = observed.supervisord.listener_pid()
    observed.supervisord.update(
        observed.stanza(),
        program("worker", sleeper()),
        observed.stanza("twin", priority=-8, startsecs=1, startretries=0),
    )
    observed.supervisord.wait_for_state("twin", "FATAL")

    assert 1 == observed.logged(r"exited: twin \(exit status 2; not expected\)")
    assert f"pid {pid}" in observed.supervisord.text("twin.stderr.log")
    assert 1 == len(observed.supervisord.text("twin.stderr.log").splitlines())
    assert pid == observed.supervisord.listener_pid()


def test_bad_configuration_is_told_whole(
    start_supervisord: Callable[..., RealSupervisord], tmp_path: Path
) -> None:
    """With bad settings the listener ends with 2 before READY, every problem in its log."""
    observed = Observed(
        tmp_path, settings="settel=3s\nlog_level=loud", sinks="[sink:pushgatway]\nurl=x\n"
    )
    supervisord = start_supervisord(observed.stanza(startsecs=1, startretries=0), loglevel="debug")
    supervisord.wait_for_state("maint", "FATAL")
    log = supervisord.text("maint.stderr.log")

    assert "exited: maint (exit status 2; not expected)" in supervisord.log()
    assert "READY" not in supervisord.log()
    for key, hint in {"settel": "settle", "log_level": "loud", "pushgatway": "pushgateway"}.items():
        assert re.search(f"{re.escape(str(observed.config))}.*{key}.*{hint}", log)
    assert "Traceback" not in log
