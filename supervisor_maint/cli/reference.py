"""The reference pages, all of them: ``python -m supervisor_maint.cli.reference [FOLDER]``.

Each page is made by the folder of what it is about. A unit test fails when one has drifted.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Callable

from supervisor_maint.cli import build_parser, commands_page
from supervisor_maint.monitoring import reference as metrics_page
from supervisor_maint.settings import reference as configuration_page

REGENERATE = "python -m supervisor_maint.cli.reference"
FOLDER = Path("docs/reference")


def _commands(note: str) -> str:
    return commands_page.markdown(note, build_parser())


PAGES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "commands.md": _commands,
        "configuration.md": configuration_page.markdown,
        "metrics.md": metrics_page.markdown,
    }
)


def page(name: str) -> str:
    """Return the text of a page."""
    return PAGES[name](f"<!-- Generated: {REGENERATE} -->")


def write(folder: Path) -> None:
    """Write every page into a folder that is there."""
    for name in PAGES:
        (folder / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the reference pages anew from the code.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    write(parser.parse_args().folder)
