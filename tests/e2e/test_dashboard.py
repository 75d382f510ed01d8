"""Every query of the Grafana dashboard, asked of a real Prometheus that scraped a real run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import attrs
import pytest

from dashboard import asking
from dashboard.content import FILE
from dashboard.drawing.picture import draw
from dashboard.view import View
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import group, program, sleeper
from tests.e2e.harness_servers import Prometheus
from tests.e2e.hourly import HOURLY_SUPERVISORD, Hours, rule
from tests.e2e.observed import Observed, fragile
from tests.e2e.planned import Runs, plan, step

pytestmark = pytest.mark.needs_server("prometheus")

DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
JOB, INSTANCE = "maint", "web01"
SCRAPE_SECONDS, STEP_SECONDS = 1, 1

PROMETHEUS_YML = f"""\
global:
  scrape_interval: {SCRAPE_SECONDS}s
scrape_configs:
  - job_name: {JOB}
    static_configs:
      - targets: ["127.0.0.1:{{port}}"]
        labels: {{{{instance: {INSTANCE}}}}}
"""

# What Prometheus knows once it has seen everything.
SEEN = (
    'supervisor_process_state{name="fragile"} == 200',
    'supervisor_maint_runs_total{result="succeeded"} == 1',
    'sum(supervisor_process_restarts_total{cause="maintenance"}) == 3',
    'sum(supervisor_process_restarts_total{cause="command"}) == 1',
    'sum(supervisor_process_restarts_total{cause="exit"}) >= 1',
    'supervisor_process_exits_total{name="migrate", expected="true"} == 1',
    "supervisor_maint_process_memory_given_back_bytes",
    'supervisor_maint_permission_paths_total{result="fixed"} == 1',
    "supervisor_maint_hold_until_timestamp_seconds",
)

SVG_TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """A machine that has been through everything, and the Prometheus that watched it."""
    machine = Machine(tmp_path_factory.mktemp("dashboard"))
    with ExitStack() as stack:
        supervisord = stack.enter_context(
            RealSupervisord(*machine.stanzas(), program=HOURLY_SUPERVISORD)
        )
        machine.observed.under(supervisord)
        configuration = PROMETHEUS_YML.format(port=machine.observed.port)
        prometheus = stack.enter_context(Prometheus(configuration))
        began_at = time.time()
        machine.live(prometheus)
        yield View(
            url=prometheus.url,
            begins_at=began_at,
            ends_at=time.time(),
            step_seconds=STEP_SECONDS,
            scrape_seconds=SCRAPE_SECONDS,
            chosen={"job": ".+", "instance": f"({INSTANCE}|another)", "group": ".+"},
        )


class Machine:
    """A supervisord with a plan whose last step waits for us, and what can break or drift."""

    def __init__(self, folder: Path) -> None:
        self._broken, self._seen = folder / "broken", folder / "seen"
        self._kept = folder / "kept"
        self._kept.touch()
        self._kept.chmod(0o666)
        sections = [
            f"[sink:textfile]\npath={folder}/maint.prom",
            plan("nightly", schedule="0 3 * * *", timezone="Asia/Tokyo", post="be-seen"),
            rule("kept", path=self._kept, mode="0640"),
            step("be-seen", f"sh -c 'until test -e {self._seen}; do sleep 0.1; done'"),
        ]
        self.observed = Observed(folder, sinks="\n".join(sections))

    def stanzas(self) -> list[str]:
        """Return what its supervisord runs."""
        return [
            self.observed.stanza(),
            program("web_0", sleeper(), startsecs=0),
            program("web_1", sleeper(), startsecs=0),
            group("web", "web_0", "web_1"),
            program("worker", sleeper(), startsecs=0),
            program("fragile", fragile(self._broken), startsecs=1, startretries=0),
            program("migrate", ["true"], startsecs=0, autostart="false", autorestart="false"),
        ]

    def live(self, prometheus: Prometheus) -> None:
        """Let everything happen: a crash, a command, a program given up, an hour, a run, a hold."""
        self.observed.settled()
        self._await(prometheus, 'supervisor_process_up{name="worker"} == 1')
        supervisord = self.observed.supervisord
        supervisord.crash("worker")
        supervisord.ctl("restart", "web:web_0")
        supervisord.ctl("start", "migrate")
        self.observed.break_program("fragile", self._broken)
        Hours(self.observed).next_pass()
        runs = Runs(self.observed)
        run_id = runs.begin("nightly")
        # so long that there is a step of the graphs in it
        self._await(prometheus, "sum_over_time(supervisor_maint_in_progress[5s]) >= 3")
        self._await(prometheus, "supervisor_maint_window_deadline_timestamp_seconds > time()")
        self._seen.touch()
        assert "succeeded" == runs.finish(run_id)["run"]["phase"]
        assert 0 == self.observed.command("hold", "nightly", "--reason", "a deploy").returncode
        for expression in SEEN:
            self._await(prometheus, expression)
        # the last step of a graph may be a second ago
        self._await(prometheus, f"timestamp(supervisor_up) > {time.time() + 2 * STEP_SECONDS}")

    def _await(self, prometheus: Prometheus, expression: str) -> None:
        self.observed.wait_until(
            lambda: prometheus.query(expression), f"Prometheus has {expression}"
        )


# Few tests, each of many panels: whichever worker runs one has to set the machine up.
def test_every_query_returns_data(shown: View) -> None:
    """Each query of each panel and annotation has at least one number to show."""
    asked = {query.place: shown.ask(query) for query in asking.queries(DASHBOARD)}

    assert [] == [place for place, found in asked.items() if not any(s.points for s in found)]


def test_variables_offer_what_there_is(shown: View) -> None:
    """Jobs, instances and groups can be chosen from those that there are."""
    offered = {each.label: set(shown.label_values(each)) for each in asking.variables(DASHBOARD)}

    assert {
        "job": {JOB},
        "instance": {INSTANCE},
        "group": {"fragile", "maint", "migrate", "web", "worker"},
    } == offered


def _shown(view: View, title: str) -> dict[str, list[float]]:
    """Return what a panel shows: the numbers of each series by its legend or column."""
    (panel,) = (each for each in asking.panels(DASHBOARD) if each["title"] == title)
    return {
        series.name: series.numbers
        for query in asking.queries_of(panel)
        for series in view.ask(query)
    }


def test_numbers_are_what_happened(shown: View) -> None:
    """The numbers at the top are those of the machine: one program was broken, one plan held."""
    numbers = {
        "Listeners": 1,
        "Silent listeners": 0,
        "Running": 4,
        "Wanted and down": 1,
        "Given up": 1,
        "In maintenance": 0,
        "Muted": 0,
        "Held": 1,
        "Settings": 1,
        "Exceptions": 0,
    }

    assert {title: {title: [number]} for title, number in numbers.items()} == {
        title: _shown(shown, title) for title in numbers
    }


def test_silence_shows(shown: View) -> None:
    """Ten minutes after everything has died there is one silent listener, still in its table."""
    later = attrs.evolve(shown, ends_at=shown.ends_at + 600)
    ((age,),) = _shown(later, "Instances").values()

    assert {"Listeners": [1]} == _shown(later, "Listeners")
    assert {"Silent listeners": [1]} == _shown(later, "Silent listeners")
    assert age > 300


def test_graphs_rise_with_what_happened(shown: View) -> None:
    """Each kind of thing that happened is a line or bar above 0, and nothing else is."""
    above = {
        "Restarts by cause": {"maintenance", "command", "exit"},
        "Failed starts": {"failed starts", "given up"},
        "Ends by themselves": {"expected: true", "expected: false"},
        "Runs by result": {"succeeded"},
        "Down by cause": {"maintenance", "exit"},
        "Differences": {"state"},
        "Paths by result": {"fixed"},
    }

    assert above == {
        title: {name for name, numbers in _shown(shown, title).items() if max(numbers) > 0}
        for title in above
    }


def test_history_shows_the_run_and_its_window(shown: View) -> None:
    """The run and the muted time are there, and over."""
    history = _shown(shown, "Maintenance history")

    assert {f"{INSTANCE} nightly": 1, f"{INSTANCE} window": 2} == {
        name: max(numbers) for name, numbers in history.items()
    }
    assert {0} == {numbers[-1] for numbers in history.values()}


def test_planned_restart_shows_what_it_cost(shown: View) -> None:
    """Downtime and memory are told of each process that was restarted, and of no other."""
    restarted = {f"{INSTANCE} {name}" for name in ("web:web_0", "web:web_1", "worker:worker")}

    assert restarted == set(_shown(shown, "Down in the last planned restart"))
    assert restarted == set(_shown(shown, "Memory given back"))


def test_picture_shows_every_panel(shown: View, tmp_path: Path) -> None:
    """The pictures of the documentation can be drawn anew: each panel is there, with its data."""
    draw(shown, tmp_path)
    pictures = [each.read_text(encoding="utf-8") for each in tmp_path.iterdir()]
    roots = [ElementTree.fromstring(picture) for picture in pictures]
    words = [each.text for root in roots for each in root.iter(SVG_TEXT)]

    assert {panel["title"] for panel in asking.panels(DASHBOARD)} <= set(words)
    assert "No data" not in words
