"""From the start of a listener to its first READY."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import SupervisordServer
from benchmarks.figures import at_most
from benchmarks.listeners import MEMMON, PEERS, ours
from benchmarks.pipes import PROCESSES, DrivenListener
from benchmarks.tables import Table, duration, times

STARTS = 9
TARGET = at_most(0.3, "300 ms")


def measure() -> Iterator[Table]:
    """Start all in turn, several times."""
    with tempfile.TemporaryDirectory(prefix="sm") as folder:
        contenders = [*PEERS, ours("ours", Path(folder) / "plain")]
        found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        with SupervisordServer([os.getpid()] * PROCESSES) as supervisord:
            for _ in range(STARTS):
                for contender in contenders:
                    with DrivenListener(contender, supervisord.url) as listener:
                        found[contender.name].append(listener.ready_seconds)
    medians = {name: statistics.median(values) for name, values in found.items()}
    yield Table(
        title="Start to READY",
        note=f"From the start of the process to the whole `READY\\n`; {STARTS} starts of each.",
        columns=("listener", "median", "slowest", "to memmon", "target (median)"),
        rows=[
            (
                name,
                duration(medians[name]),
                duration(max(values)),
                times(medians[name] / medians[MEMMON.name]),
                TARGET.verdict(medians[name]) if name == "ours" else "",
            )
            for name, values in found.items()
        ],
    )
