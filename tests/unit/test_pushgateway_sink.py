"""The Pushgateway sink against a real HTTP server that behaves well, badly or not at all."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.access import HttpAccess, mask_url
from supervisor_maint.monitoring.sinks.instance import random_container_name
from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from tests.fakes.gateway import FakeGateway, answer, answer_nonsense, hang, hang_up

SECRET = "s3cr€t"
REPORT = b"# TYPE supervisor_up gauge\nsupervisor_up 1.0\n"


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as server:
        yield server


ACCESS_KEYS = {field.name for field in attrs.fields(HttpAccess)}


def target(gateway: FakeGateway, **more: Any) -> PushgatewayTarget:
    access = HttpAccess(**{key: more.pop(key) for key in ACCESS_KEYS & set(more)})
    return PushgatewayTarget(**{"url": gateway.url, "instance": "web01", "access": access, **more})


def refusal(where: PushgatewayTarget) -> SinkError:
    """Push and return what the sink had to say against it."""
    sink = PushgatewaySink(where)
    with pytest.raises(SinkError) as caught:
        sink.write(REPORT)
    sink.close()
    return caught.value


@contextmanager
def deaf_port() -> Iterator[str]:
    """Hold a port that nobody else can take and where nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_put_replaces_the_group(gateway: FakeGateway) -> None:
    """One report is one PUT of the whole text to our grouping key."""
    sink = PushgatewaySink(target(gateway, supervisor="blue"), name="central")
    sink.write(REPORT)
    sink.close()
    [push] = gateway.pushes

    assert sink.name == "central"
    assert push.method == "PUT"
    assert push.path == "/metrics/job/supervisor/instance/web01/supervisor/blue"
    assert push.body == REPORT
    assert push.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Authorization" not in push.headers


@pytest.mark.parametrize(
    ("instance", "path"),
    [
        ("web01", "instance/web01"),
        ("host:9001", "instance/host%3A9001"),
        ("a b", "instance/a%20b"),
        ("é", "instance/%C3%A9"),
        ("100%", "instance/100%25"),
        ("a/b", "instance@base64/YS9i"),
        ("~/?>", "instance@base64/fi8_Pg=="),
        ("", "instance@base64/="),
        (".", "instance@base64/Lg=="),
        ("..", "instance@base64/Li4="),
    ],
)
def test_grouping_key_of_any_instance(gateway: FakeGateway, instance: str, path: str) -> None:
    """What a path cannot hold goes in base64, the rest percent-encoded."""
    sink = PushgatewaySink(target(gateway, url=f"{gateway.url}/prefix/", instance=instance))
    sink.write(REPORT)
    sink.close()

    assert [push.path for push in gateway.pushes] == [f"/prefix/metrics/job/supervisor/{path}"]


@given(instance=st.text())
def test_grouping_key_can_be_read_back(instance: str) -> None:
    """No instance is changed, and none can reach another group."""
    url = PushgatewayTarget(url="http://gateway", instance=instance).group_path
    label, value = url.rpartition("/job/supervisor/")[2].split("/")
    if label == "instance@base64":
        read = base64.urlsafe_b64decode(value if value != "=" else "").decode()
    else:
        read = unquote(value)

    assert instance == read


def test_one_connection_for_many_reports(gateway: FakeGateway) -> None:
    """The session keeps its connection, also after a rejection."""
    peers = set()

    def note_peer(request: Any) -> None:
        peers.add(request.client_address)
        request.reply(400 if len(gateway.pushes) == 2 else 202, b"no" * 100)

    gateway.behaviour = note_peer
    sink = PushgatewaySink(target(gateway))
    sink.write(REPORT)
    with pytest.raises(SinkError):
        sink.write(REPORT)
    sink.write(REPORT)
    sink.close()

    assert len(peers) == 1


