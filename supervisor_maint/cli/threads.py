"""Threads for what blocks, so that the listener's loop never does."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

from supervisor_maint.app.ports import Blocking

T = TypeVar("T")


def in_threads(name: str, count: int = 1) -> Blocking:
    """Return a way to call what blocks, so many calls at once, in threads of this name."""
    executor = ThreadPoolExecutor(count, name)

    def call(function: Callable[..., T], *args: Any, **kwargs: Any) -> Awaitable[T]:
        work = functools.partial(function, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(executor, work)

    return call
