"""The verdict on health: what supervisord says and what the listener knows, in tables."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint import errors
from supervisor_maint.monitoring.health import (
    NAMES_SHOWN,
    QUIET_SECONDS,
    Listener,
    OpenRun,
    judge,
    needs_configs,
)
from supervisor_maint.monitoring.verdict import Answer, Level, Verdict, unknown
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)

NOW = 100_000.0
WEB, WORKER, ONCE = (Namespec(name, name) for name in ("web", "worker", "once"))
WANTED = {WEB: True, WORKER: True, ONCE: False}
WELL = {WEB: "RUNNING", WORKER: "RUNNING", ONCE: "EXITED"}
RUN = OpenRun(plan="nightly", deadline_at=NOW + 90.5, targets=frozenset({WEB, WORKER}))
OVERDUE = attrs.evolve(RUN, deadline_at=NOW - 1)
ALIVE = Listener(is_alive=True, heartbeat_at=NOW - 5, wanted=WANTED)
DEAF = attrs.evolve(ALIVE, heartbeat_at=NOW - QUIET_SECONDS - 1)
GONE = attrs.evolve(ALIVE, is_alive=False)
NEVER = Listener(is_alive=False)


def seen(states: dict[Namespec, str], supervisord: str = "RUNNING", **more: Any) -> Snapshot:
    return Snapshot(
        taken_at=NOW,
        supervisord=Supervisord(pid=1, started_at=1.0, state=supervisord),
        processes=[
            ProcessStatus(namespec=namespec, state=ProcessState[state], **more)
            for namespec, state in states.items()
        ],
    )


def in_run(listener: Listener, run: OpenRun = RUN) -> Listener:
    return attrs.evolve(listener, run=run)


def config(namespec: Namespec, **more: Any) -> ProcessConfig:
    defaults: dict[str, Any] = {
        "group_priority": 999,
        "process_priority": 999,
        "autostart": True,
        "start_seconds": 1.0,
        "stop_wait_seconds": 10.0,
    }
    return ProcessConfig(namespec=namespec, **{**defaults, **more})


@pytest.mark.parametrize(
    ("states", "listener", "level", "sentence"),
    [
        pytest.param(WELL, ALIVE, "OK", "2 of 2 processes up", id="all well"),
        pytest.param(
            {**WELL, WORKER: "STOPPED"},
            ALIVE,
            "CRITICAL",
            "1 of 2 processes down: worker STOPPED",
            id="wanted and not up",
        ),
        pytest.param(
            {**WELL, WEB: "STARTING", WORKER: "STOPPING"},
            ALIVE,
            "OK",
            "2 of 2 processes up",
            id="a process that starts or stops is there",
        ),
        pytest.param(
            {**WELL, WEB: "BACKOFF", WORKER: "FATAL"},
            ALIVE,
            "CRITICAL",
            "2 of 2 processes down: web BACKOFF, worker FATAL",
            id="what fails to start",
        ),
        pytest.param(
            {**WELL, ONCE: "STOPPED"}, ALIVE, "OK", "2 of 2 processes up", id="not wanted"
        ),
        pytest.param(
            {WEB: "RUNNING"}, ALIVE, "OK", "1 of 1 processes up", id="removed from supervisord"
        ),
        pytest.param(
            WELL, in_run(ALIVE), "OK", "2 of 2 processes up, nightly is under way", id="in a run"
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            in_run(ALIVE),
            "WARNING",
            "1 of 2 processes down as planned by nightly, for 1m 30s at most: web STOPPED",
            id="planned",
        ),
        pytest.param(
            {**WELL, WEB: "FATAL"},
            in_run(ALIVE),
            "CRITICAL",
            "1 of 2 processes down: web FATAL",
            id="given up by supervisord in a run",
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            in_run(ALIVE, attrs.evolve(RUN, targets=frozenset({WORKER}))),
            "CRITICAL",
            "1 of 2 processes down: web STOPPED",
            id="down in a run of others",
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED", WORKER: "EXITED"},
            in_run(ALIVE, attrs.evolve(RUN, targets=frozenset({WORKER}))),
            "CRITICAL",
            "1 of 2 processes down: web STOPPED; 1 of 2 processes down as planned by nightly, "
            "for 1m 30s at most: worker EXITED",
            id="one planned and one not",
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            in_run(ALIVE, OVERDUE),
            "CRITICAL",
            "1 of 2 processes down, past the deadline of nightly: web STOPPED",
            id="overdue",
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            in_run(ALIVE, OpenRun(plan="nightly", has_begun=False)),
            "CRITICAL",
            "1 of 2 processes down: web STOPPED",
            id="down before the run begins",
        ),
        pytest.param(WELL, GONE, "WARNING", "the listener is not running", id="no listener"),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            attrs.evolve(GONE, process=WEB),
            "WARNING",
            "the listener is not running",
            id="the listener is no process among others",
        ),
        pytest.param(
            WELL,
            in_run(GONE),
            "CRITICAL",
            "the listener is not running in the run of nightly",
            id="no listener in a run",
        ),
        pytest.param(
            WELL,
            in_run(GONE, OpenRun(plan="nightly", has_begun=False)),
            "WARNING",
            "the listener is not running",
            id="no listener, and the run had not begun",
        ),
        pytest.param(
            WELL, DEAF, "WARNING", "the listener has heard no event for 5m 1s", id="deaf listener"
        ),
        pytest.param(
            {**WELL, WEB: "STOPPED"},
            in_run(GONE),
            "CRITICAL",
            "the listener is not running in the run of nightly; 1 of 2 processes down as planned "
            "by nightly, for 1m 30s at most: web STOPPED",
            id="no listener would start it again",
        ),
        pytest.param(
            WELL,
            attrs.evolve(ALIVE, heartbeat_at=None),
            "OK",
            "2 of 2 processes up",
            id="a listener that has just begun",
        ),
        pytest.param(
            {WEB: "FATAL", WORKER: "STOPPED", ONCE: "EXITED"},
            NEVER,
            "CRITICAL",
            "1 of 1 processes down: web FATAL; the listener is not running",
            id="without a listener supervisord's word is taken",
        ),
        pytest.param(
            WELL,
            errors.StoreError("not permitted"),
            "UNKNOWN",
            "not permitted",
            id="the state may not be read",
        ),
        pytest.param(
            {WEB: "FATAL"},
            errors.StoreError("not permitted"),
            "CRITICAL",
            "1 of 1 processes down: web FATAL; not permitted",
            id="the state may not be read, and it is bad as it is",
        ),
    ],
)
def test_verdict(
    states: dict[Namespec, str],
    listener: Listener | errors.MaintError,
    level: str,
    sentence: str,
) -> None:
    """What is found makes the level and the sentence, the worst first."""
    verdict = judge(seen(states), listener, now=NOW)

    assert (level, sentence) == (verdict.level.name, verdict.sentence)


@pytest.mark.parametrize("listener", [ALIVE, in_run(ALIVE), NEVER])
@pytest.mark.parametrize(
    ("error", "level"),
    [
        (errors.SupervisorUnreachable("nobody listens"), "CRITICAL"),
        (errors.SupervisorTimeout("silent for 2 s"), "CRITICAL"),
        (errors.SupervisorShuttingDown("it is shutting down"), "CRITICAL"),
        (errors.SupervisorUnauthorized("it asks for a password"), "UNKNOWN"),
        (errors.SupervisorFault("no such method", code=1), "UNKNOWN"),
        (errors.SupervisorError("answered HTTP 404"), "UNKNOWN"),
    ],
)
def test_supervisord_is_away(error: errors.SupervisorError, level: str, listener: Listener) -> None:
    """A supervisord that is down or silent is CRITICAL, in a window too; a refusal is UNKNOWN."""
    verdict = judge(error, listener, now=NOW)

    assert level == verdict.level.name
    assert verdict.sentence.startswith(error.msg)
    assert not verdict.passes


def test_supervisord_that_stops() -> None:
    """A supervisord that still answers and is on its way down is CRITICAL."""
    verdict = judge(seen(WELL, "SHUTDOWN"), ALIVE, now=NOW)

    assert (Level.CRITICAL, "supervisord is SHUTDOWN") == (verdict.level, verdict.sentence)


@pytest.mark.parametrize(
    ("state", "more", "configured", "is_down"),
    [
        ("FATAL", {}, None, True),
        ("FATAL", {}, config(WEB), True),
        ("FATAL", {}, config(WEB, autostart=False), False),
        ("UNKNOWN", {}, None, True),
        ("STOPPED", {}, config(WEB), False),
        ("EXITED", {"exit_status": 0}, None, False),
        ("EXITED", {"exit_status": 3}, None, True),
        ("EXITED", {"exit_status": 3}, config(WEB, exit_codes=(0, 3)), False),
        ("EXITED", {"spawn_error": "Bad exit code 3"}, None, True),
    ],
)
def test_without_a_baseline(
    state: str, more: dict[str, Any], configured: ProcessConfig | None, is_down: bool
) -> None:
    """Without a baseline counts what has failed, but for what is not started by itself."""
    configs = None if configured is None else {WEB: configured}
    verdict = judge(seen({WEB: state}, **more), Listener(is_alive=True), now=NOW, configs=configs)

    assert ((WEB,) if is_down else ()) == verdict.down


@pytest.mark.parametrize(
    ("states", "listener", "expected"),
    [
        ({WEB: "FATAL"}, NEVER, True),
        ({WEB: "STOPPED", ONCE: "RUNNING"}, NEVER, False),
        ({WEB: "FATAL"}, ALIVE, False),
        ({WEB: "FATAL"}, errors.StoreError("no"), True),
    ],
)
def test_configuration_is_asked_for_when_it_decides(
    states: dict[Namespec, str], listener: Listener | errors.MaintError, expected: bool
) -> None:
    """The configuration, which is slow to get, matters only to what failed without a baseline."""
    assert expected is needs_configs(seen(states), listener)


def test_configuration_of_a_silent_supervisord_is_not_asked_for() -> None:
    """Who does not answer is not asked again."""
    assert not needs_configs(errors.SupervisorTimeout("silent"), NEVER)


@pytest.mark.parametrize(
    ("states", "listener", "statuses", "retry_after"),
    [
        (WELL, ALIVE, (200, 200), None),
        (WELL, in_run(ALIVE), (200, 200), None),
        ({**WELL, WEB: "STOPPED"}, in_run(ALIVE), (200, 503), 91),
        ({**WELL, WEB: "STOPPED"}, in_run(ALIVE, OVERDUE), (503, 503), None),
        ({**WELL, WEB: "STOPPED"}, in_run(DEAF), (503, 503), None),
        ({**WELL, WEB: "STOPPED"}, ALIVE, (503, 503), None),
        (WELL, GONE, (503, 503), None),
    ],
)
def test_probe(
    states: dict[Namespec, str],
    listener: Listener,
    statuses: tuple[int, int],
    retry_after: int | None,
) -> None:
    """A probe passes when all is well or down as planned, a strict one only when all is well."""
    verdict = judge(seen(states), listener, now=NOW)

    assert statuses == (verdict.http_status(strict=False), verdict.http_status(strict=True))
    assert retry_after == verdict.retry_after_seconds


def test_line_is_bounded() -> None:
    """Of many processes the first few are named, and all are counted."""
    crowd = {Namespec("web", f"web_{number:03}"): "FATAL" for number in range(1000)}
    verdict = judge(seen(crowd), ALIVE, now=NOW)

    assert verdict.sentence.endswith(f"web:web_004 FATAL and {1000 - NAMES_SHOWN} more")
    assert 1000 == len(verdict.down)


def test_line_of_nagios() -> None:
    """The line has the level, the sentence and the performance data of Nagios' guidelines."""
    verdict = judge(seen({**WELL, WEB: "STOPPED"}), in_run(ALIVE), now=NOW)

    assert (
        "SUPERVISOR WARNING - 1 of 2 processes down as planned by nightly, for 1m 30s at most: "
        "web STOPPED | wanted=2;;;0 down=1;;0;0 planned=1;;;0 time=0.012s;;;0"
    ) == verdict.line(0.0123)


