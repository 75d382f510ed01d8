"""What a seed means: processes, a plan, and everything that goes wrong, drawn once and for all."""

from __future__ import annotations

from random import Random
from typing import Any

import attrs

from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import (
    Allowance,
    OnFailure,
    OnOverrun,
    OnStepFailure,
    Plan,
    Step,
    Strategy,
)
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.processes import Namespec
from tests.simulation.world import Process

BEGIN_AT = 1_700_000_000.0
OWN = Namespec("maint", "maint")


@attrs.frozen
class Trouble:
    """Something that happens at a time, whatever the run does."""

    at: float
    kind: str
    namespec: Namespec | None = None
    seconds: float = 0.0


@attrs.define
class Scenario:
    """Everything a simulation needs; ``rng`` is for what depends on how it goes."""

    seed: int
    rng: Random
    plan: Plan
    processes: list[Process]
    troubles: list[Trouble]
    crash_points: set[int]  # numbers of moments at which the listener dies
    step_ends: dict[str, tuple[float, StepOutcome]]
    lost_events: float
    lost_calls: float
    pids_are_watched: bool
    pools_are_known: bool
    is_request: bool
    request_delay: float
    hold_seconds: float
    announcement: tuple[float | None, float | None]  # seconds to Published, Announced; never


def draw(seed: int) -> Scenario:
    """Draw a scenario. A third of the seeds is quiet, so that the ordinary is covered too."""
    rng = Random(seed)
    # of its own, so that what is drawn before it existed stays as it was
    telling = Random(-seed - 1)
    wild = rng.choice([0.0, 0.5, 1.0])
    processes = _processes(rng, wild)
    plan = _plan(rng)
    plan = attrs.evolve(plan, lead_seconds=telling.choice([0.0, 0.0, 2.0, 30.0]))
    return Scenario(
        seed=seed,
        rng=rng,
        plan=plan,
        processes=processes,
        troubles=_troubles(rng, wild, processes),
        crash_points=_crash_points(rng, wild),
        step_ends={step.name: _step_end(rng, wild) for step in (*plan.pre, *plan.post)},
        lost_events=rng.choice([0.0, 0.1, 0.5]) * wild,
        lost_calls=rng.choice([0.0, 0.1, 0.3]) * wild,
        pids_are_watched=rng.random() < 0.7,
        pools_are_known=rng.random() < 0.97,
        is_request=rng.random() < 0.3,
        request_delay=rng.choice([0.0, 1.0, 29.0, 31.0, 7200.0]) if rng.random() < 0.3 else 0.0,
        hold_seconds=rng.choice([40.0, 10_000.0]) if rng.random() < 0.05 else 0.0,
        announcement=_announcement(telling, wild),
    )


def _announcement(rng: Random, wild: float) -> tuple[float | None, float | None]:
    """Draw how long it takes until the sinks have it, and until everybody knows."""
    if rng.random() > wild:
        return 0.01, 0.02
    return rng.choice([0.01, 1.0, 8.0, None]), rng.choice([0.02, 3.0, 60.0, None])


def _processes(rng: Random, wild: float) -> list[Process]:
    found = [
        Process(OWN, is_pool=True, stop_seconds=0.1),
        Process(Namespec("memmon", "memmon"), is_pool=True, stop_seconds=0.1),
    ]
    for group in "abc"[: rng.randint(1, 3)]:
        group_priority = rng.choice([1, 999])
        for number in range(rng.randint(1, 4)):
            spec = Namespec(group, f"{group}{number}")
            found.append(_process(rng, wild, spec, group_priority))
    return found


