"""An HTTP server for WSGI that no client can hold: bounded in time and in number.

The standard library's threading server has neither bound, and prints on stderr.
"""

from __future__ import annotations

import io
import logging
import socket
import socketserver
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

logger = logging.getLogger(__name__)

# Nothing of the versions of Python and its library.
SERVER_NAME = "supervisor-maint"
_IDLE_SECONDS = 5.0
# Idle time alone would let a client that sends one byte a second stay for a day.
_REQUEST_SECONDS = 10.0
# Two Prometheus servers, an agent's probe, a person; what is beyond that is a flood.
_SIMULTANEOUS = 8
_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"


class _ErrorLog(io.StringIO):
    """The ``wsgi.errors`` of a request; what was written goes to the log when flushed."""

    def flush(self) -> None:
        """Log what was written since the last time."""
        text = self.getvalue().strip()
        if text:
            logger.error("scrape endpoint failed: %s", text)
        self.seek(0)
        self.truncate()


class RequestHandler(WSGIRequestHandler):
    """One request of one client."""

    timeout = _IDLE_SECONDS
    # what it says where the request is none, and no application is asked
    server_version = SERVER_NAME
    sys_version = ""

    def get_stderr(self) -> io.StringIO:
        """Return where wsgiref writes the traceback of a failed request."""
        return _ErrorLog()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Log a request for debugging; the base prints it."""
        logger.debug("scrape endpoint, %s: " + format, self.client_address[0], *args)


class BoundedServer(socketserver.ThreadingMixIn, WSGIServer):
    """A thread a request, only so many at once, and none for ever."""

    daemon_threads = True
    # Two listeners on one port would share the scrapes at random.
    allow_reuse_port = False

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._deadlines: dict[socket.socket, float] = {}
        super().__init__((host, port), RequestHandler)

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
