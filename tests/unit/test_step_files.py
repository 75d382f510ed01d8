"""The files of a step: the lock that says who its child is, and the output that is cut."""

from __future__ import annotations

import fcntl
import os
import signal
import time

import attrs
import pytest

from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance.child_identity import ChildIdentity
from supervisor_maint.maintenance.step_files import (
    CUT_ABOVE_BYTES,
    OUTPUT_BYTES,
    LivingChild,
    StepFiles,
    StepOutput,
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "steps"


def test_growing_output_is_cut(tmp_path):
    """A file that grows is cut to its end while its child goes on appending."""
    output = StepOutput(tmp_path / "output")
    descriptor = output.create()
    os.write(descriptor, b"x" * CUT_ABOVE_BYTES + b"end")

    output.cut()
    os.write(descriptor, b"more")
    os.close(descriptor)

    text, size = output.read()
    assert CUT_ABOVE_BYTES + 7 == size
    assert ("xendmore", OUTPUT_BYTES) == (text[-8:], len(text))
    assert output.path.stat().st_size == OUTPUT_BYTES + 4


def test_child_that_closed_its_copy_is_still_the_step(folder):
    """Programs such as sudo close the lock; who the child is was written down."""
    files = StepFiles(folder, "warm-cache")
    files.lock().write(LivingChild(identity=ChildIdentity.of(os.getpid()), timeout_seconds=9.0))

    assert os.getpid() == files.find_child().identity.pid


def test_stranger_with_the_same_pid_is_nobody(folder):
    """A pid that came again, or is of another boot, is no child."""
    us = ChildIdentity.of(os.getpid())
    for other in ({"start_ticks": us.start_ticks - 1}, {"boot_id": "another"}):
        stranger = attrs.evolve(us, **other)
        assert not stranger.is_alive()
        stranger.signal_group(signal.SIGKILL)

    assert us.is_alive()
    assert 0 <= us.age_seconds() < time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"identity": {"pid": 1}}', "null"])
def test_broken_record_names_nobody(folder, content):
    """A lock's file that names nobody and is not held is free."""
    folder.mkdir()
    files = StepFiles(folder, "warm-cache")
    files.lock_path.write_text(content)

    assert files.find_child() is None


def test_lock_is_no_link(folder, tmp_path):
    """A link in the place of the lock is refused."""
    folder.mkdir()
    files = StepFiles(folder, "warm-cache")
    files.lock_path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match="no step is started without its lock"):
        files.lock()

    assert not (tmp_path / "elsewhere").exists()


def test_lock_ends_for_all_copies(folder):
    """What is given back is free at once, whoever still has a copy of the descriptor."""
    files = StepFiles(folder, "warm-cache")
    lock = files.lock()
    copy = os.dup(lock.descriptor)

    lock.release()

    with files.lock_path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while it is held
    assert os.fstat(copy).st_ino == files.lock_path.stat().st_ino
    os.close(copy)
