"""A scrape endpoint: the registry over HTTP, on loopback unless another host is asked for.

One daemon thread accepts, and a bounded number of others answer. A client that is slow, in
reading or in writing, is hung up on; it can never hold the listener.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import attrs
from prometheus_client import make_wsgi_app

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.sinks.bounded_server import SERVER_NAME, BoundedServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from prometheus_client import CollectorRegistry

_TEXT = "text/plain; charset=utf-8"


@attrs.frozen(kw_only=True)
class HttpTarget:
    """Where to listen. Port 0 takes a free one, which ``HttpSink.port`` then tells."""

    port: int = attrs.field(validator=attrs.validators.in_(range(65536)))
    host: str = attrs.field(default="127.0.0.1", validator=attrs.validators.min_len(1))


class Reply(NamedTuple):
    """What a route answers."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


_NOT_YET = Reply(
    503, _TEXT, b"the listener has just started; metrics in a moment\n", (("Retry-After", "1"),)
)
Route = Callable[[Mapping[str, str]], Reply]
"""Answers a GET; gets the query, the last of several values of one key."""


class HttpSink:
    """Serves the registry at ``/metrics``, and ``routes`` by their paths.

    The metrics are served from the first report on. Before, a scrape would take a series that is
    not known yet for one that is gone, and of a counter that comes late its first rise would be
    lost.

    Raises SinkError when the address cannot be listened on. The registry and the routes are
    called in threads of the endpoint. ``name`` labels its metrics.
    """

    def __init__(
        self,
        target: HttpTarget,
        registry: CollectorRegistry,
        routes: Mapping[str, Route] | None = None,
        *,
        name: str = "http",
    ) -> None:
        self.name = name
        self._reported = threading.Event()
        self._server = _bind(target)
        self._server.set_app(_Application(registry, routes or {}, self._reported.is_set))
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="scrape endpoint", daemon=True
        )
        self._thread.start()

    def write(self, exposition: bytes) -> None:  # noqa: ARG002 - of the Protocol
        """Serve the metrics from now on; each scrape renders what is newer than this report."""
        self._reported.set()

    def close(self) -> None:
        """Stop listening; answers under way may end within their time."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _bind(target: HttpTarget) -> BoundedServer:
    try:
        return BoundedServer(target.host, target.port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SinkError(
            f"cannot listen on {target.host} port {target.port}: {reason}; "
            "set host and port to an address of this machine that is free"
        ) from error


class _Application:
    """The WSGI application: our paths, GET and HEAD only."""

    def __init__(
        self,
        registry: CollectorRegistry,
        routes: Mapping[str, Route],
        has_report: Callable[[], bool],
    ) -> None:
        self._has_report = has_report
        self._metrics: WSGIApplication = make_wsgi_app(registry)
        self._routes = {"/": self._index, **routes}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request. The server leaves out the body of a HEAD by what this returns."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = self._answer(method, path, environ, _named(start))
        return [b""] if method == "HEAD" else body

    def _answer(
        self, method: str, path: str, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        if method not in ("GET", "HEAD"):
            headers = (("Allow", "GET, HEAD"),)
            return _send(Reply(405, _TEXT, b"only GET and HEAD\n", headers), start)
        if path == "/metrics" and not self._has_report():
            return _send(_NOT_YET, start)
        if path == "/metrics":
            return self._metrics({**environ, "REQUEST_METHOD": "GET"}, start)
        route = self._routes.get(path)
        if route is None:
            return _send(Reply(404, _TEXT, b"nothing here; metrics are at /metrics\n"), start)
        return _send(route(dict(parse_qsl(environ["QUERY_STRING"]))), start)

    @staticmethod
    def _index(_query: Mapping[str, str]) -> Reply:
        return Reply(200, _TEXT, b"supervisor-maint: metrics are at /metrics\n")


def _named(start: StartResponse) -> StartResponse:
    """Have answers begin with our name: the server's own tells which Python runs here."""

    def start_named(
        status: str, headers: list[tuple[str, str]], failure: Any = None, /
    ) -> Callable[[bytes], object]:
        return start(status, [("Server", SERVER_NAME), *headers], failure)

    return start_named


def _send(reply: Reply, start: StartResponse) -> Iterable[bytes]:
    reason = HTTPStatus(reply.status).phrase
    length = ("Content-Length", str(len(reply.body)))
    start(
        f"{reply.status} {reason}", [("Content-Type", reply.content_type), length, *reply.headers]
    )
    return [reply.body]
