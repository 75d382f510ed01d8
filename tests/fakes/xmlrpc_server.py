"""A real HTTP server that answers, hangs, dribbles, refuses or hangs up, as it is told."""

from __future__ import annotations

import random
import socket
import threading
import time
import xmlrpc.client
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Request(BaseHTTPRequestHandler):
    """One connection; ``body`` is what the present request holds."""

    protocol_version = "HTTP/1.1"
    body = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        owner: XmlrpcServer = self.server.owner  # type: ignore[attr-defined]
        owner.serve(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        pass

    def reply(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


Behaviour = Callable[[Request], None]


def answer(value: Any) -> Behaviour:
    """Answer a value."""
    body = xmlrpc.client.dumps((value,), methodresponse=True).encode()
    return lambda request: request.reply(body)


def body(content: bytes, status: int = 200) -> Behaviour:
    """Answer any bytes."""
    return lambda request: request.reply(content, status)


def fault(code: int, text: str) -> Behaviour:
    """Answer a fault."""
    return body(xmlrpc.client.dumps(xmlrpc.client.Fault(code, text)).encode())


def answer_and_hang_up(value: Any) -> Behaviour:
    """Answer, then close the connection without having said so."""

    def behave(request: Request) -> None:
        answer(value)(request)
        request.close_connection = True

    return behave


def hang_up(request: Request) -> None:
    """Close the connection instead of an answer."""
    request.close_connection = True


def cut_short(request: Request) -> None:
    """Promise more than is sent."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"<?xml")
    request.close_connection = True


def hang(request: Request) -> None:
    """Say nothing until the server is closed."""
    owner: XmlrpcServer = request.server.owner  # type: ignore[attr-defined]
    owner.closing.wait()
    request.close_connection = True


def dribble(request: Request) -> None:
    """Send a byte now and then until the client has enough."""
    owner: XmlrpcServer = request.server.owner  # type: ignore[attr-defined]
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    try:
        while not owner.closing.is_set():
            request.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:
        pass
    request.close_connection = True


class XmlrpcServer:
    """Behaves as in ``behaviours``, one a request, and like the last of them from then on."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[bytes] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.connections: set[object] = set()
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.owner = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request.body)
            self.paths.append(request.path)
            self.authorizations.append(request.headers["Authorization"])
            self.connections.add(request.client_address)
            several = len(self.behaviours) > 1
            behave = self.behaviours.pop(0) if several else self.behaviours[0]
        behave(request)

    def __enter__(self) -> XmlrpcServer:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def free_port() -> int:
    """Return a port that nobody listens at, out of the range the system picks from itself."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
