"""Hearing of a death at once, and looking four times a second where that cannot be had."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from supervisor_maint.supervisord import pidwatch, procfs
from supervisor_maint.supervisord.pidwatch import PidWatch

SECONDS = 60.0
NEVER = 3600.0  # a poll that would be waited for in vain
needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd_open here")


@pytest.fixture
def supervisord(monkeypatch):
    """Be our own parent: the children of this test are those of our supervisord."""
    monkeypatch.setattr(pidwatch.os, "getppid", os.getpid)
    return os.getpid()


@pytest.fixture
def start():
    children = []

    def start():
        children.append(subprocess.Popen(["sleep", "600"]))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()


class Deaths:
    """What the watch said, and a way to wait for it."""

    def __init__(self):
        self.pids = []
        self._changed = asyncio.Event()

    def add(self, pid):
        self.pids.append(pid)
        self._changed.set()

    async def wait_for(self, count):
        async def enough():
            while len(self.pids) < count:
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(enough(), SECONDS)


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@needs_pidfd
def test_death_is_told_at_once(supervisord, start):
    """A child that dies is told of without a poll, before anybody has reaped it."""
    child, other = start(), start()

    async def watch():
        deaths = Deaths()
        watch = PidWatch(deaths.add, NEVER)
        watch.keep([child.pid, other.pid], supervisord_pid=supervisord)
        child.kill()
        await deaths.wait_for(1)
        watch.close()
        return deaths.pids

    assert [child.pid] == asyncio.run(watch())
    assert procfs.read_stat(child.pid) is not None


@needs_pidfd
def test_dead_child_that_is_still_asked_for_is_told_again(supervisord, start):
    """While somebody asks for a dead process, he is reminded, with a pause between."""
    child = start()

    async def watch():
        deaths = Deaths()
        watch = PidWatch(deaths.add, 0.01)
        child.kill()
        for count in range(1, 4):
            watch.keep([child.pid], supervisord_pid=supervisord)
            await deaths.wait_for(count)
        watch.close()
        return deaths.pids

    assert [child.pid] * 3 == asyncio.run(watch())[:3]


@needs_pidfd
def test_descriptors_are_given_back(supervisord, start):
    """One descriptor a process, for as long as it is asked for, and not a second longer."""
    children = [start() for _ in range(30)]

    async def watch():
        before = open_descriptors()
        watch = PidWatch(lambda pid: None, NEVER)
        pids = [child.pid for child in children]
        watch.keep(pids, supervisord_pid=supervisord)
        watch.keep(pids, supervisord_pid=supervisord)
        all_open = open_descriptors() - before
        watch.keep(pids[:10], supervisord_pid=supervisord)
        some_open = open_descriptors() - before
        watch.close()
        watch.close()
        return all_open, some_open, open_descriptors() - before

    assert (30, 10, 0) == asyncio.run(watch())


@needs_pidfd
def test_many_deaths_are_each_told_once(supervisord, start):
    """When all die, each is told of."""
    children = [start() for _ in range(30)]

    async def watch():
        deaths = Deaths()
        before = open_descriptors()
        watch = PidWatch(deaths.add, NEVER)
        watch.keep((child.pid for child in children), supervisord_pid=supervisord)
        for child in children:
            child.kill()
        await deaths.wait_for(30)
        left_open = open_descriptors() - before
        watch.close()
        return sorted(deaths.pids), left_open

    assert (sorted(child.pid for child in children), 0) == asyncio.run(watch())


def polled(pid, supervisord_pid):
    """Return what is told of a living process, and the descriptors that are open for it."""

    async def watch():
        deaths = Deaths()
        before = open_descriptors()
        watch = PidWatch(deaths.add, 0.01)
        watch.keep([pid], supervisord_pid=supervisord_pid)
        opened = open_descriptors() - before
        await deaths.wait_for(2)
        watch.close()
        return deaths.pids[:2], opened

    return asyncio.run(watch())


def test_children_of_a_foreign_supervisord_are_polled(start):
    """Where supervisord is not our parent, its pids may mean others: only a poll is left."""
    child = start()

    assert ([child.pid] * 2, 0) == polled(child.pid, supervisord_pid=os.getpid())


def test_strangers_are_polled(supervisord):
    """A pid that is no child of supervisord's, or nobody's, is polled: it may have come again."""
    assert ([os.getpid()] * 2, 0) == polled(os.getpid(), supervisord)
    assert ([2**30] * 2, 0) == polled(2**30, supervisord)


def test_without_pidfd_everything_is_polled(supervisord, start, monkeypatch):
    """An old kernel, or a filter that forbids the call, costs a quarter of a second a death."""

    def refuse(pid):
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(pidwatch.os, "pidfd_open", refuse, raising=False)
    child = start()

    assert ([child.pid] * 2, 0) == polled(child.pid, supervisord)


def test_closed_watch_is_silent(start):
    """What is called at a death may end the watch; nobody is told of the rest."""
    children = [start(), start()]

    async def watch():
        deaths = Deaths()

        def stop(pid):
            deaths.add(pid)
            watch.close()

        watch = PidWatch(stop, 0.01)
        watch.keep((child.pid for child in children), supervisord_pid=1)
        await deaths.wait_for(1)
        await asyncio.sleep(0)
        return deaths.pids

    assert 1 == len(asyncio.run(watch()))