@given(st.text(), st.sampled_from(Level))
def test_line_is_one_line_that_is_read_back(sentence: str, level: Level) -> None:
    """Whatever the sentence holds, it is one line with one bar, and is understood as a page."""
    verdict = Verdict(level=level, sentence=f"x{sentence}")
    line = verdict.line(0.5)
    answer = Answer.from_page(200, f"{line}\nmore")

    assert 1 == line.count("|")
    assert [line] == line.splitlines()
    assert (level, line, True) == (answer.level, answer.line, answer.passes)
    assert answer.sentence == line.partition(" | ")[0]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>It works!</html>"),
        (200, ""),
        (404, "nothing here; metrics are at /metrics\n"),
        (500, unknown("no").line(1.0)),
        (200, "SUPERVISOR GREAT - all well | wanted=1"),
    ],
)
def test_other_page_is_refused(status: int, body: str) -> None:
    """A page that is not ours says nothing about health."""
    with pytest.raises(ValueError, match="expected a line that begins with SUPERVISOR"):
        Answer.from_page(status, body)


def document(**changes: Any) -> dict[str, Any]:
    run = {
        "plan": "nightly",
        "phase": "restarting",
        "deadline_at": NOW + 90.5,
        "targets": [{"process": "web"}, {"process": "worker"}],
    }
    return {
        "heartbeat_at": NOW - 5,
        "wanted": {"web:web": True, "worker:worker": True, "once:once": False},
        "maintenance": {"run": {**run, **changes}},
    }


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ({}, Listener(is_alive=True)),
        (
            {**document(phase="failed"), "process": "maint:maint"},
            attrs.evolve(ALIVE, process=Namespec("maint", "maint")),
        ),
        (document(), in_run(ALIVE)),
        (document(phase="succeeded"), ALIVE),
        (document(phase="failed"), ALIVE),
        (document(phase="skipped"), ALIVE),
        (
            document(phase="pending", deadline_at=None, targets=[]),
            in_run(ALIVE, OpenRun(plan="nightly", has_begun=False)),
        ),
    ],
)
def test_published_status_is_read(published: dict[str, Any], expected: Listener) -> None:
    """What a listener publishes says what is wanted, and which run is under way."""
    assert expected == Listener.from_document(published, is_alive=True)


@pytest.mark.parametrize(
    "published", [{"wanted": 3}, {"maintenance": {"run": {}}}, {"wanted": {":": True}}]
)
def test_foreign_status_is_refused(published: dict[str, Any]) -> None:
    """What no listener publishes is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match="expected"):
        Listener.from_document(published, is_alive=True)
