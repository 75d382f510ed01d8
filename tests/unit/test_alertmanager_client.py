"""Alertmanager and Prometheus as asked by us, against real HTTP servers that behave or do not."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.access import HttpAccess
from supervisor_maint.monitoring.alertmanager import AlertmanagerClient, AlertmanagerTarget
from supervisor_maint.monitoring.gates import Alert, Sample
from supervisor_maint.monitoring.matchers import parse
from supervisor_maint.monitoring.prometheus import PrometheusClient, PrometheusTarget
from supervisor_maint.monitoring.silences import Silence
from supervisor_maint.settings.alerting import AlertmanagerSection
from supervisor_maint.settings.options import options_of
from tests.fakes.gateway import Behaviour, FakeGateway, answer, answer_nonsense, hang, hang_up

SILENCE = Silence(
    matchers=parse('instance=~"web01(:.*)?"'),
    starts_at=1_700_000_000.25,
    ends_at=1_700_000_300.0,
    created_by="supervisor-maint/web01/r1",
    comment="planned",
)
DOCUMENT = {
    "id": "s1",
    "matchers": [
        {"name": "instance", "value": "web01(:.*)?", "isRegex": True, "isEqual": True},
    ],
    "startsAt": "2023-11-14T22:13:20.250Z",
    "endsAt": "2023-11-14T22:18:20.000Z",
    "updatedAt": "2023-11-14T22:13:20.250Z",
    "createdBy": "supervisor-maint/web01/r1",
    "comment": "planned",
    "status": {"state": "active"},
}


@pytest.fixture
def server() -> Iterator[FakeGateway]:
    with FakeGateway() as fake:
        yield fake


def as_json(document: Any) -> Any:
    return answer(200, json.dumps(document).encode())


def client(*servers: FakeGateway, **access: Any) -> AlertmanagerClient:
    urls = tuple(f"{each.url}/am/" for each in servers)
    return AlertmanagerClient(AlertmanagerTarget(urls=urls, access=HttpAccess(**access)))


def prometheus(server: FakeGateway) -> PrometheusClient:
    return PrometheusClient(PrometheusTarget(url=server.url))


def refusal(*servers: FakeGateway, **access: Any) -> str:
    """Ask for the silences, and return what there was to say against it."""
    asked = client(*servers, **access)
    with closing(asked), pytest.raises(MonitoringError) as caught:
        asked.silences("me")
    return caught.value.msg


def test_silence_is_created(server: FakeGateway) -> None:
    """POST without an id, with zone-aware times."""
    server.behaviour = as_json({"silenceID": "s1"})
    with closing(client(server)) as asked:
        silence_id = asked.save(SILENCE)
    [push] = server.pushes
    kept = ("matchers", "startsAt", "endsAt", "createdBy", "comment")

    assert silence_id == "s1"
    assert (push.method, push.path) == ("POST", "/am/api/v2/silences")
    assert {key: DOCUMENT[key] for key in kept} == json.loads(push.body)
    assert push.headers["Content-Type"] == "application/json"


def test_own_silences_are_found(server: FakeGateway) -> None:
    """Those of others are not even read: their expressions may be ones that only Go knows."""
    strange = {"name": "a", "value": r"\pL+\z", "isRegex": True, "isEqual": True}
    server.behaviour = as_json(
        [
            DOCUMENT,
            {**DOCUMENT, "id": "s2", "status": {"state": "expired"}},
            {**DOCUMENT, "createdBy": "ops", "matchers": [strange]},
        ]
    )
    with closing(client(server)) as asked:
        first, second = asked.silences("supervisor-maint/web01/r1")

    assert first == Silence(**{**_fields(SILENCE), "id": "s1"})
    assert (second.id, second.is_expired) == ("s2", True)


def _fields(silence: Silence) -> dict[str, Any]:
    names = ("matchers", "starts_at", "ends_at", "created_by", "comment")
    return {name: getattr(silence, name) for name in names}


def test_found_silence_is_changed_under_its_id(server: FakeGateway) -> None:
    """What was read is sent back with its id."""
    server.behaviour = as_json([DOCUMENT])
    with closing(client(server)) as asked:
        (found,) = asked.silences("supervisor-maint/web01/r1")
        server.behaviour = as_json({"silenceID": "s1"})
        asked.save(found)

    sent = json.loads(server.pushes[-1].body)
    assert {key: DOCUMENT[key] for key in sent} == sent
    assert sent["id"] == "s1"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, json.dumps(DOCUMENT).encode(), "supervisor-maint/web01/r1"),
        (404, b"", None),
    ],
)
def test_one_silence_is_asked_for(
    server: FakeGateway, status: int, body: bytes, expected: str | None
) -> None:
    """By its id; what no server has is None."""
    server.behaviour = answer(status, body)
    with closing(client(server)) as asked:
        found = asked.silence("s1")

    assert "/am/api/v2/silence/s1" == server.pushes[0].path
    assert expected == (found and found.created_by)


@pytest.mark.parametrize(
    ("others", "expected"),
    [(answer(200, json.dumps(DOCUMENT).encode()), "s1"), (answer(404), None), (answer(503), None)],
    ids=["kept", "lost", "failing"],
)
def test_silence_that_one_server_has_lost(
    server: FakeGateway, others: Behaviour, expected: str | None
) -> None:
    """Another node may have it; one that fails does not keep it from being made again."""
    server.behaviour = answer(404)
    with FakeGateway(others) as other, closing(client(server, other)) as asked:
        found = asked.silence("s1")

    assert expected == (found and found.id)
    assert 1 == len(server.pushes) == len(other.pushes)


def test_silence_is_expired(server: FakeGateway) -> None:
    """DELETE of its id, whatever characters that has."""
    with closing(client(server)) as asked:
        asked.expire("a/b")

    assert [("DELETE", "/am/api/v2/silence/a%2Fb")] == [
        (push.method, push.path) for push in server.pushes
    ]


@pytest.mark.parametrize("muted", [False, True])
def test_alerts_are_asked_for(server: FakeGateway, muted: bool) -> None:
    """Silenced and inhibited ones do not count, unless they are asked for."""
    server.behaviour = as_json([{"labels": {"alertname": "Down"}, "annotations": {}}])
    with closing(client(server)) as asked:
        alerts = asked.alerts(parse('severity="critical", team!~"a|b"'), muted=muted)
    parts = urlsplit(server.pushes[0].path)
    kind = str(muted).lower()

    assert (Alert({"alertname": "Down"}),) == alerts
    assert parts.path == "/am/api/v2/alerts"
    assert parse_qsl(parts.query) == [
        ("filter", 'severity="critical"'),
        ("filter", 'team!~"a|b"'),
        ("active", "true"),
        ("unprocessed", "false"),
        ("silenced", kind),
        ("inhibited", kind),
    ]


def test_next_server_is_asked_when_one_fails(server: FakeGateway) -> None:
    """And from then on the one that answered is asked first."""
    with FakeGateway(answer(503)) as broken:
        server.behaviour = as_json([])
        with closing(client(broken, server)) as asked:
            asked.silences("me")
            asked.silences("me")

        assert len(broken.pushes) == 1
    assert len(server.pushes) == 2


def test_rejection_is_not_taken_to_the_next_server(server: FakeGateway) -> None:
    """The same request would be rejected there, too."""
    with FakeGateway(answer(400, b'"bad matcher"')) as strict:
        message = refusal(strict, server)

    assert message.endswith('/am/ rejects the request (HTTP 400): "bad matcher"')
    assert [] == server.pushes


def test_every_failure_is_told(server: FakeGateway) -> None:
    """When no server of a cluster answers, each has its sentence."""
    server.behaviour = answer(401)
    with FakeGateway(hang) as deaf:
        message = refusal(deaf, server, timeout_seconds=0.2)

    assert "did not answer within 0.2 s; check that it is well; Alertmanager at" in message
    assert "does not let us in (HTTP 401); check username, password_file" in message


def test_what_to_check_is_named_as_in_the_settings(server: FakeGateway) -> None:
    """Each is a key of the section."""
    server.behaviour = answer(403)
    named = re.split(", | and ", refusal(server).partition("; check ")[2])

    assert {"username", "client_cert"} <= {*named} <= {*options_of(AlertmanagerSection)}


def test_hanging_up_loads_nothing() -> None:
    """Who never asked anybody does not load what asks."""
    script = (
        "import sys\n"
        "from supervisor_maint.monitoring.access import HttpAccess\n"
        "from supervisor_maint.monitoring.http_client import HttpClient\n"
        "HttpClient(HttpAccess()).close()\n"
        "print('requests' in sys.modules)\n"
    )

    assert b"False\n" == subprocess.check_output([sys.executable, "-c", script])


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (answer(200, b"<html>"), "answered with something that is not its API v2"),
        (as_json({"status": "ok"}), "answered with something that is not its API v2"),
        (as_json([{"createdBy": "me"}]), "answered with something that is not its API v2"),
        (as_json([{**DOCUMENT, "createdBy": "me", "endsAt": "soon"}]), "is not its API v2"),
        (as_json(["x" * 17 * 1024 * 1024]), "answered with more than 16384 KB"),
        (answer(302, Location="http://me:pw@other/"), "redirects to http://***@other/ (HTTP 302)"),
        (hang_up, "no connection to Alertmanager at http://127.0.0.1"),
        (answer_nonsense, "no connection to Alertmanager at http://127.0.0.1"),
    ],
)
def test_garbage_is_a_sentence(server: FakeGateway, behaviour: Any, sentence: str) -> None:
    """Whatever answers in Alertmanager's place."""
    server.behaviour = behaviour

    assert sentence in refusal(server)


