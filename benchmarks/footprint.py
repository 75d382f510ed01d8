"""Resident memory of the listeners beside 50 processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import Gateway, environment
from benchmarks.figures import Target, at_most
from benchmarks.listeners import MEMMON, PEERS, ours, stanza
from benchmarks.tables import Table, megabytes, times
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import program, sleeper

PROCESSES = 50
PUSHES = 4
TARGETS: dict[str, Target] = {
    "ours": at_most(1.5, "1.5x"),
    "ours, with a Pushgateway sink": at_most(1.8, "1.8x"),
}


def measure() -> Iterator[Table]:
    """Let all of them work for some ticks and reports, and read what they take then."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sm")))
        gateway = stack.enter_context(Gateway("accept"))
        plain, pushing = TARGETS
        pace = {"push_interval": "5s", "settle": "2s"}
        contenders = [
            *PEERS,
            ours(plain, folder / "plain", **pace),
            ours(pushing, folder / "pushing", gateway=gateway.url, **pace),
        ]
        stanzas = [
            stanza(contender, f"listener{number}", buffer_size=4096, priority=-number - 2)
            for number, contender in enumerate(contenders)
        ]
        programs = program(
            "sleeper", sleeper(), numprocs=PROCESSES, process_name="%(process_num)03d"
        )
        supervisord = stack.enter_context(
            RealSupervisord(programs, *stanzas, environment=environment())
        )
        for _ in range(PUSHES):  # memmon has had as many ticks
            gateway.next_line()
        sizes = {
            contender.name: _resident_bytes(supervisord.pid_of(f"listener{number}"))
            for number, contender in enumerate(contenders)
        }
    yield Table(
        title=f"Resident memory with {PROCESSES} processes",
        note="`VmRSS` under one supervisord, each after the same ticks and four reports.",
        columns=("listener", "resident", "to memmon", "target"),
        rows=[_row(name, size, size / sizes[MEMMON.name]) for name, size in sizes.items()],
    )


def _row(name: str, size: int, ratio: float) -> tuple[str, ...]:
    target = TARGETS.get(name)
    return name, megabytes(size), times(ratio), target.verdict(ratio) if target else ""


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"expected a VmRSS of process {pid}, found none")
