"""The generated pages in docs/reference are what the code says."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor_maint.cli import COMMANDS, commands_page, reference
from supervisor_maint.monitoring.metrics import describe

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_page_is_up_to_date(name: str) -> None:
    """A page that has drifted from the code is told with the command that writes it anew."""
    written = (REPOSITORY / reference.FOLDER / name).read_text(encoding="utf-8")

    assert reference.page(name) == written, f"{name} has drifted: run {reference.REGENERATE}"


def test_no_page_is_written_by_hand() -> None:
    """Everything in the folder is generated, so nothing in it can grow old."""
    found = {path.name for path in (REPOSITORY / reference.FOLDER).iterdir()}

    assert set(reference.PAGES) == found


def test_command_of_the_pages_writes_them_all(tmp_path: Path) -> None:
    """What a page and a failing test tell people to run writes every page."""
    module = reference.REGENERATE.split()[-1]
    subprocess.run([sys.executable, "-m", module, str(tmp_path)], cwd=REPOSITORY, check=True)

    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert {name: reference.page(name) for name in reference.PAGES} == written


def test_every_metric_is_described_once() -> None:
    """Each metric has one row."""
    rows = [line for line in reference.page("metrics.md").splitlines() if line.startswith("|")]

    for row in describe():
        assert 1 == sum(line.startswith(f"| `{row.name}` |") for line in rows), row.name


def test_every_label_is_explained() -> None:
    """Each label of a metric about processes or events is in the table of labels."""
    labels = reference.page("metrics.md").partition("## Labels")[2]
    named = {label for row in describe() if row.type != "info" for label in row.labels}

    assert [] == [label for label in sorted(named) if f"`{label}`" not in labels]


def test_every_command_has_its_section() -> None:
    """Each command has a heading, its usage and an example."""
    page = reference.page("commands.md")
    names = [name.replace("_", "-") for name in COMMANDS]

    assert names == [line[3:] for line in page.splitlines() if line.startswith("## ")][1:]
    assert all(f"\nsupervisor-maint {name}" in page for name in names)
    assert len(names) == page.count("\nExample:\n")


def test_usage_tells_what_may_be_left_out() -> None:
    """Optional and repeated arguments, values, choices and rivals are told apart."""
    page = commands_page.markdown("<!-- note -->", _parser())

    usage = "work [--to PLACE] [--how {slow,fast}] [--now | --at TIME] WHAT [WHO] [MORE…]"
    assert f"\nsupervisor-maint {usage}\n" in page
    assert "| `--to PLACE`, `-t PLACE` | where to (default: home, 100% sure) |" in page
    assert "```text\nsupervisor-maint work\nand on\n```" in page


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="supervisor-maint")
    commands = parser.add_subparsers()
    work = commands.add_parser("work", description="Work.", epilog="example:\n  " + _EXAMPLE)
    where = "where to (default: %(default)s, 100%% sure)"
    work.add_argument("--to", "-t", metavar="PLACE", default="home", help=where)
    work.add_argument("--how", choices=("slow", "fast"), help="how")
    when = work.add_mutually_exclusive_group()
    when.add_argument("--now", action="store_true", help="now")
    when.add_argument("--at", metavar="TIME", help="then")
    work.add_argument("what", metavar="WHAT", help="what")
    work.add_argument("who", nargs="?", metavar="WHO", help="who")
    work.add_argument("more", nargs="*", metavar="MORE", help="more")
    return parser


_EXAMPLE = "supervisor-maint work\n  and on"
