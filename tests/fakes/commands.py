"""A place where commands can be run in process: settings, a state directory, a supervisord."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.cli import main
from supervisor_maint.settings import Settings, load
from supervisor_maint.store.history import History
from supervisor_maint.store.state_dir import StateDir
from tests.fakes.app import World
from tests.fakes.xmlrpc_server import Request

_STATES = {"STOPPED": 0, "STARTING": 10, "RUNNING": 20, "EXITED": 100, "FATAL": 200}
UP_SINCE = 1_600_000_000


def info(name: str, state: str = "RUNNING", **changes: Any) -> dict[str, Any]:
    """Return what getAllProcessInfo says of one process."""
    group, _, alone = name.partition(":")
    is_up = state == "RUNNING"
    return {
        "name": alone or group,
        "group": group,
        "state": _STATES[state],
        "statename": state,
        "pid": 5 if is_up else 0,
        "start": UP_SINCE if is_up else 0,
        "stop": 0,
        "exitstatus": 0,
        "spawnerr": "",
        "description": "pid 5, uptime 0:00:05" if is_up else "Not started",
        "stdout_logfile": "",
        "stderr_logfile": "",
        **changes,
    }


class SupervisordServer:
    """Answers as supervisord does, a process list that the test may change; a behaviour."""

    def __init__(self, *processes: dict[str, Any]) -> None:
        self.processes = processes or (info("web"),)
        self.state = "RUNNING"

    def __call__(self, request: Request) -> None:
        params, method = xmlrpc.client.loads(request.body)
        value = self._value(str(method), params)
        request.reply(xmlrpc.client.dumps((value,), methodresponse=True).encode())

    def _value(self, method: str, params: Any) -> Any:
        if method == "system.multicall":
            return [self._value(call["methodName"], call["params"]) for call in params[0]]
        answers: dict[str, Any] = {
            "supervisor.getPID": 2_000_000_000,
            "supervisor.getState": {"statecode": 1, "statename": self.state},
            "supervisor.getIdentification": "supervisor",
            "supervisor.getSupervisorVersion": "4.3.0",
            "supervisor.getAllProcessInfo": list(self.processes),
            "supervisor.getAllConfigInfo": [],
            "supervisor.readLog": "",
        }
        return answers[method]


@attrs.define
class Place:
    """A folder with ``maint.conf``, and everything that commands find there."""

    folder: Path
    keys: dict[str, str] = attrs.field(factory=dict)
    sections: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "maint.conf"

    @property
    def state(self) -> StateDir:
        return StateDir(self.folder / "state")

    def write(self, sections: str | None = None, **keys: str) -> Place:
        """Write the configuration, with other keys than before where any are given."""
        self.keys.update(keys)
        self.sections = self.sections if sections is None else sections
        keys = {"state_dir": "%(here)s/state", "timezone": "Asia/Tokyo", **self.keys}
        lines = [f"{key} = {value}" for key, value in keys.items()]
        self.config.write_text("\n".join(["[maint]", *lines, self.sections, ""]))
        return self

    def settings(self) -> Settings:
        return load(self.config, environ={}, now=1000.0)

    def run(self, command: str, *arguments: str) -> int:
        """Run a command with this configuration."""
        return main([command, "--config", str(self.config), *arguments])

    def remember(self, story: Callable[[World], Any]) -> None:
        """Have the history hold what a listener would have saved after this story."""
        self.state.prepare()
        history = History(self.state.history)

        async def run() -> None:
            world = World()
            await story(world)
            await world.app.recorder.save()
            history.save_watch(
                world.history.meta, world.history.processes, totals=world.history.totals
            )
            for report in world.history.reports:
                history.add_report(report["made_at"], report)

        asyncio.run(run())
        history.close()
