"""The chapter on permissions says what the code does: each row of its tables is tried."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from supervisor_maint.errors import SettingsError
from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.policy import Policy
from supervisor_maint.permissions.report import PassReport, PathResult, Result, RuleResult
from supervisor_maint.settings import Settings, SettingsRefused, load
from supervisor_maint.settings.options import Circumstances
from tests.fakes.permissions import rule

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "permissions.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[list[str]]]:
    """Return what is written as code in each cell of the first table under a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [line.strip("|").split("|") for line in lines[2:]]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in cells]


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "maint.conf"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={}, now=0.0, circumstances=Circumstances())


@pytest.mark.parametrize(("written", "meant", "not_meant"), rows("Paths"))
def test_path_means_what_the_table_says(
    written: list[str], meant: list[str], not_meant: list[str]
) -> None:
    """Each pattern is about what is said, and not about what is said."""
    (pattern,) = written
    covers = {path: rule(pattern).covers(path, is_directory=False) for path in (*meant, *not_meant)}

    assert {**dict.fromkeys(meant, True), **dict.fromkeys(not_meant, False)} == covers


@pytest.mark.parametrize(("written", "left_in", "left_out"), rows("Include and exclude"))
def test_choice_leaves_what_the_table_says(
    written: list[str], left_in: list[str], left_out: list[str]
) -> None:
    """Each choice leaves in what is said, and leaves out what is said."""
    key, _, pattern = written[0].partition(" = ")
    found = rule("/srv/app", recursive=True, **{key: (pattern,)})
    covers = {path: found.covers(path, is_directory=False) for path in (*left_in, *left_out)}

    assert {**dict.fromkeys(left_in, True), **dict.fromkeys(left_out, False)} == covers


@pytest.mark.parametrize("row", rows("Modes"))
def test_mode_gives_what_the_table_says(row: list[list[str]]) -> None:
    """Each mode makes of a file and of a folder what is said."""
    (mode,), *modes = row
    of_file, file_gets, of_folder, folder_gets = (int(cell, 8) for (cell,) in modes)
    parsed = Mode.parse(mode)

    assert file_gets == parsed.apply(of_file, is_directory=False)
    assert folder_gets == parsed.apply(of_folder, is_directory=True)


@pytest.mark.parametrize("row", rows("What is refused"))
def test_refused_is_what_the_table_says(tmp_path: Path, row: list[list[str]]) -> None:
    """Each rule is refused, and for what is shown of it alone."""
    given = "\n".join(row[0])
    defaults = [("path =", "path = /srv/app"), (r"(dir_|file_)?mode =|owner =", "mode = 0640")]
    rest = "\n".join(line for key, line in defaults if not re.search(rf"^{key}", given, re.M))

    with pytest.raises(SettingsRefused) as refused:
        loaded(tmp_path, f"[permissions:shown]\n{given}\n{rest}\n")

    assert 1 == len(refused.value.problems)
    assert refused.value.problems[0].key in {line.partition(" = ")[0] for line in row[0]}


def test_what_the_text_refuses_is_refused() -> None:
    """The folders that are named beside the table are refused as the one in it."""
    (row,) = (line for line in TEXT.splitlines() if line.startswith("| `path = /etc`"))
    named = re.findall(r"`(/[^`]*)`", row.split("|")[2])

    assert 5 <= len(named)
    for path in named:
        with pytest.raises(SettingsError):
            rule(path, recursive=True)


def test_every_field_of_the_report_is_explained() -> None:
    """What ``--json`` prints is what the table says, and nothing else."""
    (table,) = re.findall(r"^\| of \| fields \|\n(.*?)\n\n", TEXT, re.MULTILINE | re.DOTALL)
    explained = [set(re.findall(r"`(\w+)`", row.split("|")[2])) for row in table.splitlines()[1:]]
    path = PathResult(rule="r", path="/a", had="", wanted="", result=Result.FIXED)
    report = PassReport(
        started_at=0.0,
        ended_at=0.0,
        is_dry_run=False,
        is_root=True,
        rules=(RuleResult(rule="r"),),
        paths=(path,),
    )
    document = report.as_document()
    printed = [set(document), set(document["rules"][0]), set(document["paths"][0])]

    assert printed == explained


REASONS = TEXT.split("\n## What a reason means\n")[1]


@pytest.mark.parametrize("reason", re.findall(r"^\| (`[^|]+`) \|", REASONS, re.MULTILINE))
def test_reason_is_one_that_is_given(reason: str) -> None:
    """Each reason that is explained is in a sentence of the package."""
    sentences = _sentences()

    for part in re.findall(r"`([^`]+)`", reason):
        assert any(part in sentence for sentence in sentences), part


def _sentences() -> list[str]:
    """Return every text of the package, what is put into it as ``…``."""
    folder = REPOSITORY / "supervisor_maint" / "permissions"
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [_sentence(node) for node in nodes if isinstance(node, (ast.Constant, ast.JoinedStr))]


def _sentence(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_sentence(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


@pytest.mark.parametrize(
    "block", re.findall(r"^```ini\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
)
def test_shown_sections_are_taken(tmp_path: Path, block: str) -> None:
    """Every section that is shown can be used as it stands."""
    assert loaded(tmp_path, block).sections or "[maint]" in block


def test_exception_wins_as_it_is_shown(tmp_path: Path) -> None:
    """The exception that comes after the general rule governs its path."""
    (block,) = re.findall(r"^```ini\n(\[permissions:app\].*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    policy = Policy(loaded(tmp_path, block).permissions)
    paths = ("/srv/app/key.pem", "/srv/app/a/b")
    found = [policy.rule_for(path, is_directory=False) for path in paths]

    assert ["app-key", "app"] == [each.name for each in found if each]
