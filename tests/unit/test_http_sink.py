"""The scrape endpoint, asked over real sockets by good and bad clients."""

from __future__ import annotations

import gzip
import http.client
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import attrs
import pytest

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.facts import Facts
from supervisor_maint.monitoring.metrics import MaintCollector, new_registry
from supervisor_maint.monitoring.sinks import bounded_server
from supervisor_maint.monitoring.sinks.http import HttpSink, HttpTarget, Reply, Route
from tests.fakes.reports import BUILD
from tests.fakes.waiting import wait_until

DEADLINE_SECONDS = 60


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a loaded machine take its time; the tests of slow clients shorten it again."""
    monkeypatch.setattr(bounded_server.RequestHandler, "timeout", DEADLINE_SECONDS)
    monkeypatch.setattr(bounded_server, "_REQUEST_SECONDS", DEADLINE_SECONDS)


@contextmanager
def endpoint(
    facts: Facts | None = None, routes: Mapping[str, Route] | None = None, host: str = "127.0.0.1"
) -> Iterator[HttpSink]:
    registry = new_registry(MaintCollector(lambda: facts or Facts(build=BUILD)))
    sink = HttpSink(HttpTarget(port=0, host=host), registry, routes)
    sink.write(b"")
    try:
        yield sink
    finally:
        sink.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[HttpSink]:
    with endpoint() as sink:
        yield sink


def ask(
    sink: HttpSink, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=DEADLINE_SECONDS)
    with closing(connection):
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response, response.read()


def connect(sink: HttpSink) -> socket.socket:
    return socket.create_connection(("127.0.0.1", sink.port), timeout=DEADLINE_SECONDS)


def test_scrape() -> None:
    """A scrape gets the registry as it is now."""
    with endpoint(attrs.evolve(Facts(build=BUILD), up=True)) as sink:
        response, body = ask(sink, "/metrics")

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert b"\nsupervisor_up 1.0\n" in body


def test_scrape_compressed_and_one_metric_only() -> None:
    """What Prometheus may ask for, the library answers."""
    with endpoint() as sink:
        response, body = ask(
            sink, "/metrics?name[]=supervisor_up", headers={"Accept-Encoding": "gzip"}
        )

    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body).endswith(b"\nsupervisor_up 0.0\n")


def test_metrics_are_served_from_the_first_report_on() -> None:
    """Before, series are missing: what is asked for too early is to be asked for again."""
    registry = new_registry(MaintCollector(lambda: Facts(build=BUILD)))
    sink = HttpSink(HttpTarget(port=0), registry, {"/health": lambda _: Reply(200, "a/b", b"")})
    try:
        answers = [ask(sink, path)[0] for path in ("/metrics", "/health")]
        sink.write(b"")
        later = ask(sink, "/metrics")[0]
    finally:
        sink.close()

    assert [503, 200, 200] == [answer.status for answer in (*answers, later)]
    assert "1" == answers[0].headers["Retry-After"]


def test_writes_are_left_to_the_scrapes() -> None:
    """As a sink it takes every report and needs none."""
    with endpoint() as sink:
        sink.write(b"older 1\n")
        _response, body = ask(sink, "/metrics")

    assert b"older" not in body
    assert sink.name == "http"


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/", 200, b"supervisor-maint: metrics are at /metrics\n"),
        ("HEAD", "/", 200, b""),
        ("HEAD", "/metrics", 200, b""),
        ("GET", "/metrics/", 404, b"nothing here; metrics are at /metrics\n"),
        ("GET", "/favicon.ico", 404, b"nothing here; metrics are at /metrics\n"),
        ("HEAD", "/nothing", 404, b""),
        ("POST", "/metrics", 405, b"only GET and HEAD\n"),
        ("DELETE", "/", 405, b"only GET and HEAD\n"),
    ],
)
def test_paths_and_methods(
    shared: HttpSink, method: str, path: str, status: int, body: bytes
) -> None:
    """Only what is documented is answered."""
    response, found = ask(shared, path, method)

    assert (status, body) == (response.status, found)


@pytest.mark.parametrize("path", ["/metrics", "/nothing", "/" + 70_000 * "x"])
def test_no_version_is_told(path: str, shared: HttpSink) -> None:
    """The head of an answer, also to what is no request, says our name alone."""
    response, _ = ask(shared, path)

    assert ["supervisor-maint"] == [each.strip() for each in response.headers.get_all("Server")]


def test_route_gets_its_query() -> None:
    """A further path is answered by its route, with any headers it gives."""

    def health(query: Mapping[str, str]) -> Reply:
        return Reply(503, "application/json", str(dict(query)).encode(), (("Retry-After", "9"),))

    with endpoint(routes={"/health": health}) as sink:
        response, body = ask(sink, "/health?strict=1&strict=0&a=%20")

    assert (503, "9") == (response.status, response.headers["Retry-After"])
    assert response.headers["Content-Type"] == "application/json"
    assert b"{'strict': '0', 'a': ' '}" == body


def test_failing_route_is_logged_and_answered(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistake in a route is a 500 and a traceback in the log, never on the streams."""

    def broken(_query: Mapping[str, str]) -> Reply:
        raise ValueError("broken on purpose")

    with endpoint(routes={"/health": broken}) as sink:
        response, _body = ask(sink, "/health")
        after, _body = ask(sink, "/metrics")

    assert (500, 200) == (response.status, after.status)
    assert ["ERROR"] == [record.levelname for record in caplog.records]
    assert "ValueError: broken on purpose" in caplog.text
    assert ("", "") == capfd.readouterr()


