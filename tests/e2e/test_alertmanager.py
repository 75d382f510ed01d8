"""Silences, alerts and queries: our clients, and runs, on a real Alertmanager and Prometheus."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring import silences
from supervisor_maint.monitoring.alertmanager import AlertmanagerClient, AlertmanagerTarget
from supervisor_maint.monitoring.gates import Sample
from supervisor_maint.monitoring.matchers import Matcher, parse
from supervisor_maint.monitoring.prometheus import PrometheusClient, PrometheusTarget
from supervisor_maint.monitoring.silences import Claim, Silence, Terms
from tests.e2e.harness_programs import free_port, program, sleeper
from tests.e2e.harness_servers import Alertmanager, HangingServer, Prometheus, at
from tests.e2e.observed import Observed
from tests.e2e.planned import Runs, outcome, plan, step

Observe = Callable[..., Observed]

pytestmark = pytest.mark.needs_server("prometheus-alertmanager", "prometheus")

CONFIGURATION = """\
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules:
  - source_matchers: [alertname="Source"]
    target_matchers: [mute="yes"]
    equal: [instance]
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Alertmanager]:
    """An Alertmanager for tests that have instances of their own."""
    with Alertmanager(CONFIGURATION) as running:
        yield running


@pytest.fixture
def own() -> Iterator[Alertmanager]:
    """An Alertmanager that a test may kill."""
    with Alertmanager(CONFIGURATION) as running:
        yield running


@pytest.fixture
def client(shared: Alertmanager) -> Iterator[AlertmanagerClient]:
    with closing(client_of(shared.url)) as asked:
        yield asked


def client_of(*urls: str) -> AlertmanagerClient:
    return AlertmanagerClient(AlertmanagerTarget(urls=urls))


def silence(instance: str, *, seconds: float = 600.0, created_by: str = "") -> Silence:
    now = time.time()
    return Silence(
        matchers=(Matcher("instance", f"{instance}(:.*)?", is_regex=True),),
        starts_at=now,
        ends_at=now + seconds,
        created_by=created_by or f"supervisor-maint/{instance}/r1",
        comment="a test",
    )


def only(client: AlertmanagerClient, instance: str) -> Silence:
    (found,) = client.silences(f"supervisor-maint/{instance}/r1")
    return found


def test_silence_keeps_its_id_whatever_its_end(client: AlertmanagerClient) -> None:
    """It is renewed, and brought forward, under the id that it was given."""
    wanted = silence("keeps")
    silence_id = client.save(wanted)
    found = only(client, "keeps")
    later = client.save(attrs.evolve(found, ends_at=found.ends_at + 300))
    renewed = only(client, "keeps")
    sooner = client.save(attrs.evolve(renewed, ends_at=time.time() + 60))

    assert (found.id, found.matchers) == (silence_id, wanted.matchers)
    assert abs(found.ends_at - wanted.ends_at) < 0.002
    assert [silence_id, silence_id] == [later, sooner]
    assert renewed.ends_at == pytest.approx(found.ends_at + 300, abs=0.002)
    assert only(client, "keeps").ends_at < found.ends_at


def test_silence_is_looked_at_by_its_id(client: AlertmanagerClient) -> None:
    """One that is over is there still; one that nobody knows is lost."""
    silence_id = client.save(silence("looked"))
    found = client.silence(silence_id)
    client.expire(silence_id)
    ended = client.silence(silence_id)

    assert ended == only(client, "looked")
    assert (found and found.is_expired, ended and ended.is_expired) == (False, True)
    assert client.silence(str(uuid.uuid4())) is None


def test_silence_ends_at_once_and_only_once(client: AlertmanagerClient) -> None:
    """To end one that is over is no error."""
    silence_id = client.save(silence("ends"))
    client.expire(silence_id)
    client.expire(silence_id)

    assert only(client, "ends").is_expired


