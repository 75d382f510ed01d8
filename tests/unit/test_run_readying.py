"""From RUNNING to ready, turn by turn: the answers that count, and the time they have."""

from __future__ import annotations

from supervisor_maint.maintenance.actions import CheckReady, StopProcesses
from supervisor_maint.maintenance.observation import ReadyAnswer
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.target import Progress
from tests.fakes.stage import A, B, Stage, nightly


def test_readiness_decides_when_it_is_done() -> None:
    """So many good answers in a row, of this very process."""
    check = Readiness(
        name="web",
        programs=("web",),
        kind=ProbeKind.TCP,
        address="localhost:{num+8000}",
        successes=2,
        timeout_seconds=10,
    )
    stage = Stage(nightly(readiness=(check,)))
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    assert ["localhost:8001"] == [one.probe.address for one in stage.wanted(CheckReady)]
    assert [] == stage.wanted(StopProcesses)

    for pid, ready, expected in [
        (20, True, Progress.COMING_BACK),
        (20, False, Progress.COMING_BACK),
        (99, True, Progress.COMING_BACK),
        (20, True, Progress.COMING_BACK),
        (20, True, Progress.DONE),
    ]:
        answer = ReadyAnswer(namespec=A, pid=pid, is_ready=ready, reason="refused")
        stage.turn(answer, seconds=0.3)
        assert expected is stage.progress(A)
    stage.turn()
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)


def test_not_ready_in_time_is_a_failure_with_the_last_answer() -> None:
    """The timeout counts from RUNNING."""
    check = Readiness(
        name="x", programs=("*",), kind=ProbeKind.TCP, address="h:1", timeout_seconds=10
    )
    stage = Stage(nightly(readiness=(check,)))
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    stage.turn(ReadyAnswer(namespec=A, pid=20, is_ready=False, reason="connection refused"))
    stage.turn(seconds=10)

    assert "web:web1: it is not ready after 10 s: connection refused" == stage.run.reason
