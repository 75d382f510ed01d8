"""The demonstration's supervisord, in a temporary folder, with everything it starts."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import attrs

from supervisor_maint.errors import MaintError

READY_WITHIN_SECONDS = 20.0
ENDED_WITHIN_SECONDS = 15.0
_POLL_SECONDS = 0.05

SUPERVISORD_CONF = """\
[supervisord]
nodaemon=true
identifier=demo
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
directory=%(here)s
{user}
[unix_http_server]
file=%(here)s/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock

[program:web]
command={program} web {web_ports}%(process_num)d
process_name=%(program_name)s_%(process_num)d
numprocs=3

[program:worker]
command={program} worker

[program:leaky]
command={program} leaky

[program:fragile]
command={program} fragile %(here)s/break
startretries=1
startsecs=3

[program:standby]
command={program} worker
autostart=false

[program:migrate]
command={program} migrate
startsecs=0
autorestart=false

[include]
files=maint.conf
"""

MAINT_CONF = """\
[eventlistener:maint]
command={python} -m supervisor_maint listen --config %(here)s/maint.conf
events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION,TICK_5,TICK_3600
buffer_size=4096
priority=-10
autorestart=true
stdout_logfile=NONE
stderr_logfile=%(here)s/maint.log

[maint]
state_dir=%(here)s/state
instance=demo
push_interval=5s
settle=2s

[maintenance:nightly]
schedule=0 3 * * *
timezone=Asia/Tokyo
programs=web:*, leaky, worker
max_unavailable=1
post=tell
settle=1s

[readiness:web]
programs=web:*
http=http://127.0.0.1:{{num+{web_base}}}/

[step:tell]
command=/bin/sh -c 'echo "$MAINT_PLAN $MAINT_RESULT" >> %(here)s/told'

[sink:http]
listen=127.0.0.1:{metrics_port}
"""

PUSHGATEWAY_CONF = """
[sink:pushgateway]
url={url}
delete_on_stop=true
"""


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    return int(free_ports_in_a_row() + "0")


def free_ports_in_a_row() -> str:
    """Return the front digits of ten loopback ports of which the first three are free.

    Below those that the kernel gives to clients (ip_local_port_range): one of these may be taken
    by anybody's connection before a program of ours comes to it.
    """
    for front in random.sample(range(2000, 3200), 200):
        if all(_is_free(front * 10 + last) for last in range(3)):
            return str(front)
    raise MaintError("the demo expected some free loopback port from 20000 to 32000, found none")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except OSError:
        return False


@attrs.define(kw_only=True)
class Stage:
    """A temporary folder and the supervisord in it; a context manager that ends all it began."""

    pushgateway_url: str | None = None
    keep: bool = False
    folder: Path = attrs.field(init=False)
    metrics_port: int = attrs.field(init=False, factory=free_port)
    web_ports: str = attrs.field(init=False, factory=free_ports_in_a_row)
    _supervisord: subprocess.Popen[bytes] | None = attrs.field(init=False, default=None)

    def __enter__(self) -> Stage:
        # Not TMPDIR: the path of a unix socket may have 107 bytes at the most.
        self.folder = Path(tempfile.mkdtemp(prefix="supervisor-maint-demo-", dir="/tmp"))
        try:
            self._write()
            self._start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if not (self.keep and kind is None):
            self.end()

    @property
    def configuration(self) -> Path:
        """The file that both supervisord and supervisor-maint are configured by."""
        return self.folder / "supervisord.conf"

    @property
    def pid(self) -> int | None:
        """The process id of supervisord."""
        return self._supervisord.pid if self._supervisord else None

    def supervisorctl(self, *arguments: str) -> str:
        """Run ``supervisorctl`` and return what it prints."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.configuration)]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd=self.folder
        )
        return done.stdout + done.stderr

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for a condition; raises MaintError that says what did not happen.

        An OSError is no answer yet: whom the condition asks may be on its way.
        """
        deadline = time.monotonic() + seconds
        while not _holds(condition):
            if time.monotonic() > deadline or not self._is_alive():
                raise MaintError(f"the demo expected {what} within {seconds:.0f} s; {self._why()}")
            time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """Stop supervisord and its programs, by pid, and remove the folder."""
        if self._supervisord is not None and self._is_alive():
            self._supervisord.send_signal(signal.SIGTERM)
            try:
                self._supervisord.wait(ENDED_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._supervisord.pid, signal.SIGKILL)
                self._supervisord.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self) -> None:
        program = f"{sys.executable} -m supervisor_maint.demo.programs"
        # supervisord warns a root that has not chosen its user
        user = "user=root\n" if os.geteuid() == 0 else ""
        conf = SUPERVISORD_CONF.format(program=program, web_ports=self.web_ports, user=user)
        maint = MAINT_CONF.format(
            python=sys.executable,
            metrics_port=self.metrics_port,
            web_base=int(self.web_ports + "0"),
        )
        if self.pushgateway_url is not None:
            maint += PUSHGATEWAY_CONF.format(url=self.pushgateway_url)
        self.configuration.write_text(conf)
        (self.folder / "maint.conf").write_text(maint)

    def _start(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)]
        self._supervisord = subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C is for the demo, which then ends supervisord in good order.
            start_new_session=True,
        )

    def _is_alive(self) -> bool:
        return self._supervisord is not None and self._supervisord.poll() is None

    def _why(self) -> str:
        logs = [self.folder / "supervisord.log", self.folder / "maint.log"]
        tails = [log.read_text(errors="replace")[-600:] for log in logs if log.exists()]
        return "the logs end with:\n" + "\n".join(tails)