def _process(rng: Random, wild: float, spec: Namespec, group_priority: int) -> Process:
    odd = rng.random() < 0.25 * wild
    lives: list[float | None] = [None]
    kill_seconds = 0.0
    if odd:
        lives += rng.choice([[0.3] * 8, [0.3, None], [None], [3.0, None], [0.0] * 8])
        kill_seconds = rng.choice([0.0] * 20 + [60.0, 900.0])
    return Process(
        spec,
        start_seconds=rng.choice([0.0, 1.0, 1.0, 2.0]),
        stop_seconds=rng.choice([0.05, 0.5, 0.5, 3.0, 40.0 if odd else 1.0]),
        stop_wait_seconds=rng.choice([2.0, 10.0]),
        kill_seconds=kill_seconds,
        autostart=rng.random() < 0.85,
        autorestart=rng.random() < 0.8,
        priority=rng.choice([1, 999, 999, 999]),
        group_priority=group_priority,
        lives=lives,
        ready_seconds=rng.choice([0.0, 0.4, 0.4, 90.0 if odd else 0.4]),
        is_expected=rng.random() < 0.5,
    )


def _plan(rng: Random) -> Plan:
    settings: dict[str, Any] = {}
    if rng.random() < 0.4:
        settings["readiness"] = (
            Readiness(
                name="all",
                programs=("*",),
                kind=ProbeKind.TCP,
                address="127.0.0.1:{num+8000}",
                timeout_seconds=20.0,
                interval_seconds=0.5,
                successes=rng.choice([1, 2]),
            ),
        )
    return Plan(
        name="nightly",
        max_duration_seconds=rng.choice([10.0, 60.0, 60.0, 300.0]),
        strategy=rng.choice([Strategy.ROLLING] * 4 + [Strategy.ALL_AT_ONCE]),
        max_unavailable=rng.choice([Allowance(1), Allowance(2), Allowance(50, True)]),
        max_groups=rng.choice([1, 1, 2, 4]),
        exclude=("a2",) if rng.random() < 0.2 else (),
        pre=_steps(rng, "pre", Step.before),
        post=_steps(rng, "post", Step.after),
        rotate_logs=rng.random() < 0.3,
        settle_seconds=rng.choice([0.0, 3.0]),
        on_failure=rng.choice(list(OnFailure)),
        on_overrun=rng.choice(list(OnOverrun)),
        **settings,
    )


def _steps(rng: Random, name: str, make: Any) -> tuple[Step, ...]:
    settings: dict[str, Any] = {"timeout_seconds": 5.0}
    if rng.random() < 0.3:
        settings["on_failure"] = rng.choice(list(OnStepFailure))
    if rng.random() < 0.3:
        settings["idempotent"] = rng.random() < 0.5
    count = rng.choice([0, 0, 1, 2])
    return tuple(make(f"{name}{number}", "true", **settings) for number in range(count))


def _step_end(rng: Random, wild: float) -> tuple[float, StepOutcome]:
    if rng.random() > 0.2 * wild:
        return rng.choice([0.01, 0.5, 2.0]), StepOutcome.SUCCEEDED
    outcome = rng.choice([StepOutcome.FAILED, StepOutcome.TIMED_OUT, StepOutcome.SKIP_RUN])
    return (5.0 if outcome is StepOutcome.TIMED_OUT else 0.5), outcome


def _crash_points(rng: Random, wild: float) -> set[int]:
    count = rng.choice([0, 0, 1, 2, 4]) if wild else 0
    return {rng.randint(1, rng.choice([20, 60, 200])) for _ in range(count)}


_KINDS = ["stop", "start", "restart", "restart", "die", "die", "freeze", "reload", "kill",
          "cancel", "journal", "crash", "foreign", "stop_all"]  # fmt: skip


def _troubles(rng: Random, wild: float, processes: list[Process]) -> list[Trouble]:
    specs = [process.namespec for process in processes if not process.is_pool]
    found = []
    for spec in specs:
        if rng.random() < 0.1:
            found.append(Trouble(BEGIN_AT - 20.0, "stop", spec))
    count = rng.choice([0, 1, 2, 5, 10]) if wild else 0
    for _ in range(count):
        at = BEGIN_AT + rng.random() * rng.choice([5.0, 15.0, 40.0])
        seconds = rng.choice([0.5, 3.0, 8.0, 20.0])
        found.append(Trouble(at, rng.choice(_KINDS), rng.choice(specs), seconds))
    return found
