"""The state directory: ours alone, and one listener's at a time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor_maint.errors import StateLocked, StoreError
from supervisor_maint.store.locking import acquire_folder
from supervisor_maint.store.state_dir import StateDir
from tests.fakes.full_disk import full_disk

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")


@pytest.fixture
def state_dir(tmp_path):
    state_dir = StateDir(tmp_path / "state")
    state_dir.prepare()
    return state_dir


@contextlib.contextmanager
def running_as(uid):
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def mode(path):
    return path.stat().st_mode & 0o7777


def test_prepare_makes_it_for_us_alone(tmp_path):
    """The directory and the folder of requests are made, with their parents, closed to others."""
    state_dir = StateDir(tmp_path / "a" / "b" / "state")

    state_dir.prepare()
    state_dir.prepare()

    assert [0o700, 0o700] == [mode(state_dir.path), mode(state_dir.requests)]


def test_path_is_absolute(monkeypatch, tmp_path):
    """A relative path means the same wherever the listener goes."""
    monkeypatch.chdir(tmp_path)

    assert tmp_path / "state" == StateDir("state").path


def test_prepare_closes_an_open_one(state_dir, caplog):
    """A directory of ours that others can read is closed to them, with a log line."""
    state_dir.path.chmod(0o755)

    with caplog.at_level("INFO"):
        state_dir.prepare()

    assert 0o700 == mode(state_dir.path)
    assert "mode 0755 becomes 0700" in caplog.text


@pytest.mark.parametrize("wide", [0o777, 0o770, 0o1777, 0o702])
def test_prepare_refuses_what_others_can_write(state_dir, wide):
    """Where others can write, requests and links may have been planted."""
    state_dir.path.chmod(wide)

    with pytest.raises(StoreError, match=r"others can write to it .* chmod 0700"):
        state_dir.prepare()
    assert wide == mode(state_dir.path)


@pytest.mark.parametrize("place", ["path", "requests"])
def test_prepare_refuses_a_link(tmp_path, place):
    """A link in the place of the directory, or of a folder in it, is not followed."""
    state_dir = StateDir(tmp_path / "state")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    if place == "requests":
        state_dir.path.mkdir(mode=0o700)
    getattr(state_dir, place).symlink_to(elsewhere)

    with pytest.raises(StoreError, match=r"found a symbolic link to .*elsewhere"):
        state_dir.prepare()
    assert 0o755 == mode(elsewhere)


def test_prepare_refuses_a_file(tmp_path):
    """A file is no directory."""
    (tmp_path / "state").touch()

    with pytest.raises(StoreError, match="expected a directory, found a file"):
        StateDir(tmp_path / "state").prepare()


@as_root
def test_prepare_refuses_a_foreign_owner(state_dir):
    """A directory of somebody else is not used, not even by root."""
    os.chown(state_dir.path, NOBODY, NOBODY)

    with pytest.raises(StoreError, match="found one of uid 65534"):
        state_dir.prepare()


@as_root
def test_prepare_warns_of_a_parent_that_strangers_own(tmp_path, caplog):
    """Who owns the parent can replace the directory: that is worth a warning."""
    os.chown(tmp_path, NOBODY, NOBODY)

    StateDir(tmp_path / "state").prepare()

    assert f"others can replace what is in {tmp_path}" in caplog.text


@as_root
def test_other_user_is_told(state_dir):
    """Somebody who may not look into it is told who may."""
    with running_as(NOBODY):
        with pytest.raises(StoreError, match="uid 65534"):
            state_dir.is_held()
        with pytest.raises(StoreError, match="uid 65534"):
            state_dir.prepare()


@as_root
def test_directory_that_cannot_be_made_is_told(tmp_path):
    """A parent we may not write to is a sentence."""
    with running_as(NOBODY), pytest.raises(StoreError, match="not permitted for uid 65534"):
        StateDir(tmp_path / "state").prepare()


def test_lock_says_who_holds_it(state_dir):
    """The second listener is refused and told the first one's process id."""
    with state_dir.lock():
        with pytest.raises(StateLocked, match=f"pid {os.getpid()}") as refused:
            state_dir.lock()

        assert os.getpid() == refused.value.pid


def test_clients_see_the_holder(state_dir):
    """Whether a listener lives, and who it is, can be seen without taking the lock."""
    assert (False, None) == (state_dir.is_held(), state_dir.holder())

    with state_dir.lock() as lock:
        assert (True, os.getpid()) == (state_dir.is_held(), state_dir.holder())
        lock.release()
        lock.release()

    assert (False, None) == (state_dir.is_held(), state_dir.holder())


def test_lock_ends_with_its_holder(state_dir):
    """A listener that was killed leaves no lock behind, whatever its file says."""
    hold = (
        "import sys\n"
        "from supervisor_maint.store.state_dir import StateDir\n"
        "lock = StateDir(sys.argv[1]).lock()\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(state_dir.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        assert b"locked\n" == child.stdout.readline()
        assert child.pid == state_dir.holder()
        child.kill()
        child.wait()

    assert state_dir.holder() is None
    with state_dir.lock():
        assert os.getpid() == state_dir.holder()


def test_passes_are_made_one_at_a_time(state_dir):
    """A second permission pass is refused while one is made; the listener is not in the way."""
    before = sorted(state_dir.path.iterdir())
    with acquire_folder(state_dir.path):
        with pytest.raises(StateLocked, match="another permission pass is under way"):
            acquire_folder(state_dir.path)

        assert before == sorted(state_dir.path.iterdir())  # root may do it in anybody's folder

    with state_dir.lock(), acquire_folder(state_dir.path):
        assert state_dir.is_held()


@pytest.mark.parametrize("make", [lambda path: None, Path.touch, lambda path: path.symlink_to("/")])
def test_pass_without_a_folder_is_told(tmp_path, make):
    """Neither nothing, nor a file, nor a link is locked."""
    make(tmp_path / "state")

    with pytest.raises(OSError, match="state"):
        acquire_folder(tmp_path / "state")


def test_lock_file_that_was_removed_locks_nobody_out(state_dir):
    """A lock on a file that is no longer there counts for nothing, and a new one is made."""
    with state_dir.lock():
        state_dir.lock_file.unlink()

        with state_dir.lock():
            assert state_dir.is_held()


def test_lock_without_a_pid_is_still_held(state_dir):
    """A holder that has not written its process id yet is a holder."""
    with state_dir.lock():
        state_dir.lock_file.write_text("")

        assert (True, None) == (state_dir.is_held(), state_dir.holder())
        with pytest.raises(StateLocked, match="another listener \\(a process\\)"):
            state_dir.lock()


@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, lambda path: path.mkdir()],
    ids=["symlink", "fifo", "directory"],
)
def test_lock_file_must_be_a_file(state_dir, make):
    """Nothing else is opened as the lock, and nobody waits for it."""
    make(state_dir.lock_file)

    with pytest.raises(StoreError, match=r"listener\.lock: "):
        state_dir.lock()


def test_lock_needs_its_directory(tmp_path):
    """Before it is prepared, a directory cannot be locked, and is held by nobody."""
    state_dir = StateDir(tmp_path / "state")

    assert not state_dir.is_held()
    with pytest.raises(StoreError, match="expected the state directory, found nothing"):
        state_dir.lock()


def test_lock_is_taken_on_a_full_disk(state_dir):
    """A disk without room for our pid keeps nobody from being the listener."""
    with full_disk(0), state_dir.lock():
        assert state_dir.is_held()
        assert state_dir.holder() is None
