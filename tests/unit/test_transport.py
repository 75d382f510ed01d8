"""The transport against a real HTTP server that misbehaves."""

from __future__ import annotations

import base64
import os
import pwd
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor_maint import errors
from supervisor_maint.supervisord.server_url import ServerUrl
from supervisor_maint.supervisord.transport import HttpTransport
from tests.fakes import xmlrpc_server as fake
from tests.fakes.waiting import wait_until
from tests.fakes.xmlrpc_server import Behaviour, XmlrpcServer


class _Opened:
    """Transports that are closed after the test."""

    def __init__(self) -> None:
        self.all: list[HttpTransport] = []

    def __call__(
        self, url: str, *, user: str | None = None, password: str | None = None, limit: float = 30
    ) -> HttpTransport:
        transport = HttpTransport(
            ServerUrl.parse(url),
            username=user,
            password=password,
            timeout_seconds=limit,
            limited_by="the test",
        )
        self.all.append(transport)
        return transport


@pytest.fixture
def opened() -> Iterator[_Opened]:
    transports = _Opened()
    yield transports
    for transport in transports.all:
        transport.close()


def test_connection_is_kept_alive(opened: _Opened) -> None:
    """Calls one after another go over one connection."""
    with XmlrpcServer(fake.body(b"yes")) as server:
        transport = opened(server.url)
        answers = [transport.post(b"ask", repeatable=True) for _ in range(3)]
        transport.close()

        assert [b"yes"] * 3 == answers
        assert 1 == len(server.connections)
        assert ["/RPC2"] * 3 == server.paths


def test_repeatable_call_is_sent_again_when_the_connection_was_closed(opened: _Opened) -> None:
    """A kept-alive connection that turned out dead is replaced; nobody notices."""
    with XmlrpcServer(fake.answer_and_hang_up(1), fake.body(b"second")) as server:
        transport = opened(server.url)
        transport.post(b"one", repeatable=True)
        answer = transport.post(b"two", repeatable=True)
        transport.close()

        assert b"second" == answer
        assert [b"one", b"two"] == server.requests


def test_call_that_must_not_be_repeated_goes_over_a_fresh_connection(opened: _Opened) -> None:
    """It is sent exactly once, and also never over a connection that may be dead."""
    with XmlrpcServer(fake.body(b"yes"), fake.hang_up) as server:
        transport = opened(server.url)
        transport.post(b"one", repeatable=True)
        with pytest.raises(errors.SupervisorUnreachable, match="closed the connection"):
            transport.post(b"two", repeatable=False)

        assert [b"one", b"two"] == server.requests
        assert 2 == len(server.connections)


def test_fresh_connection_is_tried_once(opened: _Opened) -> None:
    """A server that hangs up on a fresh connection as well is an error, not a loop."""
    with XmlrpcServer(fake.hang_up) as server:
        with pytest.raises(errors.SupervisorUnreachable):
            opened(server.url).post(b"ask", repeatable=True)

        assert 1 == len(server.requests)


@pytest.mark.parametrize("behaviour", [fake.hang, fake.dribble])
def test_call_ends_within_its_timeout(opened: _Opened, behaviour: Behaviour) -> None:
    """Neither silence nor a byte now and then can hold a call; it is not sent again."""
    with XmlrpcServer(behaviour, fake.body(b"back")) as server:
        transport = opened(server.url, limit=0.3)
        before = time.monotonic()
        with pytest.raises(errors.SupervisorTimeout, match="0\\.3 s"):
            transport.post(b"ask", repeatable=True)
        passed = time.monotonic() - before

        assert 0.3 <= passed < 20
        assert 1 == len(server.requests)


def test_transport_works_again_after_a_timeout(opened: _Opened) -> None:
    """The connection that hung is dropped; the next call has one of its own."""
    with XmlrpcServer(fake.hang, fake.body(b"back")) as server:
        transport = opened(server.url, limit=1)
        with pytest.raises(errors.SupervisorTimeout):
            transport.post(b"ask", repeatable=True)
        transport.timeout_seconds = 30
        answer = transport.post(b"ask", repeatable=True)
        transport.close()

        assert b"back" == answer


