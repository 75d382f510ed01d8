"""Rotating the logs of a run: with the system's ``logrotate``, or by reopening them.

``logrotate`` is run on the plan's file as its daily timer runs it, without ``-f`` and with the
same state file: a log that the timer rotated this night is not rotated again, which would halve
how long it is kept. The file itself has the logs reopened (see conf.d/logrotate).
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Callable

import attrs

from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import Invocation, StepEnd, basic_environment
from supervisor_maint.maintenance.observation import StepOutcome

# logrotate's own words: another one holds the state file (logrotate.c, lockState).
LOCKED_STATUS = 3
# What a timer's logrotate that compresses a day's logs may take.
PAUSE_SECONDS = 10.0

Reopen = Callable[[], Collection[object]]


@attrs.frozen(kw_only=True)
class Rotation:
    """How logs are rotated. Without ``config`` they are reopened only.

    ``is_forced`` gives ``-f``. ``state_file`` None is logrotate's own, shared with its timer.
    """

    config: Path | None = None
    is_forced: bool = False
    state_file: Path | None = None
    program: str = "logrotate"

    def find_program(self) -> str | None:
        """Return where logrotate is on this machine, None when it is not installed."""
        return shutil.which(self.program, path=basic_environment(os.environ)["PATH"])

    def command(self, program: str) -> str:
        """Return the command line, quoted as a step's command is."""
        options = ["-f"] if self.is_forced else []
        if self.state_file is not None:
            options += ["-s", str(self.state_file)]
        return shlex.join([program, *options, str(self.config)])


async def rotate_logs(
    rotation: Rotation,
    commands: Commands,
    invocation: Invocation,
    reopen: Reopen,
    *,
    pause_seconds: float = PAUSE_SECONDS,
) -> StepEnd:
    """Rotate once, and tell how it ended. Never raises.

    ``invocation`` is that of ``run.rotation``; its timeout holds for both tries. ``reopen``
    blocks, is called in the executor, returns a sentence for each log that was not reopened,
    and may raise MaintError.
    """
    program = rotation.find_program()
    if rotation.config is None:
        return await _reopened(reopen, invocation.step.timeout_seconds)
    if program is None:
        end = await _reopened(reopen, invocation.step.timeout_seconds)
        told = f"{rotation.program} is not installed, so the logs were only reopened"
        return attrs.evolve(end, reason=f"{told}; {end.reason}" if end.reason else told)
    return await _rotated(rotation.command(program), commands, invocation, pause_seconds)


async def _rotated(
    command: str, commands: Commands, invocation: Invocation, pause_seconds: float
) -> StepEnd:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + invocation.step.timeout_seconds
    end = await commands.run(_with(invocation, command, invocation.step.timeout_seconds))
    left = deadline - loop.time() - pause_seconds
    if end.exit_status == LOCKED_STATUS and left > 0:
        await asyncio.sleep(pause_seconds)
        end = await commands.run(_with(invocation, command, left))
    if end.exit_status == LOCKED_STATUS:
        told = "another logrotate holds its state file; is its timer at the same hour?"
        return attrs.evolve(end, reason=f"{told} {end.reason}")
    return end


def _with(invocation: Invocation, command: str, timeout_seconds: float) -> Invocation:
    step = attrs.evolve(invocation.step, command=command, timeout_seconds=timeout_seconds)
    return attrs.evolve(invocation, step=step)


async def _reopened(reopen: Reopen, timeout_seconds: float) -> StepEnd:
    answer = asyncio.get_running_loop().run_in_executor(None, reopen)
    try:
        # Not cancelled: a call to supervisord that is under way has its own time limit.
        unopened = await asyncio.wait_for(asyncio.shield(answer), timeout_seconds)
    except asyncio.TimeoutError:
        return StepEnd(
            outcome=StepOutcome.TIMED_OUT,
            reason=f"{timeout_seconds:g} s passed, and supervisord has not reopened its logs",
        )
    except (MaintError, OSError) as error:
        return StepEnd(outcome=StepOutcome.FAILED, reason=str(error))
    if unopened:
        told = "; ".join(str(each) for each in unopened)
        return StepEnd(outcome=StepOutcome.FAILED, reason=f"not reopened: {told}")
    return StepEnd(outcome=StepOutcome.SUCCEEDED)
