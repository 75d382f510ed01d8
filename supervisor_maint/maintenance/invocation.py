"""What a step's child is started with, and what its end means. Values only; no I/O here.

The environment is made from nothing, so that no secret of the listener's own (the password of
supervisord's socket among them) can reach a child:

=============  ==================================================================================
MAINT_PLAN     the name of the plan
MAINT_RUN_ID   the id of the run, as ``supervisor-maint history`` shows it
MAINT_PHASE    ``pre``, ``post``, ``check`` or ``rotate``
MAINT_ATTEMPT  1, and more when a listener died while the step was under way
MAINT_RESULT   for post: ``succeeded``, ``failed`` or ``skipped``
MAINT_SUMMARY  the path of a JSON file about the run (see ``summary``), gone when the step ends
=============  ==================================================================================

Beside them there are PATH and LANG, and HOME, USER and LOGNAME of the user it runs as.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import attrs
from attrs.validators import ge, in_, min_len, optional

from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Step

PHASES = ("pre", "post", "check", "rotate")
STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@attrs.frozen(kw_only=True, hash=False)
class Invocation:
    """One attempt at a step. ``summary`` is what the file at MAINT_SUMMARY holds, if anything."""

    step: Step
    phase: str = attrs.field(validator=in_(PHASES))
    attempt: int = attrs.field(default=1, validator=ge(1))
    plan: str = attrs.field(validator=min_len(1))
    run_id: str
    result: str | None = attrs.field(
        default=None, validator=optional(in_(("succeeded", "failed", "skipped")))
    )
    summary: Mapping[str, Any] | None = None

    def arguments(self) -> list[str]:
        """Split the command as a shell splits words. Raises ValueError for an open quote."""
        arguments = shlex.split(self.step.command)
        if not arguments:
            raise ValueError("expected a command, found none")
        return arguments

    def environment(self, inherited: Mapping[str, str], summary_path: str | None) -> dict[str, str]:
        """Make the child's environment; of ``inherited`` only PATH and LANG are taken."""
        told = {
            "MAINT_PLAN": self.plan,
            "MAINT_RUN_ID": self.run_id,
            "MAINT_PHASE": self.phase,
            "MAINT_ATTEMPT": str(self.attempt),
            "MAINT_RESULT": self.result,
            "MAINT_SUMMARY": summary_path,
        }
        return {
            **basic_environment(inherited),
            **{name: value for name, value in told.items() if value is not None},
        }


@attrs.frozen(kw_only=True)
class StepEnd:
    """How an attempt ended; ``reason`` says it for people.

    ``exit_status`` is None when there was none: a signal, or a child that could not be started.
    ``output`` is the end of what it wrote, ``output_bytes`` how much it wrote in all, at least.
    """

    outcome: StepOutcome
    reason: str = ""
    exit_status: int | None = None
    output: str = ""
    output_bytes: int = 0


def basic_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Take PATH, with the folders added where logrotate may be, and LANG. Nothing else."""
    folders = inherited.get("PATH", "").split(":") + STANDARD_PATH.split(":")
    path = ":".join(dict.fromkeys(folder for folder in folders if folder))
    return {"PATH": path, "LANG": inherited.get("LANG", "C.UTF-8")}