@pytest.mark.parametrize(
    ("behaviour", "is_rejected", "sentence"),
    [
        (answer(400, b"bad\n\x1b[31m  type"), True, "rejects the report (HTTP 400): bad [31m type"),
        (answer(400, b"x" * 9000), True, f"rejects the report (HTTP 400): {'x' * 300}…"),
        (answer(413), True, "rejects the report (HTTP 413): no reason given"),
        (answer(401, b"who?"), False, "does not let us in (HTTP 401); check username, password_"),
        (answer(403), False, "does not let us in (HTTP 403)"),
        (answer(500, b"disk full"), False, "fails (HTTP 500): disk full"),
        (answer(503, b"\xff"), False, "fails (HTTP 503): �"),
        (
            answer(301, Location="http://me:pw@other/"),
            False,
            "redirects to http://***@other/ (HTTP 301), which is not followed; set url",
        ),
        (hang_up, False, "no connection to"),
        (answer_nonsense, False, "no connection to"),
    ],
)
def test_refusal_is_a_sentence(
    gateway: FakeGateway, behaviour: Any, is_rejected: bool, sentence: str
) -> None:
    """Each answer but a success is one sentence; only a no to the report is a rejection."""
    gateway.behaviour = behaviour
    error = refusal(target(gateway))

    assert is_rejected is error.rejected
    assert sentence in error.msg
    assert gateway.url in error.msg
    assert len(gateway.pushes) == 1


def test_hanging_gateway_is_left_in_time(gateway: FakeGateway) -> None:
    """A gateway that takes the connection and never answers costs the timeout, no more."""
    gateway.behaviour = hang
    error = refusal(target(gateway, timeout_seconds=0.2))

    assert error.msg.endswith("did not answer within 0.2 s; check that it is well")
    assert error.rejected is False


def test_nobody_listens() -> None:
    """A gateway that is not there is told from one that does not answer."""
    with deaf_port() as netloc:
        error = refusal(PushgatewayTarget(url=f"http://{netloc}", instance="web01"))

    assert error.msg.endswith("Connection refused; check url and that it runs")


def test_no_tls(gateway: FakeGateway, tmp_path: Path) -> None:
    """What is wrong with TLS or its files is said with the setting to check."""
    secure = f"https://{gateway.netloc}"
    missing = str(tmp_path / "missing.pem")

    assert "no TLS with" in refusal(target(gateway, url=secure)).msg
    assert missing in refusal(target(gateway, url=secure, ca_file=missing)).msg
    assert missing in refusal(target(gateway, url=secure, client_cert=missing)).msg


def test_password_is_read_at_each_push(gateway: FakeGateway, tmp_path: Path) -> None:
    """A rotated password is used at the next push: the first line, in UTF-8."""
    path = tmp_path / "password"
    sink = PushgatewaySink(
        target(gateway, username="jörg", password_file=written(path, f"{SECRET}\r\nnote\n"))
    )
    sink.write(REPORT)
    written(path, "next")
    sink.write(REPORT)
    sink.close()
    seen = [push.headers["Authorization"].partition(" ")[2] for push in gateway.pushes]

    assert [f"jörg:{SECRET}", "jörg:next"] == [base64.b64decode(text).decode() for text in seen]


def test_bearer_token(gateway: FakeGateway, tmp_path: Path) -> None:
    """The token of the file is sent as it is."""
    sink = PushgatewaySink(
        target(gateway, bearer_token_file=written(tmp_path / "token", "abc.def\n"))
    )
    sink.write(REPORT)
    sink.close()

    assert gateway.pushes[0].headers["Authorization"] == "Bearer abc.def"