@pytest.mark.parametrize("ahead_seconds", [0.0, 45.0])
def test_silence_of_a_clock_that_is_ahead_holds_at_once(
    shared: Alertmanager, client: AlertmanagerClient, ahead_seconds: float
) -> None:
    """A start in Alertmanager's future would mute nothing while the run stops what it restarts."""
    now, terms = time.time() + ahead_seconds, Terms(matchers=parse("x=y"), instance="ahead")
    claim = Claim(run_id=f"r{now}", plan="nightly", since_at=now, deadline_at=now + 300)
    (change,) = silences.changes(terms, claim, [], now)
    silence_id = client.save(change.silence)
    (state,) = (each["status"]["state"] for each in shared.silences() if each["id"] == silence_id)

    assert "active" == state


def test_only_negative_matchers_are_taken_by_alertmanager(client: AlertmanagerClient) -> None:
    """And so they are refused by our settings: they mute the rest of the world."""
    wanted = attrs.evolve(silence("negative", seconds=1), matchers=parse('instance!="nobody"'))
    client.expire(client.save(wanted))

    assert only(client, "negative").matchers == wanted.matchers


def test_matchers_that_fit_nothing_in_particular_are_rejected(client: AlertmanagerClient) -> None:
    """By Alertmanager, with its reason."""
    wanted = attrs.evolve(silence("empty"), matchers=parse('instance=~".*"'))
    with pytest.raises(MonitoringError, match=r"rejects the request \(HTTP 400\)") as caught:
        client.save(wanted)

    assert caught.value.rejected


def test_next_of_a_cluster_is_asked(shared: Alertmanager) -> None:
    """One node is enough."""
    with closing(client_of(f"http://127.0.0.1:{free_port()}", shared.url)) as asked:
        asked.save(silence("cluster"))

        assert not only(asked, "cluster").is_expired


def _fire(alertmanager: Alertmanager, *alerts: dict[str, str]) -> None:
    body = json.dumps([{"labels": labels} for labels in alerts])
    alertmanager.send("POST", "/api/v2/alerts", body, "application/json")


def test_silenced_and_inhibited_alerts_do_not_count(
    shared: Alertmanager, client: AlertmanagerClient
) -> None:
    """Unless they are asked for."""
    client.save(silence("hushed"))
    common = {"team": 'w"e\\b', "instance": "counted"}
    _fire(
        shared,
        {**common, "alertname": "Source"},
        {**common, "alertname": "Inhibited", "mute": "yes"},
        {**common, "alertname": "Silenced", "instance": "hushed:9100"},
        {**common, "alertname": "Fires"},
        {"alertname": "Stranger", "instance": "counted"},
    )
    asked = (Matcher("team", common["team"]), Matcher("alertname", "[A-Z].*", is_regex=True))

    def names(*, muted: bool) -> set[str]:
        return {alert.labels["alertname"] for alert in client.alerts(asked, muted=muted)}

    # Alertmanager says of an alert that is new to it that it is unprocessed
    deadline = time.monotonic() + 60
    while names(muted=False) != {"Source", "Fires"} and time.monotonic() < deadline:
        time.sleep(0.1)

    assert names(muted=False) == {"Source", "Fires"}
    assert names(muted=True) == {"Source", "Inhibited", "Silenced", "Fires"}


def test_prometheus_is_asked() -> None:
    """A vector, a scalar, and what is no query."""
    with Prometheus("") as prometheus:
        asked = PrometheusClient(PrometheusTarget(url=prometheus.url))
        with closing(asked):
            vector = asked.query('label_replace(vector(3), "a", "b", "", "")')
            nothing = asked.query("vector(3) > 4")
            scalar = asked.query("scalar(vector(0))")
            with pytest.raises(MonitoringError, match=r"rejects the query \(HTTP 400\).*parse"):
                asked.query("up ==")

    assert vector == (Sample(3.0, {"a": "b"}),)
    assert nothing == ()
    assert scalar == (Sample(0.0, is_scalar=True),)


def alertmanager_section(url: str, *lines: str) -> str:
    """Return the section; it is looked every second whether the silence is still there."""
    return "\n".join(["[alertmanager]", f"urls={url}", "renew=1s", *lines, ""])


