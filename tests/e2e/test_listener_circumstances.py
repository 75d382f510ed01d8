"""The listener where names, numbers, passwords and neighbours are not the usual ones."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.harness_programs import free_port, leaker, program, sleeper
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]

CROWD = 200


def test_names_may_have_any_letters(observe: Observe) -> None:
    """Unicode names, and an identifier with a colon and a space, arrive whole and are counted."""
    observed = observe(
        program("größe-漢字", sleeper(), startsecs=0),
        program("Привет", sleeper(), startsecs=0),
        supervisord={"identifier": "wëb: host:9001"},
    ).settled()
    observed.supervisord.ctl("restart", "größe-漢字")
    observed.wait_for_value(
        1.0, "process_restarts_total", "größe-漢字", group="größe-漢字", cause="command"
    )
    samples = observed.metrics()

    assert 1.0 == samples.value("supervisor_process_starts_total", name="Привет")
    assert 1.0 == samples.value("supervisor_info", identification="wëb: host:9001")
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")
    assert 0.0 == samples.value("supervisor_maint_events_total", event="other")

    accepted = observed.command("accept", "größe-漢字")

    assert (0, "nothing to accept: everything is as it is wanted\n") == (
        accepted.returncode,
        accepted.stdout,
    )
    assert "größe-漢字" in observed.command("snapshot").stdout


def test_password_comes_from_its_file(observe: Observe, tmp_path: Path) -> None:
    """A wrong password is one sentence in the log and ``supervisor_up 0``; a right one works."""
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("wrong\n", encoding="utf-8")
    observed = observe(
        program("worker", sleeper(), startsecs=0),
        settings=f"username=admin\npassword_file={secret}",
        supervisord={"username": "admin", "password": "s3cret"},
    )
    refused = "asks for a user and password"
    observed.wait_until(lambda: refused in observed.log(), "the refusal is logged")
    observed.wait_for_at_least(2, "maint_events_total", event="TICK_5")

    assert 0.0 == observed.value("up")
    assert 1 == observed.log().count(refused)
    assert "set username and password_file in [maint]" in observed.log()
    assert "(found: user 'admin', refused)" in observed.log()

    secret.write_text("s3cret\n", encoding="utf-8")
    observed.wait_for_value(1.0, "up")
    observed.wait_for_value(1.0, "process_starts_total", "worker")
    observed.settled()

    assert 0 == observed.command("diff", "--check").returncode
    assert "s3cret" not in observed.log() + "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (tmp_path / "state").iterdir()
        if path.is_file()
    )


def test_supervisord_that_hangs_is_shown_and_waited_for(observe: Observe) -> None:
    """While supervisord answers nobody ``supervisor_up`` is 0, with a sentence; then it is 1."""
    observed = observe(program("worker", sleeper()), settings="rpc_timeout=1s").settled()
    os.kill(observed.supervisord.pid, signal.SIGSTOP)
    try:
        observed.wait_for_value(0.0, "up")
        running = observed.value("process_state", "worker")
    finally:
        os.kill(observed.supervisord.pid, signal.SIGCONT)
    observed.wait_for_value(1.0, "up")

    assert 20.0 == running  # what was seen last
    assert 1 == observed.log().count("did not answer within 1 s")
    assert 0.0 == observed.value("maint_events_lost_total")
    assert "Traceback" not in observed.log()


def test_crowd_is_counted_whole(observe: Observe) -> None:
    """Of 200 programs that start, and restart, at once, every one is counted; no event is lost."""
    observed = observe(
        program(
            "crowd",
            sleeper(),
            numprocs=CROWD,
            process_name="%(program_name)s_%(process_num)d",
            startsecs=0,
            stdout_logfile="NONE",
            stderr_logfile="NONE",
        )
    ).settled()
    starts = "supervisor_process_starts_total"
    observed.wait_until(
        lambda: sum(observed.metrics().matching(starts, group="crowd").values()) == CROWD,
        "all have started",
    )
    observed.supervisord.ctl("restart", "crowd:*")
    restarts = "supervisor_process_restarts_total"
    observed.wait_until(
        lambda: (
            sum(observed.metrics().matching(restarts, group="crowd", cause="command").values())
            == CROWD
        ),
        "all have been restarted",
    )
    samples = observed.metrics()
    values = samples.matching(starts, group="crowd")

    assert CROWD == len(values)
    assert {2.0} == set(values.values())
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")
    observed.wait_for_value(CROWD + 1, "processes", state="RUNNING")
    observed.wait_for_no_difference()


def test_neighbours_restart_by_command(observe: Observe) -> None:
    """What memmon and httpok restart is counted with the cause command, as often as in the log."""
    superlance = [sys.executable, "-m"]
    nobody_there = f"http://127.0.0.1:{free_port()}/"
    neighbours = {"events": "TICK_5", "startsecs": 0, "stdout_logfile": "NONE"}
    observed = observe(
        program("leak", leaker(rate=30, limit=60), startsecs=0),
        program("deaf", sleeper(), startsecs=0),
        program("well", sleeper(), startsecs=0),
        _listener("memmon", [*superlance, "superlance.memmon", "-p", "leak=20MB"], -20, neighbours),
        _listener(
            "httpok",
            [*superlance, "superlance.httpok", "-p", "deaf", "-t", "1", nobody_there],
            -21,
            neighbours,
        ),
    )
    for name in ("leak", "deaf"):
        observed.wait_until(
            lambda name=name: (
                1
                <= (observed.value("process_restarts_total", name, cause="command") or 0)
                == observed.logged_starts(name) - 1
            ),
            f"{name} is counted as in the log",
        )
    samples = observed.metrics()

    assert 0.0 == sum(samples.matching("supervisor_process_restarts_total", name="well").values())
    for name in ("leak", "deaf"):
        assert 0.0 == samples.value("supervisor_process_restarts_total", name=name, cause="exit")
    assert 0.0 == samples.value("supervisor_maint_events_lost_total")


def _listener(name: str, command: list[str], priority: int, options: dict[str, object]) -> str:
    stanza = program(name, command, priority=priority, **options)
    return stanza.replace("[program:", "[eventlistener:", 1)
