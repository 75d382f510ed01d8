"""The memory of 1000 processes with their children: one pass, and memmon's way."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

from superlance.memmon import Memmon  # type: ignore[import-untyped]  # it ships no types

from benchmarks.children import Crowd
from benchmarks.figures import at_least, at_most
from benchmarks.stopwatch import median_seconds_of, seconds_of
from benchmarks.tables import Table, duration, times
from supervisor_maint.processes import Namespec
from supervisor_maint.supervisord.memory import ProcessMemory

PROCESSES = 1000
PASSES = 9
# memmon runs ps once for each process; what some take is what each takes.
SAMPLE = 20
QUICK = at_most(0.1, "100 ms")
FASTER = at_least(50, "50x")


def measure() -> Iterator[Table]:
    """Read the same processes in each way."""
    with Crowd(PROCESSES) as crowd:
        pids = {Namespec("crowd", str(pid)): pid for pid in crowd.pids}
        ours = median_seconds_of(lambda: ProcessMemory().resident(pids), PASSES)
        with_children = PROCESSES * _seconds_each(_memmon(cumulative=True), crowd.pids)
        alone = PROCESSES * _seconds_each(_memmon(cumulative=False), crowd.pids)
    yield Table(
        title=f"Memory of {PROCESSES} processes with a child each",
        note=(
            f"Ours: the median of {PASSES} passes. memmon: its `calc_rss` for {SAMPLE} of the "
            f"processes, times {PROCESSES // SAMPLE}."
        ),
        columns=("reader", "all of them", "to ours", "target"),
        rows=[
            (
                "ours",
                duration(ours),
                times(1.0),
                f"{QUICK.verdict(ours)}; {FASTER.verdict(with_children / ours)}",
            ),
            (
                "memmon -c (`ps ax` for each)",
                duration(with_children),
                times(with_children / ours),
                "",
            ),
            (
                "memmon, no children (`ps -p` for each)",
                duration(alone),
                times(alone / ours),
                "",
            ),
        ],
    )


def _memmon(*, cumulative: bool) -> Memmon:
    return Memmon(
        cumulative=cumulative,
        programs={},
        groups={},
        any=None,
        sendmail=None,
        email=None,
        email_uptime_limit=0,
        name=None,
    )


def _seconds_each(memmon: Memmon, pids: list[int]) -> float:
    sample = pids[:: len(pids) // SAMPLE]
    return statistics.median(seconds_of(partial(memmon.calc_rss, pid)) for pid in sample)
