"""Bytes to supervisord and back: HTTP over a unix socket or TCP, with a deadline. I/O only.

Supervisor's own transport has no timeout at all, and cannot be used again after a timeout or a
``reload``. Here one deadline covers a whole call: connecting, sending, and every read, so that
a server that sends a byte now and then cannot hold us either. Any number of threads may call.
"""

from __future__ import annotations

import base64
import http.client
import os
import pwd
import socket
import threading
import time
from typing import Any, cast

from supervisor_maint.deadlines import DeadlineSocket, remaining_seconds
from supervisor_maint.supervisord import explain
from supervisor_maint.supervisord.server_url import ServerUrl

# What a kept-alive connection does that supervisord closed while it was idle.
_CLOSED_WHILE_IDLE = (
    http.client.RemoteDisconnected,
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionResetError,
)


class HttpTransport:
    """Post bodies to one server; connections are kept alive, one for each call under way.

    ``limited_by`` names for people what the timeout was set by; "" for what nobody can set.
    The times are monotonic seconds. Raises ``errors.SupervisorError`` and nothing else.
    """

    def __init__(
        self,
        url: ServerUrl,
        *,
        username: str | None,
        password: str | None,
        timeout_seconds: float,
        limited_by: str,
    ) -> None:
        self.url = url
        self.timeout_seconds = timeout_seconds
        self._limited_by = limited_by
        self._username = username
        self._headers = _headers(username, password)
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def post(self, body: bytes, *, repeatable: bool) -> bytes:
        """Send one body and return the answer's, within the timeout.

        Only a ``repeatable`` call may go over a kept-alive connection: such a one may turn out
        closed when nobody knows whether the call arrived, and is then sent once more on a fresh
        one. Nothing is ever repeated after a timeout.
        """
        deadline = time.monotonic() + self.timeout_seconds
        try:
            return self._post(body, deadline, repeatable=repeatable)
        except socket.timeout:
            raise explain.timed_out(self.url, self.timeout_seconds, self._limited_by) from None
        except (http.client.IncompleteRead, *_CLOSED_WHILE_IDLE) as error:
            raise explain.connection_lost(self.url, error) from None
        except http.client.HTTPException as error:
            raise explain.not_xmlrpc(self.url, type(error).__name__) from None
        except OSError as error:
            raise explain.connection_failed(self.url, error, _our_user()) from None
        except UnicodeError as error:  # a host name that DNS cannot have
            raise explain.connection_failed(self.url, OSError(str(error)), _our_user()) from None

    def close(self) -> None:
        """Close the idle connections; the transport can still be used."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _post(self, body: bytes, deadline: float, *, repeatable: bool) -> bytes:
        kept = self._take_idle()
        if kept is not None and repeatable:
            try:
                return self._exchange(kept, body, deadline)
            except _CLOSED_WHILE_IDLE:
                pass
        elif kept is not None:
            kept.close()
        return self._exchange(_Connection(self.url), body, deadline)

    def _exchange(self, connection: _Connection, body: bytes, deadline: float) -> bytes:
        connection.deadline = deadline
        try:
            connection.request("POST", self.url.path, body, self._headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        if response.status != http.client.OK:
            connection.close()
            raise explain.http_status(self.url, response.status, response.reason, self._username)
        with self._lock:
            self._idle.append(connection)
        return answer

    def _take_idle(self) -> _Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None


class _Connection(http.client.HTTPConnection):
    """One HTTP connection whose every wait ends at ``deadline``."""

    def __init__(self, url: ServerUrl) -> None:
        super().__init__(url.host, url.port)
        self.url = url
        self.deadline = 0.0

    def connect(self) -> None:
        """Connect within the deadline. Raises OSError."""
        sock = self._connect_unix() if self.url.socket_path else self._connect_inet()
        self.sock = cast("socket.socket", DeadlineSocket(sock, self.remaining_seconds))

    def remaining_seconds(self) -> float:
        """Return what is left of the call's time. Raises socket.timeout when nothing is."""
        return remaining_seconds(self.deadline)

    def _connect_unix(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        return self._connected(sock, self.url.socket_path)

    def _connect_inet(self) -> socket.socket:
        failure = OSError("the host has no address")
        # As bytes it needs no table of all the letters that a name can have: 3 ms to load.
        host = self.host.encode("ascii") if self.host.isascii() else self.host
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, self.port, type=socket.SOCK_STREAM
        ):
            try:
                sock = self._connected(socket.socket(family, kind, protocol), address)
                # Head and body are sent apart, and the second would wait 40 ms for the first's ACK.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._with_tls(sock) if self.url.scheme == "https" else sock
            except OSError as error:
                failure = error
        raise failure

    def _connected(self, sock: socket.socket, address: Any) -> socket.socket:
        try:
            sock.settimeout(self.remaining_seconds())
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def _with_tls(self, sock: socket.socket) -> socket.socket:
        import ssl

        try:
            sock.settimeout(self.remaining_seconds())
            return ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)
        except OSError:
            sock.close()
            raise


def _headers(username: str | None, password: str | None) -> dict[str, str]:
    headers = {
        "User-Agent": "supervisor-maint",
        "Content-Type": "text/xml",
        "Accept": "text/xml",
    }
    if username is not None and password is not None:
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        headers["Authorization"] = f"Basic {credentials}"
    return headers


def _our_user() -> str:
    uid = os.geteuid()
    try:
        return f"user {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:  # a uid without a name
        return f"uid {uid}"
