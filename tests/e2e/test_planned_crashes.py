"""A run survives the death of anything: nothing stays stopped, nothing is restarted twice."""

from __future__ import annotations

import random
from collections.abc import Callable

import psutil
import pytest

from tests.e2e.harness import RealSupervisord
from tests.e2e.observed import Observed
from tests.e2e.planned import LOGS_STOPS, Runs, Webs, outcome, plan, progress

Observe = Callable[..., Observed]

COUNT = 6
# A stop, a spawn and a success each.
TRANSITIONS = 3 * COUNT
# Ten moments, spread over a run: after so many of its transitions. 0 is before the first stop,
# and after the last the run settles.
MOMENTS = sorted(random.Random(20261127).sample(range(TRANSITIONS + 1), 10))


def _observed(observe: Observe, webs: Webs) -> Observed:
    nightly = plan("nightly", programs="web:*", max_unavailable=2)
    return observe(webs.stanzas(), sinks=nightly, supervisord=LOGS_STOPS).settled()


def _all_were_restarted_once(runs: Runs, webs: Webs) -> bool:
    seen = runs.transitions()
    return {*webs.namespecs} == runs.replaced() and all(
        (1, 1, 1) == tuple(seen.count(what, name) for what in ("killing", "spawned", "success"))
        for name in webs.names
    )


@pytest.mark.parametrize("moments", [MOMENTS[0::2], MOMENTS[1::2]], ids=str)
def test_listener_killed(observe: Observe, moments: list[int]) -> None:
    """Whenever the listener is killed, the next one ends the run well, with one restart each."""
    webs = Webs(COUNT)
    observed = _observed(observe, webs)
    runs = Runs(observed)
    for number, moment in enumerate(moments, start=1):
        run_id = runs.begin("nightly")
        runs.wait_for_transitions(moment)
        observed.kill_listener()
        record = runs.finish(run_id)
        observed.wait_for_value(float(number), "maint_runs_total", result="succeeded")

        assert ("succeeded", "") == outcome(record), f"killed after {moment} transitions"
        assert dict.fromkeys(webs.namespecs, "done") == progress(record)
        assert _all_were_restarted_once(runs, webs), runs.transitions()
        assert runs.transitions().most_away(webs.names) <= 2
    for name in webs.names:
        # a start is never missed; its cause is not known when nobody heard of the stop
        observed.wait_for_value(1.0 + len(moments), "process_starts_total", name)
        assert 0.0 == observed.value("process_restarts_total", name, cause="command")
        assert 0.0 == observed.value("process_restarts_total", name, cause="exit")


def test_listener_killed_again_and_again(observe: Observe) -> None:
    """One run that five listeners do not live to see the end of ends well."""
    webs = Webs(COUNT)
    observed = _observed(observe, webs)
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    for moment in (1, 5, 9, 13, 17):
        runs.wait_for_transitions(moment)
        observed.kill_listener()
    record = runs.finish(run_id)

    assert ("succeeded", "") == outcome(record)
    assert _all_were_restarted_once(runs, webs), runs.transitions()


def _end_orphans(supervisord: RealSupervisord) -> None:
    """End what a killed supervisord has left; the listener goes by itself."""
    orphans = [process for process in supervisord.survivors() if "http_server" in _line(process)]
    for process in orphans:
        process.kill()
    supervisord.wait_until(lambda: not supervisord.survivors(), "nobody is left")


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_supervisord_killed_and_started_again(observe: Observe) -> None:
    """With the next supervisord everything runs, and the next listener ends the run."""
    webs = Webs(COUNT)
    observed = _observed(observe, webs)
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    runs.wait_for_transitions(8)
    observed.supervisord.kill()
    _end_orphans(observed.supervisord)
    observed.supervisord.start()
    record = runs.finish(run_id)
    runs.wait_until_running(webs.namespecs)

    assert ("succeeded", "") == outcome(record)
    assert {*webs.namespecs} == runs.replaced()


def test_reload_in_the_middle(observe: Observe) -> None:
    """After a ``reload`` all were restarted, and the run adds nothing to that."""
    webs = Webs(COUNT)
    observed = _observed(observe, webs)
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    runs.wait_for_transitions(8)
    observed.supervisord.reload()
    asked = observed.supervisord.log().count("killing web_")
    record = runs.finish(run_id)
    runs.wait_until_running(webs.namespecs)

    assert ("succeeded", "") == outcome(record)
    assert {*webs.namespecs} == runs.replaced()
    assert asked == observed.supervisord.log().count("killing web_")


def test_our_stanza_updated_in_the_middle(observe: Observe) -> None:
    """``update`` replaces the listener, and the new one goes on where the old one was."""
    webs = Webs(COUNT)
    observed = _observed(observe, webs)
    runs = Runs(observed)
    first = observed.supervisord.listener_pid()
    run_id = runs.begin("nightly")
    runs.wait_for_transitions(5)
    observed.supervisord.update(observed.stanza(buffer_size=2048), webs.stanzas())
    record = runs.finish(run_id)

    assert ("succeeded", "") == outcome(record)
    assert _all_were_restarted_once(runs, webs), runs.transitions()
    assert first != observed.supervisord.listener_pid()
