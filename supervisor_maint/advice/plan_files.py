"""What plans name on this machine: programs, folders, logrotate's files, users. It only looks."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from supervisor_maint.accounts import user_id
from supervisor_maint.advice.commands import split
from supervisor_maint.maintenance.rotation import Rotation
from supervisor_maint.settings import Settings
from supervisor_maint.settings.maintenance import MaintenanceSection, ReadinessSection, StepSection

_ROOT = 0
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

# A sentence, and what to do.
FileProblem = tuple[str, str]


def users(settings: Settings) -> Mapping[str, int | None]:
    """Return the uid of each user that a step names, None when there is no such user."""
    named = {step.user for step in settings.of(StepSection) if step.user is not None}
    return {user: user_id(user) for user in named}


def problems(settings: Settings) -> Mapping[str, tuple[FileProblem, ...]]:
    """Return by section what will not do of the files that it names."""
    return {
        **{
            f"[maintenance:{plan.name}]": (*_restart_log(plan.restart_log), *_logrotate(plan))
            for plan in settings.of(MaintenanceSection)
        },
        **{
            f"[step:{step.name}]": tuple(_program(step.command))
            for step in settings.of(StepSection)
        },
        **{
            f"[readiness:{probe.name}]": tuple(_program(probe.command))
            for probe in settings.of(ReadinessSection)
        },
    }


def _program(command: str | None) -> Iterator[FileProblem]:
    """Yield why a command cannot be started; without a path it is the listener's to look up."""
    program = Path(split(command)[0]) if command else None
    if program is None or not program.is_absolute() or "{" in str(program):
        return
    try:
        mode = program.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        yield f"command: there is no {program}", "correct it, or install what it names"
        return
    except OSError:
        return  # we may not look where root may
    if not (stat.S_ISREG(mode) and mode & _EXECUTABLE):
        yield f"command: {program} cannot be executed", "name a program, or chmod +x it"


def _restart_log(file: Path | None) -> Iterator[FileProblem]:
    if file is None:
        return
    if not file.parent.is_dir():
        yield f"restart_log: there is no folder {file.parent}", "make it"
    elif file.is_symlink():
        yield f"restart_log: {file} is a symbolic link, which is not followed", "name the file"


def _logrotate(plan: MaintenanceSection) -> Iterator[FileProblem]:
    file = plan.logrotate_config
    if file is None:
        return
    if not plan.rotate_logs:
        yield "logrotate_config is not used without rotate_logs = true", "set it, or remove this"
    elif Rotation().find_program() is None:
        yield "logrotate is not installed, so that logs are reopened only", "install logrotate"
    else:
        yield from _ignored(file)


def _ignored(file: Path) -> Iterator[FileProblem]:
    """Yield why logrotate passes over a file: with exit 0, and so unnoticed (config.c)."""
    try:
        status = file.stat()
    except FileNotFoundError:
        yield f"logrotate_config: there is no {file}", "take conf.d/logrotate/supervisor"
        return
    except OSError:
        return  # we may not look where root may
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        yield f"logrotate ignores {file}, for others can write it (mode {mode})", "chmod go-w it"
    elif status.st_uid != _ROOT:
        yield f"logrotate, run by root, ignores {file}, for it is not root's", "chown root it"
