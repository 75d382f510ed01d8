"""What every Python of this environment loads, also one that has nothing to do.

When the tests are measured, coverage is in each child, and brings modules of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys

IMPORTED = re.compile(r"\|\s+(\S+)$", re.MULTILINE)


def modules() -> set[str]:
    """Return the names of the modules."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(IMPORTED.findall(done.stderr))
