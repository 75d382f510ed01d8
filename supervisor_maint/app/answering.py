"""Requests from people: taken, dropped when late, carried out beside the turns, and answered.

Only the listener acts. A request is confirmed by its id in the published status, where the
client waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any, Callable

import attrs

from supervisor_maint.app.observing import Observer
from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.survival import surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.app.upkeep import Upkeep
from supervisor_maint.errors import SettingsError, StoreError
from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.requests import Answer, Rejected, Request, Verb, decode

logger = logging.getLogger(__name__)

# A client waits 5 s for its answer, and a request can come a second time, as a file and as an
# event, until it expires after 30 s.
ANSWERED_FOR_SECONDS = 60.0
# So many are kept however old they are, for a clock that was set; and never more than these, which
# are some 150 KB of the published status.
ANSWERS_KEPT = 64
ANSWERS_AT_MOST = 1000
# It is to have its answer even when supervisord hangs.
LOOK_WITHIN_SECONDS = 4.0


@attrs.define(kw_only=True)
class Clerk:
    """Takes requests from the mailbox and from events, and carries them out.

    ``reload`` re-reads and applies the settings, or raises SettingsError with the old ones in
    place. ``woken`` is set when something was answered.
    """

    ports: Ports
    watch: Watch
    observer: Observer
    pace: Pace
    totals: Totals
    woken: asyncio.Event
    maintenance: Upkeep
    reload: Callable[[], Awaitable[None]]
    settings_changed: Callable[[], bool]
    config_reload_successful: bool = True
    look_at_settings: bool = False
    reload_wanted: bool = False
    look_in_mailbox: bool = True
    answers: OrderedDict[str, Answer] = attrs.field(factory=OrderedDict)
    _handed_in: list[Request | Rejected] = attrs.field(init=False, factory=list)
    _under_way: dict[str, asyncio.Future[None]] = attrs.field(init=False, factory=dict)
    _following: asyncio.Future[None] | None = attrs.field(init=False, default=None)
    _reloading: asyncio.Lock = attrs.field(init=False, factory=asyncio.Lock)
    _has_news: bool = attrs.field(init=False, default=False)

    def hand_in(self, text: str) -> None:
        """Take a request that came as an event; it is carried out from the next turn on."""
        self._handed_in.append(decode(text))

    async def work(self) -> None:
        """Begin to carry out every request that waits, and to re-read changed settings."""
        await self._follow_settings()
        requests, self._handed_in = self._handed_in, []
        if self.look_in_mailbox:
            self.look_in_mailbox = False
            requests.extend(await self._collect())
        for request in requests:
            if isinstance(request, Rejected):
                logger.warning("drop a request: %s", request.reason)
            elif self._is_to_be_done(request):
                self._under_way[request.id] = asyncio.ensure_future(self._serve(request))

    def take_news(self) -> bool:
        """Tell whether something was answered since the last call, which is to be published."""
        news, self._has_news = self._has_news, False
        return news

    async def _follow_settings(self) -> None:
        """Re-read the settings when SIGHUP asked for it, or a file of theirs has changed."""
        if self._following is not None:
            return  # its end makes a turn
        look, self.look_at_settings = self.look_at_settings, False
        wanted, self.reload_wanted = self.reload_wanted, False
        if wanted or (look and await self.ports.store(self.settings_changed)):
            self._following = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        await surviving(self.totals, "reload", self._reload())
        self._following = None
        self.woken.set()

    async def _collect(self) -> list[Request | Rejected]:
        try:
            return list(await self.ports.store(self.ports.mailbox.collect))
        except StoreError as error:
            logger.error("cannot take requests: %s", error.msg)
            return []

    def _is_to_be_done(self, request: Request) -> bool:
        if request.id in self.answers or request.id in self._under_way:
            return False  # it came twice: as a file and as an event, or from a crash
        if request.expired(self.ports.clock()):
            logger.warning("drop request %s to %s: it is too late", request.id, request.verb.value)
            return False
        logger.info("%s, asked by %s", request.verb.value, request.asked_by)
        return True

    async def _serve(self, request: Request) -> None:
        answer = await surviving(self.totals, "request", self._carry_out(request))
        self.answers[request.id] = answer or self._refusal(
            "the listener failed unexpectedly: its log has the traceback"
        )
        self._drop_answers(self.ports.clock())
        del self._under_way[request.id]
        self._has_news = True
        self.woken.set()

    def _drop_answers(self, now: float) -> None:
        """Drop the answers that nobody waits for any more, and the oldest of far too many."""
        while len(self.answers) > ANSWERS_KEPT:
            oldest = next(iter(self.answers.values()))
            is_new = 0 <= now - oldest.at < ANSWERED_FOR_SECONDS
            if is_new and len(self.answers) <= ANSWERS_AT_MOST:
                return
            self.answers.popitem(last=False)

    async def _carry_out(self, request: Request) -> Answer:
        if request.verb is Verb.RELOAD:
            return await self._reload()
        if request.verb is Verb.ACCEPT:
            return await self._accept(request.args.get("names", []))
        return await self.maintenance.serve(request)

    def _refusal(self, sentence: str) -> Answer:
        return Answer(done=False, sentence=sentence, at=self.ports.clock())

    async def _reload(self) -> Answer:
        """Read the settings again; bad ones are refused whole and the old ones kept."""
        async with self._reloading:
            try:
                await self.reload()
            except SettingsError as error:
                self.config_reload_successful = False
                for problem in error.problems:
                    logger.error("settings refused, the old ones hold: %s", problem)
                return self._refusal(f"settings refused, the old ones hold:\n{error.msg}")
            finally:
                self.pace.report_now()  # a sink that is new has had no report
        self.config_reload_successful = True
        logger.info("settings loaded")
        return Answer(done=True, sentence="the settings hold now", at=self.ports.clock())

    async def _accept(self, names: Any) -> Answer:
        try:
            namespecs = _namespecs(names)
        except ValueError as error:
            return self._refusal(f"nothing was accepted: {error}")
        snapshot = await self.observer.look_again(LOOK_WITHIN_SECONDS)
        if snapshot is None:
            return self._refusal("nothing was accepted: supervisord does not answer")
        if snapshot.supervisord.state != "RUNNING":
            return self._refusal(
                f"nothing was accepted: supervisord is {snapshot.supervisord.state}"
            )
        known = {*snapshot.processes, *self.watch.baseline.wanted}
        unknown = [str(namespec) for namespec in namespecs or () if namespec not in known]
        if unknown:
            return self._refusal(f"nothing was accepted: there is no process {', '.join(unknown)}")
        moved = self.watch.accept(namespecs, snapshot, self.ports.clock())
        self.pace.report_now()
        return Answer(done=True, sentence=_accepted(moved, snapshot), at=self.ports.clock())


def _namespecs(names: Any) -> list[Namespec] | None:
    """Return the processes that are named, None for all of them. Raises ValueError."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"expected a list of names, found {names!r}")
    return [Namespec.parse(name) for name in names] or None


def _accepted(moved: tuple[Namespec, ...], snapshot: Snapshot) -> str:
    if not moved:
        return "nothing to accept: everything is as it is wanted"
    shown = snapshot.processes
    states = (shown[each].state.name if each in shown else "absent" for each in moved)
    return "accepted as wanted: " + ", ".join(
        f"{namespec} {state}" for namespec, state in zip(moved, states)
    )
