"""Look at the machine for what defaults are taken from: its name, its zone, who we are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from supervisor_maint.settings import words
from supervisor_maint.settings.options import Circumstances

_LOCALTIME = Path("/etc/localtime")
_ZONES = "/zoneinfo/"  # what /etc/localtime points into, wherever the system keeps it


def observe(environ: Mapping[str, str]) -> Circumstances:
    """Look at the machine; ``environ`` is the environment to use in place of our own."""
    node = os.uname().nodename or "localhost"
    return Circumstances(
        environ=environ,
        host_name=node,
        instance=node.partition(".")[0],
        zone_name=local_zone(environ.get("TZ", ""), _LOCALTIME),
        is_root=os.geteuid() == 0,
    )


def local_zone(tz_variable: str, localtime: Path) -> str:
    """Name the machine's zone: TZ when that names one, else what /etc/localtime points to.

    UTC when neither does (localtime(5); TZ may also hold a POSIX rule, which has no name).
    """
    pointed = os.path.realpath(localtime).partition(_ZONES)[2]
    for candidate in filter(None, (tz_variable.lstrip(":"), pointed)):
        try:
            return words.zone(candidate).key
        except ValueError:
            continue
    return "UTC"
