"""The environment of a child whose loaded modules are looked at: without what measures it."""

from __future__ import annotations

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """Return this process's environment, in which coverage loads nothing into a child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