def test_requests_are_quiet(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A scrape leaves one line for debugging and nothing on the streams."""
    caplog.set_level(logging.DEBUG)
    with endpoint() as sink:
        ask(sink, "/")
        wait_until(lambda: caplog.records)

    assert ["DEBUG"] == [record.levelname for record in caplog.records]
    assert '"GET / HTTP/1.1" 200' in caplog.text
    assert ("", "") == capfd.readouterr()


def test_silent_client_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that says nothing is left after the idle time."""
    monkeypatch.setattr(bounded_server.RequestHandler, "timeout", 0.1)
    with endpoint() as sink, connect(sink) as client:
        found = client.recv(100)

    assert b"" == found


def test_slow_client_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is never idle and never done is left when its time is over."""
    monkeypatch.setattr(bounded_server, "_REQUEST_SECONDS", 0.1)
    with endpoint() as sink, connect(sink) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        found = client.recv(100)

    assert b"" == found


def test_flood_is_answered_503_and_passes() -> None:
    """When every place is taken by slow clients others are told at once, and later served."""
    with endpoint() as sink:
        slow = [connect(sink) for _ in range(8)]
        with connect(sink) as client:
            refused = client.recv(100)
        for client in slow:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        served = [client.makefile("rb").readline() for client in slow]
        for client in slow:
            client.close()

    assert refused.startswith(b"HTTP/1.0 503 ")
    assert [b"HTTP/1.0 200 OK\r\n"] * 8 == served


def test_client_that_goes_away_does_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    """Half a request and a reset are nothing to speak of."""
    with endpoint() as sink:
        with connect(sink) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(b"GET /met")
        with connect(sink) as client:
            client.sendall(b"\x00\xff\r\n\r\n")
            odd = client.recv(4096)
        response, _body = ask(sink, "/metrics")

    assert b"400" in odd
    assert response.status == 200
    assert ("", "") == capfd.readouterr()


def test_close_ends_the_accepting_thread() -> None:
    """Close returns although a slow client holds on, and nobody accepts any more."""
    before = set(threading.enumerate())
    with endpoint() as sink:
        client = connect(sink)
        ask(sink, "/")
    left = [thread.name for thread in set(threading.enumerate()) - before]
    client.close()

    assert "scrape endpoint" not in left


def test_address_in_use_is_a_sentence() -> None:
    """A second endpoint on the port is refused with what to change."""
    with endpoint() as sink:
        registry = new_registry(MaintCollector(lambda: Facts(build=BUILD)))
        with pytest.raises(SinkError) as caught:
            HttpSink(HttpTarget(port=sink.port), registry)

    assert caught.value.msg == (
        f"cannot listen on 127.0.0.1 port {sink.port}: Address already in use; "
        "set host and port to an address of this machine that is free"
    )


def test_foreign_address_is_a_sentence() -> None:
    """An address of another machine (RFC 5737) is refused in the same way."""
    registry = new_registry(MaintCollector(lambda: Facts(build=BUILD)))
    with pytest.raises(SinkError, match=r"cannot listen on 192\.0\.2\.1 port 0: "):
        HttpSink(HttpTarget(port=0, host="192.0.2.1"), registry)


def test_loopback_by_default() -> None:
    """Nothing is told to the network unless a host is asked for."""
    assert HttpTarget(port=0).host == "127.0.0.1"


@pytest.mark.parametrize("wrong", [-1, 65536])
def test_port_must_be_a_port(wrong: int) -> None:
    """A number that is no port is refused when the settings are read."""
    with pytest.raises(ValueError, match="port"):
        HttpTarget(port=wrong)


def test_several_at_once() -> None:
    """Any number of endpoints can be open, each by a name of its own."""
    registry = new_registry(MaintCollector(lambda: Facts(build=BUILD)))
    sinks = [HttpSink(HttpTarget(port=0), registry, name=name) for name in ("inner", "outer")]
    statuses = [ask(sink, "/")[0].status for sink in sinks]
    for sink in sinks:
        sink.close()

    assert ["inner", "outer"] == [sink.name for sink in sinks]
    assert [200, 200] == statuses
