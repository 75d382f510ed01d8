"""A run as the document that a crash must not lose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor_maint.maintenance.observation import CallKind
from supervisor_maint.maintenance.plan import Allowance, Plan, Step
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.run import Run, resumed
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.processes import Namespec
from tests.fakes.stage import A, S, Stage, T, ended, status


def test_run_becomes_json_and_comes_back() -> None:
    """At every turn of a rich run the document says all that a crash must not lose."""
    plan = Plan(
        name="nightly",
        schedule=Schedule.parse("0 3 * * *", "Asia/Tokyo"),
        max_unavailable=Allowance.parse("50%"),
        pre=(Step.before("drain", "x"),),
        post=(Step.after("undrain", "y"),),
        checks=(Step.before("check", "z"),),
        readiness=(Readiness(name="r", programs=("q",), kind=ProbeKind.TCP, address="h:1"),),
        exclude=("db", "x:*"),
    )
    stage = Stage(plan)
    stage.statuses[Namespec("old", "old")] = status(Namespec("old", "old"), S.FATAL)
    stage.begin()
    seen = [stage.run]
    stage.turn(ended("drain"))
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    seen.append(stage.run)
    for run in seen:
        document = json.loads(json.dumps(run.to_document()))
        again = Run.from_document(document)

        assert run.to_document() == again.to_document()
        assert run.plan == again.plan
        assert resumed(again, T).targets == resumed(Run.from_document(document), T).targets


@pytest.mark.parametrize("document", [{}, {"id": "r1"}, {"id": "", "plan": {"name": "x"}}])
def test_what_is_no_run_is_refused(document: dict[str, Any]) -> None:
    """A document that lacks what a run needs is a ValueError, not a half run."""
    with pytest.raises(ValueError, match="expected"):
        Run.from_document(document)


def test_document_of_a_newer_version_is_read_without_what_is_new() -> None:
    """Unknown fields are left out, missing ones keep their default."""
    document = {**Stage().run.to_document(), "colour": "blue"}
    del document["notes"]

    assert () == Run.from_document(document).notes
