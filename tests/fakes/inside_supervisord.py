"""Supervisord's own objects, made from a configuration as supervisord makes them, not run.

Real options, groups, listener pools, dispatchers and log handlers; no child and no loop.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from supervisor import events, loggers
from supervisor.dispatchers import PEventListenerDispatcher, PInputDispatcher, POutputDispatcher
from supervisor.options import ServerOptions
from supervisor.process import EventListenerPool
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.xmlrpc import RootRPCInterface, SystemNamespaceRPCInterface, traverse

CONFIGURATION = """\
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}

[rpcinterface:maint]
supervisor.rpcinterface_factory=supervisor_maint.supervisord.rpcinterface:make_interface
{plugin}

[program:web]
command=/bin/cat
process_name=web_%(process_num)d
numprocs=2
stdout_logfile={folder}/web_%(process_num)d.out.log
stderr_logfile={folder}/web_%(process_num)d.err.log
stdout_capture_maxbytes=1KB

[eventlistener:maint]
command=/bin/cat
events=REMOTE_COMMUNICATION,TICK_5
stdout_logfile={folder}/maint.out.log
stderr_logfile={folder}/maint.err.log

[eventlistener:ticker]
command=/bin/cat
events=TICK_5
stdout_logfile=NONE
stderr_logfile=NONE
"""


class InsideSupervisord:
    """What a plug-in is given as ``supervisord``, with every process RUNNING."""

    def __init__(self, folder: Path, plugin: str = "") -> None:
        self.folder = folder
        file = folder / "supervisord.conf"
        file.write_text(CONFIGURATION.format(folder=folder, plugin=plugin), encoding="utf-8")
        self.options = ServerOptions()
        self.options.realize(args=["-n", "-c", str(file)], doc="", progname="supervisord")
        self.options.poller.close()
        self.options.mood = SupervisorStates.RUNNING
        self.options.logger = loggers.getLogger()
        loggers.handle_file(
            self.options.logger, str(folder / "supervisord.log"), "%(message)s\n", True, 10**6, 1
        )
        configs = self.options.process_group_configs
        self.process_groups = {config.name: config.make_group() for config in configs}
        self._null = os.open(os.devnull, os.O_RDWR)
        self._start_all()
        self._handlers = self._all_handlers()

    def _start_all(self) -> None:
        pid = 4000
        for group in self.process_groups.values():
            output = (
                PEventListenerDispatcher
                if isinstance(group, EventListenerPool)
                else POutputDispatcher
            )
            for process in group.processes.values():
                pid += 1
                process.pid, process.state = pid, ProcessStates.RUNNING
                kind = events.ProcessCommunicationStdoutEvent
                channel = "stdout" if output is PEventListenerDispatcher else kind
                process.dispatchers = {
                    4: PInputDispatcher(process, "stdin", self._null),
                    5: output(process, channel, self._null),
                    7: POutputDispatcher(
                        process, events.ProcessCommunicationStderrEvent, self._null
                    ),
                }

    def interface(self) -> Any:
        """Make the interface as supervisord's HTTP server does."""
        ((_, factory, config),) = self.options.rpcinterface_factories
        return factory(self, **config)

    def call(self, method: str, *params: Any) -> Any:
        """Call a method as supervisord's XML-RPC handler does."""
        return traverse(RootRPCInterface(self._namespaces()), method, params)

    def system(self) -> SystemNamespaceRPCInterface:
        """Make what tells which methods there are."""
        return SystemNamespaceRPCInterface(self._namespaces())

    def _namespaces(self) -> list[tuple[str, Any]]:
        return [("maint", self.interface())]

    def dispatchers(self, group: str) -> list[Any]:
        """List the dispatchers of a group's processes that have logs."""
        processes = self.process_groups[group].processes.values()
        found = [one for process in processes for one in process.dispatchers.values()]
        return [one for one in found if hasattr(one, "reopenlogs")]

    def buffered(self, pool: str) -> list[str]:
        """List the payloads of the events that wait for a listener pool."""
        return [event.payload() for event in self.process_groups[pool].event_buffer]

    def stop_listener(self, pool: str, state: int = ProcessStates.STOPPED) -> None:
        """Put the processes of a pool into a state."""
        for process in self.process_groups[pool].processes.values():
            process.state, process.pid = state, 0

    def close(self) -> None:
        """Close every log, and forget who listens."""
        events.clear()
        for handler in self._handlers:
            handler.close()
        os.close(self._null)

    def _all_handlers(self) -> list[Any]:
        found = [self.options.logger]
        for group in self.process_groups:
            for dispatcher in self.dispatchers(group):
                names = ("normallog", "capturelog", "childlog")
                found += [getattr(dispatcher, name, None) for name in names]
        return [handler for logger in found if logger for handler in logger.handlers]
