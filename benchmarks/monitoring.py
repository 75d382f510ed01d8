"""How soon alerts are suppressed and told, and what telling monitoring costs a run.

``python -m benchmarks monitoring``. Prometheus, Alertmanager and the Pushgateway are real; times
are those that a run keeps of itself, and what the shipped rules and routes wait is read from them.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from benchmarks.figures import at_most
from benchmarks.tables import Table, duration
from supervisor_maint.maintenance.run import PUBLISH_SECONDS
from supervisor_maint.settings.alerting import LEAD_SECONDS
from tests.e2e import monitoring_files
from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import program, sleeper
from tests.e2e.harness_servers import Alertmanager, HangingServer, Prometheus, Pushgateway
from tests.e2e.observed import Observed
from tests.e2e.planned import Runs, outcome, plan

ROUNDS = 15
MARKER_ROUNDS = 5
# What most configurations scrape and evaluate by.
INTERVAL_SECONDS = 15
CAP_SECONDS = PUBLISH_SECONDS + LEAD_SECONDS
ADDED = at_most(0.05, "50 ms")
CAPPED = at_most(CAP_SECONDS, f"{CAP_SECONDS:g} s")
AFTER_A_WINDOW = (
    "SupervisorProcessFatal",
    "SupervisorMaintenanceFailed",
    "SupervisorProcessNotBack",
    "SupervisorMaintenanceOverran",
)
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
_PROMETHEUS = """\
global: {{scrape_interval: {interval}s, evaluation_interval: {interval}s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: supervisor
    static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{instance: web01}}}}]
