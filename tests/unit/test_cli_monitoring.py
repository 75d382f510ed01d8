"""``supervisor-maint monitoring test``: what it prints, and that it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor_maint.cli import chain as asking
from tests.fakes.commands import Place
from tests.fakes.gateway import FakeGateway, Request, answer, hang_up


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_ASK_AGAIN_SECONDS", 0.01)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as gateway:
        yield gateway


def vector(*labels: dict[str, str]) -> str:
    result = [{"metric": each, "value": [1, "1"]} for each in labels]
    return json.dumps({"data": {"resultType": "vector", "result": result}})


class PrometheusPages:
    """Answers as Prometheus does, the third question about a metric with what was pushed."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.queries = 0

    def __call__(self, request: Request) -> None:
        if request.path.startswith("/api/v1/query"):
            self.queries += 1
            body = vector(self.labels) if self.queries > 2 else vector()
        elif request.path.startswith("/api/v1/rules"):
            rule = {"name": "SupervisorPlannedMaintenance", "health": "ok", "type": "alerting"}
            body = json.dumps({"data": {"groups": [{"rules": [rule]}]}})
        else:
            body = json.dumps({"data": {"activeAlertmanagers": [{"url": "http://am:9093"}]}})
        request.reply(200, body.encode())


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_nothing_configured(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any sink that is what is wrong; who cannot be asked is said, and is no failure."""
    place.write()

    assert 1 == place.run("monitoring", "test")
    shown = words(capsys.readouterr().out)
    assert "failed sinks: there is none" in shown
    assert "- Prometheus: not looked at" in shown
    assert "- Alertmanager: not looked at" in shown


def test_sink_alone(place: Place, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway gets a group of our test's own, which is deleted; that alone is exit 0."""
    place.write(f"[sink:pushgateway]\nurl = {gateway.url}\n", instance="web01")

    assert 0 == place.run("monitoring", "test")
    assert "ok sink pushgateway takes a report: and it is taken away again" in words(
        capsys.readouterr().out
    )
    group = "/metrics/job/supervisor-maint-test/instance/web01"
    assert [("PUT", group), ("DELETE", group)] == [
        (push.method, push.path) for push in gateway.pushes
    ]


def test_textfile_is_taken_away(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A file beside the real one is written and removed; the real one is left as it is."""
    real = place.folder / "supervisor.prom"
    real.write_text("real\n", encoding="utf-8")
    place.write(f"[sink:textfile]\npath = {real}\n")

    assert 0 == place.run("monitoring", "test")
    assert "ok sink textfile takes a report" in " ".join(words(capsys.readouterr().out))
    assert ["supervisor.prom"] == [path.name for path in place.folder.glob("*.prom")]
    assert "real\n" == real.read_text(encoding="utf-8")


def test_sink_that_takes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What a sink says is shown, and Prometheus is not waited for."""
    with FakeGateway(answer(400, b"no such thing")) as gateway, FakeGateway(hang_up) as server:
        place.write(f"[sink:pushgateway]\nurl = {gateway.url}\n[prometheus]\nurl = {server.url}\n")
        code = place.run("monitoring", "test", "--wait", "1h", "--json")
    links = json.loads(capsys.readouterr().out)

    assert 1 == code
    assert [False, False, False, None] == [link["works"] for link in links]
    assert "rejects the report (HTTP 400): no such thing" in links[0]["found"]
    assert all(link["to_do"] for link in links)


def test_prometheus_is_waited_for(
    place: Place, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prometheus is asked until what was pushed is there, and only then is the group deleted."""
    pages = PrometheusPages({"job": "supervisor-maint-test", "instance": "web01"})
    with FakeGateway(pages) as server:
        place.write(
            f"[sink:pushgateway]\nurl = {gateway.url}\n[prometheus]\nurl = {server.url}\n",
            instance="web01",
        )
        code = place.run("monitoring", "test")
    shown = words(capsys.readouterr().out)

    assert (0, 3) == (code, pages.queries)
    assert "ok Prometheus has the rules: 1 alerts" in shown
    assert "ok Prometheus sends alerts to an Alertmanager: http://am:9093" in shown
    assert any(line.startswith("ok Prometheus has what sink pushgateway said") for line in shown)


def test_labels_of_the_gateway(
    place: Place, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scrape without honor_labels is found out, as soon as it has come."""
    labels = {"job": "pushgateway", "instance": "gw:9091", "exported_instance": "web01"}
    with FakeGateway(PrometheusPages(labels)) as server:
        place.write(
            f"[sink:pushgateway]\nurl = {gateway.url}\n[prometheus]\nurl = {server.url}\n",
            instance="web01",
        )
        code = place.run("monitoring", "test", "--wait", "1h")

    assert 1 == code
    assert "to do: set honor_labels: true" in capsys.readouterr().out


def test_endpoint_is_not_waited_for_where_another_sink_is_read(
    place: Place, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are there by default, and one of them is enough."""
    pushed = vector({"job": "supervisor-maint-test", "instance": "web01"})

    def prometheus(request: Request) -> None:
        body = vector() if "up%7B" in request.path else pushed
        request.reply(200, body.encode())

    with (
        FakeGateway(prometheus) as server,
        FakeGateway(answer(200, b"supervisor_maint_heartbeat_timestamp_seconds 1")) as endpoint,
    ):
        place.write(
            f"[sink:http]\nlisten = 127.0.0.1:{endpoint.url.rpartition(':')[2]}\n"
            f"[sink:pushgateway]\nurl = {gateway.url}\n[prometheus]\nurl = {server.url}\n",
            instance="web01",
        )
        place.run("monitoring", "test", "--wait", "1h")
    shown = words(capsys.readouterr().out)

    assert "- Prometheus has what sink http said: not read, which is well: one sink is enough" in (
        shown
    )


def test_nobody_serves_the_endpoint(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a listener the endpoint does not answer, and what to do is said."""
    with FakeGateway() as closed:
        port = closed.url.rpartition(":")[2]
    place.write(f"[sink:http]\nlisten = 127.0.0.1:{port}\n")

    assert 1 == place.run("monitoring", "test")
    assert "to do: start the listener" in capsys.readouterr().out


def test_page_of_something_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Another program at the port of the endpoint is noticed."""
    with FakeGateway(answer(200, b"hello")) as other:
        place.write(f"[sink:http]\nlisten = 127.0.0.1:{other.url.rpartition(':')[2]}\n")
        code = place.run("monitoring", "test")

    assert 1 == code
    assert "no heartbeat in it" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["tset"], ["test", "--wait", "soon"]], ids=" ".join)
def test_wrong_usage(place: Place, arguments: list[str]) -> None:
    """Wrong usage exits 2."""
    place.write()
    with pytest.raises(SystemExit) as ended:
        place.run("monitoring", *arguments)

    assert 2 == ended.value.code
