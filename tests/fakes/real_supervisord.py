"""A real supervisord in a folder of its own, for tests; ended by its pid, whatever happens."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fakes.waiting import wait_until

SUPERVISORD = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord"]

HEAD = """\
[unix_http_server]
file=%(here)s/s.sock
{credentials}

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier={identifier}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

"""


class RealSupervisord:
    """Supervisord from the Python that runs the tests, on a unix socket."""

    def __init__(self, programs: str, *, credentials: str = "", identifier: str = "test") -> None:
        # A unix socket's path has at most 107 bytes; tmp_path can be longer.
        self.folder = Path(tempfile.mkdtemp(prefix="maint-", dir="/tmp"))
        self.configuration = self.folder / "supervisord.conf"
        head = HEAD.format(credentials=credentials, identifier=identifier)
        self.configuration.write_text(head + programs, encoding="utf-8")
        self.log = self.folder / "supervisord.log"
        self.socket = self.folder / "s.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can be asked."""
        self.process = subprocess.Popen(
            [*SUPERVISORD, "-n", "-s", "-c", str(self.configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
        )
        process = self.process
        wait_until(lambda: self._answers() or process.poll() is not None)
        assert process.poll() is None, "supervisord ended at once"

    def _answers(self) -> bool:
        """Tell whether it accepts connections: the socket file is there a moment earlier."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it and its programs, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> RealSupervisord:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