def test_server_that_does_not_accept_is_a_timeout(opened: _Opened, tmp_path: Path) -> None:
    """A connection that is never accepted ends within the timeout as well."""
    path = str(tmp_path / "s")
    with _short_socket(path) as listening:
        listening.listen(0)
        with pytest.raises(errors.SupervisorTimeout):
            opened(f"unix://{path}", limit=0.2).post(b"ask", repeatable=True)


@pytest.mark.parametrize(
    ("behaviour", "error", "sentence"),
    [
        (fake.body(b"", 401), errors.SupervisorUnauthorized, "password_file"),
        (fake.body(b"", 500), errors.SupervisorError, "HTTP 500"),
        (fake.body(b"", 404), errors.SupervisorError, "HTTP 404"),
        (fake.cut_short, errors.SupervisorUnreachable, "in the middle"),
    ],
)
def test_refusals_are_sentences(
    opened: _Opened, behaviour: Behaviour, error: type[errors.SupervisorError], sentence: str
) -> None:
    """What is not an answer becomes our exception, and the transport can be used again."""
    with XmlrpcServer(behaviour, fake.body(b"better")) as server:
        transport = opened(server.url)
        with pytest.raises(error, match=sentence):
            transport.post(b"ask", repeatable=True)
        answer = transport.post(b"ask", repeatable=True)
        transport.close()

        assert b"better" == answer


def test_other_protocol_is_told(opened: _Opened) -> None:
    """A port where something else than HTTP talks is no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_greet, args=(listening,))
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(errors.SupervisorError, match="expected XML-RPC"):
            opened(f"http://127.0.0.1:{port}").post(b"ask", repeatable=True)
        thread.join()


def test_user_and_password_are_sent(opened: _Opened) -> None:
    """Basic auth, UTF-8, as supervisord decodes it."""
    with XmlrpcServer(fake.body(b"yes")) as server:
        transport = opened(server.url, user="max", password="gehéim:1")
        transport.post(b"ask", repeatable=True)
        transport.close()

        scheme, _, credentials = str(server.authorizations[0]).partition(" ")
        assert "Basic" == scheme
        assert "max:gehéim:1" == base64.b64decode(credentials).decode()


def test_path_of_the_url_is_kept(opened: _Opened) -> None:
    """A supervisord behind a proxy is asked below the proxy's path."""
    with XmlrpcServer(fake.body(b"yes")) as server:
        transport = opened(f"{server.url}/farm/web01/")
        transport.post(b"ask", repeatable=True)
        transport.close()

        assert ["/farm/web01/RPC2"] == server.paths


def test_threads_do_not_wait_for_each_other(opened: _Opened) -> None:
    """A call that hangs in one thread does not hold another's."""
    with XmlrpcServer(fake.hang, fake.body(b"yes")) as server:
        transport = opened(server.url)
        hanging = threading.Thread(target=_post_in_vain, args=(transport,))
        hanging.start()
        wait_until(lambda: server.requests)
        answers = [transport.post(b"ask", repeatable=True) for _ in range(2)]
        server.closing.set()
        hanging.join()
        transport.close()

        assert [b"yes", b"yes"] == answers


def test_absent_socket_is_told(opened: _Opened, tmp_path: Path) -> None:
    """No socket: the sentence names its path and the setting."""
    with pytest.raises(errors.SupervisorUnreachable, match="there is no socket") as caught:
        opened(f"unix://{tmp_path}/absent").post(b"ask", repeatable=True)

    assert "serverurl in [maint]" in caught.value.msg


def test_dead_socket_is_told(opened: _Opened, tmp_path: Path) -> None:
    """A socket file that a killed supervisord left is told apart from none."""
    path = str(tmp_path / "s")
    _short_socket(path).close()
    with pytest.raises(errors.SupervisorUnreachable, match="nobody listens"):
        opened(f"unix://{path}").post(b"ask", repeatable=True)


