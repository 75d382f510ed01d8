"""Facts with everything in them, as a machine with a plan and a permission rule has."""

from __future__ import annotations

from typing import Any

from supervisor_maint.monitoring.facts import (
    BuildFacts,
    Facts,
    PermissionFacts,
    PlanFacts,
    SinkStatus,
)
from supervisor_maint.processes import (
    Namespec,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

WEB = Namespec("web", "web_0")
WORKER = Namespec("worker", "worker")
BUILD = BuildFacts(version="0.1.0", python="3.11.2")
TALLY = ProcessTally(
    starts=3,
    start_failures=2,
    fatals=1,
    exits_expected=4,
    exits_unexpected=5,
    restarts={Cause.MAINTENANCE: 6, Cause.COMMAND: 7, Cause.EXIT: 8},
    downtime_seconds={Cause.MAINTENANCE: 1.5, Cause.EXIT: 2.5},
)


def snapshot(*statuses: ProcessStatus) -> Snapshot:
    supervisord = Supervisord(pid=1, started_at=1000.0)
    return Snapshot(taken_at=2000.0, supervisord=supervisord, processes=statuses)


def running(namespec: Namespec, **more: Any) -> ProcessStatus:
    defaults = {"state": ProcessState.RUNNING, "pid": 7, "started_at": 1500.0}
    return ProcessStatus(namespec=namespec, **{**defaults, **more})


def full_facts() -> Facts:
    """Return facts that give every family of the table at least one sample."""
    exited = ProcessStatus(namespec=WORKER, state=ProcessState.EXITED, exit_status=3)
    plan = PlanFacts(
        name="nightly",
        in_progress=True,
        next_start_at=3000.0,
        start_by_at=3300.0,
        last_start_at=1600.0,
        last_completion_at=1660.0,
        last_success_at=1660.0,
        last_duration_seconds=60.0,
        runs={"succeeded": 2},
    )
    return Facts(
        build=BUILD,
        up=True,
        version="4.3.0",
        identification="supervisor",
        snapshot=snapshot(running(WEB), exited),
        memory={WEB: 1024},
        wanted={WEB: True},
        tallies={WEB: TALLY},
        exit_statuses={WEB: 2, WORKER: 9},
        differences_by_kind={"state": 1},
        heartbeat_at=1999.0,
        events={"TICK_5": 4, "TICK_60": 2, "PROCESS_LOG_STDOUT": 1},
        events_lost=1,
        errors={"loop": 1},
        store_errors={"history": 1},
        sinks={"textfile": SinkStatus(ok=1, failed=2, rejected=3, last_success_at=1998.0)},
        plans=(plan,),
        window_start_at=2000.0,
        window_deadline_at=2300.0,
        monitoring={"alertmanager": {"ok": 3, "failed": 1, "rejected": 0}},
        silence_ends_at=2360.0,
        hold_until_at=9000.0,
        memory_given_back={WEB: -512},
        process_downtime={WEB: 1.25},
        permissions=(PermissionFacts(rule="logs", paths={"fixed": 1}, last_run_at=1900.0),),
    )


def crowd(count: int) -> Facts:
    """Return the facts of a machine with this many running processes."""
    namespecs = [Namespec(f"group{n // 10}", f"prozeß_{n}") for n in range(count)]
    return Facts(
        build=BUILD,
        up=True,
        snapshot=snapshot(*map(running, namespecs)),
        memory=dict.fromkeys(namespecs, 10_000_000),
        wanted=dict.fromkeys(namespecs, True),
        tallies=dict.fromkeys(namespecs, TALLY),
    )
