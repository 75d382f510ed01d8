"""Is all well: what supervisord says beside what the listener knows, judged. No I/O here.

Each thing that is not as it should be is a finding; the worst finding is the level. What a planned
run took away is planned until the run's deadline. What supervisord has given up (FATAL) never is,
and that supervisord itself is away is not either, for a plan does not stop it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from supervisor_maint import durations
from supervisor_maint.errors import (
    MaintError,
    SupervisorError,
    SupervisorShuttingDown,
    SupervisorTimeout,
    SupervisorUnreachable,
)
from supervisor_maint.monitoring.verdict import Level, Verdict
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
)
from supervisor_maint.snapshots.expected import exited_as_expected

# As long as the alert SupervisorDown waits: sixty ticks that did not come.
QUIET_SECONDS = 300.0
# For a pager's line. The number is always told, and `supervisor-maint status` shows them all.
NAMES_SHOWN = 5

_FAILED = frozenset({ProcessState.FATAL, ProcessState.BACKOFF, ProcessState.UNKNOWN})
_GONE = (SupervisorShuttingDown, SupervisorTimeout, SupervisorUnreachable)
_OUTCOMES = frozenset({"succeeded", "failed", "skipped"})
# What is down is worse than what is not known.
_BY_SEVERITY = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK)


@attrs.frozen(kw_only=True)
class OpenRun:
    """A planned run that has no outcome yet; until its deadline its ``targets`` may be away.

    ``has_begun`` once it waits for nothing any more.
    """

    plan: str
    has_begun: bool = True
    deadline_at: float | None = None
    targets: frozenset[Namespec] = frozenset()

    def remaining_seconds(self, now: float) -> float:
        """Tell how long its targets may still be away; nothing without a deadline."""
        return 0.0 if self.deadline_at is None else max(0.0, self.deadline_at - now)


@attrs.frozen(kw_only=True, hash=False)
class Listener:
    """What the listener knows, or knew when it published last.

    ``wanted`` tells of each process of the baseline whether it is wanted RUNNING. ``is_alive``
    is about now, and ``quiet_seconds`` after how long without an event it counts as deaf.
    ``process`` is the listener itself, which is a finding of its own and not one of those down.
    """

    is_alive: bool
    process: Namespec | None = None
    heartbeat_at: float | None = None
    quiet_seconds: float = QUIET_SECONDS
    wanted: Mapping[Namespec, bool] = attrs.field(factory=dict)
    run: OpenRun | None = None

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, is_alive: bool, quiet_seconds: float = QUIET_SECONDS
    ) -> Listener:
        """Read what a listener publishes. Raises ValueError when it is something else."""
        try:
            wanted = document.get("wanted", {}).items()
            process = document.get("process")
            return cls(
                is_alive=is_alive,
                process=None if process is None else Namespec.parse(process),
                heartbeat_at=document.get("heartbeat_at"),
                quiet_seconds=quiet_seconds,
                wanted={Namespec.parse(name): bool(is_wanted) for name, is_wanted in wanted},
                run=_open_run(document.get("maintenance", {}).get("run")),
            )
        except (AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"expected the status of a listener: {error!r}") from error


_NOTHING_KNOWN = Listener(is_alive=True)


def _open_run(document: Mapping[str, Any] | None) -> OpenRun | None:
    if document is None or document["phase"] in _OUTCOMES:
        return None
    return OpenRun(
        plan=document["plan"],
        has_begun=document["phase"] != "pending",
        deadline_at=document["deadline_at"],
        targets=frozenset(Namespec.parse(each["process"]) for each in document["targets"]),
    )


@attrs.frozen
class Finding:
    """One thing that is not as it should be; ``is_planned`` when a run wants it so for now."""

    level: Level
    sentence: str
    is_planned: bool = False


def judge(
    asked: Snapshot | SupervisorError,
    listener: Listener | MaintError,
    *,
    now: float,
    configs: Mapping[Namespec, ProcessConfig] | None = None,
) -> Verdict:
    """Judge what supervisord and the listener say; an error says why one could not be asked.

    Without ``configs`` a process that has failed, and that no baseline has, is taken for one that
    should be up.
    """
    about_listener = list(_about_listener(listener, now))
    if isinstance(asked, SupervisorError):
        level = Level.CRITICAL if isinstance(asked, _GONE) else Level.UNKNOWN
        return _verdict([Finding(level, asked.msg), *about_listener])
    known = listener if isinstance(listener, Listener) else _NOTHING_KNOWN
    wanted = [each for each in asked.processes.values() if _is_wanted(each, known, configs)]
    down = [status for status in wanted if not status.state.is_up]
    planned = [status for status in down if _is_planned(status, known.run, now)]
    unplanned = [status for status in down if status not in planned]
    findings = [
        *_about_supervisord(asked),
        *_about_unplanned(unplanned, len(wanted), known.run),
        *_about_planned(planned, len(wanted), known.run, now),
        *about_listener,
    ]
    return attrs.evolve(
        _verdict(findings or [_all_well(len(wanted), known.run)]),
        wanted=len(wanted),
        down=tuple(status.namespec for status in down),
        planned=len(planned),
        retry_after_seconds=_retry_after(findings, known.run, now),
    )


def needs_configs(asked: Snapshot | SupervisorError, listener: Listener | MaintError) -> bool:
    """Tell whether something has failed that no baseline has: its autostart decides then."""
    if isinstance(asked, SupervisorError):
        return False
    known = listener.wanted if isinstance(listener, Listener) else {}
    return any(
        status.namespec not in known and _has_failed(status) for status in asked.processes.values()
    )


def _is_wanted(
    status: ProcessStatus, listener: Listener, configs: Mapping[Namespec, ProcessConfig] | None
) -> bool:
    """Tell whether a process should be up; without a baseline supervisord's word is taken."""
    if status.namespec == listener.process:
        return False
    wanted = listener.wanted.get(status.namespec)
    if wanted is not None:
        return wanted
    config = (configs or {}).get(status.namespec)
    is_left_alone = config is not None and not config.autostart
    return status.state.is_up or (_has_failed(status, config) and not is_left_alone)


