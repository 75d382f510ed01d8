"""Wake-ups that come in bursts."""

from __future__ import annotations

import asyncio

from supervisor_maint.app.coalescing import Coalesced

SPACING_SECONDS = 0.01


def test_burst_is_two_wake_ups_and_the_second_is_after_all_of_it() -> None:
    """The first of many events is followed at once, the last of them never lost."""
    rung = []
    woken_after = []

    async def burst() -> None:
        coalesced = Coalesced(lambda: woken_after.append(len(rung)), SPACING_SECONDS)
        for number in range(5):
            rung.append(number)
            coalesced.ring()
        while len(woken_after) < 2:
            await asyncio.sleep(SPACING_SECONDS)

    asyncio.run(burst())

    assert [1, 5] == woken_after


def test_rings_that_are_far_apart_wake_each() -> None:
    """Where nothing follows, nothing waits."""
    woken = []

    async def twice() -> None:
        coalesced = Coalesced(lambda: woken.append("woken"), SPACING_SECONDS)
        coalesced.ring()
        await asyncio.sleep(10 * SPACING_SECONDS)
        coalesced.ring()

    asyncio.run(twice())

    assert ["woken", "woken"] == woken
