"""The steps of a run, as children of the listener: started, watched, and ended when late.

Nothing here waits in the way of the loop. When the listener ends, its children stay: they have a
session of their own, write to a file, and hold the lock that the next listener waits for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import attrs

from supervisor_maint.children import Child, describe, last_line
from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance import endings, launching
from supervisor_maint.maintenance.child_identity import ChildIdentity
from supervisor_maint.maintenance.invocation import Invocation, StepEnd
from supervisor_maint.maintenance.launching import Account
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.step_files import LivingChild, StepFiles, StepLock, StepOutput

logger = logging.getLogger(__name__)

# From TERM to KILL, as the shell script that somebody else stops would expect it.
GRACE_SECONDS = 5.0
# How often an orphan, of which no end is told, is looked for.
_ORPHAN_SECONDS = 0.1


@attrs.define(eq=False)
class Commands:
    """Runs steps, one instance of each at a time.

    ``folder`` holds their locks and output, and belongs to the listener alone. ``inherited`` is
    the listener's environment, of which a step sees PATH and LANG.
    """

    _folder: Path
    _grace_seconds: float = GRACE_SECONDS
    _inherited: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ))
    # Kept until their end: a Popen that is thrown away complains.
    _children: set[_StepChild] = attrs.field(factory=set, init=False)

    async def run(self, invocation: Invocation) -> StepEnd:
        """Start a step's child once no earlier one lives, and tell how it ended. Never raises.

        At the end of the step's timeout its process group gets TERM, and KILL later.
        """
        try:
            late = await self._late_orphan(invocation.step)
            if late is not None:
                return late
            child = self._start(invocation)
        except MaintError as error:
            return StepEnd(outcome=StepOutcome.FAILED, reason=error.msg)
        self._children.add(child)
        is_late = not await child.ends_within(invocation.step.timeout_seconds)
        if is_late:
            await child.end(self._grace_seconds)
        self._children.discard(child)
        return child.close(invocation, is_late=is_late)

    async def await_orphan(self, step: Step) -> StepEnd:
        """Wait until no child of the step lives, and tell what it wrote. Never raises.

        It is ended at the step's timeout, counted from its own start. Nobody saw its exit
        status, so the outcome is UNKNOWN.
        """
        try:
            late = await self._late_orphan(step)
        except MaintError as error:
            return StepEnd(outcome=StepOutcome.FAILED, reason=error.msg)
        if late is not None:
            return late
        output, output_bytes = StepOutput(self._files(step).output_path).read()
        last = last_line(output)
        told = "the listener that began it ended before it did"
        return StepEnd(
            outcome=StepOutcome.UNKNOWN,
            reason=f"{told}; it wrote last: {last}" if last else told,
            output=output,
            output_bytes=output_bytes,
        )

    def _files(self, step: Step) -> StepFiles:
        return StepFiles(self._folder, step.name)

    async def _late_orphan(self, step: Step) -> StepEnd | None:
        """Wait for an orphan of the step, and end it when it is late; return why it is still there.

        Raises StoreError.
        """
        files = self._files(step)
        child = files.find_child()
        if child is not None:
            limit = _seconds_left(child, step)
            logger.info("wait for an earlier child of step %s, at most %.0f s", step.name, limit)
            is_gone = (
                await _gone(files, limit)
                or await self._signalled(files, child, signal.SIGTERM)
                or await self._signalled(files, child, signal.SIGKILL)
            )
            if not is_gone:
                return StepEnd(outcome=StepOutcome.FAILED, reason=_still_there(child))
        files.clean()
        return None

    async def _signalled(self, files: StepFiles, child: LivingChild, number: int) -> bool:
        if child.identity is not None:
            child.identity.signal_group(number)
        return await _gone(files, self._grace_seconds)

    def _start(self, invocation: Invocation) -> _StepChild:
        account = launching.account_of(invocation.step.user)
        files = self._files(invocation.step)
        lock = files.lock()
        summary = _written_summary(invocation, account)
        try:
            output = StepOutput(files.output_path)
            process = self._launch(invocation, account, lock, output, summary)
        except MaintError:
            lock.release()
            _remove(summary)
            raise
        _write_down(lock, process.pid, invocation.step, summary)
        return _StepChild(Child(process), lock, output, summary)

    def _launch(
        self,
        invocation: Invocation,
        account: Account,
        lock: StepLock,
        output: StepOutput,
        summary: Path | None,
    ) -> subprocess.Popen[bytes]:
        environment = invocation.environment(
            self._inherited, None if summary is None else str(summary)
        )
        try:
            descriptor = output.create()
        except OSError as error:
            raise MaintError(f"{output.path}: {(error.strerror or str(error)).lower()}") from error
        try:
            return launching.start(
                invocation, account, environment, lock=lock.descriptor, output=descriptor
            )
        finally:
            os.close(descriptor)


@attrs.define(eq=False)
class _StepChild:
    """The child of a step, with what was made for it."""

    child: Child
    lock: StepLock
    output: StepOutput
    summary: Path | None

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end, and keep its output small meanwhile."""
        return await self.child.ends_within(seconds, self.output.cut)

    async def end(self, grace_seconds: float) -> None:
        """End it, if anything does."""
        await self.child.end(grace_seconds, self.output.cut)

    def close(self, invocation: Invocation, *, is_late: bool) -> StepEnd:
        """Reap it, give back its lock, and tell how it ended."""
        _remove(self.summary)
        if not self.child.has_ended:  # in the kernel, which no signal interrupts
            self.lock.leave()
            output, output_bytes = self.output.read()
            told = f"{_passed(invocation.step)}; SIGKILL did not end it"
            return StepEnd(
                outcome=StepOutcome.TIMED_OUT,
                reason=told,
                output=output,
                output_bytes=output_bytes,
            )
        if is_late:
            self.child.signal_group(signal.SIGKILL)  # what it has started itself
        returncode = self.child.reap()
        self.lock.release()
        end = endings.judge(invocation.phase, returncode, *self.output.read())
        if not is_late:
            return end
        told = describe(returncode, end.output)
        return attrs.evolve(
            end,
            outcome=StepOutcome.TIMED_OUT,
            reason=f"{_passed(invocation.step)}; {told}",
        )


