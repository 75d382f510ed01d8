"""What the end of a child means, and how it is told.

Nothing is touched here; the names of signals are the machine's.
"""

from __future__ import annotations

import signal

from supervisor_maint.maintenance.invocation import StepEnd
from supervisor_maint.maintenance.observation import StepOutcome

# EX_TEMPFAIL of sysexits.h: not now, and no failure. Before the restart it skips the run.
SKIP_STATUS = 75
_MAY_SKIP = frozenset({"pre", "check"})
# What still reads as one line in a log or a chat.
_LINE_LENGTH = 200


def judge(phase: str, returncode: int, output: str = "", output_bytes: int = 0) -> StepEnd:
    """Say what the end of a child means; a negative ``returncode`` is the signal that ended it."""
    told = describe(returncode, output)
    if returncode == 0:
        outcome, told = StepOutcome.SUCCEEDED, ""
    elif returncode == SKIP_STATUS and phase in _MAY_SKIP:
        outcome = StepOutcome.SKIP_RUN
    else:
        outcome = StepOutcome.FAILED
    return StepEnd(
        outcome=outcome,
        reason=told,
        exit_status=returncode if returncode >= 0 else None,
        output=output,
        output_bytes=output_bytes,
    )


def describe(returncode: int, output: str = "") -> str:
    """Say how a child ended, and the last line that it wrote."""
    if returncode >= 0:
        told = f"exit status {returncode}"
    else:
        told = f"ended by {_signal_name(-returncode)}"
    last = last_line(output)
    return f"{told}: {last}" if last else told


def last_line(output: str) -> str:
    """Return the last line with something in it, shortened, without control characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    printable = "".join(char if char.isprintable() else " " for char in lines[-1]) if lines else ""
    return printable[:_LINE_LENGTH].strip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal, known to Python by its first and last only
        return f"signal {number}"
