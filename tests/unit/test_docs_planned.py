"""The chapter on planned restarts says what the code does: phases, environment, files, settings."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timezone
from pathlib import Path

import pytest

from supervisor_maint.cli import build_parser
from supervisor_maint.maintenance import summary
from supervisor_maint.maintenance.invocation import Invocation
from supervisor_maint.maintenance.plan import Plan, Step
from supervisor_maint.maintenance.run import TRANSITIONS, Phase, new_run
from supervisor_maint.monitoring.metrics import describe
from supervisor_maint.settings import Settings, load
from supervisor_maint.settings.options import Circumstances
from supervisor_maint.supervisord import ctl_arguments

REPOSITORY = Path(__file__).resolve().parents[2]
CHAPTER = REPOSITORY / "docs" / "planned-restarts.md"
TEXT = CHAPTER.read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_run_is_drawn_as_it_is() -> None:
    """The drawing has every transition of the table, its beginning and its ends, and no other."""
    (drawing,) = blocks(TEXT, "mermaid")
    transitions = {
        (phase.name, after.name) for phase, following in TRANSITIONS.items() for after in following
    }
    ends = {(phase.name, "[*]") for phase, following in TRANSITIONS.items() if not following}

    assert transitions | ends | {("[*]", Phase.PENDING.name)} == set(
        re.findall(r"^    (\S+) --> (\S+)$", drawing, re.MULTILINE)
    )


def test_every_phase_is_explained() -> None:
    """The table of phases has each of them once, in their order."""
    named = [name for row in table("What a run does") for name in re.findall(r"`(\w+)`", row[0])]

    assert {phase.value for phase in Phase} == set(named)
    assert len(Phase) == len(named)


def test_environment_of_a_step_is_told_whole() -> None:
    """The table has every variable that a step can be given, and no other."""
    invocation = Invocation(
        step=Step.after("tell", "true"), phase="post", plan="nightly", run_id="r1", result="failed"
    )
    given = set(invocation.environment({}, "/run/summary.json")) | {"HOME", "USER", "LOGNAME"}
    (heading,) = re.findall(r"^\| variable .*\n\|---\|---\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    cells = [line.split("|")[1] for line in heading.splitlines()]

    assert given == {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_summary_is_shown_with_its_keys() -> None:
    """The JSON file that is shown has the keys of the real one."""
    (shown,) = (json.loads(block) for block in blocks(TEXT, "json"))
    run = new_run("r1", Plan(name="nightly"), now=0.0)

    assert list(summary.document(run, timezone.utc)) == list(shown)
    assert summary.VERSION == shown["version"]


PLANS = [
    block for text in (TEXT, README) for block in blocks(text, "ini") if "[maintenance:" in block
]


def test_both_pages_show_a_plan() -> None:
    """The chapter has a whole plan, the README a first one and a whole one."""
    assert [True, False, True] == ["[step:" in block for block in PLANS]


@pytest.mark.parametrize("block", PLANS)
def test_plan_that_is_shown_is_complete(block: str, tmp_path: Path) -> None:
    """A plan can be pasted as it stands: its steps are there, and its checks can be filled."""
    settings = _loaded(block, tmp_path)
    (plan,) = settings.plans
    parts = (plan.pre, plan.post, plan.readiness)

    assert "nightly" == plan.name
    assert "Asia/Tokyo" == getattr(plan.schedule, "zone", None)
    assert 3 * ["[step:" in block] == [bool(part) for part in parts]


def _loaded(block: str, folder: Path) -> Settings:
    file = folder / "maint.conf"
    file.write_text(block, encoding="utf-8")
    return load(file, environ={}, now=0.0, circumstances=Circumstances())


def test_commands_can_be_typed() -> None:
    """Every command that is shown at a prompt is one of ours, as it stands."""
    lines = re.findall(
        r"^\$ supervisor-maint (.*)$", "".join(blocks(TEXT, "console")), re.MULTILINE
    )

    assert len(lines) > 5
    for line in lines:
        assert build_parser().parse_args(shlex.split(line)).run


def test_commands_of_supervisorctl_can_be_typed() -> None:
    """Every ``supervisorctl maint`` that is shown is understood by the plug-in."""
    lines = re.findall(r"supervisorctl (?:-s \S+ )?maint ([^\n`]+)", TEXT)

    assert len(lines) > 3
    for line in lines:
        assert ctl_arguments.parse(line, now=0.0)


def test_metrics_are_there() -> None:
    """Every metric in the chapter is one that is written."""
    known = {row.name for row in describe()}

    assert set(re.findall(r"`(supervisor_[a-z_]+)`", TEXT)) <= known
