"""The listeners that are compared: how each is started."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs

from benchmarks.children import PROGRAMS
from tests.e2e.harness_programs import program


@attrs.frozen
class Contender:
    """A listener by the name it has in the tables, and the words that start it."""

    name: str
    command: tuple[str, ...]


CHILDUTILS = Contender(
    "childutils loop", (sys.executable, str(PROGRAMS / "childutils_listener.py"))
)
# The limit is one that nothing reaches: it looks at every TICK, and restarts nothing.
MEMMON = Contender(
    "superlance memmon", (sys.executable, "-m", "superlance.memmon", "-p", "nothing=1GB")
)
PEERS = (CHILDUTILS, MEMMON)


def ours(name: str, folder: Path, *, gateway: str | None = None, **options: str) -> Contender:
    """Return our listener, with a new configuration in the folder; ``options`` are ``[maint]``'s.

    A push may take as long as it can be allowed to: one that hangs does so all the while.
    """
    folder.mkdir(parents=True)
    lines = ["[maint]", f"state_dir={folder / 'state'}", "instance=bench", "log_level=warn"]
    lines += [f"{key}={value}" for key, value in options.items()]
    if gateway is not None:
        lines += ["[sink:pushgateway]", f"url={gateway}", "timeout=60s"]
    config = folder / "maint.conf"
    config.write_text("\n".join([*lines, ""]), encoding="utf-8")
    command = (sys.executable, "-m", "supervisor_maint", "listen", "--config", str(config))
    return Contender(name, command)


def stanza(contender: Contender, name: str, **options: object) -> str:
    """Return the ``[eventlistener:NAME]`` stanza that runs a contender."""
    defaults = {"events": "PROCESS_STATE,TICK_5", "stdout_logfile": "NONE"}
    text = program(name, contender.command, **{**defaults, **options})
    return text.replace("[program:", "[eventlistener:", 1)
