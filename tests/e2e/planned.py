"""Planned runs on a real supervisord: a group of web servers, who probes them, and what is kept.

What happened is read from supervisord's own log, in the order in which it happened, and from
outside: no test looks at a clock.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.store.history_reader import HistoryReader
from tests.e2e.harness_programs import free_port, group, http_server, program, section
from tests.e2e.observed import Observed

STOP_SECONDS = 0.3
OVER = frozenset({"succeeded", "failed", "skipped"})
# supervisord says when it asks a process to stop only at this level.
LOGS_STOPS = {"loglevel": "debug"}

_PAUSE_SECONDS = 0.01
_PATIENCE_SECONDS = 30.0
_TRANSITION = re.compile(
    r"(?P<stop>killing) (?P<stopped>\S+) \(pid \d+\) (?:process group )?with signal"
    r"|(?P<spawn>spawned): '(?P<spawned>[^']+)' with pid"
    r"|(?P<success>success): (?P<up>\S+) entered RUNNING"
)


def plan(name: str, **options: object) -> str:
    """Build a ``[maintenance:NAME]`` section; it settles quickly."""
    return section("maintenance", name, **{"settle": "1s", **options})


def step(name: str, command: str, **options: object) -> str:
    """Build a ``[step:NAME]`` section."""
    return section("step", name, command=command, **options)


def readiness(name: str, programs: str, port: int, **options: object) -> str:
    """Build a ``[readiness:NAME]`` section that asks over HTTP."""
    url = f"http://127.0.0.1:{port}/"
    return section("readiness", name, programs=programs, http=url, **options)


class Webs:
    """A group of web servers that take a moment to stop, each on a port of its own."""

    def __init__(
        self, count: int, *, group_name: str = "web", start_seconds: float = 0, **options: object
    ) -> None:
        self.group = group_name
        self.ports = {f"{group_name}_{number:02}": free_port() for number in range(count)}
        self._start_seconds = start_seconds
        self._options = {"startsecs": 1, **options}

    @property
    def names(self) -> list[str]:
        """The programs' names, in the order in which they are restarted."""
        return list(self.ports)

    @property
    def namespecs(self) -> list[str]:
        """The names with their group."""
        return [f"{self.group}:{name}" for name in self.names]

    def stanzas(self) -> str:
        """Return the programs' stanzas and their group's."""
        programs = [
            program(name, self._command(port), **self._options) for name, port in self.ports.items()
        ]
        return "\n".join([*programs, group(self.group, *self.names)])

    def _command(self, port: int) -> list[str]:
        return http_server(port, start_seconds=self._start_seconds, stop_seconds=STOP_SECONDS)

    def readiness(self) -> str:
        """Return a section for each that has the run wait until it serves."""
        sections = [
            readiness(name, f"{self.group}:{name}", port) for name, port in self.ports.items()
        ]
        return "\n".join(sections)


@attrs.define
class Transitions:
    """What supervisord's log says since a moment of stops, spawns and successes, in its order."""

    steps: list[tuple[str, str]]

    def count(self, what: str, name: str) -> int:
        """Count a process's transitions of a kind: ``killing``, ``spawned``, ``success``."""
        return self.steps.count((what, name))

    def first(self, what: str, name: str) -> int:
        """Return the place of a process's first transition of a kind. Raises ValueError."""
        return self.steps.index((what, name))

    def most_away(self, names: Collection[str]) -> int:
        """Return how many of these were at most away at once, from a stop to RUNNING."""
        away: set[str] = set()
        most = 0
        for what, name in self.steps:
            if name in names:
                (away.discard if what == "success" else away.add)(name)
                most = max(most, len(away))
        return most


def transitions(text: str) -> Transitions:
    """Read supervisord's log, or a part of it."""
    found = []
    for match in _TRANSITION.finditer(text):
        what = match["stop"] or match["spawn"] or match["success"]
        found.append((what, match["stopped"] or match["spawned"] or match["up"]))
    return Transitions(found)


