"""Surviving what nobody expected: the traceback is logged, its place counted, and we go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from supervisor_maint.app.totals import Totals

T = TypeVar("T")

logger = logging.getLogger(__name__)


def survive(totals: Totals, where: str, error: BaseException) -> None:
    """Log an unexpected exception with its traceback, and count it."""
    totals.errors[where] += 1
    logger.error("unexpected error in %s, going on", where, exc_info=error)


async def surviving(totals: Totals, where: str, work: Awaitable[T]) -> T | None:
    """Await the work and return what it returns; None when it raised, which is then survived.

    When the caller is cancelled, the work is too, and has ended when this raises.
    """
    outcome: T | BaseException
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(outcome, BaseException):
        survive(totals, where, outcome)
        return None
    return outcome
