"""A real supervisord in a folder of its own, driven as an operator drives it.

Everything waits for a condition with a generous limit, never for a time. Whatever happens, what
was started is ended by its pid; a process that outlives an orderly end is a failure.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import psutil
from supervisor.xmlrpc import SupervisorTransport

from tests.e2e.harness_programs import program

T = TypeVar("T")

MARK = "SUPERVISOR_MAINT_TEST_FOLDER"  # in the environment of everything started here
POLL_SECONDS = 0.05
TAIL_LINES = 60
SUPERVISORD = ("-m", "supervisor.supervisord")  # what Python runs

HEAD = """\
[unix_http_server]
file=%(here)s/s.sock
{credentials}
[supervisord]
logfile=%(here)s/supervisord.log
logfile_maxbytes=0
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
directory=%(here)s
{options}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/s.sock
{credentials}
"""
EVENTS = "PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION,TICK_5,TICK_3600"


def listener(
    config: Path | str, name: str = "maint", *, python: str = sys.executable, **options: object
) -> str:
    """Build the stanza that runs our listener with a configuration file."""
    command = [python, "-m", "supervisor_maint", "listen", "--config", str(config)]
    defaults = {
        "events": EVENTS,
        "buffer_size": 4096,
        "priority": -7,
        "autorestart": "true",
        "stdout_logfile": "NONE",
        "stderr_logfile": f"%(here)s/{name}.stderr.log",
    }
    stanza = program(name, command, **{**defaults, **options})
    return stanza.replace("[program:", "[eventlistener:", 1)


class RealSupervisord:
    """Supervisord, from the Python that runs the tests, with the stanzas it is given.

    A context manager: it starts on entering and everything is ended on leaving. ``options`` go
    into ``[supervisord]``. ``environment`` is added to what its children inherit. ``program`` is
    a script that runs it with something changed, ``python`` is what runs all that.
    """

    def __init__(
        self,
        *stanzas: str,
        username: str | None = None,
        password: str | None = None,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = SUPERVISORD,
        python: str = sys.executable,
        **options: object,
    ) -> None:
        # A unix socket's path has at most 107 bytes: pytest's tmp_path is too long for one.
        self.directory = Path(tempfile.mkdtemp(prefix="sm", dir="/tmp"))
        self.config_file = self.directory / "supervisord.conf"
        self.log_file = self.directory / "supervisord.log"
        self.server_url = f"unix://{self.directory / 's.sock'}"
        self.process: subprocess.Popen[bytes] | None = None
        self._credentials = (username, password)
        self._environment = dict(environment or {})
        self._program = (python, "-W", "ignore", *program)
        self._options = options
        self._orphans_expected = False
        self.patience_seconds = 15.0  # what an orderly end may still leave for so long
        self._write(stanzas)

    def _write(self, stanzas: Sequence[str]) -> None:
        username, password = self._credentials
        head = HEAD.format(
            credentials=f"username={username}\npassword={password}\n" if username else "",
            options="".join(f"{key}={value}\n" for key, value in self._options.items()),
        )
        self.config_file.write_text("\n".join([head, *stanzas]), encoding="utf-8")

    @property
    def pid(self) -> int:
        """The pid of supervisord."""
        return self._running().pid

    @property
    def rpc(self) -> xmlrpc.client.ServerProxy:
        """Supervisord's XML-RPC: ``rpc.supervisor.getState()``. A connection for each call."""
        transport = _TransportForOneCall(*self._credentials, self.server_url)
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport)

    def start(self) -> None:
        """Start supervisord, and wait until it answers that it is RUNNING."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SUPERVISOR_")
        }
        # Root's supervisord warns of itself (-W); what the tests read is its log.
        command = [*self._program, "-n", "-s"]
        with (self.directory / "supervisord.out.log").open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "-c", str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                env={**environment, **self._environment, MARK: str(self.directory)},
                start_new_session=True,
            )
        self.wait_until(self._is_running, "supervisord is RUNNING")

    def _is_running(self) -> bool:
        # A socket left by a killed one may be there: ask whose answer it is.
        supervisor = self.rpc.supervisor
        return supervisor.getPID() == self.pid and supervisor.getState()["statename"] == "RUNNING"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "supervisord was not started"
        return self.process

    def kill(self) -> None:
        """End supervisord alone with SIGKILL, as a crash does; its children live on."""
        self._orphans_expected = True
        self._running().kill()
        self._running().wait(timeout=30)
        self.process = None

    def shutdown(self, timeout: float = 60.0) -> None:
        """End supervisord as an operator does, with its programs, and wait for its end."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        wait_until(
            lambda: process.poll() is not None or self._nudge(),
            "supervisord ends",
            timeout=timeout,
            evidence=self.evidence,
        )
        self.process = None

    def _nudge(self) -> bool:
        """Make its loop turn: it would sleep a second for each group that it stops."""
        self.rpc.supervisor.getState()
        return False

    def reload(self) -> None:
        """Do ``supervisorctl reload``, and wait until it is RUNNING again."""
        running = "supervisord started with pid"
        before = self.log().count(running)
        self.rpc.supervisor.restart()
        self.wait_until(lambda: self.log().count(running) > before, "supervisord starts anew")
        self.wait_until(self._is_running, "supervisord is RUNNING again")

    def update(self, *stanzas: str) -> None:
        """Replace all stanzas, and do ``supervisorctl update``."""
        self._write(stanzas)
        done = self.ctl("update")
        assert done.returncode == 0, f"update failed: {done.stdout}{done.stderr}"

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``supervisorctl ARGUMENTS`` to its end."""
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisorctl"]
        return subprocess.run(
            [*command, "-c", str(self.config_file), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def states(self) -> dict[str, str]:
        """Ask for the name of each process's state, by ``group:name``."""
        return {name: process["statename"] for name, process in self._processes().items()}

    def state(self, namespec: str) -> str:
        """Ask for the name of one process's state; a bare name means a group of that name."""
        return str(self._processes()[_qualified(namespec)]["statename"])

    def pid_of(self, namespec: str) -> int:
        """Ask for the pid of one process; 0 when it has none."""
        return int(self._processes()[_qualified(namespec)]["pid"])

    def crash(self, namespec: str) -> None:
        """Kill one process, as a crash does. AssertionError when it does not run."""
        pid = self.pid_of(namespec)
        assert pid, f"{namespec} does not run"
        os.kill(pid, signal.SIGKILL)

    def listener_pid(self, name: str = "maint") -> int:
        """Ask for the pid of our listener; 0 when it has none."""
        return self.pid_of(name)

    def _processes(self) -> dict[str, dict[str, object]]:
        answer = self.rpc.supervisor.getAllProcessInfo()
        return {f"{process['group']}:{process['name']}": process for process in answer}

    def wait_for_state(self, namespec: str, state: str, timeout: float = 60.0) -> None:
        """Wait until a process is in a state."""
        self.wait_until(
            lambda: self.state(namespec) == state, f"{namespec} is {state}", timeout=timeout
        )

    def wait_until(self, predicate: Callable[[], T], message: str, timeout: float = 60.0) -> T:
        """Ask 20 times a second until the answer is true, and return it.

        An answer that cannot be had (supervisord is on its way, a name not there yet) is not
        true. When the time is over, or supervisord died by itself, everything known is told.
        """

        def ended() -> str:
            status = None if self.process is None else self.process.poll()
            return "" if status is None else f"supervisord ended with {status}"

        return wait_until(
            predicate, message, timeout=timeout, evidence=self.evidence, hopeless=ended
        )

    def log(self) -> str:
        """Read supervisord's own log."""
        return self.text("supervisord.log")

    def text(self, name: str) -> str:
        """Read a file in the folder; one that is not there is empty."""
        path = self.directory / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def evidence(self) -> str:
        """Tell what is known: states, processes, and the ends of all logs."""
        parts = [f"states: {self._states_or_reason()}"]
        parts += [f"alive: {process.pid} {_command(process)}" for process in self.survivors()]
        for path in sorted(self.directory.glob("*.log")):
            if lines := self.text(path.name).splitlines()[-TAIL_LINES:]:
                parts.append("\n".join([f"--- {path.name}", *lines]))
        return "\n".join(parts)

    def _states_or_reason(self) -> object:
        try:
            return self.states()
        except (OSError, HTTPException, xmlrpc.client.Error) as error:
            return repr(error)

    def survivors(self) -> list[psutil.Process]:
        """List the processes alive now that supervisord, in any of its lives, has started."""
        return [process for process in psutil.process_iter() if self._started(process)]

    def _started(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == str(self.directory) and is_alive(process.pid)
        except (psutil.Error, OSError):
            return False

    def stop(self) -> None:
        """End everything and remove the folder; AssertionError when something was left behind.

        Nothing is left behind by an orderly end. After ``kill`` orphans are what there must be.
        """
        try:
            if self.process is not None:
                self.shutdown()
            if not self._orphans_expected:
                self._wait_for_no_survivor()
        finally:
            self._end_all()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _wait_for_no_survivor(self) -> None:
        wait_until(
            lambda: not self.survivors(),
            "nothing outlives supervisord",
            timeout=self.patience_seconds,
            evidence=self.evidence,
        )

    def _end_all(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        # A process may start another before it dies: look until none is found.
        while survivors := self.survivors():
            for process in survivors:
                _kill(process)
            psutil.wait_procs(survivors, timeout=1.0)

    def __enter__(self) -> RealSupervisord:
        try:
            self.start()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, exception_type: object, *_rest: object) -> None:
        if exception_type is None:
            self.stop()
        else:
            self._abandon()

    def _abandon(self) -> None:
        """End everything after a failure, which must not be hidden by another."""
        try:
            self.stop()
        except AssertionError as error:
            sys.stderr.write(f"{error}\n")


class _TransportForOneCall(SupervisorTransport):
    """Keeps no connection: none to go stale after a reload, none to be left open."""

    def request(self, *arguments: object, **options: object) -> object:
        """Ask, and close."""
        try:
            return super().request(*arguments, **options)
        finally:
            self.close()


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie that nobody has reaped yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _qualified(namespec: str) -> str:
    return namespec if ":" in namespec else f"{namespec}:{namespec}"


def _command(process: psutil.Process) -> str:
    try:
        return shlex.join(process.cmdline())
    except psutil.Error:
        return "(gone)"


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return


def wait_until(
    predicate: Callable[[], T],
    message: str,
    *,
    timeout: float = 60.0,
    evidence: Callable[[], str] = lambda: "",
    hopeless: Callable[[], str] = lambda: "",
) -> T:
    """Ask 20 times a second until the answer is true, and return it.

    An error of the wire, or a name that is not there, is no answer yet. Raises AssertionError
    with ``evidence()`` when the time is over, or as soon as ``hopeless()`` gives a reason.
    """
    deadline = time.monotonic() + timeout
    reason: object = None
    while True:
        try:
            if answer := predicate():
                return answer
            reason = f"the last answer was {answer!r}"
        except (OSError, HTTPException, xmlrpc.client.Error, LookupError) as error:
            reason = f"the last answer was {error!r}"
        why = hopeless() or (f"not within {timeout:g} s" if time.monotonic() > deadline else "")
        assert not why, f"waited until {message}: {why}; {reason}\n{evidence()}"
        time.sleep(POLL_SECONDS)
