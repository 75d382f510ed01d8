"""Whether an EXITED process ended as its configuration expects. Pure."""

from __future__ import annotations

from supervisor_maint.processes import ProcessConfig, ProcessState, ProcessStatus


def exited_as_expected(status: ProcessStatus, config: ProcessConfig | None) -> bool:
    """Tell whether the process is EXITED with one of its ``exitcodes``.

    Supervisord's own word is ``spawnerr``: "Bad exit code N" when it did not expect the code, also
    for a signal (``supervisor/process.py``, ``finish``). The exit codes of the configuration are
    asked after that, for they are those of the file last read.
    """
    if status.state is not ProcessState.EXITED or status.spawn_error:
        return False
    if status.exit_status is None:
        return True
    codes = (0,) if config is None else config.exit_codes
    return status.exit_status in codes
