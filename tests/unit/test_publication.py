"""What the listener publishes, and how a client waits for its answer."""

from __future__ import annotations

import os

import attrs
import pytest

from supervisor_maint.errors import ListenerAbsent, StoreError
from supervisor_maint.store.asking import ask
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.requests import Answer, Request

DONE = {"done": True, "sentence": "the settings hold now", "at": 12.0}


@attrs.define
class Clock:
    """A clock that a sleep moves, and that makes something happen at a moment."""

    now: float = 0.0
    due_at: float = float("inf")
    happen: object = None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.now >= self.due_at:
            self.due_at = float("inf")
            self.happen()


@pytest.fixture
def publication(tmp_path):
    return Publication(tmp_path / "status.json")


def test_published_is_read_back(publication):
    """A client reads what the listener published."""
    publication.publish(
        {"pid": 7, "version": "1.0", "heartbeat_at": 5.0, "more": [1], "answers": {"a": DONE}}
    )

    published = publication.read()

    assert (7, "1.0", 5.0, None) == (
        published.pid,
        published.version,
        published.heartbeat_at,
        published.started_at,
    )
    assert [1] == published.document["more"]
    assert {"a": Answer(**DONE)} == published.answers


def test_published_cannot_be_changed(publication):
    """What was read is a value."""
    publication.publish({"pid": 7})

    with pytest.raises(TypeError):
        publication.read().document["pid"] = 8


def test_newest_replaces(publication):
    """Only the newest is there, for us alone, and nothing else is left."""
    publication.publish({"pid": 7})
    publication.publish({"pid": 8})

    assert 8 == publication.read().pid
    assert 0o600 == publication.path.stat().st_mode & 0o777
    assert ["status.json"] == [path.name for path in publication.path.parent.iterdir()]


def test_half_written_one_is_no_obstacle(publication):
    """What a listener that was killed in the middle has left is overwritten."""
    (publication.path.parent / ".status.json.new").write_text("{")

    publication.publish({"pid": 7})

    assert 7 == publication.read().pid


def test_link_is_replaced_and_never_followed(publication, tmp_path):
    """A link in its place is not written through, nor read."""
    target = tmp_path / "precious"
    target.write_text("{}")
    publication.path.symlink_to(target)
    (tmp_path / ".status.json.new").symlink_to(target)

    with pytest.raises(StoreError):
        publication.read()
    publication.publish({"pid": 7})

    assert "{}" == target.read_text()
    assert not publication.path.is_symlink()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"answers": []}', '{"answers": {"a": {}}}', '{"answers": {"a": 1}}']
)
def test_other_content_is_a_sentence(publication, text):
    """What is no status is told, and not raised as something else."""
    publication.path.write_text(text)

    with pytest.raises(StoreError, match=r"status.json: expected a published status"):
        publication.read()


def test_fifo_in_its_place_does_not_hang(publication):
    """A client never waits for somebody who writes into a FIFO."""
    os.mkfifo(publication.path)

    with pytest.raises(StoreError, match="expected a regular file"):
        publication.read()


def test_nothing_published_means_no_listener(publication):
    """Before the first publication there is no listener."""
    with pytest.raises(ListenerAbsent, match="no listener has published"):
        publication.read()


@pytest.mark.parametrize("earlier", [(), ({"pid": 7},)])
def test_listener_that_has_just_begun_is_waited_for(publication, earlier):
    """Its first word is waited for, also where one before it has left its own."""
    for status in earlier:
        publication.publish(status)
    clock = Clock(due_at=1.0, happen=lambda: publication.publish({"pid": 8}))

    published = publication.of_listener(8, sleep=clock.sleep, monotonic=clock.monotonic)

    assert 8 == published.pid
    assert 1.0 <= clock.now < 1.1


def test_listener_that_says_nothing_is_not_waited_for_longer(publication):
    """What the one before it has told is returned when the time is over."""
    publication.publish({"pid": 7})
    clock = Clock()

    published = publication.of_listener(
        8, timeout_seconds=2.0, sleep=clock.sleep, monotonic=clock.monotonic
    )

    assert 7 == published.pid
    assert 2.0 <= clock.now < 2.1


def test_publishing_into_nowhere_is_an_error(tmp_path):
    """A state directory that is gone is told."""
    with pytest.raises(StoreError, match="no such file"):
        Publication(tmp_path / "none" / "status.json").publish({})


def test_client_waits_for_its_answer(publication):
    """The answer is returned as soon as it is published."""
    clock = Clock(due_at=1.0, happen=lambda: publication.publish({"answers": {"a": DONE}}))

    answer = publication.wait_for("a", sleep=clock.sleep, monotonic=clock.monotonic)

    assert Answer(**DONE) == answer
    assert 1.0 == pytest.approx(clock.now, abs=0.1)


def test_client_waits_no_longer_than_told(publication):
    """Without an answer the client gives up."""
    publication.publish({"answers": {"b": DONE}})
    clock = Clock()

    with pytest.raises(ListenerAbsent, match="did not answer in 5 s; nothing was changed"):
        publication.wait_for("a", sleep=clock.sleep, monotonic=clock.monotonic)
    assert 5.0 == pytest.approx(clock.now, abs=0.1)


@pytest.fixture
def mailbox(tmp_path):
    (tmp_path / "requests").mkdir()
    return Mailbox(tmp_path / "requests")


REQUEST = Request(id="a", verb="reload", asked_by="kim", expires_at=9e9)


def test_asking_returns_the_answer(mailbox):
    """A request that is answered was left, rung for, and waited for."""
    rung = []

    answer = ask(
        REQUEST, mailbox=mailbox, ring=lambda: rung.append(1), wait_for=lambda _: Answer(**DONE)
    )

    assert Answer(**DONE) == answer
    assert [REQUEST] == mailbox.collect()
    assert [1] == rung


def raising(error):
    def call(*_):
        raise error

    return call


@pytest.mark.parametrize(
    "error", [ListenerAbsent("nothing was changed"), StoreError("no"), KeyboardInterrupt()]
)
def test_unanswered_request_is_taken_back(mailbox, error):
    """A request that nobody answers, or waits for, is not carried out later."""
    with pytest.raises(type(error)):
        ask(REQUEST, mailbox=mailbox, ring=lambda: None, wait_for=raising(error))

    assert [] == mailbox.collect()


def test_absent_listener_leaves_no_request(mailbox):
    """When nobody hears the bell the request is taken back."""
    with pytest.raises(ListenerAbsent, match="nothing was changed"):
        ask(
            REQUEST,
            mailbox=mailbox,
            ring=raising(ListenerAbsent("nothing was changed")),
            wait_for=raising(AssertionError("nobody waits")),
        )

    assert [] == mailbox.collect()


def test_taken_request_may_still_be_carried_out(mailbox):
    """When the listener has the request already, nobody says that nothing was changed."""

    def take(_):
        mailbox.collect()
        raise ListenerAbsent("nothing was changed")

    with pytest.raises(ListenerAbsent, match="may still be carried out"):
        ask(REQUEST, mailbox=mailbox, ring=lambda: None, wait_for=take)
