"""A host as the runbook has it, with the servers that know of it, and the runbook's commands.

Paths, names and ports of the runbook stand for those of the world, see ``Written``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from supervisor_maint.accounts import group_name, user_name
from tests import servers
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import group, program, sleeper
from tests.e2e.harness_servers import Alertmanager, Prometheus, Pushgateway, WebhookReceiver
from tests.e2e.hourly import rule
from tests.e2e.monitoring_files import (
    ALERTMANAGER,
    PROMETHEUS,
    REPOSITORY,
    RULES,
    load,
    prometheus_configuration,
)
from tests.e2e.observed import LISTENER_LOG, Observed
from tests.e2e.planned import plan, step

RUNBOOK = REPOSITORY / "docs" / "runbook.md"
# No pass is made at an hour that begins while a section is read.
SETTINGS = "timezone=Asia/Tokyo\npermissions=off"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@attrs.frozen
class Shown:
    """A command as the runbook shows it, with the lines of output it shows."""

    command: str
    lines: tuple[str, ...]


def sections() -> dict[str, tuple[Shown, ...]]:
    """Return the commands of each section that has any, by its heading."""
    found: dict[str, list[Shown]] = {}
    text = RUNBOOK.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        heading = _HEADING.findall(text[: block.start()])[-1]
        for command, output in _COMMAND.findall(block[1]):
            lines = [line for line in output.splitlines() if line.strip() not in {"", "…"}]
            found.setdefault(heading, []).append(Shown(command, tuple(lines)))
    return {heading: tuple(commands) for heading, commands in found.items()}


def headings() -> list[str]:
    """Return every heading of the runbook."""
    prose = re.sub(r"^```.*?^```$", "", RUNBOOK.read_text(encoding="utf-8"), flags=re.M | re.S)
    return _HEADING.findall(prose)


@attrs.define(kw_only=True)
class World:
    """Supervisord, listener and servers; ``written`` maps what the runbook writes to what is."""

    observed: Observed
    folder: Path
    written: dict[str, str]
    sinks: str
    gateway: Pushgateway

    @property
    def supervisord(self) -> RealSupervisord:
        """The supervisord of the host."""
        return self.observed.supervisord

    def here(self, text: str) -> str:
        """Return a text of the runbook with what it means in this world."""
        for usual, here in self.written.items():
            text = text.replace(usual, here)
        return text

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command of the runbook into a shell."""
        return subprocess.run(
            ["sh", "-c", self.here(command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "COLUMNS": "200",
                "SUPERVISOR_MAINT_CONFIG": str(self.observed.config),
            },
        )

    @property
    def broken(self) -> Path:
        """While this file is there, ``import`` and ``report`` do not start."""
        return self.folder / "broken"

    @property
    def busy(self) -> Path:
        """While this file is there, no run begins."""
        return self.folder / "busy"

    @property
    def logs(self) -> Path:
        """The folder of logs whose permissions are kept."""
        return self.folder / "log"

    def lose_logs(self) -> None:
        """Have nothing be there where logs should be."""
        shutil.rmtree(self.logs)

    def undo_mode(self) -> None:
        """Give a log another mode than is wanted."""
        (self.logs / "api.log").chmod(0o600)

    def break_import(self) -> None:
        """Break ``import`` and wait until it is FATAL and reported."""
        self.observed.break_program("import", self.broken)

    def mend(self) -> None:
        """Let everything start, run and be wanted, as if nothing had been."""
        if not self.gateway.is_running:
            self.gateway.start()
        self.broken.unlink(missing_ok=True)
        _lay_out_logs(self.logs)
        for name in ("import", "report", "web:web_0"):
            if self.supervisord.state(name) != "RUNNING":
                self.supervisord.ctl("start", name)
            self.supervisord.wait_for_state(name, "RUNNING")
            self.observed.wait_for_value(1.0, "process_wanted", name.partition(":")[2] or name)
        self.observed.wait_for_no_difference()

    def break_report(self) -> None:
        """Break ``report``, which supervisord goes on trying to start."""
        self.broken.touch()
        self.supervisord.crash("report")
        self.supervisord.wait_for_state("report", "BACKOFF")

    def crash(self, name: str) -> None:
        """Kill a process, and wait until supervisord has started it again."""
        self.supervisord.crash(name)
        self.supervisord.wait_until(
            lambda: "exited: web_0" in self.supervisord.log(), "the exit is logged"
        )
        self.supervisord.wait_for_state(name, "RUNNING")

    def damage_journal(self) -> None:
        """Have the listener find its journal damaged; it sets it aside, and no run starts."""
        self.supervisord.ctl("stop", "maint")
        (self.folder / "state" / "journal.sqlite").write_bytes(b"no database\n" * 400)
        self.start_listener()
        self.observed.wait_until(
            lambda: "journal.sqlite: " in self.run("supervisor-maint status").stdout,
            "the status says why no run starts",
        )

    def fail_run(self) -> None:
        """Have a run fail, for ``import`` does not come back; it is what the runbook looks at."""
        self.broken.touch()
        failed = self.run("supervisor-maint run nightly")
        assert failed.returncode == 1, failed.stdout
        self.written["a6f82910"] = failed.stdout.split()[1]

    def misspell(self) -> None:
        """Change the settings to what is none, and wait until that is refused."""
        self.observed.configure(settings=f"{SETTINGS}\nsetle=1s", sinks=self.sinks)
        self.observed.wait_for_value(0.0, "maint_config_last_reload_successful")

    def close_gateway(self) -> None:
        """Have the Pushgateway go away, and wait until the listener has noticed."""
        self.gateway.stop()
        self.observed.wait_until(
            lambda: self.observed.status()["sinks"]["pushgateway"]["last_error"],
            "the sink has failed",
        )

    def spell(self) -> None:
        """Put the settings right."""
        self.observed.configure(settings=SETTINGS, sinks=self.sinks)

    def stop(self, name: str) -> None:
        """Stop a process as an operator does."""
        self.supervisord.ctl("stop", name)

    def start_listener(self) -> None:
        """Have the listener run."""
        if self.supervisord.state("maint") != "RUNNING":
            self.supervisord.ctl("start", "maint")
        self.wait_for_listener()

    def wait_for_listener(self) -> None:
        """Wait until the listener answers, as people do; not for one that was stopped."""
        pid = self.supervisord.listener_pid()
        self.observed.wait_until(
            lambda: not pid or self.observed.status().get("pid") == pid,
            "the listener has published",
        )


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start everything that the runbook speaks of."""
    with ExitStack() as stack:
        gateway = stack.enter_context(Pushgateway())
        receiver = stack.enter_context(WebhookReceiver())
        alertmanager = stack.enter_context(Alertmanager(_alertmanager(receiver.url)))
        prometheus = stack.enter_context(
            Prometheus(
                _prometheus(gateway, alertmanager), {RULES.name: RULES.read_text(encoding="utf-8")}
            )
        )
        sinks = _sinks(gateway, folder)
        observed = Observed(folder, settings=SETTINGS, sinks=sinks)
        supervisord = RealSupervisord(observed.stanza(), *_programs(folder))
        stack.enter_context(supervisord)
        observed.under(supervisord).settled()
        observed.wait_until(lambda: prometheus.query("supervisor_up"), "Prometheus knows the host")
        _install(folder, supervisord, alertmanager)
        yield World(
            observed=observed,
            folder=folder,
            sinks=sinks,
            gateway=gateway,
            written={
                "/etc/supervisor/conf.d/maint.conf": str(observed.config),
                "/var/log/supervisor-maint.log": str(supervisord.directory / LISTENER_LOG),
                "/var/log/supervisor/supervisord.log": str(supervisord.log_file),
                "/var/log/supervisor": str(folder / "log"),
                "root:root": f"{user_name(os.geteuid())}:{group_name(os.getegid())}",
                "/var/lib/supervisor-maint": str(folder / "state"),
                "http://127.0.0.1:9910": f"http://127.0.0.1:{observed.port}",
                "http://prometheus.example:9090": prometheus.url,
                "http://pushgateway.example:9091": gateway.url,
                "pushgateway.example:9091": f"127.0.0.1:{gateway.port}",
            },
        )


def _alertmanager(receiver: str) -> str:
    text = ALERTMANAGER.read_text(encoding="utf-8")
    return re.sub(r"http://\w+\.example", receiver, text)


def _prometheus(gateway: Pushgateway, alertmanager: Alertmanager) -> str:
    (job,) = load(PROMETHEUS / "scrape-pushgateway.yml")["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{gateway.port}"]}]
    return prometheus_configuration([job], alertmanager.port)


def _sinks(gateway: Pushgateway, folder: Path) -> str:
    free = step("free", f"test ! -e {folder}/busy")
    nightly = plan(
        "nightly",
        schedule="0 3 1 1 *",
        programs="web:*, import",
        max_groups=4,
        check="free",
    )
    logs = rule(
        "logs",
        path=folder / "log",
        recursive="true",
        dir_mode="0755",
        file_mode="0640",
        missing="report",
    )
    return f"[sink:pushgateway]\nurl={gateway.url}\n{nightly}\n{free}\n{logs}"


def _lay_out_logs(folder: Path) -> None:
    """Have a log there that is as the rule wants it."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    log = folder / "api.log"
    log.touch()
    log.chmod(0o640)


def _programs(folder: Path) -> list[str]:
    quick = {"startsecs": 0, "stopwaitsecs": 5}
    says = "echo 'cannot open the queue: connection refused' >&2; exit 5"
    breakable = ["sh", "-c", f"test -e {folder}/broken && {{ {says}; }}; exec sleep infinity"]
    return [
        program("web_0", sleeper(), **quick),
        program("web_1", sleeper(), **quick),
        group("web", "web_0", "web_1"),
        program("import", breakable, startsecs=1, startretries=0),
        program("report", breakable, startsecs=1, startretries=1000),
    ]


def _install(folder: Path, supervisord: RealSupervisord, alertmanager: Alertmanager) -> None:
    """Put the commands that the runbook types where the shell finds them."""
    (folder / "bin").mkdir()
    python = f'exec "{sys.executable}" -W ignore -m'
    configuration = f'-c "{supervisord.config_file}"'
    _command(folder, "supervisor-maint", f'{python} supervisor_maint "$@"')
    _command(folder, "supervisorctl", f'{python} supervisor.supervisorctl {configuration} "$@"')
    for tool in ("amtool", "promtool"):
        _command(folder, tool, f'exec "{servers.path_of(tool)}" "$@"')
    for name in ("prometheus/amtool.yml", "amtool/config.yml"):  # Debian's, and its authors'
        settings = folder / ".config" / name
        settings.parent.mkdir(parents=True)
        settings.write_text(f"alertmanager.url: {alertmanager.url}\n", encoding="utf-8")


def _command(folder: Path, name: str, line: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)