class Runs:
    """Has plans run, and reads what became of them; remembers what was before."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self.supervisord = observed.supervisord
        self.remember()

    def remember(self) -> None:
        """Let what is now be what was before: the log, states and pids."""
        self._logged = len(self.supervisord.log())
        self.before = self.processes()

    def processes(self) -> dict[str, tuple[str, int]]:
        """Ask for the state and the pid of every process but the listener."""
        found = self.supervisord.rpc.supervisor.getAllProcessInfo()
        return {
            f"{each['group']}:{each['name']}": (each["statename"], each["pid"])
            for each in found
            if each["group"] != "maint"
        }

    def transitions(self) -> Transitions:
        """Return what supervisord has logged since."""
        return transitions(self.supervisord.log()[self._logged :])

    def wait_for_transitions(self, count: int) -> None:
        """Wait until there were so many stops, spawns and successes."""
        self.observed.wait_until(
            lambda: len(self.transitions().steps) >= count, f"there are {count} transitions"
        )

    def wait_for_listener(self, after: int = 0) -> None:
        """Wait until a listener has published its status, another than ``after``, a pid."""

        def has_published() -> bool:
            pid = self.supervisord.listener_pid()
            return pid not in (0, after) and self.observed.status()["pid"] == pid

        self.observed.wait_until(has_published, "the listener has published its status")

    def begin(self, name: str) -> str:
        """Have a plan begin, and return the run's id."""
        self.remember()
        asked = self.observed.command("run", name, "--detach")
        assert asked.returncode == 0, f"run {name}: {asked.stdout}{asked.stderr}"
        return str(asked.stdout.split()[1])

    def finish(self, run_id: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait until a run is over and kept, and return its record in the history."""
        record: dict[str, Any] = self.observed.wait_until(
            lambda: self.over(run_id), f"the run {run_id} is over", timeout=timeout
        )
        return record

    def over(self, run_id: str) -> dict[str, Any] | None:
        """Return a run's record if it is over."""
        with HistoryReader.open(self.observed.folder / "state" / "history.sqlite") as history:
            record = history.run(run_id)
        if record is None or record.document["run"]["phase"] not in OVER:
            return None
        return dict(record.document)

    def run(self, name: str) -> dict[str, Any]:
        """Have a plan run to its end, and return its record."""
        return self.finish(self.begin(name))

    def wait_until_running(self, namespecs: Collection[str]) -> None:
        """Wait until all of these are RUNNING."""

        def all_run() -> bool:
            states = self.supervisord.states()
            return {"RUNNING"} == {states[namespec] for namespec in namespecs}

        self.observed.wait_until(all_run, "all are RUNNING")

    def replaced(self) -> set[str]:
        """Return the processes that are RUNNING with another pid than before."""
        now = self.processes()
        return {
            namespec
            for namespec, (state, pid) in now.items()
            if state == "RUNNING" and pid != self.before[namespec][1]
        }


def outcome(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return a run's outcome and its reason."""
    return record["run"]["phase"], record["run"]["reason"]


def progress(record: Mapping[str, Any]) -> dict[str, str]:
    """Return how far each process of a run came, by ``group:name``."""
    return {target["chosen"]["namespec"]: target["progress"] for target in record["run"]["targets"]}


@attrs.define
class _Probed:
    """What was seen of one web server: its pids, and when it surely did not serve."""

    pids: list[str] = attrs.field(factory=list)
    outages: list[tuple[int, int]] = attrs.field(factory=list)
    is_away: bool = False

    def served(self, pid: str) -> None:
        self.is_away = False
        if pid not in self.pids:
            self.pids.append(pid)

    def failed(self, moment: int) -> None:
        """Note that it did not serve between the last failure and this one."""
        first = self.outages.pop()[0] if self.is_away else moment
        self.outages.append((first, moment))
        self.is_away = True


class Prober:
    """An outside client that asks every web server again and again while it is entered.

    An outage is from the first question without an answer to the last, so what it says was away
    at once surely was. Its moments are numbers of questions.
    """

    def __init__(self, webs: Webs) -> None:
        self._ports = webs.ports
        self._probed = {name: _Probed() for name in webs.ports}
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def pids(self) -> dict[str, int]:
        """Return how many processes have served under each name."""
        return {name: len(probed.pids) for name, probed in self._probed.items()}

    def most_away(self) -> int:
        """Return how many were at most away at once."""
        outages = [outage for probed in self._probed.values() for outage in probed.outages]
        firsts = [first for first, _ in outages]
        return max(
            (sum(first <= moment < last for first, last in outages) for moment in firsts),
            default=0,
        )

    def _probe(self) -> None:
        moment = 0
        while not self._left.wait(_PAUSE_SECONDS):
            for name, port in self._ports.items():
                moment += 1
                answer = _ask(port)
                if answer is None:
                    self._probed[name].failed(moment)
                else:
                    self._probed[name].served(answer)


def _ask(port: int) -> str | None:
    """Ask a web server for its pid; None when it does not serve."""
    try:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with connection.makefile("rb") as file:
                answer = file.read().decode()
    except OSError:
        return None
    return answer.split()[-1] if answer.startswith("HTTP/1.0 200") else None


def lines(path: Path) -> list[str]:
    """Read the lines of a file; none when it is not there."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
