"""Run the tools that check what was laid out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import attrs

# logrotate is there on Debian, and not on the PATH of everybody.
_SYSTEM_FOLDERS = "/usr/sbin:/sbin"
_TIMEOUT_SECONDS = 60.0


@attrs.frozen
class Outcome:
    """How a check ended: ``is_good`` is None when its tool is not there."""

    is_good: bool | None
    output: str = ""


def run(command: Sequence[str]) -> Outcome:
    """Run a check to its end, in English, and keep what it says."""
    tool, *arguments = command
    path = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}"
    found = shutil.which(tool, path=path)
    if found is None:
        return Outcome(None)
    try:
        ended = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome(False, str(error))
    return Outcome(ended.returncode == 0, ended.stdout.strip())
