"""A listener that starts one step and lives until it is ended: ``FOLDER NAME COMMAND [TIMEOUT]``.

It says ``started`` when the child is known to run. SIGTERM ends it as it ends the listener: the
task is cancelled with the loop, and the child stays.
"""

import asyncio
import signal
import sys
from pathlib import Path

from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import Invocation
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.step_files import StepFiles


async def main() -> None:
    folder, name, command, *rest = sys.argv[1:]
    timeout_seconds = float(rest[0]) if rest else 300.0
    step = Step.after(name, command, timeout_seconds=timeout_seconds)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    commands = Commands(Path(folder))
    task = asyncio.ensure_future(
        commands.run(
            Invocation(step=step, phase="post", plan="nightly", run_id="r1", summary={"version": 1})
        )
    )
    while StepFiles(Path(folder), name).find_child() is None:
        await asyncio.sleep(0.01)
    sys.stdout.write("started\n")
    sys.stdout.flush()
    await ended.wait()
    task.cancel()


asyncio.run(main())
