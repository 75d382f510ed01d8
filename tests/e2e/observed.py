"""A real supervisord with our listener beside its programs, and what the listener shows of it.

What happened is counted in supervisord's own log, and what the listener shows is held against it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.harness import RealSupervisord, listener
from tests.e2e.harness_programs import free_port
from tests.e2e.harness_servers import Samples, http_get, metrics

LISTENER_LOG = "maint.stderr.log"

MAINT_CONF = """\
[maint]
state_dir={folder}/state
instance={instance}
push_interval={push_interval}
settle={settle}
settle_max={settle_max}
{settings}
[sink:http]
listen=127.0.0.1:{port}
{sinks}
"""


def fragile(flag: Path, status: int = 5) -> list[str]:
    """Build the command of a program that runs until it is ended, but not once a file is there."""
    return ["sh", "-c", f"test -e {flag} && exit {status}; exec sleep infinity"]


class Observed:
    """Our listener's configuration, and the supervisord that it is started by.

    ``settings`` is added to ``[maint]``, ``sinks`` to the file; its folder outlives supervisord.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        sinks: str = "",
        settle: str = "1s",
        settle_max: str = "60s",
        push_interval: str = "5s",
        instance: str = "web01",
    ) -> None:
        self.folder = folder
        self.config = folder / "maint.conf"
        self.port = free_port()
        self._options = {
            "instance": instance,
            "settle": settle,
            "settle_max": settle_max,
            "push_interval": push_interval,
        }
        self._supervisord: RealSupervisord | None = None
        self._killed = 0
        self.configure(settings=settings, sinks=sinks)

    def configure(self, *, settings: str = "", sinks: str = "", **options: str) -> None:
        """Write the configuration anew, in one piece, as an operator's editor does."""
        values = {**self._options, **options}
        text = MAINT_CONF.format(
            folder=self.folder, port=self.port, settings=settings, sinks=sinks, **values
        )
        new = self.config.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.config)

    def stanza(self, name: str = "maint", **options: object) -> str:
        """Return the listener's stanza. It is RUNNING at once, so that tests are quick."""
        return listener(self.config, name, **{"startsecs": 0, **options})

    @property
    def supervisord(self) -> RealSupervisord:
        """The supervisord that the listener is under."""
        assert self._supervisord is not None, "supervisord was not started"
        return self._supervisord

    def under(self, supervisord: RealSupervisord) -> Observed:
        """Take the supervisord that was started, and wait until the listener answers."""
        self._supervisord = supervisord
        self.wait_until(self.metrics, "the metrics are served")
        return self

    def settled(self) -> Observed:
        """Wait until the first report was made: there is a baseline now."""
        self.wait_until(self.report, "things have settled for the first time")
        return self

    def wait_until(self, predicate: Callable[[], Any], message: str, timeout: float = 60.0) -> Any:
        """Ask until the answer is true, and return it."""
        return self.supervisord.wait_until(predicate, message, timeout=timeout)

    def metrics(self) -> Samples:
        """Scrape the listener."""
        return metrics(http_get(f"http://127.0.0.1:{self.port}/metrics"))

    def value(self, metric: str, process: str = "", **labels: str) -> float | None:
        """Scrape one sample of ``supervisor_METRIC``, of a process if one is named."""
        if process:
            labels["name"] = process
        return self.metrics().value(f"supervisor_{metric}", **labels)

    def wait_for_value(
        self, wanted: float | None, metric: str, process: str = "", **labels: str
    ) -> None:
        """Wait until a sample has a value, or is absent: None."""
        last: list[float | None] = []

        def has_value() -> bool:
            last[:] = [self.value(metric, process, **labels)]
            return last == [wanted]

        subject = f"{metric} of {process} {labels}"
        self.wait_until(has_value, f"{subject} is {wanted}")

    def wait_for_at_least(
        self, least: float, metric: str, process: str = "", **labels: str
    ) -> float:
        """Wait until a sample has reached a value, and return what it has."""

        def reached() -> float | None:
            value = self.value(metric, process, **labels)
            return None if value is None or value < least else value

        return self.wait_until(reached, f"{metric} of {process} {labels} is at least {least}")

    def status(self) -> dict[str, Any]:
        """Read what the listener has published; empty before it has."""
        path = self.folder / "state" / "status.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def report(self) -> dict[str, Any] | None:
        """Return the last report that was published, None before there is one."""
        return self.status().get("report")

    def differences(self) -> dict[str, dict[str, str]]:
        """Return the differences of the last report, by ``group:name``."""
        report = self.report() or {"differences": []}
        return {each["process"]: each for each in report["differences"]}

    def wait_for_difference(self, process: str, kind: str, found: str = "") -> dict[str, str]:
        """Wait until a report has a difference, and return it."""

        def difference() -> dict[str, str] | None:
            each = self.differences().get(process)
            is_it = each and each["kind"] == kind and found in (each["found"], "")
            return each if is_it else None

        return self.wait_until(difference, f"{process} differs: {kind}, {found}")

    def wait_for_no_difference(self) -> None:
        """Wait until a report without any difference was published."""
        self.wait_until(
            lambda: self.report() is not None and not self.differences(), "nothing differs"
        )

    def wait_for_report_after(self, at: float) -> dict[str, Any]:
        """Wait for a report of a burst that began after a moment, and return it."""

        def later() -> dict[str, Any] | None:
            report = self.report()
            return report if report and report["began_at"] >= at else None

        return self.wait_until(later, f"a burst after {at} was reported")

    def logged(self, pattern: str) -> int:
        """Count the lines of supervisord's own log that match a regular expression."""
        return len(re.findall(pattern, self.supervisord.log(), re.MULTILINE))

    def logged_starts(self, process: str) -> int:
        """Count how often a process entered RUNNING, as supervisord's log has it."""
        return self.logged(rf"success: {re.escape(process)} entered RUNNING state")

    def logged_ends(self, process: str) -> tuple[int, int]:
        """Count how often a process failed to start, and how often it exited once RUNNING.

        supervisord's log says ``exited`` of both. Which it is, is not for the test to foresee:
        supervisord looks once a second, and takes for RUNNING what died in between.
        """
        name = re.escape(process)
        ends = re.findall(
            rf"(success): {name} entered RUNNING|(exited): {name} \(", self.supervisord.log()
        )
        words = ["", *("".join(end) for end in ends)]
        pairs = [pair for pair in zip(words, words[1:]) if pair[1] == "exited"]
        exits = sum(before == "success" for before, _ in pairs)
        return len(pairs) - exits, exits

    def log(self) -> str:
        """Read the listener's log."""
        return self.supervisord.text(LISTENER_LOG)

    def break_program(self, name: str, flag: Path) -> dict[str, str]:
        """Break a ``fragile`` program, and return the difference once it is reported."""
        flag.touch()
        self.supervisord.crash(name)
        return self.wait_for_difference(f"{name}:{name}", "state", "FATAL")

    def stop_for_good(self, *names: str) -> None:
        """Stop programs that end by themselves: one that just has is started once more."""

        def are_stopped() -> bool:
            self.supervisord.ctl("stop", *names)
            return all(self.supervisord.state(name) == "STOPPED" for name in names)

        self.wait_until(are_stopped, f"{names} are stopped")

    def kill_listener(self, number: int = signal.SIGKILL) -> int:
        """Send the listener a signal, and return its pid; the next time it must be another."""

        def kill() -> int:
            pid = self.supervisord.listener_pid()
            if pid in (0, self._killed):
                return 0
            os.kill(pid, number)
            return pid

        self._killed = self.wait_until(kill, "there is a listener to send a signal")
        return self._killed

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``supervisor-maint COMMAND --config … ARGUMENTS`` to its end."""
        command, *rest = arguments
        return subprocess.run(
            self.command_line(command, *rest),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def command_line(self, command: str, *arguments: str) -> list[str]:
        """Return the command line of ``supervisor-maint COMMAND``."""
        module = [sys.executable, "-m", "supervisor_maint"]
        return [*module, command, "--config", str(self.config), *arguments]