"""


@attrs.frozen(kw_only=True)
class Taken:
    """Seconds of a run: from the request to its first stop and its end, and from preparing on."""

    to_first_stop: float
    since_prepared: float
    to_end: float

    @classmethod
    def of(cls, record: dict[str, Any]) -> Taken:
        """Read what a run keeps of itself."""
        run = record["run"]
        assert outcome(record) == ("succeeded", "")
        return cls(
            to_first_stop=run["first_stop_at"] - run["created_at"],
            since_prepared=run["first_stop_at"] - run["preparing_since_at"],
            to_end=run["ended_at"] - run["created_at"],
        )


def measure() -> Iterator[Table]:
    """Run a plan of one program beside servers that answer, that hang, and none."""
    with Alertmanager(_QUIET) as alertmanager, Pushgateway() as gateway, Prometheus("") as asked:
        told = _told(alertmanager.url, gateway.url) + _asked(asked.url)
        with _observed("") as one, _observed(told) as other:
            # in turn, so that a busy machine disturbs both alike
            pairs = [(_run(one), _run(other)) for _ in range(ROUNDS)]
    alone, well = zip(*pairs)
    with HangingServer() as server, _observed(_told(server.url, server.url)) as observed:
        hanging = [_run(observed)]
    yield _suppression(well, [_marked() for _ in range(MARKER_ROUNDS)])
    yield _paging()
    yield _added(alone, well, hanging)


def _told(alertmanager: str, gateway: str) -> str:
    return f"[sink:pushgateway]\nurl={gateway}\n[alertmanager]\nurls={alertmanager}\n"


def _asked(prometheus: str) -> str:
    return (
        "block_on_alerts=severity=critical\n"
        f"[prometheus]\nurl={prometheus}\nblock_on_query=up == 0\n"
    )


@contextlib.contextmanager
def _observed(sinks: str, **options: str) -> Iterator[Observed]:
    """Start a supervisord with one program and our listener, which serves its metrics as well."""
    nightly = plan("nightly", settle="0s", **options)
    with tempfile.TemporaryDirectory(prefix="sm", dir="/tmp") as folder:
        observed = Observed(Path(folder), sinks=nightly + sinks)
        with RealSupervisord(observed.stanza(), program("worker", sleeper())) as supervisord:
            yield observed.under(supervisord).settled()


def _run(observed: Observed) -> Taken:
    return Taken.of(Runs(observed).run("nightly"))


def _marked() -> Taken:
    """Have a run wait for the marker alone, which comes by the shipped rules."""
    rules = monitoring_files.RULES.read_text(encoding="utf-8")
    with Alertmanager(_QUIET) as alertmanager:
        silent = f"[alertmanager]\nurls={alertmanager.url}\nsilence=none\n"
        with _observed(silent, lead="2m") as observed:
            configuration = _PROMETHEUS.format(
                interval=INTERVAL_SECONDS, alertmanager=alertmanager.port, port=observed.port
            )
            with Prometheus(configuration, {"rules.yml": rules}):
                return _run(observed)


def _suppression(silenced: Sequence[Taken], marked: Sequence[Taken]) -> Table:
    return Table(
        title="From the start of a run to suppression",
        note=(
            "From the moment a run begins to prepare until Alertmanager has what suppresses, which "
            f"is when the first stop is made: {len(silenced)} and {len(marked)} runs. The marker "
            f"comes by a scrape and an evaluation, each {INTERVAL_SECONDS} s apart, and is looked "
            "for every second."
        ),
        columns=("by", "median", "slowest"),
        rows=[
            _spread("a silence", [taken.since_prepared for taken in silenced]),
            _spread("the marker and an inhibition", [taken.since_prepared for taken in marked]),
        ],
    )


def _spread(name: str, seconds: Sequence[float]) -> Sequence[str]:
    return name, duration(statistics.median(seconds)), duration(max(seconds))


def _paging() -> Table:
    alerts = monitoring_files.alerts()
    return Table(
        title="From the end of a window to the page",
        note=(
            "Computed from the files in conf.d: `for` of the rule and `group_wait` of the route, "
            f"and at most a scrape and an evaluation ({INTERVAL_SECONDS} s each) more; where the "
            "group of the host was told already, `group_interval` counts in place of `group_wait`."
        ),
        columns=("alert", "for", "soonest", "latest", "latest in a group that was told"),
        rows=[_page(name, alerts[name]) for name in AFTER_A_WINDOW],
    )


def _page(name: str, alert: monitoring_files.Rule) -> Sequence[str]:
    route = monitoring_files.load(monitoring_files.ALERTMANAGER)["route"]["routes"][1]
    waits = _seconds(alert.get("for", "0s"))
    first, further = (waits + _seconds(route[key]) for key in ("group_wait", "group_interval"))
    way = 2 * INTERVAL_SECONDS
    return name, *(f"{each:g} s" for each in (waits, first, first + way, further + way))


def _seconds(text: str) -> float:
    return float(text[:-1]) * _UNIT_SECONDS[text[-1]]


def _added(alone: Sequence[Taken], well: Sequence[Taken], hanging: Sequence[Taken]) -> Table:
    median = _medians(alone)
    rows = [("no monitoring", duration(median[0]), duration(median[1]), "", "")]
    for name, taken, target in (("healthy", well, ADDED), ("hanging", hanging, CAPPED)):
        found = _medians(taken)
        added = found[1] - median[1]
        cells = (duration(found[0]), duration(found[1]), duration(added), target.verdict(added))
        rows.append((name, *cells))
    return Table(
        title="What monitoring adds to a run",
        note=(
            "One `sleep` restarted, from when the run is asked for: to its first stop, and to its "
            f"end. Medians of {ROUNDS} runs each, in turn. Healthy: a push, a silence, "
            "`block_on_alerts` and `block_on_query`, with a lead of 30 s that is not used up. "
            "Hanging, one run: Pushgateway and Alertmanager take every connection and answer "
            "nothing."
        ),
        columns=("servers", "to the first stop", "to the end", "added", "target"),
        rows=rows,
    )


def _medians(taken: Sequence[Taken]) -> tuple[float, float]:
    return (
        statistics.median(each.to_first_stop for each in taken),
        statistics.median(each.to_end for each in taken),
    )
