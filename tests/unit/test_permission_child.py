"""A pass as a child: what it prints is read, and it ends when it should, whatever it does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from supervisor_maint.errors import MaintError
from supervisor_maint.permissions import child as child_module
from supervisor_maint.permissions.child import NICENESS, PassChild
from supervisor_maint.permissions.endings import PassEnd

T = TypeVar("T")
DEADLINE_SECONDS = 60


def done(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, DEADLINE_SECONDS))


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


async def until(path: Path) -> int:
    """Wait until a child has written its pid there, and return it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return int(path.read_text())


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("echo '{}'", PassEnd(output=b"{}\n", reason="exit status 0")),
        (
            "echo x; echo supervisor-maint: another works >&2; exit 1",
            PassEnd(output=b"x\n", reason="exit status 1: supervisor-maint: another works"),
        ),
        ("kill -KILL $$", PassEnd(reason="ended by SIGKILL")),
    ],
)
def test_end_is_told(script: str, end: PassEnd) -> None:
    """What the child printed, and how it ended with the last line of its stderr."""
    assert end == done(PassChild().run(shell(script), 60))


def test_stdin_is_empty_and_nothing_reaches_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    """The child can neither read the events nor write to the protocol, nor to our log."""
    end = done(PassChild().run(shell("cat; echo out; echo err >&2"), 60))

    assert b"out\n" == end.output
    assert ("", "") == capfd.readouterr()


def test_child_has_the_lowest_priority_and_a_session_of_its_own() -> None:
    """It gives way to everything else, and a signal to our group does not reach it."""
    script = (
        "import os, time\n"
        f"while os.nice(0) != {NICENESS}: time.sleep(0.01)\n"
        "print(os.getsid(0) == os.getpid())"
    )
    end = done(PassChild().run([sys.executable, "-c", script], 60))

    assert b"True\n" == end.output


def test_command_that_is_not_there() -> None:
    """What cannot be started is told in a sentence."""
    with pytest.raises(MaintError, match="cannot start '/nowhere/python': No such file"):
        done(PassChild().run(["/nowhere/python"], 60))


def test_late_child_is_ended() -> None:
    """What does not leave off by itself gets TERM after the time limit and a little more."""
    end = done(PassChild().run(["sleep", "infinity"], 0.2, later_seconds=0.2))

    assert PassEnd(reason="0.2 s passed; ended by SIGTERM") == end


def test_stopped_child_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not hear TERM is killed."""
    monkeypatch.setattr(child_module, "GRACE_SECONDS", 0.2)
    end = done(PassChild().run(shell("kill -STOP $$"), 0.2, later_seconds=0.2))

    assert PassEnd(reason="0.2 s passed; ended by SIGKILL") == end


def test_child_ends_with_the_listener(tmp_path: Path) -> None:
    """A listener that leaves takes the child with it at once, a stopped one too."""

    async def leave() -> PassEnd:
        child = PassChild()
        running = asyncio.ensure_future(
            child.run(shell(f"echo $$ > {tmp_path / 'pid'}; kill -STOP $$"), 60)
        )
        pid = await until(tmp_path / "pid")
        child.end()
        end = await running
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        child.end()  # there is none any more
        return end

    assert PassEnd(reason="ended by SIGKILL") == done(leave())


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that writes too much fills no memory; its last words are told."""
    monkeypatch.setattr(child_module, "OUTPUT_BYTES", 1000)
    monkeypatch.setattr(child_module, "ERROR_BYTES", 1000)
    much = "head -c 5000 /dev/zero | tr '\\0' x"
    script = f"{much}; {much} >&2; echo >&2; echo last words >&2; exit 1"
    end = done(PassChild().run(shell(script), 60))

    assert 1000 == len(end.output)
    assert "exit status 1: last words" == end.reason
