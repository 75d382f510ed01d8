"""Which groups are listener pools by the configuration that supervisord was started with.

A program of its own, which ``pools`` starts, and a run waits for it: so it loads supervisor's
parser and hardly anything else.
Run as ``python -m supervisor_maint.supervisord.configured_pools PID [FILE]`` it prints JSON.
"""

from __future__ import annotations

import gc
import json
import sys

from supervisor_maint.errors import MaintError
from supervisor_maint.supervisord import configuration


def _tell(pid: int, path: str | None) -> str:
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
    gc.disable()  # a tenth of the time, in a life of a quarter of a second
    sys.exit(main(sys.argv[1:]))
