"""``supervisorctl maint …`` and ``supervisorctl reopen``. Runs inside supervisorctl.

Nothing is imported but supervisor and the standard library, and no exception comes out but what
supervisorctl's own commands let out (a wrong password, which it then asks for). Everything goes
through supervisorctl's own server URL, so it works from another machine; at the other end
``[rpcinterface:maint]`` answers.

    [ctlplugin:maint]
    supervisor.ctl_factory = supervisor_maint.supervisord.ctlplugin:make_plugin

The section must stand in the main file: supervisorctl does not follow ``[include]``.
Source: ``supervisor/supervisorctl.py``.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any
from xml.parsers.expat import ExpatError
from xmlrpc.client import Fault, ProtocolError

from supervisor.supervisorctl import (
    ControllerPluginBase,
    LSBInitExitStatuses,
    LSBStatusExitStatuses,
)
from supervisor.xmlrpc import Faults

from supervisor_maint.supervisord import ctl_arguments, ctl_report

ANSWER_SECONDS = 5.0
# Ten times a second: seen at once by people, and next to nothing for supervisord.
_POLL_SECONDS = 0.1
_UNAUTHORIZED = 401

WITHOUT_INTERFACE = """\
ERROR: supervisord has no namespace maint. Install supervisor-maint into the Python that runs
supervisord (supervisor-maint check-config tells whether it is there), add to its configuration

[rpcinterface:maint]
supervisor.rpcinterface_factory = supervisor_maint.supervisord.rpcinterface:make_interface
state_dir = /var/lib/supervisor-maint

and restart supervisord. Until then use supervisor-maint on its own machine."""


def make_plugin(controller: Any, /, **_config: str) -> MaintControllerPlugin:
    """Make the plug-in; supervisorctl calls this. Whatever the section holds, it never raises."""
    return MaintControllerPlugin(controller)


class MaintControllerPlugin(ControllerPluginBase):  # type: ignore[misc]  # it ships no types
    """The commands ``maint`` and ``reopen``."""

    name = "maint"

    def do_maint(self, arg: str) -> None:
        """Carry out ``maint VERB``, and leave the exit status in the controller."""
        try:
            verb, arguments = ctl_arguments.parse(arg, time.time())
        except ValueError as error:
            self._fail(f"ERROR: maint: {error}", LSBInitExitStatuses.INVALID_ARGS)
            self.help_maint()
            return
        with self._failures():
            if not self.ctl.upcheck():
                return
            if verb == ctl_arguments.STATUS:
                self._show_status()
            else:
                self._ask(verb, arguments)

    def help_maint(self) -> None:
        """Print the usage of ``maint``, with examples."""
        self._say(ctl_arguments.USAGE)

    def do_reopen(self, arg: str) -> None:
        """Have supervisord open its own log and every child's anew, after they were renamed."""
        if arg:
            self._fail("ERROR: reopen takes no arguments", LSBInitExitStatuses.INVALID_ARGS)
            self.help_reopen()
            return
        with self._failures():
            if not self.ctl.upcheck():
                return
            problems = self._maint().reopenLogs()
            for owner, reason in problems:
                self._fail(f"{owner}: ERROR ({reason})")
            if not problems:
                self._say("supervisord and its processes: logs reopened")

    def help_reopen(self) -> None:
        """Print the usage of ``reopen``, with an example."""
        self._say(
            "reopen\t\t\tReopen supervisord's log and those of all processes, after they were\n"
            "\t\t\trenamed; in a file of logrotate:\n"
            "\n"
            "postrotate\n"
            "    supervisorctl reopen >/dev/null\n"
            "endscript"
        )

    def do_help(self, arg: str) -> None:
        """Print help for what is ours; the default plug-in has spoken of the rest."""
        if not arg or hasattr(self, f"help_{arg}"):
            super().do_help(arg)

    def _show_status(self) -> None:
        document = self._status()
        for line in ctl_report.lines(document):
            self._say(line)
        if not ctl_report.is_well(document):
            self.ctl.exitstatus = LSBStatusExitStatuses.NOT_RUNNING

    def _ask(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """Send a request, once it is known that its answer can be read, and print the answer."""
        self._status()
        request_id = secrets.token_hex(8)
        request = {"id": request_id, "verb": verb, "args": arguments, "asked_by": _asked_by()}
        self._maint().request(json.dumps(request))
        try:
            answer = self._wait_for(request_id)
        except KeyboardInterrupt:
            self._fail("not waited for; the request may still be carried out")
            return
        if answer is None:
            self._fail(
                f"the listener did not answer within {ANSWER_SECONDS:g} s: it is busy, or does "
                "not run; what it has not taken 30 s after it was sent is dropped, until then it "
                "may still be carried out: look with maint status",
                LSBInitExitStatuses.NOT_RUNNING,
            )
        elif answer.get("done") is True:
            self._say(str(answer.get("sentence")))
        else:
            self._fail(str(answer.get("sentence")))

    def _wait_for(self, request_id: str) -> Mapping[str, Any] | None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            answers = self._status().get("answers")
            answer = answers.get(request_id) if isinstance(answers, dict) else None
            if isinstance(answer, dict):
                return answer
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)

    def _status(self) -> dict[str, Any]:
        document = json.loads(self._maint().status())
        if not isinstance(document, dict):
            raise ValueError("expected a JSON object as status")  # noqa: TRY004 - of a text
        return document

    def _maint(self) -> Any:
        return self.ctl.get_server_proxy("maint")

    def _say(self, text: str) -> None:
        # A terminal of another encoding must not turn an answer into an error.
        encoding = getattr(self.ctl.stdout, "encoding", None) or "utf-8"
        self.ctl.output(text.encode(encoding, "backslashreplace").decode(encoding))

    def _fail(self, text: str, exit_status: int = LSBInitExitStatuses.GENERIC) -> None:
        self._say(text)
        self.ctl.exitstatus = exit_status

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Print whatever the other side answers but what was asked for, as a sentence."""
        try:
            yield
        except Fault as fault:
            if fault.faultCode == Faults.UNKNOWN_METHOD:
                self._fail(WITHOUT_INTERFACE, LSBInitExitStatuses.UNIMPLEMENTED_FEATURE)
            else:
                status = _EXIT_STATUSES.get(fault.faultCode, LSBInitExitStatuses.GENERIC)
                self._fail(f"ERROR: {fault.faultString}", status)
        except ProtocolError as error:
            if error.errcode == _UNAUTHORIZED:
                raise  # supervisorctl asks for the password, and comes again
            self._fail(f"ERROR: supervisord answered HTTP {error.errcode} {error.errmsg}")
        except (OSError, HTTPException, ExpatError, ValueError) as error:
            self._fail(f"ERROR: {self.ctl.options.serverurl}: {error or type(error).__name__}")


_EXIT_STATUSES = {
    Faults.NOT_RUNNING: LSBInitExitStatuses.NOT_RUNNING,
    Faults.NO_FILE: LSBInitExitStatuses.NOT_RUNNING,
    Faults.BAD_ARGUMENTS: LSBInitExitStatuses.INVALID_ARGS,
}


def _asked_by() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, ImportError, OSError):  # a uid without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()} with supervisorctl"
