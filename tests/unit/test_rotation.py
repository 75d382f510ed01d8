"""Rotating logs: which command, what its exit status means, and what is done without it."""

from __future__ import annotations

import asyncio
import shlex
import threading

import attrs
import pytest

from supervisor_maint.errors import SupervisorUnreachable
from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import Invocation
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.rotation import Rotation, rotate_logs
from supervisor_maint.maintenance.run import rotation as rotation_step

SECONDS = 60.0


class Reopening:
    """Counts how often logs were reopened, and answers as it is told."""

    def __init__(self, answer=()):
        self.answer = answer
        self.times = 0

    def __call__(self):
        self.times += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def logrotate(tmp_path):
    """Make a program that writes down how it is called, and exits as it is told, in turn."""

    def make(*statuses):
        program = tmp_path / "logrotate"
        program.write_text(
            "#!/bin/sh\n"
            f"cd {shlex.quote(str(tmp_path))}\n"
            'echo "$MAINT_PHASE $*" >>calls\n'
            f"set -- {' '.join(str(status) for status in statuses)}\n"
            "times=$(wc -l <calls)\n"
            "shift $((times - 1))\n"
            "echo rotated $times\n"
            "exit $1\n"
        )
        program.chmod(0o755)
        return str(program)

    return make


def rotate(tmp_path, rotation, reopen=None, *, timeout_seconds=SECONDS, pause_seconds=0.01):
    step = rotation_step(Plan(name="nightly", rotate_timeout_seconds=timeout_seconds))
    invocation = Invocation(step=step, phase="rotate", plan="nightly", run_id="r1")
    return asyncio.run(
        rotate_logs(
            rotation,
            Commands(tmp_path / "steps"),
            invocation,
            reopen or Reopening(),
            pause_seconds=pause_seconds,
        )
    )


def calls(tmp_path):
    return (tmp_path / "calls").read_text().splitlines()


def test_logrotate_is_run_as_its_timer_runs_it(tmp_path, logrotate):
    """The plan's file, no -f, no state file of our own; its postrotate reopens, not we."""
    config, reopen = tmp_path / "a config", Reopening()

    ended = rotate(tmp_path, Rotation(config=config, program=logrotate(0)), reopen)

    assert StepOutcome.SUCCEEDED is ended.outcome
    assert [f"rotate {config}"] == calls(tmp_path)
    assert 0 == reopen.times


def test_options_are_passed_on(tmp_path, logrotate):
    """Force and a state file are said when they are wanted, in words of their own."""
    rotation = Rotation(
        config=tmp_path / "a b",
        is_forced=True,
        state_file=tmp_path / "s t",
        program=logrotate(0),
    )

    rotate(tmp_path, rotation)

    assert [f"rotate -f -s {tmp_path}/s t {tmp_path}/a b"] == calls(tmp_path)
    assert shlex.quote(f"{tmp_path}/s t") in rotation.command("logrotate")


@pytest.mark.parametrize(
    ("statuses", "outcome", "reason"),
    [
        ((3, 0), StepOutcome.SUCCEEDED, ""),
        ((3, 1), StepOutcome.FAILED, "exit status 1: rotated 2"),
        (
            (3, 3),
            StepOutcome.FAILED,
            "another logrotate holds its state file; is its timer at the same hour? "
            "exit status 3: rotated 2",
        ),
        ((1,), StepOutcome.FAILED, "exit status 1: rotated 1"),
        ((75,), StepOutcome.FAILED, "exit status 75: rotated 1"),
    ],
)
def test_lock_is_waited_for_once(tmp_path, logrotate, statuses, outcome, reason):
    """Exit 3 is tried once more after a pause; every other failure is one."""
    ended = rotate(tmp_path, Rotation(config=tmp_path / "c", program=logrotate(*statuses)))

    assert (outcome, reason) == (ended.outcome, ended.reason)
    assert len(statuses) == len(calls(tmp_path))


def test_no_second_try_past_the_time_limit(tmp_path, logrotate):
    """When the pause would end after the time limit, the first answer counts."""
    rotation = Rotation(config=tmp_path / "c", program=logrotate(3, 0))

    ended = rotate(tmp_path, rotation, pause_seconds=SECONDS)

    assert (StepOutcome.FAILED, 3) == (ended.outcome, ended.exit_status)
    assert 1 == len(calls(tmp_path))


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        ((), StepOutcome.SUCCEEDED, ""),
        (("log of a: gone", "log of b: full"), StepOutcome.FAILED, "not reopened: log of a: gone"),
        (SupervisorUnreachable("nobody answers"), StepOutcome.FAILED, "nobody answers"),
        (PermissionError(13, "Permission denied"), StepOutcome.FAILED, "Permission denied"),
    ],
)
def test_without_a_file_logs_are_reopened(tmp_path, answer, outcome, reason):
    """Without a logrotate file there is only the reopening, and its failure is a sentence."""
    reopen = Reopening(answer)

    ended = rotate(tmp_path, Rotation(), reopen)

    assert outcome is ended.outcome
    assert reason in ended.reason
    assert 1 == reopen.times


def test_without_logrotate_logs_are_reopened(tmp_path):
    """A machine without logrotate still reopens, and is told what is missing."""
    reopen = Reopening()
    rotation = Rotation(config=tmp_path / "c", program="no-such-logrotate")

    ended = rotate(tmp_path, rotation, reopen)

    assert StepOutcome.SUCCEEDED is ended.outcome
    assert "no-such-logrotate is not installed, so the logs were only reopened" == ended.reason
    assert 1 == reopen.times

    failed = rotate(tmp_path, rotation, Reopening(["log of a: gone"]))

    assert StepOutcome.FAILED is failed.outcome
    assert failed.reason.endswith("only reopened; not reopened: log of a: gone")


def test_reopening_has_a_time_limit(tmp_path):
    """A supervisord that does not answer holds up the run no longer than allowed."""
    answered = threading.Event()

    async def late():
        step = attrs.evolve(rotation_step(Plan(name="nightly")), timeout_seconds=0.1)
        ended = await rotate_logs(
            Rotation(),
            Commands(tmp_path),
            Invocation(step=step, phase="rotate", plan="nightly", run_id="r1"),
            lambda: [] if answered.wait(SECONDS) else ["never"],
        )
        answered.set()
        return ended

    ended = asyncio.run(late())

    assert StepOutcome.TIMED_OUT is ended.outcome
    assert "0.1 s passed, and supervisord has not reopened its logs" == ended.reason
