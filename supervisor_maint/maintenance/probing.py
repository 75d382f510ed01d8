"""Asking a process whether it is ready: a GET, a connection or a command.

``ask`` blocks, for its time limit at most and a little: it is called in an executor, for many
processes at once. A probe decides nothing but yes or no, and always says why not.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import shlex
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from typing import Callable, cast
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from supervisor_maint.children import describe
from supervisor_maint.deadlines import DeadlineSocket, remaining_seconds
from supervisor_maint.maintenance.invocation import basic_environment
from supervisor_maint.maintenance.readiness import Probe, ProbeKind

# Read, so that the server is not cut off in the middle of its answer; more is not waited for.
_BODY_BYTES = 64 * 1024
_TOLD_BYTES = 4096
_GOOD_STATUSES = range(200, 300)
_REDIRECTS = range(300, 400)


@attrs.frozen
class Answer:
    """What a process said to one question; ``reason`` is why it is not ready."""

    is_ready: bool
    reason: str = ""


def ask(probe: Probe, timeout_seconds: float) -> Answer:
    """Ask one question. Blocks; never raises for what the world does."""
    try:
        return _ASK[probe.kind](probe.address, timeout_seconds)
    except (TimeoutError, socket.timeout):  # one class from 3.10 on
        return Answer(False, f"no answer within {timeout_seconds:g} s")
    except http.client.RemoteDisconnected:
        return Answer(False, "the connection was closed without an answer")
    except http.client.HTTPException as error:
        return Answer(False, f"the answer is no HTTP: {type(error).__name__}")
    except (OSError, ValueError) as error:
        return Answer(False, _sentence(error))


def _sentence(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error)).lower()


def _ask_http(address: str, timeout_seconds: float) -> Answer:
    rest = partial(remaining_seconds, time.monotonic() + timeout_seconds)
    url = urlsplit(address)
    connection = _connection(url, timeout_seconds)
    try:
        connection.connect()
        connection.sock = cast("socket.socket", DeadlineSocket(connection.sock, rest))
        connection.request("GET", _path_of(url), headers=_headers(url))
        response = connection.getresponse()
        status = response.status
        _read(response)
    finally:
        connection.close()
    if status in _REDIRECTS:
        return Answer(False, f"HTTP {status}, and redirects are not followed")
    return Answer(True) if status in _GOOD_STATUSES else Answer(False, f"HTTP {status}")


def _connection(url: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    """Make a connection to the URL's own host: http.client knows no proxies."""
    host = url.hostname or ""
    if url.scheme == "http":
        return http.client.HTTPConnection(host, url.port, timeout=timeout_seconds)
    # The question is whether it serves, mostly at 127.0.0.1, for which no certificate is made;
    # kubelet does not verify either.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, url.port, timeout=timeout_seconds, context=context)


def _path_of(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _headers(url: SplitResult) -> Mapping[str, str]:
    headers = {"User-Agent": "supervisor-maint", "Accept": "*/*", "Connection": "close"}
    if url.username is not None:
        credentials = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode('ascii')}"
    return headers


def _read(response: http.client.HTTPResponse) -> None:
    """Read the body, up to a limit of size and time; what it says is of no interest."""
    left = _BODY_BYTES
    with contextlib.suppress(OSError, http.client.HTTPException):
        while left > 0:
            piece = response.read1(left)
            if not piece:
                return
            left -= len(piece)


def _ask_tcp(address: str, timeout_seconds: float) -> Answer:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_seconds):
        return Answer(True)


def _ask_command(address: str, timeout_seconds: float) -> Answer:
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            shlex.split(address),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=basic_environment(os.environ),
            start_new_session=True,
        )
        try:
            returncode = child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            _end(child)
        if returncode == 0:
            return Answer(True)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _TOLD_BYTES))
        return Answer(False, describe(returncode, output.read().decode("utf-8", "replace")))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child that is late, with all it has started, and reap it."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


_ASK: Mapping[ProbeKind, Callable[[str, float], Answer]] = {
    ProbeKind.HTTP: _ask_http,
    ProbeKind.TCP: _ask_tcp,
    ProbeKind.COMMAND: _ask_command,
}
