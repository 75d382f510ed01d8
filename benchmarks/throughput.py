"""Events a second, one after the other as fast as they are acknowledged."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import Gateway, SupervisordServer
from benchmarks.listeners import PEERS, ours
from benchmarks.pipes import PROCESSES, DrivenListener
from benchmarks.tables import Table, times

ROUNDS = 5
EVENTS_A_ROUND = 5000


def measure() -> Iterator[Table]:
    """Measure all side by side, a round of each in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sm")))
        supervisord = stack.enter_context(SupervisordServer([os.getpid()] * PROCESSES))
        gateway = stack.enter_context(Gateway("accept"))
        contenders = [
            *PEERS,
            ours("ours", folder / "plain"),
            ours("ours, with a Pushgateway sink", folder / "pushing", gateway=gateway.url),
        ]
        listeners = [
            stack.enter_context(DrivenListener(contender, supervisord.url))
            for contender in contenders
        ]
        turns = [[_rate(listener) for listener in listeners] for _ in range(ROUNDS)]
    medians = [statistics.median(rates) for rates in zip(*turns)]
    yield Table(
        title="Events a second",
        note=(
            f"{EVENTS_A_ROUND} PROCESS_STATE events in a row, the next as soon as the listener "
            f"is READY; medians of {ROUNDS} rounds. supervisord itself gives a listener at most "
            "one event each turn of its loop."
        ),
        columns=("listener", "events/s", "to childutils"),
        rows=[
            (contender.name, f"{rate:,.0f}", times(rate / medians[0]))
            for contender, rate in zip(contenders, medians)
        ],
    )


def _rate(listener: DrivenListener) -> float:
    began_at = time.monotonic()
    for _ in range(EVENTS_A_ROUND):
        listener.send_next()
    return EVENTS_A_ROUND / (time.monotonic() - began_at)
