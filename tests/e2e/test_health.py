"""Health as Nagios, Docker and Kubernetes ask for it, of a real supervisord with a listener."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness_programs import crasher, program, sleeper
from tests.e2e.harness_servers import REQUEST_SECONDS
from tests.e2e.observed import Observed, fragile
from tests.e2e.planned import plan

Observe = Callable[..., Observed]

MAX_DURATION_SECONDS = 300  # the default


def health(observed: Observed, *arguments: str) -> tuple[int, str]:
    """Run the command, and return its exit code and its one line, which is all there is."""
    found = observed.command("health", "--timeout", "10", *arguments)
    assert (1, "") == (len(found.stdout.splitlines()), found.stderr)
    return found.returncode, found.stdout.strip()


def page(observed: Observed, query: str = "") -> tuple[int, str, str | None]:
    """Get the page, and return its status, its text, and what it says of trying again."""
    url = f"http://127.0.0.1:{observed.port}/health{query}"
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:
            return answer.status, answer.read().decode(), answer.headers["Retry-After"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers["Retry-After"]


@pytest.mark.smoke
def test_well_and_not(observe: Observe, tmp_path: Path) -> None:
    """What ended as expected and what is not started by itself do not count; what fails does."""
    observed = observe(
        program("worker", fragile(tmp_path / "flag"), startretries=0, startsecs=2),
        program("once", crasher(status=0), startsecs=0, autorestart="false"),
        program("resting", sleeper(), autostart="false"),
    ).settled()
    well, page_well = health(observed), page(observed)
    observed.break_program("worker", tmp_path / "flag")
    observed.wait_until(lambda: page(observed)[0] == 503, "the page knows")
    url = f"http://127.0.0.1:{observed.port}"
    found = [
        health(observed),
        health(observed, "--format", "probe"),
        health(observed, "--url", url),
        health(observed, "--url", url, "--format", "probe"),
    ]

    assert (0, 200) == (well[0], page_well[0])
    assert well[1].startswith("SUPERVISOR OK - 1 of 1 processes up | wanted=1;;;0 down=0;;0;0 ")
    assert page_well[1].startswith("SUPERVISOR OK - 1 of 1 processes up | ")
    assert [2, 1, 2, 1] == [code for code, _ in found]
    assert {"SUPERVISOR CRITICAL - 1 of 1 processes down: worker FATAL"} == {
        line.partition(" | ")[0] for _, line in found
    }


def test_planned_downtime(observe: Observe, tmp_path: Path) -> None:
    """Within its deadline a run is a WARNING that passes, but for who is strict.

    The worker stays away until the test ends the other one, which does not stop when it is asked.
    Who would start the worker again must be there: in a run a listener that is gone is CRITICAL.
    """
    flag = tmp_path / "stays"
    flag.touch()
    stays = f"test -e {flag} && trap '' TERM; while :; do sleep 0.1; done"
    observed = observe(
        program("worker", sleeper()),
        program("slow", ["sh", "-c", stays], stopwaitsecs=300),
        sinks=plan("nightly", strategy="all-at-once"),
    ).settled()
    url = f"http://127.0.0.1:{observed.port}"
    assert 0 == observed.command("run", "nightly", "--detach").returncode
    observed.supervisord.wait_for_state("worker", "STOPPED")
    observed.wait_until(lambda: page(observed, "?strict=1")[0] == 503, "the page is no older")
    strict, lenient = page(observed, "?strict=1"), page(observed)
    planned = [
        health(observed),
        health(observed, "--format", "probe"),
        health(observed, "--url", url),
        health(observed, "--url", f"{url}/health?strict=1", "--format", "probe"),
    ]
    observed.supervisord.ctl("stop", "maint")
    alone = health(observed)
    observed.supervisord.ctl("start", "maint")
    flag.unlink()
    observed.supervisord.crash("slow")
    observed.supervisord.wait_for_state("worker", "RUNNING")
    observed.wait_until(lambda: health(observed)[0] == 0, "all is well again")

    assert (503, 200) == (strict[0], lenient[0])
    assert 0 < int(strict[2] or 0) <= MAX_DURATION_SECONDS
    assert [1, 0, 1, 1] == [code for code, _ in planned]
    for _, line in planned:
        assert "WARNING - 1 of 2 processes down as planned by nightly, for " in line
    assert 2 == alone[0]
    assert "CRITICAL - the listener is not running in the run of nightly; 1 of 2" in alone[1]


def test_supervisord_is_silent(observe: Observe) -> None:
    """A supervisord that hangs is CRITICAL, for the command and for the page."""
    observed = observe(program("worker", sleeper())).settled()
    os.kill(observed.supervisord.pid, signal.SIGSTOP)
    try:
        code, line = health(observed, "--timeout", "0.3")
        asked = page(observed)
    finally:
        os.kill(observed.supervisord.pid, signal.SIGCONT)

    assert (2, 503) == (code, asked[0])
    assert "SUPERVISOR CRITICAL - " in line
    assert "did not answer within 2 s" in asked[1]


def test_without_a_listener(observe: Observe) -> None:
    """A listener that is gone is a WARNING that fails as a probe, and nobody serves its page."""
    observed = observe(program("worker", sleeper())).settled()
    observed.supervisord.ctl("stop", "maint")
    found = [health(observed), health(observed, "--format", "probe")]
    gone = health(observed, "--url", f"http://127.0.0.1:{observed.port}")

    assert [1, 1] == [code for code, _ in found]
    assert "WARNING - the listener is not running | wanted=1;;;0 down=0;;0;0" in found[0][1]
    assert (2, True) == (gone[0], "nobody answers at" in gone[1])