def test_password_is_sent_and_not_shown(server: FakeGateway, tmp_path: Path) -> None:
    """It is read at each call, and masked where a server sends it back."""
    server.behaviour = lambda request: request.reply(500, request.headers["Authorization"].encode())
    password = tmp_path / "password"
    password.write_text("s3cret\n", encoding="ascii")
    message = refusal(server, username="me", password_file=str(password))
    header = server.pushes[0].headers["Authorization"].partition(" ")[2]

    assert b"me:s3cret" == base64.b64decode(header)
    assert message.endswith("fails (HTTP 500): Basic ***")


@pytest.mark.parametrize("urls", [(), ("alertmanager:9093",), ("http://me:pw@am:9093",)])
def test_target_without_a_usable_url_cannot_exist(urls: tuple[str, ...]) -> None:
    """What could not work is refused when the settings are read."""
    with pytest.raises(ValueError, match=r"urls|expected http"):
        AlertmanagerTarget(urls=urls)


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        ({"resultType": "vector", "result": []}, []),
        (
            {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "0"]}]},
            [Sample(0.0, {"a": "b"})],
        ),
        ({"resultType": "scalar", "result": [1.5, "NaN"]}, None),
        ({"resultType": "scalar", "result": [1.5, "2"]}, [Sample(2.0, is_scalar=True)]),
    ],
)
def test_query_is_answered(
    server: FakeGateway, data: dict[str, Any], samples: list[Sample] | None
) -> None:
    """A vector is its elements, a scalar one sample, NaN included."""
    server.behaviour = as_json({"status": "success", "data": data})
    with closing(prometheus(server)) as asked:
        found = asked.query("up == 0 and 1")

    assert server.pushes[0].path == "/api/v1/query?query=up+%3D%3D+0+and+1"
    if samples is None:
        assert found[0].value != found[0].value
    else:
        assert tuple(samples) == found


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (
            answer(400, b'{"status":"error","error":"parse error"}'),
            'rejects the query (HTTP 400): {"status":"error","error":"parse error"}',
        ),
        (answer(422, b"too much"), "rejects the query (HTTP 422): too much"),
        (as_json({"status": "error"}), "neither a vector nor a scalar"),
        (
            as_json({"data": {"resultType": "matrix", "result": []}}),
            "neither a vector nor a scalar; check url and the query",
        ),
        (hang_up, "no connection to Prometheus at"),
    ],
)
def test_query_without_an_answer(server: FakeGateway, behaviour: Any, sentence: str) -> None:
    """Whatever is wrong with it is one sentence."""
    server.behaviour = behaviour
    with closing(prometheus(server)) as asked, pytest.raises(MonitoringError) as caught:
        asked.query("up")

    assert sentence in caught.value.msg
