"""Rules as tests write them."""

from __future__ import annotations

from typing import Any

from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.rules import Rule


def rule(path: str, **given: Any) -> Rule:
    """Make a rule; modes are given as text, and without any wish it wants mode 0640."""
    modes = ("mode", "dir_mode", "file_mode")
    if not {*modes, "owner", "group"} & set(given):
        given["mode"] = "0640"
    parsed = {key: Mode.parse(text) for key, text in given.items() if key in modes}
    return Rule(**{"name": "rule", "path": path, **given, **parsed})