def _has_failed(status: ProcessStatus, config: ProcessConfig | None = None) -> bool:
    if status.state is ProcessState.EXITED:
        return not exited_as_expected(status, config)
    return status.state in _FAILED


def _is_planned(status: ProcessStatus, run: OpenRun | None, now: float) -> bool:
    if run is None or status.state is ProcessState.FATAL:
        return False
    return status.namespec in run.targets and run.remaining_seconds(now) > 0


def _about_supervisord(asked: Snapshot) -> Iterator[Finding]:
    if asked.supervisord.state != "RUNNING":
        yield Finding(Level.CRITICAL, f"supervisord is {asked.supervisord.state}")


def _about_unplanned(
    down: Sequence[ProcessStatus], count: int, run: OpenRun | None
) -> Iterator[Finding]:
    if not down:
        return
    is_overdue = run is not None and any(_should_be_back(status, run) for status in down)
    overdue = f", past the deadline of {run.plan}" if run is not None and is_overdue else ""
    yield Finding(Level.CRITICAL, f"{_counted(down, count)} down{overdue}: {_names(down)}")


def _should_be_back(status: ProcessStatus, run: OpenRun) -> bool:
    is_given_up = status.state is ProcessState.FATAL
    return run.deadline_at is not None and status.namespec in run.targets and not is_given_up


def _about_planned(
    down: Sequence[ProcessStatus], count: int, run: OpenRun | None, now: float
) -> Iterator[Finding]:
    if down and run is not None:
        left = durations.show(run.remaining_seconds(now))
        why = f"down as planned by {run.plan}, for {left} at most"
        sentence = f"{_counted(down, count)} {why}: {_names(down)}"
        yield Finding(Level.WARNING, sentence, is_planned=True)


def _about_listener(listener: Listener | MaintError, now: float) -> Iterator[Finding]:
    """Find whether somebody watches; in a run nobody else would start what was stopped."""
    if isinstance(listener, MaintError):
        yield Finding(Level.UNKNOWN, listener.msg)
        return
    level, of_run = Level.WARNING, ""
    if listener.run is not None and listener.run.has_begun:
        level, of_run = Level.CRITICAL, f" in the run of {listener.run.plan}"
    heard_at = listener.heartbeat_at
    if not listener.is_alive:
        yield Finding(level, f"the listener is not running{of_run}")
    elif heard_at is not None and now - heard_at > listener.quiet_seconds:
        silence = durations.show(now - heard_at)
        yield Finding(level, f"the listener has heard no event for {silence}{of_run}")


def _all_well(count: int, run: OpenRun | None) -> Finding:
    of_run = f", {run.plan} is under way" if run is not None and run.has_begun else ""
    return Finding(Level.OK, f"{count} of {count} processes up{of_run}")


def _counted(down: Sequence[ProcessStatus], count: int) -> str:
    return f"{len(down)} of {count} processes"


def _names(down: Sequence[ProcessStatus]) -> str:
    """Name the first few with their states, and tell how many are left out."""
    shown = ", ".join(f"{status.namespec} {status.state.name}" for status in down[:NAMES_SHOWN])
    more = len(down) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _retry_after(findings: Sequence[Finding], run: OpenRun | None, now: float) -> int | None:
    """Tell how many whole seconds it may stay so, when every finding is planned."""
    if run is None or not findings or not all(finding.is_planned for finding in findings):
        return None
    return math.ceil(run.remaining_seconds(now))


def _verdict(findings: Sequence[Finding]) -> Verdict:
    """Put the worst first; what else was found stands behind it."""
    ordered = sorted(findings, key=lambda finding: _BY_SEVERITY.index(finding.level))
    sentence = "; ".join(finding.sentence for finding in ordered)
    return Verdict(level=ordered[0].level, sentence=sentence)
