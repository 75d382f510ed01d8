"""What is asked of the listener, in whose name, and how its answer is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.cli.requesting import _user
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.requests import Request, Verb
from supervisor_maint.store.wake import Bell
from tests.fakes.commands import Place, SupervisordServer, info
from tests.fakes.xmlrpc_server import XmlrpcServer


@pytest.fixture
def supervisord() -> SupervisordServer:
    return SupervisordServer(info("web"), info("job", "FATAL", spawnerr="Exited too quickly"))


@pytest.fixture
def place(tmp_path: Path, supervisord: SupervisordServer) -> Iterator[Place]:
    with XmlrpcServer(supervisord) as server:
        yield Place(tmp_path).write(serverurl=server.url)


class Listener:
    """Answers the request that it finds in the mailbox, when its client looks for the answer."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.requests: list[Request] = []
        self.done = True

    def answer(self, request_id: str) -> Any:
        publication = Publication(self.place.state.status)
        self.requests += Mailbox(self.place.state.requests).collect()
        answer = {"done": self.done, "sentence": "this is the answer", "at": 1.0}
        publication.publish({"answers": {request_id: answer}})
        return publication.read().answers.get(request_id)


@pytest.fixture
def listener(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    place.state.prepare()
    listener = Listener(place)
    monkeypatch.setattr(Publication, "_answer", listener.answer)
    bell = Bell(place.state.wake)
    bell.open()
    yield listener
    bell.close()


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (["accept", "web", "job"], (Verb.ACCEPT, {"names": ["web", "job"]})),
        (["accept"], (Verb.ACCEPT, {"names": []})),
        (["reload"], (Verb.RELOAD, {})),
    ],
)
@pytest.mark.parametrize("done", [True, False])
def test_request_is_answered(
    command: list[str],
    asked: tuple[Verb, dict[str, Any]],
    done: bool,
    listener: Listener,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The answer is printed, and the exit code says whether it was carried out."""
    listener.done = done

    assert (0 if done else 1) == listener.place.run(*command)
    [request] = listener.requests
    assert "this is the answer\n" == capsys.readouterr().out
    assert asked == (request.verb, request.args)
    assert re.fullmatch(r".+@.+", request.asked_by)


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set")])
def test_user_without_a_name(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uid that has no name, as in a container, is told by its number."""

    def fail() -> str:
        raise error

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", fail)

    assert re.fullmatch(r"uid \d+", _user())


def test_user_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind sudo it is who called it that asks."""
    monkeypatch.setenv("SUDO_USER", "ada")

    assert "ada" == _user()