def _passed(step: Step) -> str:
    return f"{step.timeout_seconds:g} s passed"


async def _gone(files: StepFiles, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    output = StepOutput(files.output_path)
    while files.find_child() is not None:
        if loop.time() >= deadline:
            return False
        output.cut()
        await asyncio.sleep(_ORPHAN_SECONDS)
    return True


def _seconds_left(child: LivingChild, step: Step) -> float:
    limit = step.timeout_seconds if child.timeout_seconds is None else child.timeout_seconds
    if child.identity is None:
        return limit
    return max(0.0, limit - child.identity.age_seconds())


def _still_there(child: LivingChild) -> str:
    who = "a process" if child.identity is None else f"pid {child.identity.pid}"
    return f"an earlier child of it ({who}) still runs and cannot be ended; end it by hand"


def _written_summary(invocation: Invocation, account: Account) -> Path | None:
    if invocation.summary is None:
        return None
    try:
        return launching.write_summary(invocation.summary, account)
    except OSError as error:
        # What undoes a drain matters more than what it could read.
        logger.warning("start step %s without a summary: %s", invocation.step.name, error)
        return None


def _write_down(lock: StepLock, pid: int, step: Step, summary: Path | None) -> None:
    folder = None if summary is None else str(summary.parent)
    try:
        child = LivingChild(
            identity=ChildIdentity.of(pid),
            timeout_seconds=step.timeout_seconds,
            summary_folder=folder,
        )
        lock.write(child)
    except (OSError, ValueError) as error:
        # The lock alone still keeps a second one away.
        logger.warning("cannot write down who the child of step %s is: %s", step.name, error)


def _remove(summary: Path | None) -> None:
    if summary is not None:
        shutil.rmtree(summary.parent, ignore_errors=True)
