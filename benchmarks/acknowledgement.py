"""From the event to its acknowledgement: at rest, while a push hangs, and during snapshots."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice, takewhile
from pathlib import Path

import attrs

from benchmarks.children import Crowd, Gateway, SupervisordServer
from benchmarks.figures import Target, at_most, median_of, quantile, with_those_kept_waiting
from benchmarks.listeners import PEERS, ours
from benchmarks.pipes import PROCESSES, Acknowledgement, DrivenListener
from benchmarks.tables import Table, duration, times

ROUNDS = 5
EVENTS_A_ROUND = 500
SPACING_SECONDS = 0.002  # a storm is measured elsewhere; here each event finds the listener idle
FEW, MANY = PROCESSES, 1000
# Small, so that snapshots follow one another as fast as they ever may.
RESTLESS = {"settle": "0s", "settle_max": "1s"}
SNAPSHOT_ROUND_SECONDS = 6.0
# What it takes to read a snapshot of 1000 processes and to compare it, here; the rest is idle.
SNAPSHOT_SECONDS = 0.25
TARGETS: dict[str, Target] = {
    "ours, while a push hangs": at_most(0.002, "2 ms"),
    f"ours, during a snapshot of {MANY}": at_most(0.015, "15 ms"),
}


@attrs.frozen
class Measured:
    """The rounds of one contender under one condition, in seconds."""

    name: str
    rounds: Sequence[Sequence[float]]
    target: Target | None = None

    @property
    def p50(self) -> float:
        """The median of what half of the events stayed below."""
        return median_of(self.rounds, lambda values: quantile(values, 0.5))

    @property
    def p99(self) -> float:
        """The median of what 99 of 100 events stayed below."""
        return median_of(self.rounds, lambda values: quantile(values, 0.99))

    @property
    def worst(self) -> float:
        """The slowest of all."""
        return max(map(max, self.rounds))


def measure() -> Iterator[Table]:
    """Measure every contender at rest, and ours where something is in the way."""
    with tempfile.TemporaryDirectory(prefix="sm") as name:
        folder = Path(name)
        measured = [*_beside_each_other(folder), _during_snapshots(folder)]
    yield Table(
        title="Event to acknowledgement",
        note=(
            f"A PROCESS_STATE event each {SPACING_SECONDS * 1000:g} ms, from the write into the "
            f"pipe to the whole `RESULT 2\\nOK`; medians of {ROUNDS} rounds. An event that came "
            "while a slow one waited counts as waiting too."
        ),
        columns=("listener", "p50", "p99", "slowest", "p50 to childutils", "target (p99)"),
        rows=[_row(each, measured[0]) for each in measured],
    )


def _row(measured: Measured, bare: Measured) -> Sequence[str]:
    return (
        measured.name,
        duration(measured.p50),
        duration(measured.p99),
        duration(measured.worst),
        times(measured.p50 / bare.p50),
        measured.target.verdict(measured.p99) if measured.target else "",
    )


def _beside_each_other(folder: Path) -> list[Measured]:
    """Give each a round in turn, so that what disturbs the machine disturbs all of them."""
    with ExitStack() as stack:
        supervisord = stack.enter_context(SupervisordServer([os.getpid()] * FEW))
        gateway = stack.enter_context(Gateway("hang"))
        contenders = [
            *PEERS,
            ours("ours", folder / "rest"),
            ours("ours, while a push hangs", folder / "hang", gateway=gateway.url),
        ]
        listeners = [
            stack.enter_context(DrivenListener(contender, supervisord.url))
            for contender in contenders
        ]
        gateway.next_line()  # a push has arrived, and will be there to the end
        turns = [[_round(listener) for listener in listeners] for _ in range(ROUNDS)]
    return [
        Measured(contender.name, rounds, TARGETS.get(contender.name))
        for contender, rounds in zip(contenders, zip(*turns))
    ]


def _during_snapshots(folder: Path) -> Measured:
    name = f"ours, during a snapshot of {MANY}"
    with ExitStack() as stack:
        crowd = stack.enter_context(Crowd(MANY))
        supervisord = stack.enter_context(SupervisordServer(crowd.pids))
        contender = ours(name, folder / "snapshots", **RESTLESS)
        listener = stack.enter_context(DrivenListener(contender, supervisord.url))
        turns = [_until(_spaced(listener), SNAPSHOT_ROUND_SECONDS) for _ in range(ROUNDS)]
        snapshots_at = [float(line) for line in supervisord.end()]
    rounds = [_during(snapshots_at, acknowledgements) for acknowledgements in turns]
    return Measured(name, rounds, TARGETS[name])


def _round(listener: DrivenListener) -> list[float]:
    return _seconds(islice(_spaced(listener), EVENTS_A_ROUND))


def _spaced(listener: DrivenListener) -> Iterator[Acknowledgement]:
    while True:
        yield listener.send_next()
        time.sleep(SPACING_SECONDS)


def _seconds(acknowledgements: Iterable[Acknowledgement]) -> list[float]:
    return with_those_kept_waiting((each.seconds for each in acknowledgements), SPACING_SECONDS)


def _until(acknowledgements: Iterator[Acknowledgement], seconds: float) -> list[Acknowledgement]:
    end_at = time.monotonic() + seconds
    return list(takewhile(lambda each: each.sent_at < end_at, acknowledgements))


def _during(
    snapshots_at: Sequence[float], acknowledgements: Sequence[Acknowledgement]
) -> list[float]:
    return _seconds(
        each
        for each in acknowledgements
        if any(at <= each.sent_at <= at + SNAPSHOT_SECONDS for at in snapshots_at)
    )
