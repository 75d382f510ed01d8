"""Steps as tests run them, and the processes that they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal

import psutil

from supervisor_maint.maintenance.invocation import Invocation
from supervisor_maint.maintenance.plan import Step

SECONDS = 60.0  # what anything may take on a machine that does much else
STARTED_SECONDS = 3.0  # a time limit by which a child surely does what it is there for


def shell(script):
    return f"sh -c {shlex.quote(script)}"


def invocation(command, *, phase="post", timeout_seconds=SECONDS, user="", **facts):
    step = Step.after("warm-cache", command, timeout_seconds=timeout_seconds, user=user)
    return Invocation(
        **{"step": step, "phase": phase, "plan": "nightly", "run_id": "r1", **facts},
    )


def run(commands, *arguments, **options):
    return asyncio.run(commands.run(invocation(*arguments, **options)))


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
