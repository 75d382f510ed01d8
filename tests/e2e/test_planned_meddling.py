"""Planned restarts, and people and other listeners who stop and start things meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.e2e.harness_programs import free_port, program, sleeper, stubborn
from tests.e2e.observed import Observed
from tests.e2e.planned import LOGS_STOPS, Runs, Webs, outcome, plan, progress

Observe = Callable[..., Observed]


def _peer(name: str, module: str, *arguments: str) -> str:
    """Build the stanza of one of superlance's listeners that looks at each TICK_5."""
    options = {"events": "TICK_5", "priority": -1, "buffer_size": 100, "startsecs": 0}
    command = [sys.executable, "-W", "ignore", "-m", f"superlance.{module}", *arguments]
    stanza = program(name, command, **options)
    return stanza.replace("[program:", "[eventlistener:", 1)


def test_everything_stopped_in_the_middle(observe: Observe) -> None:
    """After ``stop all`` only what the run itself had stopped is started again, by the run.

    Our listener is stopped too: the run goes on once somebody starts it.
    """
    webs = Webs(3)
    observed = observe(
        program("a_first", sleeper(), startsecs=1),
        program("b_deaf", stubborn(), stopwaitsecs=6, startsecs=1),
        webs.stanzas(),
        sinks=plan("nightly"),
        supervisord=LOGS_STOPS,
    ).settled()
    supervisord, runs = observed.supervisord, Runs(observed)
    run_id = runs.begin("nightly")
    observed.wait_until(lambda: runs.transitions().count("killing", "b_deaf"), "b_deaf is stopped")
    supervisord.ctl("stop", "all")
    supervisord.wait_for_state("b_deaf", "STOPPED")
    stopped = set(supervisord.states().values())
    supervisord.ctl("start", "maint")
    record = runs.finish(run_id)
    states = supervisord.states()

    assert {"STOPPED"} == stopped
    assert ("succeeded", "") == outcome(record)
    assert "RUNNING" == states.pop("b_deaf:b_deaf")
    assert "RUNNING" == states.pop("maint:maint")
    assert {"STOPPED"} == {*states.values()}
    assert dict.fromkeys(webs.namespecs, "left").items() <= progress(record).items()


def test_operator_restarts_one_in_the_middle(observe: Observe) -> None:
    """What an operator has restarted during the run is not restarted again by it."""
    webs = Webs(5)
    observed = observe(
        webs.stanzas(), sinks=plan("nightly", programs="web:*"), supervisord=LOGS_STOPS
    ).settled()
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    runs.wait_for_transitions(2)
    restarted = observed.supervisord.ctl("restart", "web:web_04")
    record = runs.finish(run_id)
    seen = runs.transitions()

    assert 0 == restarted.returncode
    assert ("succeeded", "") == outcome(record)
    assert {*webs.namespecs} == runs.replaced()
    assert [1] * 5 == [seen.count("killing", name) for name in webs.names]
    assert [1] * 5 == [seen.count("spawned", name) for name in webs.names]
    observed.wait_for_value(1.0, "process_restarts_total", "web_04", cause="command")
    observed.wait_for_value(1.0, "process_restarts_total", "web_03", cause="maintenance")


def test_operator_stops_one_in_the_middle(observe: Observe) -> None:
    """What an operator has stopped during the run is left stopped."""
    webs = Webs(6)
    observed = observe(
        webs.stanzas(),
        sinks=plan("nightly", programs="web:*", max_unavailable=2),
        supervisord=LOGS_STOPS,
    ).settled()
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    runs.wait_for_transitions(1)
    observed.supervisord.ctl("stop", "web:web_05")
    record = runs.finish(run_id)

    assert ("succeeded", "") == outcome(record)
    assert "left" == progress(record)["web:web_05"]
    assert "STOPPED" == observed.supervisord.state("web:web_05")
    assert 5 == len(runs.replaced())


def test_httpok_and_memmon_restart_in_the_middle(observe: Observe) -> None:
    """Whatever superlance's listeners restart at each tick, the run ends well and all run."""
    webs, nobody = Webs(5), free_port()
    observed = observe(
        webs.stanzas(),
        program("sick", sleeper(), startsecs=1),
        program("fat", sleeper(), startsecs=1),
        _peer("httpok", "httpok", "-p", "sick", "-t", "1", f"http://127.0.0.1:{nobody}/"),
        _peer("memmon", "memmon", "-p", "fat=1"),
        sinks=plan("nightly", settle="0s"),
        supervisord=LOGS_STOPS,
    )
    runs = Runs(observed)
    runs.wait_until_running(webs.namespecs)
    run_id = runs.begin("nightly")
    record = runs.finish(run_id)
    seen = runs.transitions()
    done = {name for name, how in progress(record).items() if how == "done"}

    assert "succeeded" == outcome(record)[0]
    assert {*webs.namespecs} <= done
    assert [1] * 5 == [seen.count("killing", name) for name in webs.names]
    # They are listeners themselves: no plan restarts one. memmon may end by itself, for its start
    # of a program comes between our stop and our start.
    assert [0, 0] == [seen.count("killing", name) for name in ("httpok", "memmon")]
    assert not {"httpok", "memmon"} & {name.partition(":")[0] for name in progress(record)}
    runs.wait_until_running(["sick:sick", "fat:fat"])


def test_hold_while_the_listener_is_down(observe: Observe) -> None:
    """A hold that no listener takes does not hold, and whoever asks for it is told."""
    observed = observe(program("worker", sleeper()), sinks=plan("nightly")).settled()
    runs = Runs(observed)
    observed.supervisord.ctl("stop", "maint")
    asked = observed.command("hold", "nightly", "--for", "1h")
    observed.supervisord.ctl("start", "maint")
    runs.wait_for_listener()
    record = runs.run("nightly")

    assert 1 == asked.returncode
    assert "not running" in asked.stderr
    assert "nothing was changed" in asked.stderr
    assert ("succeeded", "") == outcome(record)


def test_hold(observe: Observe) -> None:
    """A held plan does not start, also not under the next listener; once resumed it does."""
    observed = observe(program("worker", sleeper()), sinks=plan("nightly")).settled()
    runs = Runs(observed)
    held = observed.command("hold", "nightly", "--for", "1h", "--reason", "the disk is replaced")
    runs.wait_for_listener(after=observed.kill_listener())
    run_id = runs.begin("nightly")
    observed.wait_until(lambda: observed.status()["maintenance"]["run"]["blockers"], "it waits")
    blockers = observed.status()["maintenance"]["run"]["blockers"]
    cancelled = observed.command("cancel")
    skipped = runs.finish(run_id)
    replaced = runs.replaced()
    resumed = observed.command("resume", "nightly")
    record = runs.run("nightly")

    assert (0, 0, 0) == (held.returncode, cancelled.returncode, resumed.returncode)
    assert "the disk is replaced" in str(blockers)
    assert "skipped" == outcome(skipped)[0]
    assert set() == replaced
    assert ("succeeded", "") == outcome(record)
    assert {"worker:worker"} == runs.replaced()