def test_run_is_silenced_before_its_first_stop_and_after_a_loss(
    observe: Observe, own: Alertmanager, tmp_path: Path
) -> None:
    """Alertmanager is killed and comes back without its data in the middle of the run."""
    go = tmp_path / "go"
    observed = observe(
        program("worker", sleeper()),
        sinks=plan("nightly", pre="held", settle="0s")
        + step("held", f"sh -c 'until test -e {go}; do sleep 0.05; done'")
        + alertmanager_section(own.url, "tail=2m"),
    ).settled()
    runs = Runs(observed)
    run_id = runs.begin("nightly")
    first = observed.wait_until(lambda: own.silences_of_runs("web01"), "there is a silence")
    assert runs.transitions().steps == []
    shown = observed.wait_until(
        lambda: observed.status()["maintenance"]["silence"], "the status shows the silence"
    )

    own.lose_everything()
    second = observed.wait_until(
        lambda: own.silences_of_runs("web01"), "the silence is there again"
    )
    go.touch()
    record = runs.finish(run_id)
    ended_at = record["run"]["ended_at"]

    def is_closed() -> bool:
        return [at(each["endsAt"]) for each in own.silences_of_runs("web01")] == [
            pytest.approx(ended_at + 120, abs=0.01)
        ]

    observed.wait_until(is_closed, "the silence is closed to its tail")
    (kept,) = own.silences_of_runs("web01")

    assert ("succeeded", "") == outcome(record)
    assert (len(first), len(second)) == (1, 1)
    assert shown["id"] == first[0]["id"]
    assert kept["createdBy"] == f"supervisor-maint/web01/{run_id}"
    assert {"instance": "web01(:.*)?", "alertname": "Supervisor.*"} == {
        each["name"]: each["value"] for each in kept["matchers"]
    }
    assert at(first[0]["startsAt"]) < record["run"]["first_stop_at"]
    texts = [line["text"] for line in record["story"]]
    assert any(text.endswith(f"silence {first[0]['id']}") for text in texts)
    assert observed.value("maint_monitoring_requests_total", server="alertmanager", result="ok")


def test_run_goes_on_when_alertmanager_lets_nobody_in(observe: Observe) -> None:
    """After the lead; a line says what to do, and a metric that it is so."""
    with HangingServer() as server:
        server.answer(401)
        observed = observe(
            program("worker", sleeper()),
            sinks=plan("nightly", settle="0s", lead="1s") + alertmanager_section(server.url),
        ).settled()
        record = Runs(observed).run("nightly")
        failed = {"server": "alertmanager", "result": "failed"}
        observed.wait_for_at_least(1.0, "maint_monitoring_requests_total", **failed)

    assert ("succeeded", "") == outcome(record)
    assert record["run"]["first_stop_at"] >= record["run"]["preparing_since_at"] + 1
    (told,) = [line["text"] for line in record["story"] if "may not be silenced" in line["text"]]
    assert "does not let us in (HTTP 401); check username, password_file" in told


def test_run_waits_for_firing_alerts_and_fails_closed(observe: Observe, own: Alertmanager) -> None:
    """Whoever fires, or cannot be asked, is the reason why a run is skipped."""
    _fire(own, {"alertname": "Down", "severity": "critical", "instance": "db1"})
    nobody = f"http://127.0.0.1:{free_port()}"
    observed = observe(
        program("worker", sleeper()),
        sinks=plan("alerts", start_within="1s", block_on_alerts="severity=critical")
        + plan("query", start_within="1s", block_on_query="up == 0")
        + alertmanager_section(own.url)
        + f"[prometheus]\nurl={nobody}\n",
    ).settled()
    runs = Runs(observed)
    observed.wait_until(
        lambda: own.get_json("/api/v2/alerts", unprocessed="false"), "the alert is processed"
    )
    first, second = runs.run("alerts"), runs.run("query")

    assert ("skipped", "block_on_alerts: firing: Down of db1") == outcome(first)
    assert second["run"]["phase"] == "skipped"
    assert second["run"]["reason"].startswith("block_on_query: nobody can tell: no connection to")
    assert runs.transitions().steps == []
