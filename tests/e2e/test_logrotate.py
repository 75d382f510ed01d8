"""conf.d/logrotate with Debian's logrotate: accepted as it is, and no line lost by rotating."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import Invocation
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.rotation import LOCKED_STATUS, Rotation, rotate_logs
from supervisor_maint.maintenance.run import rotation as rotation_step
from tests import servers
from tests.e2e.harness_programs import logger, program

pytestmark = pytest.mark.needs_server("logrotate")

SHIPPED = Path(__file__).resolve().parents[2] / "conf.d" / "logrotate" / "supervisor"
LINES_A_SECOND = 200
ROTATIONS = 5


def shipped_config(path: Path, logs: str = "/var/log/supervisor") -> Path:
    """Write the shipped file for another folder of logs, as only root may write it."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert "\n/var/log/supervisor/*.log {" in text
    path.write_text(text.replace("\n/var/log/supervisor/", f"\n{logs}/"), encoding="utf-8")
    path.chmod(0o644)
    return path


def logrotate(*arguments: object, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(servers.path_of("logrotate")), *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PATH": f"{path}:/usr/bin:/bin"},
    )


@pytest.mark.parametrize("with_logs", [False, True])
def test_shipped_file_is_accepted(tmp_path, with_logs):
    """`logrotate -d` finds nothing to complain about, with logs and without."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    if with_logs:
        (logs / "supervisord.log").write_text("a line\n")
    config = shipped_config(tmp_path / "supervisor", str(logs))

    done = logrotate("-d", "-s", tmp_path / "state", config)

    assert 0 == done.returncode, done.stderr
    assert "error" not in done.stderr.lower()
    assert "Ignoring" not in done.stderr
    assert ("does not exist -- skipping" in done.stderr) != with_logs


def supervisorctl_for(supervisord, folder: Path) -> Path:
    """Make a folder with a supervisorctl that finds this supervisord, as the real one would."""
    folder.mkdir()
    script = folder / "supervisorctl"
    interpreter = f"{sys.executable} -W ignore -m supervisor.supervisorctl"
    script.write_text(f'#!/bin/sh\nexec {interpreter} -c {supervisord.config_file} "$@"\n')
    script.chmod(0o755)
    return folder


def content_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_no_line_is_lost_over_five_rotations(start_supervisord, tmp_path):
    """A program that writes 200 lines a second loses none, and no file holds a NUL."""
    supervisord = start_supervisord(
        program("chatty", logger(rate=LINES_A_SECOND), stdout_logfile_maxbytes=0)
    )
    log = supervisord.directory / "chatty-0.stdout.log"
    config = shipped_config(tmp_path / "supervisor", str(supervisord.directory))
    path = supervisorctl_for(supervisord, tmp_path / "bin")

    for _ in range(ROTATIONS):
        supervisord.wait_until(lambda: log.stat().st_size > 0, "lines come into the new log")
        done = logrotate("-f", "-s", tmp_path / "state", config, path=str(path))
        assert 0 == done.returncode, done.stderr
    supervisord.wait_until(lambda: log.stat().st_size > 0, "lines come into the last log")
    supervisord.rpc.supervisor.stopProcess("chatty")

    files = [log, *(log.with_name(f"{log.name}.{number}") for number in range(1, ROTATIONS + 1))]
    found = [file if file.exists() else file.with_name(f"{file.name}.gz") for file in files]
    assert [".log", ".1", *[".gz"] * (ROTATIONS - 1)] == [file.suffix for file in found]
    content = b"".join(content_of(file) for file in reversed(found))
    lines = content.split(b"\n")
    assert b"" == lines.pop()
    assert b"\0" not in content
    assert [b"line %d" % number for number in range(len(lines))] == lines
    assert len(lines) > ROTATIONS


def test_new_log_is_like_the_old_one(tmp_path):
    """The new file has the owner and the mode of the old one; the old one is compressed later."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    log = logs / "web.log"
    config = shipped_config(tmp_path / "supervisor", str(logs))
    for number in range(2):
        log.write_text(f"line {number}\n")
        log.chmod(0o640)
        assert 0 == logrotate("-f", "-s", tmp_path / "state", config).returncode

    assert ["web.log", "web.log.1", "web.log.2.gz"] == sorted(each.name for each in logs.iterdir())
    assert (0o640, 0) == (log.stat().st_mode & 0o777, log.stat().st_size)
    assert "line 1\n" == (logs / "web.log.1").read_text()


def rotate(tmp_path: Path, *, is_forced: bool):
    """Rotate the logs in ``logs`` as a run does."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755, exist_ok=True)
    (logs / "web.log").write_text("a line\n")
    rotation = Rotation(
        config=shipped_config(tmp_path / "supervisor", str(logs)),
        is_forced=is_forced,
        state_file=tmp_path / "state",
        program=str(servers.path_of("logrotate")),
    )
    step = rotation_step(Plan(name="nightly"))
    invocation = Invocation(step=step, phase="rotate", plan="nightly", run_id="r1")
    commands = Commands(tmp_path / "steps")
    return asyncio.run(rotate_logs(rotation, commands, invocation, tuple, pause_seconds=0.01))


@pytest.mark.parametrize(("is_forced", "rotated"), [(False, False), (True, True)])
def test_run_rotates_what_is_due(tmp_path, is_forced, rotated):
    """What is new to logrotate is not due, unless it is forced."""
    ended = rotate(tmp_path, is_forced=is_forced)

    assert StepOutcome.SUCCEEDED is ended.outcome, ended
    assert rotated == (tmp_path / "logs" / "web.log.1").exists()


def test_state_in_use_is_told_of(tmp_path):
    """The lock of logrotate's state file is its exit status 3, tried twice."""
    state = tmp_path / "state"
    state.write_text("logrotate state -- version 2\n")
    state.chmod(0o640)
    with state.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        ended = rotate(tmp_path, is_forced=True)

    assert (StepOutcome.FAILED, LOCKED_STATUS) == (ended.outcome, ended.exit_status)
    assert "another logrotate holds its state file" in ended.reason


def test_file_others_can_write_is_ignored(tmp_path):
    """Why the file says who must own it: logrotate leaves it out and succeeds."""
    if os.geteuid() != 0:
        pytest.skip("logrotate looks at the owner only when it runs as root")
    config = shipped_config(tmp_path / "supervisor", str(tmp_path))
    config.chmod(0o666)

    done = logrotate("-d", "-s", tmp_path / "state", config)

    assert 0 == done.returncode
    assert "Ignoring" in done.stderr


def test_script_harms_nobody_without_supervisord(tmp_path):
    """Where no supervisord answers nothing is signalled, and the rotation succeeds."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "supervisorctl"
    script.write_text("#!/bin/sh\necho 'unix:///run/supervisor.sock no such file'\nexit 4\n")
    script.chmod(0o755)
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    (logs / "web.log").write_text("a line\n")
    config = shipped_config(tmp_path / "supervisor", str(logs))

    done = logrotate("-f", "-s", tmp_path / "state", config, path=str(folder))

    assert (0, "") == (done.returncode, done.stderr)
