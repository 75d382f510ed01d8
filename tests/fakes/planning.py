"""A supervisord that plans can be made of: it tells its configuration, and its listener pools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.requests import Request
from tests.fakes.commands import Place, SupervisordServer, info


def config_info(name: str, **changes: Any) -> dict[str, Any]:
    """Return what getAllConfigInfo says of one process."""
    group, _, alone = name.partition(":")
    return {
        "name": alone or group,
        "group": group,
        "group_prio": 999,
        "process_prio": 999,
        "autostart": True,
        "startsecs": 1,
        "stopwaitsecs": 10,
        "exitcodes": [0],
        "command": "sleep",
        "stdout_logfile": "none",
        "stderr_logfile": "none",
        "inuse": True,
        **changes,
    }


class PlanningServer(SupervisordServer):
    """Answers as supervisord with our plug-in does; ``maint`` is the listener pool."""

    def __init__(self, *names: str) -> None:
        super().__init__(*(info(name) for name in names), info("maint"))
        self.configs = [config_info(name) for name in (*names, "maint")]

    def _value(self, method: str, params: Any) -> Any:
        answers = {
            "supervisor.getAllConfigInfo": self.configs,
            "maint.getListenerPools": ["maint"],
        }
        return answers[method] if method in answers else super()._value(method, params)


class RunningListener:
    """Answers a request with the id of a run, and then publishes that run as told, look by look.

    ``looks`` are the runs; the last one stays.
    """

    def __init__(self, place: Place, *looks: dict[str, Any]) -> None:
        self.place = place
        self.requests: list[Request] = []
        self.answer: dict[str, Any] = {
            "done": True,
            "sentence": "run abc of nightly begins",
            "at": 1.0,
            "run_id": "abc",
        }
        self._looks = iter(looks)
        self._shown: dict[str, Any] | None = None

    def answered(self, request_id: str) -> Any:
        publication = Publication(self.place.state.status)
        self.requests += Mailbox(self.place.state.requests).collect()  # type: ignore[arg-type]
        publication.publish({"answers": {request_id: self.answer}})
        return publication.read().answers.get(request_id)

    def looked_at(self) -> dict[str, Any] | None:
        self._shown = next(self._looks, self._shown)
        if isinstance(self._shown, BaseException):
            raise self._shown
        return self._shown


def published_run(phase: str, story: Iterable[str] = (), **values: Any) -> Any:
    """A run as the listener publishes it: two processes, one of them restarted."""
    return {
        "id": "abc",
        "plan": "nightly",
        "phase": phase,
        "created_at": 1_000_000.0,
        "ended_at": None if phase not in ("succeeded", "failed", "skipped") else 1_000_009.0,
        "expected_seconds": 12.0,
        "reason": "",
        "blockers": [],
        "targets": [target("a", 1, "done"), target("b", 2, "stopping")],
        "story": [
            {"number": number, "at": 1_000_000.0 + number, "process": None, "text": text}
            for number, text in enumerate(story)
        ],
        **values,
    }


def target(name: str, batch: int, progress: str, **values: Any) -> dict[str, Any]:
    return {
        "process": name,
        "batch": batch,
        "progress": progress,
        "reason": "",
        "stopped_at": None if progress == "waiting" else 1_000_001.0,
        "back_at": 1_000_002.5 if progress == "done" else None,
        "expected_seconds": 1.5,
        **values,
    }
