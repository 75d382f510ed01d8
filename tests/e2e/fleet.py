"""Three machines that live through a few minutes, watched by a Prometheus, and drawn.

``python -m tests.e2e.fleet`` draws the pictures of docs/dashboard.md anew; it takes six minutes.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from dashboard.drawing.picture import draw
from dashboard.view import View
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import free_port, group, http_server, leaker, program, sleeper
from tests.e2e.harness_servers import Prometheus
from tests.e2e.hourly import HOURLY_SUPERVISORD, Hours, rule
from tests.e2e.observed import Observed, fragile
from tests.e2e.planned import Runs, plan

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "dashboard"
SCRAPE_SECONDS, STEP_SECONDS = 1, 4
BETWEEN_SECONDS = 20
HOSTS = ("web01", "web02", "web03")


class Host:
    """A machine with three web servers, a worker that leaks, and a program that can be broken."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir()
        self.name = name
        self._broken, self._uploads = folder / "broken", folder / "uploads"
        self._uploads.mkdir()
        nightly = plan("nightly", schedule="0 3 * * *", timezone="Asia/Tokyo", max_groups=1)
        kept = rule("uploads", path=self._uploads, recursive="true", file_mode="0640")
        sinks = f"[sink:textfile]\npath={folder}/maint.prom\n{nightly}\n{kept}"
        self.observed = Observed(folder, sinks=sinks)
        self._hours = Hours(self.observed)

    def stanzas(self) -> Iterator[str]:
        """Yield what its supervisord runs."""
        yield self.observed.stanza()
        names = [f"web_{number}" for number in range(3)]
        for name in names:
            command = http_server(free_port(), start_seconds=0.5, stop_seconds=1)
            yield program(name, command, startsecs=2)
        yield group("web", *names)
        yield program("worker", leaker(rate=0.5, limit=200), startsecs=1)
        yield program("report", fragile(self._broken), startsecs=2, startretries=2)
        yield program("migrate", ["true"], startsecs=0, autorestart="false")
        yield program("standby", sleeper(), autostart="false")

    def crash(self, name: str) -> None:
        """Kill a program."""
        self.observed.supervisord.crash(name)

    def break_report(self) -> None:
        """Let a program end at each start from now on."""
        self._broken.touch()
        self.crash("report")

    def mend_report(self) -> None:
        """Let it run again."""
        self._broken.unlink()
        self.observed.supervisord.ctl("start", "report")

    def ctl(self, *arguments: str) -> None:
        """Do what an operator does."""
        self.observed.supervisord.ctl(*arguments)

    def run(self) -> None:
        """Have the plan run to its end."""
        Runs(self.observed).run("nightly")

    def upload(self, count: int) -> None:
        """Put files there that others may write to, and let an hour begin."""
        for number in range(count):
            new = self._uploads / f"{len(list(self._uploads.iterdir()))}-{number}"
            new.touch()
            new.chmod(0o666)
        self._hours.next_pass()

    def hold(self) -> None:
        """Keep the plan from running for a day."""
        self.observed.command("hold", "nightly", "--for", "1d", "--reason", "a deploy")


def main() -> None:
    """Let the fleet live, and draw what Prometheus saw of it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        hosts = [Host(name, Path(folder) / name) for name in HOSTS]
        for host in hosts:
            supervisord = stack.enter_context(
                RealSupervisord(*host.stanzas(), program=HOURLY_SUPERVISORD)
            )
            host.observed.under(supervisord)
        prometheus = stack.enter_context(Prometheus(_prometheus_yml(hosts)))
        began_at = time.time()
        _live(*hosts)
        view = View(
            url=prometheus.url,
            begins_at=began_at,
            ends_at=time.time(),
            step_seconds=STEP_SECONDS,
            scrape_seconds=SCRAPE_SECONDS,
        )
        draw(view, PICTURES)
        if "--keep" in sys.argv:
            sys.stderr.write(f"{view}\n")
            signal.pause()


def _prometheus_yml(hosts: list[Host]) -> str:
    targets = "".join(
        f'      - targets: ["127.0.0.1:{host.observed.port}"]\n'
        f"        labels: {{instance: {host.name}}}\n"
        for host in hosts
    )
    return (
        f"global:\n  scrape_interval: {SCRAPE_SECONDS}s\n"
        f"scrape_configs:\n  - job_name: supervisor\n    static_configs:\n{targets}"
    )


def _live(first: Host, second: Host, third: Host) -> None:
    """Let a morning pass in a few minutes: crashes, a deploy, a program given up, three runs."""
    acts = (
        lambda: third.crash("web:web_1"),
        lambda: first.ctl("restart", "web:*"),
        second.break_report,
        lambda: first.upload(5),
        lambda: third.crash("worker"),
        first.run,
        second.run,
        second.mend_report,
        third.run,
        lambda: second.upload(2),
        lambda: first.upload(3),
        third.break_report,
        lambda: first.crash("web:web_2"),
        first.hold,
    )
    for act in acts:
        time.sleep(BETWEEN_SECONDS)
        act()
    time.sleep(BETWEEN_SECONDS)


if __name__ == "__main__":
    main()
