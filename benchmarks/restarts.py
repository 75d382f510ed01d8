"""A group of web servers restarted by the usual script, by supervisorctl, and by our runs.

``python -m benchmarks.restarts [--programs COUNT]``. Everything runs on one supervisord, one way
after the other, while an outside client asks every server all the time.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import attrs

from benchmarks import machine
from benchmarks.children import PROGRAMS, environment
from benchmarks.figures import Target, at_most
from benchmarks.outages import Prober, seconds_of_all
from benchmarks.tables import Table, times
from tests.e2e.harness import RealSupervisord, listener
from tests.e2e.harness_programs import free_port, group, program

COUNT = 12
START_SECONDS = STOP_SECONDS = 0.5
# What supervisord waits before it says RUNNING; the server serves after half of it.
STARTSECS = 1
OWN_SECONDS = START_SECONDS + STOP_SECONDS
# For the prober to see the last of them serve, and for supervisord to be at rest.
REST_SECONDS = 2.0

SCRIPT = """\
supervisorctl() {{ {supervisorctl} "$@" > /dev/null; }}
supervisorctl stop 'web:*'
sleep 5
supervisorctl start 'web:*'
sleep 10
"""
MAINT_CONF = """\
[maint]
state_dir={folder}/state
log_level=warn
"""
PLAN = """
[maintenance:{name}]
programs=web:*
settle=0s
max_duration=1h
{options}
"""
_MOMENT = re.compile(
    r"^(\S+ \S+) (?:DEBG killing web_\d+ |INFO success: web_\d+ entered RUNNING)", re.MULTILINE
)
PLANS = {
    "one": "max_unavailable=1",
    "three": "max_unavailable=3",
    "quarter": "max_unavailable=25%",
    "flat": "strategy=all-at-once",
}


@attrs.frozen(kw_only=True)
class Way:
    """A way to restart the group; ``batches`` is how many one after the other, 0 for no matter.

    The floor is what supervisord and the machine allow: no client is measured against a target
    there, but the reader sees how much of what is missed is left for us.
    """

    name: str
    restart: Callable[[], object]
    batches: int = 0
    is_rolling: bool = False
    is_floor: bool = False


@attrs.frozen(kw_only=True)
class Measured:
    """The outages that a way made, a figure for each process, and how long it took.

    ``restart_seconds`` is from the first stop to the last RUNNING, ``wall_seconds`` that of the
    whole command, its own start, the two snapshots and the script's last sleep included.
    """

    way: Way
    downtimes: Sequence[float]
    all_down_seconds: float
    restart_seconds: float
    wall_seconds: float

    @property
    def mean(self) -> float:
        """The mean downtime of a process."""
        return sum(self.downtimes) / len(self.downtimes)


@attrs.define
class Stage:
    """A supervisord with the group and our listener in a folder of its own."""

    count: int
    folder: Path
    ports: Sequence[int] = attrs.field(init=False)
    supervisord: RealSupervisord = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ports = [free_port() for _ in range(self.count)]
        self.config.write_text(
            MAINT_CONF.format(folder=self.folder)
            + "".join(PLAN.format(name=name, options=text) for name, text in PLANS.items())
        )
        self.supervisord = RealSupervisord(
            *self._stanzas(), loglevel="debug", environment=self._compiled
        )

    @property
    def config(self) -> Path:
        """Our configuration."""
        return self.folder / "maint.conf"

    def wait_until_up(self) -> None:
        """Wait until everything is RUNNING, and then rest."""
        states = self.supervisord.states
        self.supervisord.wait_until(lambda: {*states().values()} == {"RUNNING"}, "all run")
        time.sleep(REST_SECONDS)

    def ways(self) -> Iterator[Way]:
        """Yield every way to restart the group, the usual ones first."""
        yield Way(name="script: stop, sleep 5, start, sleep 10", restart=self._script)
        yield Way(name="`supervisorctl restart web:*`", restart=self._restart_all)
        yield self._rolling("one", "ours, max_unavailable=1", 1)
        yield self._rolling("three", "ours, max_unavailable=3", 3)
        quarter = max(1, self.count // 4)
        yield self._rolling("quarter", "ours, max_unavailable=25%", quarter)
        yield Way(
            name="the floor: a bare client, 25% at once",
            restart=lambda: self._restart_barely(quarter),
            batches=-(-self.count // quarter),
            is_rolling=True,
            is_floor=True,
        )
        yield Way(name="ours, all-at-once", restart=lambda: self._run("flat"))

    def _rolling(self, plan: str, name: str, at_once: int) -> Way:
        return Way(
            name=name,
            restart=lambda: self._run(plan),
            batches=-(-self.count // at_once),
            is_rolling=True,
        )

    def _run(self, plan: str) -> None:
        module = [sys.executable, "-m", "supervisor_maint"]
        command = [*module, "run", "--config", str(self.config), plan]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=self._compiled)

    def _restart_barely(self, at_once: int) -> None:
        script = [sys.executable, str(PROGRAMS / "bare_restart.py"), self.supervisord.server_url]
        command = [*script, "web", str(at_once), str(STARTSECS)]
        subprocess.run(command, check=True, env=self._compiled)

    @property
    def _compiled(self) -> dict[str, str]:
        """As installed: compiled once, whatever the environment of this benchmark says."""
        return environment(PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(self.folder / "pyc"))

    def _restart_all(self) -> None:
        self.supervisord.ctl("restart", "web:*")

    def _script(self) -> None:
        command = f"{sys.executable} -m supervisor.supervisorctl -c {self.supervisord.config_file}"
        subprocess.run(["sh", "-c", SCRIPT.format(supervisorctl=command)], check=True)

    def _stanzas(self) -> Iterator[str]:
        names = [f"web_{number:03}" for number in range(self.count)]
        for name, port in zip(names, self.ports):
            script = [sys.executable, "-I", "-S", str(PROGRAMS / "web.py")]
            command = [*script, str(port), str(START_SECONDS), str(STOP_SECONDS)]
            yield program(name, command, startsecs=STARTSECS)
        yield group("web", *names)
        yield listener(self.config)


def measure(count: int = COUNT) -> Iterator[Table]:
    """Restart the group in each way."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(count, Path(folder))
        with stage.supervisord:
            measured = [_measured(stage, way) for way in stage.ways()]
    usual = measured[1]
    yield Table(
        title=f"{count} web servers restarted",
        note=(
            f"Each needs {STOP_SECONDS} s to stop and {START_SECONDS} s to serve, with "
            f"startsecs={STARTSECS}. Downtimes are what an outside client saw, the restart is "
            "from the first stop to the last RUNNING in supervisord's log, and the command is all "
            "that an operator waits for."
        ),
        columns=(
            "way",
            "mean downtime",
            "to its own",
            "worst",
            "all down",
            "restart",
            "command",
            "targets",
        ),
        rows=[_row(one, usual) for one in measured],
    )


