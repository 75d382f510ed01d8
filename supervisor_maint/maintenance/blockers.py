"""What keeps a run from starting. It fails closed: what could not be asked blocks. No I/O here.

The shell gathers the ``Circumstances`` (running the plan's check steps for it) each time a run
asks (``actions.AskBlockers``), and answers with what ``find`` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timezone, tzinfo

import attrs

from supervisor_maint.maintenance import holds
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.store.records import Hold

# As often as a person would look again, and seldom enough for a check step that takes a while.
ASK_AGAIN_SECONDS = 15.0


@attrs.frozen
class CheckAnswer:
    """How a check step ended; ``reason`` says it for people."""

    passed: bool
    reason: str = ""


@attrs.frozen(kw_only=True, hash=False)
class Circumstances:
    """What was found when a run wanted to start. None stands for what could not be found out.

    ``holds`` are those of the journal, ``journal_problem`` why it cannot be written or needs a
    resume, ``open_run`` the plan of another run that is under way, ``supervisord_state`` as
    ``getState`` names it, ``unknown_groups`` those that nobody knows to be no listener pools;
    ``pools_problem`` is why nobody knows of any.
    ``alerts`` and ``query`` are what ``block_on_alerts`` and ``block_on_query`` found. ``zone`` is
    the one in which times are told.
    """

    holds: Sequence[Hold] | None = None
    journal_problem: str | None = "the journal was not asked"
    open_run: str | None = None
    supervisord_state: str | None = None
    unknown_groups: Sequence[str] | None = None
    pools_problem: str = ""
    alerts: CheckAnswer | None = None
    query: CheckAnswer | None = None
    checks: Mapping[str, CheckAnswer] = attrs.field(factory=dict)
    zone: tzinfo = timezone.utc


def find(plan: Plan, found: Circumstances, now: float) -> tuple[str, ...]:
    """Return a sentence for everything that keeps the plan from starting now, none if it may."""
    return (
        *_held(plan, found, now),
        *_not_able(found),
        *_monitored(plan, found),
        *_checked(plan, found),
    )


def without_questions(plan: Plan) -> Plan:
    """Return a plan without what takes a while to ask, for a first look at the rest."""
    return attrs.evolve(plan, checks=(), block_on_alerts="", block_on_query="")


def _held(plan: Plan, found: Circumstances, now: float) -> Iterable[str]:
    if found.holds is None:
        yield "nobody knows whether the plan is held: the journal cannot be read"
        return
    hold = holds.find(found.holds, plan.name, now)
    if hold is not None:
        yield holds.describe(hold, found.zone)


def _not_able(found: Circumstances) -> Iterable[str]:
    if found.journal_problem is not None:
        yield f"no run without a journal: {found.journal_problem}"
    if found.open_run is not None:
        yield f"the run of {found.open_run} is under way"
    if found.supervisord_state != "RUNNING":
        yield f"supervisord is not RUNNING: {found.supervisord_state or 'it does not answer'}"
    if found.unknown_groups is None:
        why = f": {found.pools_problem}" if found.pools_problem else ""
        yield f"nobody knows which groups are listener pools{why}"
    elif found.unknown_groups:
        yield unknown_groups(found.unknown_groups)


def unknown_groups(groups: Iterable[str]) -> str:
    """Say that groups may be listener pools, and what to do about it."""
    return (
        f"nobody knows whether {', '.join(groups)} may be listener pools: set [maint] "
        f"supervisord_config to the file supervisord was started with, or load [rpcinterface:maint]"
    )


def _monitored(plan: Plan, found: Circumstances) -> Iterable[str]:
    asked = (
        ("block_on_alerts", plan.block_on_alerts, found.alerts),
        ("block_on_query", plan.block_on_query, found.query),
    )
    for key, question, answer in asked:
        if question and answer is None:
            yield f"{key} was not asked"
        elif question and answer is not None and not answer.passed:
            yield f"{key}: {answer.reason}"


def _checked(plan: Plan, found: Circumstances) -> Iterable[str]:
    for step in plan.checks:
        answer = found.checks.get(step.name)
        if answer is None:
            yield f"check {step.name} was not asked"
        elif not answer.passed:
            yield f"check {step.name}: {answer.reason or 'it failed'}"
