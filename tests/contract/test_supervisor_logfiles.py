"""The names that supervisord gives to logs nobody named are not taken for configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from supervisor_maint.processes import ProcessConfig
from supervisor_maint.supervisord.answers import process_configs


def _config(stdout_logfile: str, stderr_logfile: str, name: str) -> ProcessConfig:
    struct = {
        "group": "web",
        "name": name,
        "group_prio": 999,
        "process_prio": 999,
        "autostart": True,
        "startsecs": 1,
        "stopwaitsecs": 10,
        "exitcodes": [0],
        "command": "/bin/cat",
        "stdout_logfile": stdout_logfile,
        "stderr_logfile": stderr_logfile,
        "inuse": True,
    }
    (config,) = process_configs([struct]).values()
    return config


@pytest.mark.parametrize("name", ["web_0", "a-stdout---b", "größe"])
def test_name_made_at_each_start_is_no_change(name: str, tmp_path: Path) -> None:
    """A log that is AUTO is the same before it has a name, with one, and with the next one."""
    options = ServerOptions()
    options.childlogdir = str(tmp_path)
    made = [
        [options.get_autochildlog_name(name, "host:9001", each) for each in ("stdout", "stderr")]
        for _ in range(2)
    ]
    first, second = (_config(*logs, name) for logs in made)

    assert made[0] != made[1]
    assert _config("auto", "auto", name) == first == second


def test_name_that_was_configured_is_kept() -> None:
    """A log with a name of its own is told by it, also where that looks like another's."""
    config = _config("/var/log/web_0.log", "/var/log/worker-stderr---x.log", "web_0")

    assert "/var/log/web_0.log" == config.stdout_logfile
    assert "/var/log/worker-stderr---x.log" == config.stderr_logfile
