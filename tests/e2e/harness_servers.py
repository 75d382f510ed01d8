"""Real monitoring servers on loopback ports of their own, and servers that misbehave.

Each is a context manager that is ready when entered and gone when left.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import attrs
from prometheus_client.parser import text_string_to_metric_families

from tests import servers
from tests.e2e.harness import wait_until
from tests.e2e.harness_programs import free_port

REQUEST_SECONDS = 30.0


def http_get(url: str, timeout: float = REQUEST_SECONDS) -> str:
    """Get a page as text; OSError when there is none."""
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return response.read().decode("utf-8")


class Samples(dict[str, float]):
    """The samples of a page of metrics, by name and sorted labels: ``up{job="x",name="y"}``."""

    def value(self, name: str, /, **labels: str) -> float | None:
        """Return the one sample that has this name and at least these labels, or None."""
        found = self.matching(name, **labels)
        assert len(found) < 2, f"more than one sample: {found}"
        return next(iter(found.values()), None)

    def matching(self, name: str, /, **labels: str) -> dict[str, float]:
        """Return all samples that have this name and at least these labels."""
        parts = [f'{key}="{value}"' for key, value in labels.items()]
        return {
            series: value
            for series, value in self.items()
            if series.partition("{")[0] == name
            and all(f"{{{part}" in series or f",{part}" in series for part in parts)
        }


def metrics(text: str) -> Samples:
    """Read a page in the text format with prometheus_client's own parser."""
    return Samples(
        (_series(sample.name, sample.labels), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )


def _series(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


class Server:
    """A server as a child process, in a temporary folder, on a port that stays its own."""

    program: ClassVar[str]
    ready_path = "/-/ready"

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="sm", dir="/tmp"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def arguments(self) -> list[str]:
        """Return what follows the program's name."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [servers.path_of(self.program), *self.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )
        wait_until(
            self.is_ready,
            f"{self.program} is ready",
            evidence=self.log,
            hopeless=self._ended,
        )

    def is_ready(self) -> bool:
        """Tell whether it answers; OSError when it does not."""
        return http_get(self.url + self.ready_path) is not None

    def stop(self) -> None:
        """End it at once; ``start`` brings it back on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def is_running(self) -> bool:
        """Tell whether it was started and not stopped since."""
        return self._process is not None

    def _ended(self) -> str:
        status = None if self._process is None else self._process.poll()
        return "" if status is None else f"it ended with {status}"

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def log(self) -> str:
        """Return what it has written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> str:
        """Get a page of it as text."""
        return http_get(self.url + path)

    def get_json(self, path: str, **parameters: str) -> Any:
        """Ask its API."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return json.loads(self.get(path + query))

    def send(self, method: str, path: str, body: str = "", kind: str = "text/plain") -> None:
        """Send a body; urllib.error.HTTPError when it is refused."""
        request = urllib.request.Request(
            self.url + path, data=body.encode(), method=method, headers={"Content-Type": kind}
        )
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
            response.read()

    def __enter__(self) -> Any:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Pushgateway(Server):
    """A real Pushgateway, which forgets everything when it is stopped."""

    program = "prometheus-pushgateway"

    def arguments(self) -> list[str]:
        """Listen on loopback only."""
        return [f"--web.listen-address=127.0.0.1:{self.port}"]

    def text(self) -> str:
        """Return its page of metrics, as Prometheus scrapes it."""
        return self.get("/metrics")

    def metrics(self) -> Samples:
        """Return the samples on its page."""
        return metrics(self.text())


class Prometheus(Server):
    """A real Prometheus with a configuration text and further files beside it.

    ``files`` maps a name to a text: rules, mostly, named by the configuration.
    """

    program = "prometheus"

    def __init__(self, configuration: str, files: dict[str, str] | None = None) -> None:
        super().__init__()
        for name, text in {**(files or {}), "prometheus.yml": configuration}.items():
            (self.directory / name).write_text(text, encoding="utf-8")

    def arguments(self) -> list[str]:
        """Keep everything in the folder, and allow a reload over HTTP."""
        return [
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
        ]

    def query(self, expression: str) -> Samples:
        """Evaluate an expression now."""
        answer = self.get_json("/api/v1/query", query=expression)
        result = answer["data"]["result"]
        return Samples(
            (_series(labels.pop("__name__", ""), labels), float(element["value"][1]))
            for element in result
            for labels in [dict(element["metric"])]
        )

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing."""
        return list(self.get_json("/api/v1/alerts")["data"]["alerts"])


def at(text: str) -> float:
    """Read a time as Alertmanager tells it: with as many decimals as it needs."""
    seconds, _, decimals = text.rstrip("Z").partition(".")
    whole = datetime.fromisoformat(f"{seconds}+00:00").timestamp()
    return whole + float(f"0.{decimals or 0}")


class Alertmanager(Server):
    """A real Alertmanager with a configuration text; it joins no cluster."""

    program = "prometheus-alertmanager"

    def __init__(self, configuration: str) -> None:
        super().__init__()
        (self.directory / "alertmanager.yml").write_text(configuration, encoding="utf-8")

    def arguments(self) -> list[str]:
        """Keep everything in the folder."""
        return [
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'state'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it knows, each with its status."""
        return list(self.get_json("/api/v2/alerts"))

    def silences(self) -> list[dict[str, Any]]:
        """Return the silences it knows, the expired ones too."""
        return list(self.get_json("/api/v2/silences"))

    def silences_of_runs(self, instance: str) -> list[dict[str, Any]]:
        """Return the silences that runs of an instance hold now."""
        return [
            each
            for each in self.silences()
            if each["createdBy"].startswith(f"supervisor-maint/{instance}/")
            and each["status"]["state"] == "active"
        ]

    def lose_everything(self) -> None:
        """Be killed, and come back without the data."""
        self.stop()
        shutil.rmtree(self.directory / "state")
        self.start()


@attrs.frozen
class Request:
    """What somebody asked of a server of ours."""

    method: str
    path: str
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    respond: Callable[[BaseHTTPRequestHandler, Request], None]

    def handle_error(self, *_request: object) -> None:
        """Say nothing of a client that went away: that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _HTTPServer

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.respond(self, Request(self.command, self.path, body))

    do_GET = do_PUT = do_POST = do_DELETE = _any  # noqa: N815 - http.server's own names

    def log_message(self, *_arguments: object) -> None:
        """Keep the requests, not a log."""


class _RecordingServer:
    """An HTTP server in this process that keeps what it was asked."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self._server: _HTTPServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Any:
        self._server = _HTTPServer(("127.0.0.1", self.port), _Handler)
        self._server.respond = self._record_and_respond
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _record_and_respond(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        self.requests.append(request)
        self._respond(handler, request)

    def _respond(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        raise NotImplementedError

    def _release(self) -> None:
        """Let go of whoever waits for an answer."""


class WebhookReceiver(_RecordingServer):
    """Takes what Alertmanager, or a post step, sends, and answers 200."""

    def _respond(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        _answer(handler, 200, b"")

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert of every notification so far, oldest first."""
        return [
            alert for request in list(self.requests) for alert in request.json().get("alerts", [])
        ]


class HangingServer(_RecordingServer):
    """Takes every request and answers none, until it is told to.

    ``hang()`` is how it begins; ``answer(status)`` answers from then on; ``proxy(url)`` passes
    on to a real server. A request that hangs when the behaviour changes is never answered: its
    connection is closed, as that of a server which is restarted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Event()
        self._behaviour: Callable[[BaseHTTPRequestHandler, Request], None] | None = None

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._become(None)

    def answer(self, status: int, body: str = "") -> None:
        """Answer every request from now on with a status and a body."""
        self._become(lambda handler, _request: _answer(handler, status, body.encode()))

    def proxy(self, url: str) -> None:
        """Pass every request from now on to the server at a URL."""
        self._become(lambda handler, request: _forward(handler, request, url))

    def _become(self, behaviour: Callable[[BaseHTTPRequestHandler, Request], None] | None) -> None:
        changed, self._changed = self._changed, threading.Event()
        self._behaviour = behaviour
        changed.set()

    def _respond(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        changed, behaviour = self._changed, self._behaviour
        if behaviour is not None:
            behaviour(handler, request)
        else:
            changed.wait()
            handler.close_connection = True

    def _release(self) -> None:
        self.hang()


def _answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    handler.send_response(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _forward(handler: BaseHTTPRequestHandler, request: Request, url: str) -> None:
    target = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(target.netloc, timeout=REQUEST_SECONDS)
    hop = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
    headers = {name: value for name, value in handler.headers.items() if name.lower() not in hop}
    try:
        connection.request(request.method, request.path, request.body, headers)
        response = connection.getresponse()
        kind = response.getheader("Content-Type", "text/plain")
        _answer(handler, response.status, response.read(), [("Content-Type", kind)])
    finally:
        connection.close()
