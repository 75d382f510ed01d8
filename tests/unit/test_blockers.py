"""What keeps a run from starting; what could not be asked does."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.maintenance import blockers
from supervisor_maint.maintenance.blockers import CheckAnswer, Circumstances
from supervisor_maint.maintenance.plan import Plan, Step
from supervisor_maint.store.records import Hold

PLAN = Plan(name="nightly", checks=(Step.before("backup-done", "test -f /x"),))


def _found(**changes: Any) -> Circumstances:
    good: dict[str, Any] = {
        "holds": (),
        "journal_problem": None,
        "supervisord_state": "RUNNING",
        "unknown_groups": (),
        "checks": {"backup-done": CheckAnswer(True)},
    }
    return Circumstances(**{**good, **changes})


def test_nothing_blocks() -> None:
    """When all is well, there is no blocker."""
    assert () == blockers.find(PLAN, _found(), 50.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"holds": (Hold(plan="nightly", since_at=0.0),)}, "nightly is held"),
        ({"holds": (Hold(since_at=0.0),)}, "every plan is held"),
        ({"holds": None}, "nobody knows whether the plan is held"),
        ({"journal_problem": "disk full"}, "no run without a journal: disk full"),
        ({"open_run": "weekly"}, "the run of weekly is under way"),
        ({"supervisord_state": "SHUTDOWN"}, "supervisord is not RUNNING: SHUTDOWN"),
        ({"supervisord_state": None}, "supervisord is not RUNNING: it does not answer"),
        ({"unknown_groups": ("odd",)}, "nobody knows whether odd may be listener pools"),
        ({"unknown_groups": None}, "nobody knows which groups are listener pools"),
        ({"checks": {}}, "check backup-done was not asked"),
        ({"checks": {"backup-done": CheckAnswer(False, "exit 1")}}, "check backup-done: exit 1"),
    ],
)
def test_one_blocker(changes: dict[str, Any], expected: str) -> None:
    """Each circumstance blocks alone, and says how."""
    found = blockers.find(PLAN, _found(**changes), 50.0)

    assert 1 == len(found)
    assert expected in found[0]


def test_hold_of_another_plan_does_not_block() -> None:
    """Nor does one that is over."""
    other = Hold(plan="weekly", since_at=0.0)
    over = Hold(plan="nightly", since_at=0.0, until_at=50.0)

    assert () == blockers.find(PLAN, _found(holds=(other, over)), 50.0)


def test_what_nobody_asked_blocks() -> None:
    """Circumstances without content block everything that can block."""
    found = blockers.find(PLAN, Circumstances(), 50.0)

    assert 5 == len(found)
