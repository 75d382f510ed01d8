"""A real supervisorctl with our plug-in, and what it believes to be supervisord."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from supervisor.options import ClientOptions
from supervisor.rpcinterface import API_VERSION
from supervisor.supervisorctl import Controller
from supervisor.xmlrpc import Faults

CONFIGURATION = """\
[supervisorctl]
serverurl=unix:///nowhere/s.sock

[ctlplugin:maint]
supervisor.ctl_factory=supervisor_maint.supervisord.ctlplugin:make_plugin
nonsense=1
"""


class FakeSupervisord:
    """The namespaces ``supervisor`` and ``maint``; an attribute that is an exception is raised."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.document: Any = {"pid": 7, "listener": "maint", "read_at": 1000.0, "answers": {}}
        self.answer: dict[str, Any] | None = {"done": True, "sentence": "so be it", "at": 1.0}
        self.problems: Any = []
        self.refusal: BaseException | None = None
        self.supervisor = self
        self.maint = self

    def getVersion(self) -> str:
        return str(API_VERSION)

    def status(self) -> str:
        if isinstance(self.document, BaseException):
            raise self.document
        return self.document if isinstance(self.document, str) else json.dumps(self.document)

    def request(self, text: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        request = json.loads(text)
        self.requests.append(request)
        if self.answer is not None:
            self.document["answers"][request["id"]] = self.answer
        return str(request["id"])

    def reopenLogs(self) -> Any:
        if isinstance(self.problems, BaseException):
            raise self.problems
        return self.problems


class AbsentSupervisord(FakeSupervisord):
    """Nobody answers."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def getVersion(self) -> str:
        raise self.error


class FakeSupervisorctl:
    """Supervisorctl as it runs one command; ``stdout`` has what it printed."""

    def __init__(self, folder: Path, supervisord: FakeSupervisord, stdout: Any = None) -> None:
        file = folder / "ctl.conf"
        file.write_text(CONFIGURATION, encoding="utf-8")
        options = ClientOptions()
        options.realize(args=["-c", str(file), "status"], doc="")
        options.getServerProxy = lambda: supervisord
        self.stdout = stdout or io.StringIO()
        self.controller = Controller(options, stdout=self.stdout)

    def run(self, line: str) -> tuple[int, str]:
        """Run one command; return its exit status and what it printed."""
        self.controller.onecmd(line)
        return self.controller.exitstatus, self.stdout.getvalue()


def unknown_method() -> Fault:
    """Build what supervisord answers without our plug-in."""
    return Fault(Faults.UNKNOWN_METHOD, "UNKNOWN_METHOD")
