"""Steps whose listener ended first: the next one waits for them, and ends those that are late."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.step_files import LivingChild, StepFiles
from tests.fakes.steps import SECONDS, STARTED_SECONDS, end, invocation, is_running, run, shell
from tests.fakes.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "steps"


@contextlib.contextmanager
def listener_with(folder, command, timeout_seconds=300.0):
    """Have another process start the step; it is ended at the latest here."""
    starter = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.fakes.step_starter"),
            *(folder, "warm-cache", command, str(timeout_seconds)),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    try:
        assert b"started\n" == starter.stdout.readline()
        yield starter
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_detached_step_is_the_next_listeners(folder, tmp_path, number):
    """A child whose listener ends goes on, loses nothing, and is waited for by the next one."""
    go = tmp_path / "go"
    script = f"echo early; until [ -e {go} ]; do sleep 0.05; done; echo late"
    with listener_with(folder, shell(script)) as listener:
        listener.send_signal(number)
        listener.wait(SECONDS)
    commands = Commands(folder)
    step = invocation("echo second").step

    async def next_listener():
        waiting = asyncio.ensure_future(commands.await_orphan(step))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert StepFiles(folder, step.name).find_child() is not None
        go.touch()
        return await waiting

    ended = asyncio.run(next_listener())

    assert (StepOutcome.UNKNOWN, "early\nlate\n") == (ended.outcome, ended.output)
    assert "the listener that began it ended before it did; it wrote last: late" == ended.reason
    assert StepFiles(folder, step.name).find_child() is None


def test_next_attempt_waits_for_the_orphan(folder, tmp_path):
    """The next listener's own attempt begins when the orphan has ended, and cleans up after it."""
    go, log = tmp_path / "go", tmp_path / "log"
    script = (
        f'echo "$MAINT_SUMMARY" >{tmp_path}/summary; until [ -e {go} ]; do sleep 0.05; done; '
        f"echo first >>{log}"
    )
    with listener_with(folder, shell(script)):
        summary = wait_until(
            lambda: (tmp_path / "summary").exists() and (tmp_path / "summary").read_text().strip()
        )
    assert Path(summary).exists()

    async def next_listener():
        running = asyncio.ensure_future(
            Commands(folder).run(invocation(shell(f"echo second >>{log}")))
        )
        await asyncio.sleep(0)
        go.touch()
        return await running

    ended = asyncio.run(next_listener())

    assert StepOutcome.SUCCEEDED is ended.outcome
    assert ["first", "second"] == log.read_text().split()
    assert not Path(summary).exists()


def test_late_orphan_is_ended(folder):
    """An orphan is ended at its own deadline, counted from its own start."""
    with listener_with(folder, shell("echo $$; sleep 600"), timeout_seconds=STARTED_SECONDS):
        pass
    commands = Commands(folder, grace_seconds=SECONDS)

    ended = asyncio.run(commands.await_orphan(invocation("true").step))

    assert StepOutcome.UNKNOWN is ended.outcome
    wait_until(lambda: not is_running(int(ended.output)))


def test_daemon_left_by_an_orphan_is_not_the_step(folder, tmp_path):
    """A lock that only a daemon of a dead child still holds is no reason to wait."""
    go = tmp_path / "go"
    script = f"setsid sleep 600 >/dev/null 2>&1 & echo $!; until [ -e {go} ]; do sleep 0.05; done"
    with listener_with(folder, shell(script)):
        pass
    commands = Commands(folder)
    go.touch()
    daemon = int(asyncio.run(commands.await_orphan(invocation("true").step)).output)
    try:
        assert StepOutcome.SUCCEEDED is run(commands, "true").outcome
        assert is_running(daemon)
    finally:
        end(daemon)


def test_child_nobody_wrote_down_is_still_the_step(folder):
    """A held lock without a name is a child; when it does not go, the step fails and says so."""
    files = StepFiles(folder, "warm-cache")
    lock = files.lock()
    commands = Commands(folder, grace_seconds=0.1)

    ended = run(commands, "true", timeout_seconds=0.1)

    assert LivingChild() == files.find_child()
    assert StepOutcome.FAILED is ended.outcome
    assert "an earlier child of it (a process) still runs and cannot be ended" in ended.reason
    lock.release()
    assert StepOutcome.SUCCEEDED is run(commands, "true").outcome
