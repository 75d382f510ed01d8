"""A scrape endpoint: the registry over HTTP, on loopback unless another host is asked for.

One daemon thread accepts, and a bounded number of others answer. A client that is slow, in
reading or in writing, is hung up on; it can never hold the listener.
"""

from __future__ import annotations

import io
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import attrs
from prometheus_client import make_wsgi_app

from supervisor_maint.errors import SinkError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from prometheus_client import CollectorRegistry

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 5.0
# Idle time alone would let a client that sends one byte a second stay for a day.
_REQUEST_SECONDS = 10.0
# Two Prometheus servers, an agent's probe, a person; what is beyond that is a flood.
_SIMULTANEOUS = 8
_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"
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


Route = Callable[[Mapping[str, str]], Reply]
"""Answers a GET; gets the query, the last of several values of one key."""


class HttpSink:
    """Serves the registry at ``/metrics``, and ``routes`` by their paths, from construction on.

    Raises SinkError when the address cannot be listened on. The registry and the routes are
    called in threads of the endpoint.
    """

    name = "http"

    def __init__(
        self,
        target: HttpTarget,
        registry: CollectorRegistry,
        routes: Mapping[str, Route] | None = None,
    ) -> None:
        self._server = _bind(target)
        self._server.set_app(_Application(registry, routes or {}))
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="scrape endpoint", daemon=True
        )
        self._thread.start()

    def write(self, exposition: bytes) -> None:
        """Do nothing: each scrape renders the registry, which is newer than this report."""

    def close(self) -> None:
        """Stop listening; answers under way may end within their time."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _bind(target: HttpTarget) -> _Server:
    try:
        return _Server(target.host, target.port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SinkError(
            f"cannot listen on {target.host} port {target.port}: {reason}; "
            "set host and port to an address of this machine that is free"
        ) from error


class _Application:
    """The WSGI application: our paths, GET and HEAD only."""

    def __init__(self, registry: CollectorRegistry, routes: Mapping[str, Route]) -> None:
        self._metrics: WSGIApplication = make_wsgi_app(registry)
        self._routes = {"/": self._index, **routes}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request. The server leaves out the body of a HEAD by what this returns."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = self._answer(method, path, environ, start)
        return [b""] if method == "HEAD" else body

    def _answer(
        self, method: str, path: str, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        if method not in ("GET", "HEAD"):
            headers = (("Allow", "GET, HEAD"),)
            return _send(Reply(405, _TEXT, b"only GET and HEAD\n", headers), start)
        if path == "/metrics":
            return self._metrics({**environ, "REQUEST_METHOD": "GET"}, start)
        route = self._routes.get(path)
        if route is None:
            return _send(Reply(404, _TEXT, b"nothing here; metrics are at /metrics\n"), start)
        return _send(route(dict(parse_qsl(environ["QUERY_STRING"]))), start)

    @staticmethod
    def _index(_query: Mapping[str, str]) -> Reply:
        return Reply(200, _TEXT, b"supervisor-maint: metrics are at /metrics\n")


def _send(reply: Reply, start: StartResponse) -> Iterable[bytes]:
    reason = HTTPStatus(reply.status).phrase
    length = ("Content-Length", str(len(reply.body)))
    start(
        f"{reply.status} {reason}", [("Content-Type", reply.content_type), length, *reply.headers]
    )
    return [reply.body]


class _ErrorLog(io.StringIO):
    """The ``wsgi.errors`` of a request; what was written goes to the log when flushed."""

    def flush(self) -> None:
        text = self.getvalue().strip()
        if text:
            logger.error("scrape endpoint failed: %s", text)
        self.seek(0)
        self.truncate()


class _Handler(WSGIRequestHandler):
    """One request of one client."""

    timeout = _IDLE_SECONDS
    server_version = "supervisor-maint"
    sys_version = ""

    def get_stderr(self) -> io.StringIO:
        return _ErrorLog()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        logger.debug("scrape endpoint, %s: " + format, self.client_address[0], *args)


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread a request, only so many at once, and none for ever."""

    daemon_threads = True
    # Two listeners on one port would share the scrapes at random.
    allow_reuse_port = False

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._deadlines: dict[socket.socket, float] = {}
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without the base's look-up of the own name, which may wait for DNS."""
        socketserver.TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or say that all are busy. Called by the accepting thread only."""
        if len(self._deadlines) >= _SIMULTANEOUS:
            request.settimeout(_IDLE_SECONDS)
            request.send(_BUSY)
            self.shutdown_request(request)
            return
        self._deadlines[request] = time.monotonic() + _REQUEST_SECONDS
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Hang up and give the place free; called at the end of the answering thread."""
        self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Hang up on clients whose time is over; called between requests, twice a second."""
        now = time.monotonic()
        for request, deadline in self._deadlines.copy().items():
            if now >= deadline:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's
        """Log that a client went away or was too slow; the base prints a traceback."""
        logger.debug("scrape endpoint: a request was not finished", exc_info=True)


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("scrape endpoint: a slow client was gone already")
