"""A walk shared by two processes, each of which hands folders to the other when that one waits.

The second is forked when a walk turns out to be large, and is a copy of the first: what passes
between them are open folders (SCM_RIGHTS, unix(7)), so that nobody looks up a path again. Each
says ``_IDLE`` when it has nothing to do, and is given work only then; when both have said so,
the walk is done. At the end the second tells what it counted.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, NoReturn

from supervisor_maint.permissions.facts import Surroundings
from supervisor_maint.permissions.inspecting import Inspector
from supervisor_maint.permissions.report import Tally
from supervisor_maint.permissions.walking import OVERDUE, Overdue, Place, Walk

# A walk that goes into or out of folders less often is over before a second process has begun.
_TURNS_ALONE = 100
_IDLE = b"idle"
# The longest path that is walked fits in, though escaped a character may become twelve.
_MESSAGE_BYTES = 64 * 1024
_LOST = "the process that shared the walk ended early; some folders were not looked at"


class _Gone(Exception):
    """The other process has ended."""


class _Line:
    """One end of the line between the two processes."""

    def __init__(self, end: socket.socket, inspectors: Sequence[Inspector]) -> None:
        self._end = end
        self._inspectors = inspectors
        self._numbers = {inspector: number for number, inspector in enumerate(inspectors)}
        self._is_other_idle = False

    def is_waiting(self) -> bool:
        """Tell whether the other has nothing to do. Raises _Gone.

        While we have, nothing else than that can come.
        """
        if not self._is_other_idle:
            try:
                self._is_other_idle = bool(self._end.recv(len(_IDLE), socket.MSG_DONTWAIT))
            except BlockingIOError:
                return False
            except ConnectionError:
                raise _Gone from None
            if not self._is_other_idle:
                raise _Gone
        return self._is_other_idle

    def take(self, place: Place) -> bool:
        """Hand over a place."""
        around = place.surroundings
        message = json.dumps(
            [
                self._numbers[place.inspector],
                place.path,
                around.is_private,
                around.is_roots,
                place.device,
            ]
        )
        try:
            socket.send_fds(self._end, [message.encode("ascii")], [place.descriptor])
        except OSError:  # the other is gone: whoever waits for it will notice
            return False
        self._is_other_idle = False
        place.close()
        return True

    def finish(self, walk: Walk) -> None:
        """Do what the other hands back, until both have nothing to do. Raises _Gone, Overdue."""
        while True:
            self._say_idle()
            place = None if self._is_other_idle else self._receive()
            if place is None:
                return
            walk.run(place)

    def _say_idle(self) -> None:
        try:
            self._end.send(_IDLE)
        except OSError:
            raise _Gone from None

    def _receive(self) -> Place | None:
        """Return the place that comes, None when the other says that it is idle."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._end, _MESSAGE_BYTES, 1)
        except ConnectionError:
            raise _Gone from None
        if not message:
            raise _Gone
        if message == _IDLE:
            return None
        number, path, is_private, is_roots, device = json.loads(message)
        around = Surroundings(is_private, is_roots)
        return Place(self._inspectors[number], descriptors[0], path, around, device)

    def close(self) -> None:
        """Hang up."""
        self._end.close()


class Partnership:
    """The first process's side: a context that forks when it is worth it, and ends what it began.

    Only for a process without other threads (fork(2)).
    """

    def __init__(self, inspectors: Sequence[Inspector], is_overdue: Callable[[], bool]) -> None:
        self._inspectors = inspectors
        self._is_overdue = is_overdue
        self._turns = 0
        self._line: _Line | None = None
        self._told = -1
        self._pid = 0

    def is_waiting(self) -> bool:
        """Tell whether the second process waits; begin it once the walk is large."""
        self._turns += 1
        if self._turns == _TURNS_ALONE:
            self._begin()
        try:
            return self._line is not None and self._line.is_waiting()
        except _Gone:
            return False

    def take(self, place: Place) -> bool:
        """Hand over a place to the second process."""
        return self._line is not None and self._line.take(place)

    def finish(self, walk: Walk) -> None:
        """Work on until both have nothing to do, and add what the second process counted."""
        if self._line is None:
            return
        _share(self._line, walk)
        self._line.close()
        with open(self._told, "rb") as story:  # noqa: PTH123 - a descriptor, not a path
            text = story.read()
        self._told = -1
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        self._add(json.loads(text) if status == 0 else None)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._told, told = os.pipe()
        # What is loaded by now stays: no collection looks at it, nor so makes a copy of its pages
        # in the second process. (https://docs.python.org/3/library/gc.html#gc.freeze)
        gc.freeze()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            os.close(self._told)
            line = _Line(theirs, self._inspectors)
            _be_second(line, self._inspectors, self._is_overdue, told)
        theirs.close()
        os.close(told)
        self._line = _Line(ours, self._inspectors)

    def _add(self, story: Sequence[Mapping[str, Any]] | None) -> None:
        tallies = _tallies(self._inspectors)
        if story is None:
            for tally in tallies:
                tally.problem = tally.problem or _LOST
            return
        for tally, counted in zip(tallies, story):
            tally.add_all(counted)

    def __enter__(self) -> Partnership:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        if self._told >= 0:
            os.close(self._told)
        if self._line is not None:
            self._line.close()


def _tallies(inspectors: Sequence[Inspector]) -> Sequence[Tally]:
    """Return the tallies, each once: the files of a rule for logs share one."""
    return list({inspector.tally.rule: inspector.tally for inspector in inspectors}.values())


def _share(line: _Line, walk: Walk) -> None:
    """Work on until both have nothing to do, or the deadline or the other's end stops us."""
    try:
        line.finish(walk)
    except (Overdue, _Gone):
        for inspector in walk.inspectors:
            inspector.tally.problem = inspector.tally.problem or OVERDUE


def _be_second(
    line: _Line, inspectors: Sequence[Inspector], is_overdue: Callable[[], bool], told: int
) -> NoReturn:
    """Be the second process, from here to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first hears it too, and ends us
    status = 1
    try:
        _work_and_tell(line, inspectors, is_overdue, told)
        status = 0
    finally:
        if status:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def _work_and_tell(
    line: _Line, inspectors: Sequence[Inspector], is_overdue: Callable[[], bool], told: int
) -> None:
    """Count from nothing on, for the first process adds it to what it has counted."""
    fresh: dict[str, Tally] = {}
    for inspector in inspectors:
        rule = inspector.tally.rule
        inspector.tally = fresh.setdefault(rule, Tally(rule))
    _share(line, Walk(is_overdue, line))
    story = json.dumps([tally.as_document() for tally in _tallies(inspectors)])
    with contextlib.suppress(BrokenPipeError), open(told, "wb") as pipe:
        pipe.write(story.encode("ascii"))
