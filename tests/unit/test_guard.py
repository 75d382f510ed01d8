"""The guard of the protocol's pipes, in a process of its own with real pipes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60  # far more than a start of Python takes on a busy machine

NOISY = """
import os, subprocess, sys
print("printed before")
from supervisor_maint.listener.guard import own_protocol_pipes
pipes = own_protocol_pipes()
print("printed after")
os.write(1, b"written to fd 1\\n")
sys.__stdout__.write("written to the first stdout\\n")
subprocess.run(["/bin/echo", "said by a child"], check=True)
os.system("echo said by a shell")
os.write(pipes.results_fd, b"READY\\n")
heard = os.read(pipes.events_fd, 100)
os.write(pipes.results_fd, b"heard " + heard)
"""

STREAMS = """
import os, subprocess, sys
from supervisor_maint.listener.guard import own_protocol_pipes
pipes = own_protocol_pipes()
child = subprocess.run(["/bin/cat"], capture_output=True, check=True)
facts = [
    sys.stdin.read() == "",
    os.read(0, 1) == b"",
    child.stdout == b"",
    sys.stdout is sys.stderr,
    os.path.sameopenfile(1, 2),
    min(pipes.events_fd, pipes.results_fd) > 2,
    not os.get_inheritable(pipes.events_fd),
    not os.get_inheritable(pipes.results_fd),
]
os.write(pipes.results_fd, repr(facts).encode())
"""

REFUSED = """
import os, sys
from supervisor_maint.errors import MaintError
from supervisor_maint.listener.guard import own_protocol_pipes
before = [os.fstat(fd) for fd in (1, 2)], sys.stdout
try:
    own_protocol_pipes()
except MaintError as error:
    assert before == ([os.fstat(fd) for fd in (1, 2)], sys.stdout)
    sys.stderr.write(error.msg)
    sys.exit(2)
"""


def run(script: str, **streams: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONUNBUFFERED", None)  # what is printed before waits in a buffer
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, timeout=SECONDS, check=False, **streams
    )


def test_nothing_printed_reaches_the_protocol() -> None:
    """Whoever prints (we, a library, a child) reaches stderr; only the protocol reaches fd 1."""
    done = run(NOISY, input=b"an event", capture_output=True)

    assert b"READY\nheard an event" == done.stdout
    assert [
        "printed after",
        "printed before",
        "said by a child",
        "said by a shell",
        "written to fd 1",
        "written to the first stdout",
    ] == sorted(done.stderr.decode().splitlines())
    assert 0 == done.returncode


def test_streams_are_sane_afterwards() -> None:
    """Stdin is at its end for us and for children, and stdout is stderr."""
    done = run(STREAMS, input=b"an event", capture_output=True)

    assert b"" == done.stderr
    assert repr([True] * 8).encode() == done.stdout


def test_a_regular_file_is_refused(tmp_path: Path) -> None:
    """A stdin from a file is not supervisord: the sentence says what to do, READY is not said."""
    path = tmp_path / "events"
    path.write_bytes(b"")
    with path.open("rb") as stdin:
        done = run(REFUSED, stdin=stdin, capture_output=True)

    assert (2, b"") == (done.returncode, done.stdout)
    assert (
        "listen is started by supervisord, with a pipe as its stdin; found a regular file: add an "
        "[eventlistener:...] stanza with this command to supervisord's configuration"
    ) == done.stderr.decode()


def test_a_terminal_is_refused() -> None:
    """A person who types the command at a terminal is told about the stanza."""
    keyboard, terminal = pty.openpty()
    try:
        done = run(REFUSED, stdin=terminal, capture_output=True)
    finally:
        os.close(keyboard)
        os.close(terminal)

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"found a terminal: add an [eventlistener:...] stanza" in done.stderr


@pytest.mark.parametrize(
    ("close_stdin", "found"), [("", "found a device"), ("os.close(0)", "found none")]
)
def test_nothing_to_listen_to_is_refused(close_stdin: str, found: str) -> None:
    """A stdin of /dev/null, or none at all, is refused in the same words."""
    done = run(
        f"import os\n{close_stdin}\n{REFUSED}", stdin=subprocess.DEVNULL, capture_output=True
    )

    assert (2, b"") == (done.returncode, done.stdout)
    assert found in done.stderr.decode()


def test_redirected_stderr_is_refused() -> None:
    """When stderr is the protocol's own pipe the sentence names redirect_stderr."""
    done = run(REFUSED, input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    assert 2 == done.returncode
    assert b"remove redirect_stderr=true (or 2>&1)" in done.stdout
