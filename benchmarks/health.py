"""What a health check takes after the start of its interpreter, and when supervisord hangs."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import attrs

from benchmarks.children import SupervisordServer, environment
from benchmarks.figures import at_most
from benchmarks.stopwatch import seconds_of
from benchmarks.tables import Table, duration

CHECKS = 15
HANGING_CHECKS = 3
FEW, MANY = 50, 1000
TIMEOUT_SECONDS = 2.0
# supervisorctl has no time limit: it is ended after this.
PATIENCE_SECONDS = 10.0
OURS, PEER = "supervisor-maint health", "supervisorctl status"
NOTHING = "the interpreter"
WORK = at_most(0.1, "100 ms of work")
ELAPSED = at_most(TIMEOUT_SECONDS + 0.1, "2.1 s")


class Taken(NamedTuple):
    """What a check took: from start to end, and on a processor."""

    elapsed: float
    work: float


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@attrs.frozen
class Commands:
    """The two checks of a supervisord at a URL, and the interpreter that both begin with."""

    folder: Path
    url: str

    def __attrs_post_init__(self) -> None:
        self._file.write_text(
            f"[maint]\nstate_dir={self.folder}/state\nserverurl={self.url}\n"
            f"[supervisorctl]\nserverurl={self.url}\n",
            encoding="utf-8",
        )

    @property
    def _file(self) -> Path:
        return self.folder / "check.conf"

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """The command lines by their names."""
        module = (sys.executable, "-m")
        return {
            OURS: [*module, "supervisor_maint", "health", "--config", str(self._file)],
            PEER: [*module, "supervisor.supervisorctl", "-c", str(self._file), "status"],
            NOTHING: [sys.executable, "-c", "pass"],
        }

    def run(self, name: str) -> Taken:
        """Run one to its end, or for as long as patience lasts."""
        before = _processor_seconds()
        elapsed = seconds_of(lambda: self._run(self.words[name]))
        return Taken(elapsed, _processor_seconds() - before)

    def _run(self, words: Sequence[str]) -> None:
        # As installed: compiled once, whatever the environment of this benchmark says.
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder / "pyc")}
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                words,
                env=environment(**compiled),
                stdout=subprocess.DEVNULL,
                timeout=PATIENCE_SECONDS,
                check=False,
            )


def measure() -> Iterator[Table]:
    """Measure both checks in turn, of a supervisord that answers and of one that hangs."""
    rows = [row for count in (FEW, MANY) for row in _answering(count)]
    yield Table(
        title="A health check",
        note=(
            "Less what the same Python takes to do nothing, medians: of "
            f"{CHECKS} checks where supervisord answers at once, of {HANGING_CHECKS} where it "
            "takes the connection and is silent. Work is processor time, which a busy machine "
            "does not stretch."
        ),
        columns=("check", "supervisord", "work", "start to end", "target"),
        rows=[*rows, *_hanging()],
    )


def _answering(count: int) -> Iterator[Sequence[str]]:
    with SupervisordServer([os.getpid()] * count) as supervisord:
        medians = _medians(supervisord.url, CHECKS)
    verdict = WORK.verdict(medians[OURS].work)
    for name, taken in medians.items():
        target = verdict if name == OURS else ""
        work = duration(taken.work)
        yield name, f"{count} processes", work, duration(taken.elapsed), target


def _hanging() -> Iterator[Sequence[str]]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        medians = _medians(url, HANGING_CHECKS)
    ours = medians[OURS]
    elapsed = duration(ours.elapsed)
    yield OURS, "hangs", duration(ours.work), elapsed, ELAPSED.verdict(ours.elapsed)
    yield PEER, "hangs", "", f"ended by us after {PATIENCE_SECONDS:g} s", ""


def _medians(url: str, checks: int) -> Mapping[str, Taken]:
    """Return the median of each, less that of the interpreter alone; one of each in turn."""
    with tempfile.TemporaryDirectory(prefix="sm") as folder:
        commands = Commands(Path(folder), url)
        commands.run(OURS)  # compiles, as an installation does
        found: dict[str, list[Taken]] = {name: [] for name in commands.words}
        for _ in range(checks):
            for name, taken in found.items():
                taken.append(commands.run(name))
    medians = {name: Taken(*map(statistics.median, zip(*taken))) for name, taken in found.items()}
    nothing = medians.pop(NOTHING)
    return {
        name: Taken(taken.elapsed - nothing.elapsed, taken.work - nothing.work)
        for name, taken in medians.items()
    }
