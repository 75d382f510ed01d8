"""Damaged files are moved aside, never deleted at once: somebody may want to look.

Only the newest few are kept, or a dying disk would fill itself with them.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timezone
from pathlib import Path

from supervisor_maint.store.files import refusal

logger = logging.getLogger(__name__)

_KEPT = 3
_MARK = ".damaged-"
_COMPANIONS = ("-wal", "-shm", "-journal")


def set_aside(path: Path, now: float) -> Path:
    """Rename a file with what SQLite keeps beside it, and return its new name.

    Raises StoreError. A file that is gone already is no error.
    """
    target = _free_name(path, now)
    try:
        for companion in _COMPANIONS:
            _move(path.with_name(path.name + companion), target.with_name(target.name + companion))
        _move(path, target)
        _forget_old(path)
    except OSError as error:
        raise refusal(path, error) from error
    logger.warning("set %s aside as %s", path, target.name)
    return target


def find_aside(path: Path) -> list[Path]:
    """Return what was set aside of a file, the oldest first."""
    found = path.parent.glob(f"{path.name}{_MARK}*")
    return sorted(file for file in found if not file.name.endswith(_COMPANIONS))


def _free_name(path: Path, now: float) -> Path:
    stamp = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}{_MARK}{stamp}")
    attempt = 1
    while target.exists():
        attempt += 1
        target = path.with_name(f"{path.name}{_MARK}{stamp}.{attempt}")
    return target


def _move(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        source.rename(target)


def _forget_old(path: Path) -> None:
    for old in find_aside(path)[:-_KEPT]:
        for suffix in ("", *_COMPANIONS):
            with contextlib.suppress(FileNotFoundError):
                old.with_name(old.name + suffix).unlink()
