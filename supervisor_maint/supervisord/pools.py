"""Which groups of supervisord are listener pools, so that no run ever touches one.

Our plug-in knows; without it, the configuration that supervisord was started with tells. That is
read in a child: supervisor's own parser takes 14 MB, and the listener stays small.
Run as ``python -m supervisor_maint.supervisord.pools PID [FILE]`` it prints JSON.
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
    command = [sys.executable, "-m", __name__, str(pid)]
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


def _tell(pid: int, path: str | None) -> str:
    from supervisor_maint.supervisord import configuration

    found = configuration.read_configuration(
        path or configuration.find_configuration(pid), configuration.find_environment(pid)
    )
    pools = configuration.listener_pools(found)
    programs = {group.name for group in found.groups} - pools
    return json.dumps(
        {"pools": sorted(pools), "programs": sorted(programs), "logfile": found.logfile}
    )


def main(arguments: list[str]) -> int:
    """Print what the configuration tells; 1 with a sentence when it cannot be read."""
    pid, path = int(arguments[0]), arguments[1] if len(arguments) > 1 else None
    try:
        sys.stdout.write(_tell(pid, path))
    except MaintError as error:
        sys.stderr.write(error.msg)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
