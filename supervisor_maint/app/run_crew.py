"""Putting together who does what a run wants done. Nothing is decided here."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Callable

from supervisor_maint.app.asking import Asker
from supervisor_maint.app.circumstances import Scout
from supervisor_maint.app.performing import Performer
from supervisor_maint.app.stepping import StepRunner
from supervisor_maint.app.survival import survive
from supervisor_maint.maintenance.run import Run

if TYPE_CHECKING:
    from supervisor_maint.app.maintaining import Maintenance


def performer(
    maintenance: Maintenance, asker: Asker, announce: Callable[[Run], Awaitable[None]]
) -> Performer:
    """Return what performs the actions of a maintenance's runs."""
    ports, journal, totals = maintenance.ports, maintenance.journal, maintenance.totals
    steps = StepRunner(ports=ports, zone=lambda: maintenance.zone)
    scout = Scout(ports=ports, journal=journal, steps=steps, asker=asker, totals=totals)
    return Performer(
        ports=ports,
        tell=maintenance.conductor.tell,
        wake=maintenance.wake,
        survive=functools.partial(survive, totals),
        blockers=scout.blockers,
        note_output=maintenance.keeper.note_output,
        announce=announce,
        take_snapshot=maintenance.keeper.take,
        steps=steps,
    )
