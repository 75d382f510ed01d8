"""Putting together who does what a run wants done. Nothing is decided here."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from datetime import tzinfo
from typing import Callable

from supervisor_maint.app.asking import Asker
from supervisor_maint.app.circumstances import Scout
from supervisor_maint.app.conducting import Conductor
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.performing import Performer
from supervisor_maint.app.run_keeping import RunKeeper
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.stepping import StepRunner
from supervisor_maint.app.survival import survive
from supervisor_maint.app.totals import Totals
from supervisor_maint.maintenance.run import Run


def performer(
    *,
    ports: RunPorts,
    journal: JournalKeeper,
    totals: Totals,
    conductor: Conductor,
    keeper: RunKeeper,
    asker: Asker,
    announce: Callable[[Run], Awaitable[None]],
    wake: Callable[[], None],
    zone: Callable[[], tzinfo],
) -> Performer:
    """Return what performs the actions of runs; who gets an argument says what it means."""
    steps = StepRunner(ports=ports, zone=zone)
    scout = Scout(ports=ports, journal=journal, steps=steps, asker=asker, totals=totals, zone=zone)
    return Performer(
        ports=ports,
        tell=conductor.tell,
        wake=wake,
        survive=functools.partial(survive, totals),
        blockers=scout.blockers,
        note_output=keeper.note_output,
        announce=announce,
        take_snapshot=keeper.take,
        steps=steps,
    )
