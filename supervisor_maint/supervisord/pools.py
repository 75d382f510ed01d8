"""Which groups of supervisord are listener pools, so that no run ever touches one.

Our plug-in knows; without it, the configuration that supervisord was started with tells. That is
read in a child (``configured_pools``): supervisor's own parser takes 14 MB, and the listener
stays small.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from supervisor_maint.errors import MaintError, SupervisorFault
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.rpc import SupervisorClient

READ_WITHIN_SECONDS = 20.0
_CHILD = "supervisor_maint.supervisord.configured_pools"


def find_pools(
    client: SupervisorClient, *, configuration: str | None, own_group: str | None
) -> Pools:
    """Ask the plug-in, else read the configuration file; ``configuration`` names it if known.

    Blocks for some 0.3 s. Raises MaintError when neither can tell.
    """
    snapshot = client.snapshot()
    groups = frozenset(namespec.group for namespec in snapshot.processes)
    try:
        pools = frozenset(map(str, client.call("maint.getListenerPools", repeatable=True)))
    except SupervisorFault as fault:
        if fault.code != FaultCode.UNKNOWN_METHOD:
            raise
        told = _ask_child(snapshot.supervisord.pid, configuration)
        return Pools(
            pools=frozenset(told["pools"]),
            programs=frozenset(told["programs"]),
            own_group=own_group,
        )
    return Pools(pools=pools, programs=groups - pools, own_group=own_group)


def find_own_log(client: SupervisorClient, *, configuration: str | None) -> str:
    """Read in the configuration where supervisord's own log is. Raises MaintError."""
    return str(_ask_child(client.identify().pid, configuration)["logfile"])


def _ask_child(pid: int, configuration: str | None) -> Mapping[str, Any]:
    command = [sys.executable, "-m", _CHILD, str(pid)]
    try:
        done = subprocess.run(
            [*command, configuration] if configuration else command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",  # -m imports from where it is started, as root maybe
            timeout=READ_WITHIN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MaintError(f"cannot read supervisord's configuration: {error}") from error
    if done.returncode != 0:
        raise MaintError(f"cannot read supervisord's configuration: {done.stderr.strip()}")
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told
