"""What supervisord's XML-RPC answers mean. Structs to values; no I/O here.

Raises LookupError, TypeError or ValueError for an answer that is not as supervisor 4.2.5 and
newer give it; the caller turns that into a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from supervisor_maint.processes import (
    Look,
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Supervisord,
)


def supervisord(
    pid: int, state: Mapping[str, Any], identification: str, version: str, *, started_at: float
) -> Supervisord:
    """Read getPID, getState, getIdentification and getSupervisorVersion."""
    return Supervisord(
        pid=int(pid),
        started_at=started_at,
        identification=identification,
        version=version,
        state=state["statename"],
    )


def process_statuses(structs: Iterable[Mapping[str, Any]]) -> dict[Namespec, ProcessStatus]:
    """Read getAllProcessInfo, or many getProcessInfo, in their order."""
    statuses = map(process_status, structs)
    return {status.namespec: status for status in statuses}


def process_status(struct: Mapping[str, Any]) -> ProcessStatus:
    """Read one getProcessInfo, where 0 stands for "no pid" and for "never"."""
    state = _state(struct["state"])
    return ProcessStatus(
        namespec=Namespec(struct["group"], struct["name"]),
        state=state,
        pid=struct["pid"] or None,
        started_at=_moment(struct["start"]),
        stopped_at=_moment(struct["stop"]),
        exit_status=_exit_status(state, struct["exitstatus"]),
        spawn_error=struct["spawnerr"],
        description=struct["description"],
        stdout_logfile=struct["stdout_logfile"],
        stderr_logfile=struct["stderr_logfile"],
    )


def look(
    asked: Iterable[Namespec], state: Mapping[str, Any], structs: Iterable[Mapping[str, Any]]
) -> Look:
    """Read getState and getProcessInfo of some processes; None for one that is not known."""
    known = process_statuses(structs)
    return Look(
        supervisord_state=state["statename"],
        statuses={namespec: known.get(namespec) for namespec in asked},
    )


def process_configs(structs: Iterable[Mapping[str, Any]]) -> dict[Namespec, ProcessConfig]:
    """Read getAllConfigInfo, in the order of (group priority, process priority, names)."""
    configs = sorted(
        map(_process_config, structs),
        key=lambda config: (config.group_priority, config.process_priority, config.namespec),
    )
    return {config.namespec: config for config in configs}


def _process_config(struct: Mapping[str, Any]) -> ProcessConfig:
    return ProcessConfig(
        namespec=Namespec(struct["group"], struct["name"]),
        group_priority=struct["group_prio"],
        process_priority=struct["process_prio"],
        autostart=bool(struct["autostart"]),
        start_seconds=float(struct["startsecs"]),
        stop_wait_seconds=float(struct["stopwaitsecs"]),
        exit_codes=tuple(struct["exitcodes"]),
        command=struct["command"],
        stdout_logfile=_logfile(struct["stdout_logfile"], f"{struct['name']}-stdout---"),
        stderr_logfile=_logfile(struct["stderr_logfile"], f"{struct['name']}-stderr---"),
        in_use=bool(struct["inuse"]),
    )


def _state(number: int) -> ProcessState:
    try:
        return ProcessState(number)
    except ValueError:  # a state that only a newer supervisor has
        return ProcessState.UNKNOWN


def _moment(seconds: int) -> float | None:
    return float(seconds) if seconds else None


def _exit_status(state: ProcessState, number: int) -> int | None:
    # Supervisord says 0 for what it does not know, and -1 for what a signal ended.
    return number if state is ProcessState.EXITED and number >= 0 else None


def _logfile(word: str, automatic_prefix: str) -> str:
    """Return the path that was configured, "" for none and for a name that supervisord makes.

    It says "auto" before it has made one, and makes another at each start and ``reload``: that is
    no change of the configuration (``supervisor/options.py``, ``get_autochildlog_name``).
    """
    is_made = word.rpartition("/")[2].startswith(automatic_prefix)
    return "" if is_made or word in ("auto", "none") else word