@pytest.fixture
def private_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may look into but its owner, who may not either."""
    tmp_path.chmod(0)
    yield tmp_path
    tmp_path.chmod(0o700)


@pytest.fixture
def not_root() -> Iterator[None]:
    """Root may use every socket, so be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    yield
    os.seteuid(0)


def test_private_socket_is_told(opened: _Opened, private_folder: Path, not_root: None) -> None:
    """A socket that does not let us in is an error that names chmod, and who we are."""
    with pytest.raises(errors.SupervisorUnauthorized, match="chmod=0770") as caught:
        opened(f"unix://{private_folder}/s").post(b"ask", repeatable=True)

    assert repr(pwd.getpwuid(os.geteuid()).pw_name) in caught.value.msg


@pytest.mark.parametrize(
    "url",
    [
        "unix:///" + "long/" * 40,
        f"http://{'a' * 64}.invalid:9001",
    ],
)
def test_unreachable_servers_are_told(opened: _Opened, url: str) -> None:
    """Whatever the system says of an address, it is our exception."""
    with pytest.raises(errors.SupervisorUnreachable, match="serverurl in"):
        opened(url).post(b"ask", repeatable=True)


def test_server_without_tls_is_told(opened: _Opened) -> None:
    """https to a server that has no TLS is one sentence."""
    with XmlrpcServer(fake.body(b"yes")) as server, pytest.raises(errors.SupervisorUnreachable):
        opened(server.url.replace("http", "https")).post(b"ask", repeatable=True)


def test_refusing_port_is_told(opened: _Opened) -> None:
    """A port that is bound, so that nobody else takes it, but where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(errors.SupervisorUnreachable, match="nobody listens"):
            opened(f"http://127.0.0.1:{port}").post(b"ask", repeatable=True)


def test_full_queue_of_connections_is_a_hang(opened: _Opened, tmp_path: Path) -> None:
    """Linux refuses a unix connection at once when the queue is full: supervisord hangs."""
    path = str(tmp_path / "s")
    with _short_socket(path) as listening:
        listening.listen(0)
        for _ in range(3):
            with pytest.raises(errors.SupervisorTimeout):
                opened(f"unix://{path}", limit=0.1).post(b"ask", repeatable=True)


@pytest.mark.parametrize(
    "text",
    ["", "supervisor.sock", "unix://relative", "ftp://host:1", "http://", "http://host:many"],
)
def test_address_that_is_none_is_refused(text: str) -> None:
    """The sentence says what is expected."""
    with pytest.raises(ValueError, match="expected"):
        ServerUrl.parse(text)


def test_password_of_the_url_is_not_shown() -> None:
    """The URL is shown without its user and password, also when it is wrong."""
    url = ServerUrl.parse("http://max:secret@web01:9001/x")
    with pytest.raises(ValueError, match="expected") as caught:
        ServerUrl.parse("http://max:secret@web01:many")

    assert ("http://web01:9001/x", "max", "secret") == (url.text, url.username, url.password)
    assert "secret" not in repr(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:///run/s.sock", True),
        ("http://localhost:9001", True),
        ("http://127.3.2.1:9001", True),
        ("http://[::1]:9001", True),
        ("http://web01:9001", False),
        ("http://192.0.2.7", False),
    ],
)
def test_local_addresses_are_known(text: str, expected: bool) -> None:
    """Only a unix socket and loopback are surely this machine."""
    assert expected == ServerUrl.parse(text).is_local


def _short_socket(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    here = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
    try:
        listening.bind(f"/proc/self/fd/{here}/{os.path.basename(path)}")  # noqa: PTH119
    finally:
        os.close(here)
    return listening


def _greet(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(10000)
        connection.sendall(b"220 mail.example.com ESMTP\r\n")


def _post_in_vain(transport: HttpTransport) -> None:
    with pytest.raises(errors.SupervisorError):
        transport.post(b"hang", repeatable=True)
