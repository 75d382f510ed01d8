"""Requests as files: left by clients, taken once by the listener."""

from __future__ import annotations

import errno
import os

import pytest

from supervisor_maint.errors import ListenerAbsent, StoreError
from supervisor_maint.store import requests
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.requests import Rejected, Request


def request(name="a1", **fields):
    wanted = {"verb": "reload", "asked_by": "kim", "expires_at": 9e9, **fields}
    return Request(id=name, **wanted)


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path)


def put(mailbox, name, content):
    (mailbox.directory / name).write_bytes(content)


def left(mailbox):
    return sorted(path.name for path in mailbox.directory.iterdir())


def test_request_is_taken_once(mailbox):
    """A request that was left is taken by the next look, and by no later one."""
    mailbox.post(request())

    assert [request()] == mailbox.collect()
    assert [] == mailbox.collect()


def test_oldest_comes_first(mailbox):
    """Requests are taken in the order in which they were left."""
    for name in ("c", "a", "b"):
        mailbox.post(request(name))

    assert ["c", "a", "b"] == [taken.id for taken in mailbox.collect()]


def test_file_is_for_us_alone(mailbox):
    """Nobody else can read what is asked."""
    mailbox.post(request())

    assert 0o600 == (mailbox.directory / "a1.json").stat().st_mode & 0o777


def test_withdrawn_request_is_never_taken(mailbox):
    """A client can take its request back until the listener has it."""
    mailbox.post(request())

    assert mailbox.withdraw("a1") is True
    assert [] == mailbox.collect()
    assert mailbox.withdraw("a1") is False


def test_withdrawn_while_it_is_read(mailbox, monkeypatch):
    """A request that its client takes back in the very moment is not carried out."""
    mailbox.post(request())
    decode = requests.decode

    def withdraw_first(*args, **kwargs):
        assert mailbox.withdraw("a1")
        return decode(*args, **kwargs)

    monkeypatch.setattr(requests, "decode", withdraw_first)

    assert [] == mailbox.collect()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no request"),
        (b"\xff\xfe", "expected UTF-8, found other bytes"),
        (b"{" * 70000, "expected at most 65536 bytes"),
        (requests.encode(request()).encode()[:-1], "holds no request"),
    ],
)
def test_malformed_request_is_removed_and_reported(mailbox, content, words):
    """What is no request is reported, removed, and in nobody's way."""
    put(mailbox, "bad.json", content)
    mailbox.post(request())

    rejected, taken = mailbox.collect()

    assert request() == taken
    assert words in rejected.reason
    assert [] == left(mailbox)


def make_link(path, tmp_path):
    secret = tmp_path.parent / "secret"
    secret.write_text(requests.encode(request()))
    path.symlink_to(secret)


@pytest.mark.parametrize(
    "make",
    [
        make_link,
        lambda path, _: os.mkfifo(path),
        lambda path, _: path.mkdir(),
    ],
    ids=["symlink", "fifo", "directory"],
)
def test_only_regular_files_are_obeyed(mailbox, tmp_path, make):
    """A link, a FIFO and a directory are removed unread."""
    make(tmp_path / "x.json", tmp_path)

    (rejected,) = mailbox.collect()

    assert isinstance(rejected, Rejected)
    assert [] == left(mailbox)


def test_what_cannot_be_removed_is_reported_once(mailbox, tmp_path):
    """Something that stays is not obeyed, and not reported at every look."""
    (tmp_path / "full.json" / "file").mkdir(parents=True)

    (rejected,) = mailbox.collect()

    assert (
        f"{mailbox.directory}/full.json cannot be removed, so it is not obeyed: directory not "
        "empty; remove it by hand"
    ) == rejected.reason
    assert [] == mailbox.collect()


def test_unfinished_request_is_left_alone(mailbox):
    """A request that is being written is not there yet."""
    put(mailbox, ".a1", b"{")

    assert [] == mailbox.collect()
    assert [".a1"] == left(mailbox)


def test_abandoned_request_is_removed(mailbox):
    """What a client that died has left goes after an hour."""
    put(mailbox, ".a1", b"{")
    os.utime(mailbox.directory / ".a1", (1, 1))

    (rejected,) = mailbox.collect()

    assert "left by a client that died" in rejected.reason
    assert [] == left(mailbox)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_request_of_a_stranger_is_dropped(mailbox):
    """Only root and the listener's own user are obeyed."""
    mailbox.post(request())
    os.chown(mailbox.directory / "a1.json", 65534, 65534)

    (rejected,) = mailbox.collect()

    assert "belongs to uid 65534" in rejected.reason
    assert [] == left(mailbox)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for another user")
def test_root_leaves_requests_its_listener_can_read(mailbox):
    """What root leaves for a listener of another user belongs to that user."""
    os.chown(mailbox.directory, 65534, 65534)

    mailbox.post(request())

    assert 65534 == (mailbox.directory / "a1.json").stat().st_uid


def test_folder_that_is_a_link_is_refused(tmp_path):
    """Nothing is written through a link in the place of the folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "requests").symlink_to("elsewhere")
    mailbox = Mailbox(tmp_path / "requests")

    with pytest.raises(StoreError, match="requests: "):
        mailbox.post(request())
    with pytest.raises(StoreError, match="requests: "):
        mailbox.collect()
    assert [] == list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, ": the disk is full; free some space"),
        (errno.EROFS, ": the file system is read-only; make it writable, or set another"),
        (errno.EACCES, ": not permitted for uid [0-9]+; run this as root or as the user"),
        (errno.EIO, ": input/output error"),
    ],
)
def test_request_that_cannot_be_left_says_what_to_do(mailbox, monkeypatch, number, said):
    """What the system refuses is a sentence without its number."""

    def refuse(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("supervisor_maint.store.mailbox.create", refuse)

    with pytest.raises(StoreError, match=f"^[^\\[]*{said}"):
        mailbox.post(request())


def test_no_state_directory_means_no_listener(tmp_path):
    """Without a state directory nobody can be asked."""
    with pytest.raises(ListenerAbsent, match="nothing was changed"):
        Mailbox(tmp_path / "none" / "requests").post(request())
