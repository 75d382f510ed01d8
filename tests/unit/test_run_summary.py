"""A run as a document for post steps, and as one line."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import attrs
import pytest

from supervisor_maint.maintenance import summary
from supervisor_maint.maintenance.actions import StepPhase
from supervisor_maint.maintenance.observation import CallOutcome, StepOutcome
from supervisor_maint.maintenance.plan import Plan, Step
from supervisor_maint.maintenance.run import Phase, StepRecord, new_run
from supervisor_maint.maintenance.target import Call, Progress, Target
from supervisor_maint.maintenance.targets import Chosen, LeftAlone
from supervisor_maint.processes import Namespec

TOKYO = ZoneInfo("Asia/Tokyo")
AT = 1_772_301_600.0  # 2026-03-01 03:00:00 in Tokyo


def target(name, *, progress=Progress.DONE, asked_at=AT + 1, back_at=AT + 2.0, reason=""):
    stop = Call(first_asked_at=asked_at, asked_at=asked_at, outcome=CallOutcome.ACCEPTED)
    return Target(
        chosen=Chosen(namespec=Namespec("web", name), pid=1, started_at=AT - 1000),
        progress=progress,
        stop=stop,
        back_at=back_at,
        reason=reason,
    )


def run(**changes):
    plan = Plan(name="nightly", post=(Step.after("mail", "mail --secret=abc"),))
    begun = new_run("r1", plan, now=AT, scheduled_at=AT)
    return attrs.evolve(begun, **changes)


SUCCEEDED = {
    "phase": Phase.SUCCEEDED,
    "first_stop_at": AT + 1,
    "ended_at": AT + 19.25,
    "targets": (target("a"), target("b", back_at=AT + 4)),
}


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"phase": Phase.PENDING}, None),
        ({"phase": Phase.PREPARING}, None),
        ({"phase": Phase.RESTARTING}, None),
        ({"phase": Phase.VERIFYING}, None),
        ({"phase": Phase.FINISHING}, "succeeded"),
        ({"phase": Phase.FINISHING, "is_skipped": True}, "skipped"),
        ({"phase": Phase.RECOVERING}, "failed"),
        ({"phase": Phase.SUCCEEDED}, "succeeded"),
        ({"phase": Phase.FAILED}, "failed"),
        ({"phase": Phase.SKIPPED}, "skipped"),
    ],
)
def test_result_is_known_when_post_steps_run(changes, result):
    """Post steps are told how it went; pre steps that nobody knows yet."""
    assert result == summary.result(run(**changes))


def test_document_holds_what_happened():
    """A post step can say what was restarted, how long each was away, and what is left alone."""
    told = summary.document(
        run(
            **{**SUCCEEDED, "phase": Phase.FINISHING, "ended_at": None},
            left_alone=(LeftAlone(Namespec("db", "db"), "excluded by 'db'"),),
            steps=(
                StepRecord(
                    phase=StepPhase.PRE,
                    name="drain",
                    asked_at=AT,
                    outcome=StepOutcome.FAILED,
                    reason="exit status 1",
                ),
            ),
            differences=("web:a: memory",),
            notes=("pre step drain failed: exit status 1",),
            deadline_at=AT + 301,
        ),
        TOKYO,
    )

    assert {
        "version": 1,
        "run_id": "r1",
        "plan": "nightly",
        "result": "succeeded",
        "reason": "",
        "notes": ["pre step drain failed: exit status 1"],
        "asked_by": None,
        "cancelled_by": None,
        "scheduled_at": "2026-03-01T03:00:00+09:00",
        "created_at": "2026-03-01T03:00:00+09:00",
        "first_stop_at": "2026-03-01T03:00:01+09:00",
        "deadline_at": "2026-03-01T03:05:01+09:00",
        "ended_at": None,
        "processes": [
            {"process": "web:a", "progress": "done", "reason": "", "downtime_seconds": 1.0},
            {"process": "web:b", "progress": "done", "reason": "", "downtime_seconds": 3.0},
        ],
        "left_alone": [{"process": "db", "reason": "excluded by 'db'"}],
        "steps": [
            {
                "phase": "pre",
                "name": "drain",
                "attempt": 1,
                "outcome": "failed",
                "reason": "exit status 1",
            }
        ],
        "differences": ["web:a: memory"],
    } == json.loads(json.dumps(told))


def test_document_tells_no_command_line():
    """What a command line may hold, a token for one, is not passed on to other steps."""
    assert "secret" not in json.dumps(summary.document(run(**SUCCEEDED), TOKYO))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            SUCCEEDED,
            "2026-03-01T03:00:19+09:00 nightly succeeded in 18.2 s; "
            "2 of 2 restarted, down 2.0 s on average and 3.0 s at most; run r1",
        ),
        (
            {**SUCCEEDED, "differences": ("a", "b"), "asked_by": "joe"},
            "2026-03-01T03:00:19+09:00 nightly succeeded (asked for by joe) in 18.2 s; "
            "2 of 2 restarted, down 2.0 s on average and 3.0 s at most; "
            "2 differences to before; run r1",
        ),
        (
            {
                **SUCCEEDED,
                "phase": Phase.FAILED,
                "targets": (
                    target("a"),
                    target("b", progress=Progress.FAILED, back_at=None, reason="FATAL"),
                ),
                "reason": "web:b: FATAL",
            },
            "2026-03-01T03:00:19+09:00 nightly failed in 18.2 s; "
            "1 of 2 restarted, down 1.0 s on average and 1.0 s at most; web:b: FATAL; run r1",
        ),
        (
            {"phase": Phase.SKIPPED, "reason": "held\nby\tjoe", "ended_at": AT},
            "2026-03-01T03:00:00+09:00 nightly skipped; held by joe; run r1",
        ),
        (
            {"phase": Phase.RESTARTING, "first_stop_at": AT},
            "2026-03-01T03:00:05+09:00 nightly restarting in 5.0 s; run r1",
        ),
    ],
)
def test_line_tells_a_run(changes, line):
    """One line says when, which plan, how it went, for how long what was away, and why."""
    assert line == summary.line(run(**changes), TOKYO, AT + 5)


def test_downtime_is_that_of_our_stop():
    """What we did not stop was not away because of us; a clock set back makes no time negative."""
    ours = target("a")
    refused = attrs.evolve(
        ours, stop=attrs.evolve(ours.stop, outcome=CallOutcome.REFUSED, was_lost=False)
    )

    assert summary.downtime_seconds(attrs.evolve(ours, stop=None)) is None
    assert summary.downtime_seconds(refused) is None
    assert 0.0 == summary.downtime_seconds(attrs.evolve(ours, back_at=AT - 50))
