"""Readiness questions to real servers, sockets and commands."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from supervisor_maint.maintenance.probing import Answer, ask
from supervisor_maint.maintenance.readiness import Probe, ProbeKind
from tests.fakes.waiting import wait_until

SECONDS = 60.0  # an answer that comes is waited for
SHORT_SECONDS = 0.2  # one that never comes is not
HEAD_SECONDS = 2.0  # within which a head comes on a busy machine, and all of it is waited
CERTIFICATE = Path(__file__).resolve().parents[1] / "fakes" / "self_signed.pem"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path.partition("?")[0].strip("/") or 200)
        self.server.seen.append((self.path, dict(self.headers)))
        body = b"x" * self.server.body_bytes
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


@contextlib.contextmanager
def serving(body_bytes=2, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.body_bytes = [], body_bytes
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def silent_port():
    """A port where connections are taken by the kernel, and by nobody else."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def refusing_port():
    """A port that is ours and where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def answering(answer):
    """Serve one connection with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@contextlib.contextmanager
def dripping(head, drop):
    """Serve one connection with a head, and then drops until the other side has enough."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(head)
                while True:
                    connection.sendall(drop)
                    time.sleep(SHORT_SECONDS / 4)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def http(address, timeout_seconds=SECONDS):
    return ask(Probe(kind=ProbeKind.HTTP, address=address), timeout_seconds)


def tcp(address, timeout_seconds=SECONDS):
    return ask(Probe(kind=ProbeKind.TCP, address=address), timeout_seconds)


def command(script, timeout_seconds=SECONDS):
    address = f"sh -c {shlex.quote(script)}"
    return ask(Probe(kind=ProbeKind.COMMAND, address=address), timeout_seconds)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer(True)),
        (204, Answer(True)),
        (299, Answer(True)),
        (302, Answer(False, "HTTP 302, and redirects are not followed")),
        (401, Answer(False, "HTTP 401")),
        (503, Answer(False, "HTTP 503")),
    ],
)
def test_http_status_decides(server, status, answer):
    """Any 2xx is ready, and nothing else."""
    assert answer == http(f"http://127.0.0.1:{server.server_port}/{status}")


def test_http_asks_what_the_url_says(server):
    """Path and query are sent, a user and password as basic authentication."""
    http(f"http://joe:p%40ss@127.0.0.1:{server.server_port}/200?deep=1#top")

    ((path, headers),) = server.seen
    assert "/200?deep=1" == path
    assert "Basic am9lOnBAc3M=" == headers["Authorization"]
    assert f"127.0.0.1:{server.server_port}" == headers["Host"]


def test_http_uses_no_proxy(server, monkeypatch, refusing_port):
    """A proxy in the environment is for others."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refusing_port}")

    assert Answer(True) == http(f"http://127.0.0.1:{server.server_port}/")


def test_http_body_is_not_read_to_its_end():
    """A large page is as ready as a small one."""
    with serving(body_bytes=20_000_000) as server:
        assert Answer(True) == http(f"http://127.0.0.1:{server.server_port}/")


