"""Events lost when 200 programs start at once, beside the listeners themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import environment
from benchmarks.figures import at_most
from benchmarks.listeners import PEERS, ours, stanza
from benchmarks.tables import Table
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import program, sleeper

PROGRAMS = 200
BUFFER_SIZES = (10, 4096)  # supervisord's default, and what our stanza has
NONE_LOST = at_most(0, "0 lost")


def measure() -> Iterator[Table]:
    """Start everything once for each size of the buffer, and count what supervisord dropped."""
    rows = [row for size in BUFFER_SIZES for row in _storm(size)]
    yield Table(
        title=f"Events lost when {PROGRAMS} programs start at once",
        note=(
            "All listeners, each in its own pool, and all programs start with one supervisord. "
            "What is lost is counted by supervisord's own log."
        ),
        columns=("listener", "buffer_size", "lost", "target"),
        rows=rows,
    )


def _storm(buffer_size: int) -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory(prefix="sm") as folder:
        contenders = [*PEERS, ours("ours", Path(folder) / "plain")]
        stanzas = [
            stanza(contender, f"listener{number}", buffer_size=buffer_size, priority=-number - 2)
            for number, contender in enumerate(contenders)
        ]
        programs = program("storm", sleeper(), numprocs=PROGRAMS, process_name="%(process_num)03d")
        with RealSupervisord(programs, *stanzas, environment=environment()) as supervisord:
            supervisord.wait_until(lambda: _all_run(supervisord), "everything runs")
            log = supervisord.log()
    for number, contender in enumerate(contenders):
        lost = log.count(f"pool listener{number} event buffer overflowed, discarding")
        is_ours = contender.name == "ours" and buffer_size == max(BUFFER_SIZES)
        verdict = NONE_LOST.verdict(lost) if is_ours else ""
        yield contender.name, str(buffer_size), str(lost), verdict


def _all_run(supervisord: RealSupervisord) -> bool:
    return set(supervisord.states().values()) == {"RUNNING"}