@pytest.mark.parametrize("text", ["two words", "a\x01b", "tökén"])
def test_odd_token_is_not_shown(gateway: FakeGateway, tmp_path: Path, text: str) -> None:
    """A token that no header can hold is refused, without its text in the message."""
    path = written(tmp_path / "token", text)
    error = refusal(target(gateway, bearer_token_file=path))

    assert f"expected one bearer token in {path!r}" == error.msg
    assert [] == gateway.pushes


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot read {path}: No such file or directory"),
        (b"\n", "expected a secret in '{path}', found it empty"),
        (b"\xff\xfe", "expected UTF-8 text in '{path}', found something else"),
    ],
)
def test_unusable_password_file(
    gateway: FakeGateway, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    """Without its password the sink pushes nothing and says which file is wrong."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    error = refusal(target(gateway, username="me", password_file=str(path)))

    assert sentence.format(path=path) == error.msg
    assert [] == gateway.pushes


def test_echoed_secret_is_masked(gateway: FakeGateway, tmp_path: Path) -> None:
    """A gateway that sends our credentials back does not get them into the log."""
    gateway.behaviour = lambda request: request.reply(
        400, f"odd {request.headers['Authorization']}".encode()
    )
    path = written(tmp_path / "token", "abcdef")
    error = refusal(target(gateway, bearer_token_file=path))

    assert error.msg.endswith("odd Bearer ***")


def test_environment_is_not_asked(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy and a .netrc meant for the web do not get in the way."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    sink = PushgatewaySink(target(gateway))
    sink.write(REPORT)
    sink.close()

    assert "Authorization" not in gateway.pushes[0].headers


@pytest.mark.parametrize(("delete_on_stop", "methods"), [(False, []), (True, ["DELETE"])])
def test_close_deletes_if_asked(
    gateway: FakeGateway, delete_on_stop: bool, methods: list[str]
) -> None:
    """The group goes at the end only where that was asked for."""
    PushgatewaySink(target(gateway, delete_on_stop=delete_on_stop)).close()

    assert methods == [push.method for push in gateway.pushes]


def test_delete(gateway: FakeGateway) -> None:
    """Decommissioning deletes exactly our group."""
    sink = PushgatewaySink(target(gateway))
    sink.delete()
    sink.close()

    assert [("DELETE", "/metrics/job/supervisor/instance/web01")] == [
        (push.method, push.path) for push in gateway.pushes
    ]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "gateway:9091"}, "expected http://HOST:PORT or https"),
        ({"url": "ftp://gateway"}, "expected http://HOST:PORT or https"),
        ({"url": "http://gateway:port"}, "expected http://HOST:PORT or https"),
        ({"url": "http://gateway/?a=b"}, "expected http://HOST:PORT or https"),
        ({"url": "http://me:hidden@[::1"}, r"found 'http://\*\*\*@\[::1'"),
        ({"url": "http://me:hidden@gateway"}, r"found 'http://\*\*\*@gateway'"),
        ({"url": "http://me:1/hidden@gateway"}, r"found 'http://\*\*\*@gateway'"),
        ({"job": ""}, "job"),
    ],
)
def test_contradictory_target_cannot_exist(wrong: dict[str, Any], sentence: str) -> None:
    """What could not work is refused when the settings are read."""
    with pytest.raises(ValueError, match=sentence) as caught:
        PushgatewayTarget(**{"url": "http://gateway:9091", "instance": "web01", **wrong})

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"username": "me"}, "username: expected password_file beside it"),
        ({"password_file": "/p"}, "password_file: expected username beside it"),
        ({"client_key": "/k"}, "client_key: expected client_cert beside it"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"username": "me", "password_file": "/p", "bearer_token_file": "/t"}, "found both"),
    ],
)
def test_contradictory_access_cannot_exist(wrong: dict[str, Any], sentence: str) -> None:
    """Credentials that could not work are refused when the settings are read."""
    with pytest.raises(ValueError, match=sentence):
        HttpAccess(**wrong)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://gateway:9091", "http://gateway:9091"),
        ("https://me:pw@gateway/a", "https://***@gateway/a"),
        ("http://me:p@w@gateway", "http://***@gateway"),
        ("http://me:p/w@gateway:9091", "http://***@gateway:9091"),
        ("me:pw@gateway:9091", "***@gateway:9091"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_mask_url(url: str, shown: str) -> None:
    """A URL is shown without what lets one in."""
    assert shown == mask_url(url)


def test_requests_is_imported_late() -> None:
    """Who has no such sink does not pay for its library."""
    code = (
        "import sys, supervisor_maint.monitoring.delivery, supervisor_maint.monitoring.metrics, "
        "supervisor_maint.monitoring.sinks.http, supervisor_maint.monitoring.sinks.pushgateway; "
        "sys.exit('requests' in sys.modules)"
    )

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("3f2a9c7b81de", True),
        ("web-7d4b9c6f5-x2k8p", True),
        ("my-app-85f7b6dd9c-zzxkq", True),
        ("web01", False),
        ("web01.example.org", False),
        ("3f2a9c7b81d", False),
        ("deadbeefcafes", False),
        ("web-blue-green", False),
        ("db-primary-eu1", False),
        ("web-0", False),
        ("", False),
    ],
)
def test_random_container_name(instance: str, expected: bool) -> None:
    """A container's or a pod's name is told from a host's."""
    assert expected is random_container_name(instance)
