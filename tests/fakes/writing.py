"""A sink that answers as it is told, and an executor that runs when it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class FakeSink:
    """Takes every report unless an error was put in its way."""

    name = "fake"

    def __init__(self) -> None:
        self.errors: deque[BaseException | None] = deque()
        self.written: list[bytes] = []

    def write(self, exposition: bytes) -> None:
        self.written.append(exposition)
        error = self.errors.popleft() if self.errors else None
        if error is not None:
            raise error

    def close(self) -> None:
        self.written.append(b"closed")


class HandExecutor(Executor):
    """Keeps what it was given until ``run`` is called: a thread that is slow at will."""

    def __init__(self) -> None:
        self.calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.calls.append((future, lambda: function(*args, **kwargs)))
        return future

    def run(self) -> None:
        """Run the oldest call that waits, here and now."""
        future, call = self.calls.popleft()
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - as a real executor does
            future.set_exception(error)
