"""What happens on the stage, and what the operator is shown of it.

Every table shown is printed by the same commands that an operator types.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping

import attrs
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from supervisor_maint.cli.tables import console, table
from supervisor_maint.demo.prober import Prober
from supervisor_maint.demo.stage import READY_WITHIN_SECONDS, Stage

SEEN_WITHIN_SECONDS = 20.0
_SHOWN_FAMILIES = (
    "supervisor_process_wanted",
    "supervisor_process_starts",
    "supervisor_process_start_failures",
    "supervisor_process_fatal",
    "supervisor_process_exits",
    "supervisor_process_restarts",
    "supervisor_maint_diff_processes",
)

Samples = Mapping[str, float]


@attrs.define(kw_only=True)
class Story:
    """Tells the demonstration on a stage."""

    stage: Stage
    out: Console = attrs.field(factory=console)
    began_at: float = attrs.field(factory=time.monotonic)

    def tell(self) -> None:
        """Play every scene; about half a minute."""
        self._open()
        self._run_the_plan()
        before = self.scrape()
        self._restart_a_group()
        self._kill_a_worker()
        self._break_a_program()
        self._show_what_changed(before)

    def scrape(self) -> Samples:
        """Read the metrics from the listener's own endpoint."""
        url = f"http://127.0.0.1:{self.stage.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        return {
            sample.name + _labels(sample.labels): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.name in _SHOWN_FAMILIES
        }

    def command(self, *arguments: str) -> None:
        """Run ``supervisor-maint`` and show the command and what it prints."""
        self._prompt("supervisor-maint", *arguments)
        configured = [*arguments[:1], "--config", str(self.stage.configuration), *arguments[1:]]
        subprocess.run([sys.executable, "-m", "supervisor_maint", *configured], check=False)

    def supervisorctl(self, *arguments: str) -> None:
        """Run ``supervisorctl`` and show the command and what it prints."""
        self._prompt("supervisorctl", *arguments)
        self.out.print(self.stage.supervisorctl(*arguments), markup=False, highlight=False)

    def _open(self) -> None:
        self._scene("A real supervisord, with the listener beside its programs")
        self.stage.wait_until(self._has_settled, "things to settle", READY_WITHIN_SECONDS)
        self.command("status")

    def _run_the_plan(self) -> None:
        self._scene(
            "The planned restart of 03:00 Asia/Tokyo, now: one at a time, each only when ready"
        )
        self.command("plan", "nightly")
        with Prober(self.stage.web_ports) as prober:
            self.command("run", "nightly")
        self.out.print(
            f"a client asked the three web servers {prober.rounds} times meanwhile; "
            f"at least {prober.fewest_served} of 3 answered each time",
            style="bold green",
            highlight=False,
        )

    def _restart_a_group(self) -> None:
        self._scene("An operator restarts a group: counted as a command, not as a crash")
        self.supervisorctl("restart", "web:*")

    def _kill_a_worker(self) -> None:
        self._scene("A worker is killed: supervisord starts it again, and it is counted as an exit")
        pid = int(self.stage.supervisorctl("pid", "worker"))
        self._prompt("kill", "-9", str(pid))
        os.kill(pid, signal.SIGKILL)

    def _break_a_program(self) -> None:
        self._scene("A program breaks and does not come back")
        (self.stage.folder / "break").touch()
        self.stage.wait_until(
            lambda: self._total("supervisor_process_fatal_total", "fragile") >= 1,
            "fragile to be FATAL",
            SEEN_WITHIN_SECONDS,
        )
        self.supervisorctl("status", "fragile")

    def _show_what_changed(self, before: Samples) -> None:
        self._scene("Once things have settled: what is not as it was wanted")
        self.stage.wait_until(
            lambda: self._sum('supervisor_maint_diff_processes{kind="state"}') >= 1,
            "a report of the difference",
            SEEN_WITHIN_SECONDS,
        )
        self.command("diff")
        self._scene("The metrics that changed meanwhile")
        after = self.scrape()
        rows = [
            (series, f"{before.get(series, 0):g}", f"{value:g}")
            for series, value in sorted(after.items())
            if value != before.get(series, 0)
        ]
        self.out.print(table(("series", "before", "after"), rows))

    def _has_settled(self) -> bool:
        return self._sum("supervisor_process_wanted") >= 1

    def _total(self, metric: str, process: str) -> float:
        return self._sum(metric, f'name="{process}"')

    def _sum(self, prefix: str, *fragments: str) -> float:
        return sum(
            value
            for series, value in self.scrape().items()
            if series.startswith(prefix) and all(part in series for part in fragments)
        )

    def _scene(self, title: str) -> None:
        elapsed = time.monotonic() - self.began_at
        self.out.rule(f"[bold]{title}[/bold]  {elapsed:.1f} s", align="left")

    def _prompt(self, *words: str) -> None:
        self.out.print(f"$ {' '.join(words)}", style="bold", markup=False, highlight=False)


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return "{" + inside + "}" if inside else ""
