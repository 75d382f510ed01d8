"""The bell: who rings wakes the listener, or learns that there is none."""

from __future__ import annotations

import os
import select

import pytest

from supervisor_maint.errors import ListenerAbsent, StoreError
from supervisor_maint.store.wake import Bell, ring


@pytest.fixture
def bell(tmp_path):
    bell = Bell(tmp_path / "wake")
    bell.open()
    yield bell
    bell.close()


def is_readable(bell):
    return bool(select.select([bell.fileno()], [], [], 0)[0])


def test_ring_wakes(bell):
    """A ring makes the descriptor readable until it is drained."""
    assert not is_readable(bell)
    ring(bell.path)
    assert is_readable(bell)

    bell.drain()

    assert not is_readable(bell)


def test_many_rings_are_one_wake_up(bell):
    """However often it was rung, one drain takes it all, and nobody ever waits."""
    for _ in range(70_000):
        ring_quickly = os.open(bell.path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(ring_quickly, b"\n" * 4096)
        except BlockingIOError:
            break
        finally:
            os.close(ring_quickly)
    ring(bell.path)

    bell.drain()

    assert not is_readable(bell)


def test_absent_listener_is_told(bell):
    """After the listener has gone, ringing says so."""
    bell.close()

    with pytest.raises(ListenerAbsent, match=r"the listener is not running .* nothing was changed"):
        ring(bell.path)


def test_no_fifo_means_no_listener(tmp_path):
    """Without a FIFO, or without a directory, there is no listener."""
    for path in (tmp_path / "wake", tmp_path / "none" / "wake"):
        with pytest.raises(ListenerAbsent):
            ring(path)


def test_next_listener_takes_over(bell):
    """The FIFO outlives its listener and serves the next one."""
    bell.close()
    bell.open()

    ring(bell.path)

    assert is_readable(bell)


def test_closing_twice_is_fine(bell):
    """A listener that leaves may close more than once."""
    bell.close()
    bell.close()

    with pytest.raises(ListenerAbsent):
        ring(bell.path)


def test_other_file_of_ours_is_replaced(tmp_path):
    """A file in the place of the FIFO goes; what a link points to stays."""
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "wake").symlink_to(target)
    bell = Bell(tmp_path / "wake")

    bell.open()
    ring(bell.path)
    bell.close()

    assert "kept" == target.read_text()


def test_directory_in_its_place_is_refused(tmp_path):
    """A directory is not removed."""
    (tmp_path / "wake").mkdir()

    with pytest.raises(StoreError, match="wake: "):
        Bell(tmp_path / "wake").open()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_a_stranger_is_refused(tmp_path):
    """What belongs to somebody else is not used and not removed."""
    (tmp_path / "wake").touch()
    os.chown(tmp_path / "wake", 65534, 65534)

    with pytest.raises(StoreError, match="uid 65534; remove it"):
        Bell(tmp_path / "wake").open()


def test_ringing_writes_into_no_file(tmp_path):
    """A client never writes through a link, nor into a file."""
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "wake").symlink_to(target)

    for path in (tmp_path / "wake", target):
        with pytest.raises(StoreError):
            ring(path)
    assert "kept" == target.read_text()


def test_end_of_file_is_never_read(bell):
    """When the last client leaves, the descriptor does not stay readable."""
    ring(bell.path)
    bell.drain()

    assert not is_readable(bell)
