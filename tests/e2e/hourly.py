"""Permission passes on a real supervisord whose hours begin when the test says so."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import psutil

from supervisor_maint.errors import StoreAbsent
from supervisor_maint.store.history_reader import HistoryReader
from tests.e2e.harness import is_alive
from tests.e2e.harness_programs import section
from tests.e2e.observed import Observed

# What the harness runs in the place of supervisord.
HOURLY_SUPERVISORD = (str(Path(__file__).parent / "programs" / "hourly_supervisord.py"),)


def rule(name: str, **options: object) -> str:
    """Build a ``[permissions:NAME]`` section."""
    return section("permissions", name, **options)


class Hours:
    """Begins hours, and reads what the passes found."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self._number = 0

    def begin(self) -> None:
        """Begin an hour, and wait until the listener was told."""
        told = self._told()
        self._number += 1
        file = self.observed.supervisord.directory / "hour"
        new = file.with_suffix(".new")
        new.write_text(str(self._number), encoding="utf-8")
        new.replace(file)
        self.observed.supervisord.rpc.supervisor.getState()  # its loop turns
        self.observed.wait_until(lambda: self._told() > told, "the listener was told of the hour")

    def _told(self) -> float:
        return self.observed.value("maint_events_total", event="TICK_3600") or 0.0

    def passes(self) -> list[dict[str, Any]]:
        """Return what the history has of the passes, the newest first."""
        try:
            with HistoryReader.open(self.observed.folder / "state" / "history.sqlite") as history:
                return [dict(record.document) for record in history.permissions()]
        except StoreAbsent:
            return []

    def next_pass(self) -> dict[str, dict[str, Any]]:
        """Begin an hour, and return what its pass found of each rule."""
        count = len(self.passes())
        self.begin()
        return self.wait_for_pass(count)

    def wait_for_pass(self, after: int) -> dict[str, dict[str, Any]]:
        """Wait until there are more passes than that and no more is going; return the newest."""

        def newest() -> dict[str, Any] | None:
            shown = self.observed.status()["permissions"]
            found = self.passes()
            is_over = len(found) > after and not shown["is_under_way"]
            return found[0] if is_over and shown["ended_at"] == found[0]["ended_at"] else None

        made = self.observed.wait_until(newest, "a pass has ended and is reported")
        return {rule["rule"]: rule for rule in (made["report"] or {"rules": []})["rules"]}

    def going(self) -> list[psutil.Process]:
        """Return the passes that the listener, or one before it, has under way."""
        return [process for process in self.observed.supervisord.survivors() if _is_pass(process)]

    def begin_stopped(self) -> psutil.Process:
        """Begin an hour, and stop its pass in the middle of its work; return it."""
        while True:
            count = len(self.passes())
            self.begin()
            stopped = self._stop(count)
            if stopped is not None:
                return stopped

    def _stop(self, passes: int) -> psutil.Process | None:
        """Stop the pass while it holds the lock; None when it was too quick for us."""
        listener = psutil.Process(self.observed.supervisord.listener_pid())
        while len(self.passes()) == passes:
            for process in filter(_is_pass, listener.children()):
                if self._stop_at_work(process):
                    return process
        return None

    def _stop_at_work(self, process: psutil.Process) -> bool:
        while is_alive(process.pid):
            if self._is_locked():
                process.suspend()
                if self._is_locked():
                    return True
                process.resume()
        return False

    def _is_locked(self) -> bool:
        """Tell whether a pass holds the lock, without ever taking it from one."""
        folder = os.open(self.observed.folder / "state", os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(folder)
        return False


def _is_pass(process: psutil.Process) -> bool:
    try:
        return "permissions" in process.cmdline()
    except psutil.Error:
        return False
