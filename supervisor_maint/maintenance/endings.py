"""What the end of a child means, and how it is told.

Nothing is touched here.
"""

from __future__ import annotations

from supervisor_maint.children import describe
from supervisor_maint.maintenance.invocation import StepEnd
from supervisor_maint.maintenance.observation import StepOutcome

# EX_TEMPFAIL of sysexits.h: not now, and no failure. Before the restart it skips the run.
SKIP_STATUS = 75
_MAY_SKIP = frozenset({"pre", "check"})


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