def test_https_needs_no_certificate_of_an_authority():
    """Whether it serves is the question, not who it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with serving(context=context) as server:
        assert Answer(True) == http(f"https://127.0.0.1:{server.server_port}/")


def test_https_to_plain_http_says_so(server):
    """Speaking TLS to a server that does not is a reason, not an exception."""
    answer = http(f"https://127.0.0.1:{server.server_port}/")

    assert not answer.is_ready
    assert answer.reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is no HTTP: BadStatusLine"),
        (b"HTTP/1.0 abc\r\n\r\n", "the answer is no HTTP: BadStatusLine"),
    ],
)
def test_what_is_no_http_is_not_ready(sent, reason):
    """Another protocol, or none, is told of."""
    with answering(sent) as port:
        assert Answer(False, reason) == http(f"http://127.0.0.1:{port}/")


def test_body_that_is_cut_off_is_of_no_interest():
    """The status was good; the rest is not what was asked."""
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") as port:
        assert Answer(True) == http(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("question", [http, tcp])
def test_refused_connection_is_not_ready(question, refusing_port):
    """Where nobody listens the connection is refused."""
    address = f"127.0.0.1:{refusing_port}"

    answer = question(f"http://{address}/" if question is http else address)

    assert Answer(False, "connection refused") == answer


def test_silence_is_not_ready(silent_port):
    """Who takes the connection and says nothing is given its time, and no more."""
    answer = http(f"http://127.0.0.1:{silent_port}/", SHORT_SECONDS)

    assert Answer(False, "no answer within 0.2 s") == answer


@pytest.mark.parametrize(
    ("head", "seconds", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\n", SHORT_SECONDS, Answer(False, "no answer within 0.2 s")),
        (b"HTTP/1.1 200 OK\r\n\r\n", HEAD_SECONDS, Answer(True)),
    ],
)
def test_http_that_comes_in_drops_is_given_its_time_and_no_more(head, seconds, answer):
    """A head that never ends is no answer; a body that never ends is of no interest."""
    with dripping(head, b"X: y\r\n") as port:
        assert answer == http(f"http://127.0.0.1:{port}/", seconds)


def test_tcp_needs_a_connection_only(silent_port):
    """To be connected is to be ready."""
    assert Answer(True) == tcp(f"127.0.0.1:{silent_port}")


def test_tcp_speaks_ipv6():
    """An address in brackets is one of IPv6."""
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with listening:
        assert Answer(True) == tcp(f"[::1]:{listening.getsockname()[1]}")


def test_unknown_host_is_not_ready():
    """A name that nobody knows is told of."""
    answer = tcp("no-such-host.invalid:80")

    assert not answer.is_ready
    assert answer.reason


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("exit 0", Answer(True)),
        ("echo loading; exit 1", Answer(False, "exit status 1: loading")),
        ("kill -9 $$", Answer(False, "ended by SIGKILL")),
        ("seq 100000; echo last >&2; exit 2", Answer(False, "exit status 2: last")),
    ],
)
def test_command_says_by_its_exit_status(script, answer):
    """Exit 0 is ready; else its last line is the reason."""
    assert answer == command(script)


def test_late_command_is_killed_with_its_group(tmp_path):
    """At the deadline the command and all it has started are killed."""
    left = tmp_path / "left"
    os.mkfifo(left)

    answer = command(f"sleep 600 3<>{left} & sleep 600 3<>{left}", SHORT_SECONDS)

    assert Answer(False, "no answer within 0.2 s") == answer
    wait_until(lambda: not is_open(left))


def is_open(fifo):
    """Tell whether anybody has it open: else who would write finds no reader."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_command_knows_nothing_of_the_listener(monkeypatch):
    """A password in the listener's environment is not the command's."""
    monkeypatch.setenv("SUPERVISOR_PASSWORD", "secret")

    assert Answer(True) == command('test -z "$SUPERVISOR_PASSWORD" -a "$PWD" = /')


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/no/such/program", "no such file or directory"),
        ("sh -c 'oops", "no closing quotation"),
    ],
)
def test_command_that_cannot_start_is_not_ready(address, reason):
    """What cannot be started is no exception."""
    assert Answer(False, reason) == ask(Probe(kind=ProbeKind.COMMAND, address=address), SECONDS)


def test_many_are_asked_at_once(silent_port, server):
    """Those that do not answer hold up nobody else."""
    silent = f"http://127.0.0.1:{silent_port}/"
    good = f"http://127.0.0.1:{server.server_port}/"
    with ThreadPoolExecutor(16) as executor:
        slow = [executor.submit(http, silent, 1.0) for _ in range(8)]
        quick = [executor.submit(http, good) for _ in range(8)]

        assert [Answer(True)] * 8 == [each.result() for each in quick]
        assert [Answer(False, "no answer within 1 s")] * 8 == [each.result() for each in slow]