def _measured(stage: Stage, way: Way) -> Measured:
    stage.wait_until_up()
    logged = len(stage.supervisord.log())
    with Prober(stage.ports) as prober:
        began_at = time.monotonic()
        way.restart()
        wall_seconds = time.monotonic() - began_at
        stage.wait_until_up()
    found = prober.outages()
    return Measured(
        way=way,
        downtimes=[sum(last - first for first, last in outages) for outages in found],
        all_down_seconds=seconds_of_all(found),
        restart_seconds=restart_seconds(stage.supervisord.log()[logged:]),
        wall_seconds=wall_seconds,
    )


def restart_seconds(log: str) -> float:
    """Return the seconds from the first stop to the last RUNNING that supervisord has logged."""
    moments = [datetime.fromisoformat(text.replace(",", ".")) for text in _MOMENT.findall(log)]
    return (moments[-1] - moments[0]).total_seconds()


def _row(measured: Measured, usual: Measured) -> tuple[str, ...]:
    return (
        measured.way.name,
        f"{measured.mean:.2f} s",
        times(measured.mean / OWN_SECONDS),
        f"{max(measured.downtimes):.2f} s",
        f"{measured.all_down_seconds:.2f} s",
        f"{measured.restart_seconds:.2f} s",
        f"{measured.wall_seconds:.2f} s",
        "; ".join(target.verdict(value) for target, value in _targets(measured, usual)),
    )


def _targets(measured: Measured, usual: Measured) -> Iterator[tuple[Target, float]]:
    way = measured.way
    if way.is_floor:
        return
    if way.is_rolling:
        limit = 1.1 * way.batches * (STOP_SECONDS + STARTSECS)
        yield at_most(1.15, "1.15x"), measured.mean / OWN_SECONDS
        yield at_most(0, "0 s all down"), measured.all_down_seconds
        yield at_most(limit, f"{limit:.1f} s"), measured.restart_seconds
    elif way.name.startswith("ours"):
        yield at_most(usual.restart_seconds, "that of `restart`"), measured.restart_seconds
        yield at_most(usual.wall_seconds, "its command"), measured.wall_seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restarts", description=__doc__)
    parser.add_argument("--programs", type=int, default=COUNT, metavar="COUNT")
    count = parser.parse_args().programs
    print(machine.description(), end="\n\n", flush=True)
    for table in measure(count):
        print(table.markdown(), flush=True)


if __name__ == "__main__":
    main()
