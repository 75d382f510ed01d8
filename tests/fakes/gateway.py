"""A real HTTP server in a monitoring server's place: it takes, refuses, redirects, hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import attrs


@attrs.frozen
class Push:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Request(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        gateway: FakeGateway = self.server.owner  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        gateway.pushes.append(Push(self.command, self.path, dict(self.headers), body))
        gateway.behaviour(self)

    do_GET = do_POST = do_DELETE = do_PUT  # noqa: N815 - http.server's own names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


Behaviour = Callable[[Request], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer every request so."""
    return lambda request: request.reply(status, body, **headers)


def hang_up(request: Request) -> None:
    """Close the connection without an answer."""
    request.close_connection = True


def answer_nonsense(request: Request) -> None:
    """Answer with something that is no HTTP."""
    request.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    request.close_connection = True


def hang(request: Request) -> None:
    """Answer nothing until the server ends."""
    request.server.owner.ended.wait()  # type: ignore[attr-defined]
    request.close_connection = True


class FakeGateway:
    """A server on a free loopback port while in a ``with`` block."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or answer(202)
        self.pushes: list[Push] = []
        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.daemon_threads = True
        self._server.owner = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    def __enter__(self) -> FakeGateway:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
