"""Requests from people: taken, dropped when late, carried out, and answered.

Only the listener acts. A request is confirmed by its id in the published status, where the
client waits for it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Callable

import attrs

from supervisor_maint.app.observing import Observer
from supervisor_maint.app.ports import Ports
from supervisor_maint.errors import MaintError, SettingsError
from supervisor_maint.processes import Namespec
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.publication import Answer
from supervisor_maint.store.requests import Rejected, Request, Verb, decode

logger = logging.getLogger(__name__)

# A client waits 5 s for its answer; this many later ones cannot push it out before that.
ANSWERS_KEPT = 64


@attrs.define(kw_only=True)
class Clerk:
    """Takes requests from the mailbox and from events, and carries them out."""

    ports: Ports
    watch: Watch
    observer: Observer
    reload: Callable[[], None]
    settings_changed: Callable[[], bool]
    config_reload_successful: bool = True
    look_at_settings: bool = False
    reload_wanted: bool = False
    look_in_mailbox: bool = True
    answers: OrderedDict[str, Answer] = attrs.field(factory=OrderedDict)
    _handed_in: list[Request | Rejected] = attrs.field(init=False, factory=list)

    def hand_in(self, text: str) -> None:
        """Take a request that came as an event; it is carried out at the next turn."""
        self._handed_in.append(decode(text))

    async def work(self) -> bool:
        """Carry out every request that waits, and re-read changed settings.

        Returns whether anything was answered, so that it can be published at once.
        """
        await self._follow_settings()
        requests, self._handed_in = self._handed_in, []
        if self.look_in_mailbox:
            self.look_in_mailbox = False
            requests.extend(await self.ports.store(self.ports.mailbox.collect))
        for request in requests:
            await self._take(request)
        return bool(requests)

    async def _follow_settings(self) -> None:
        """Re-read the settings when SIGHUP asked for it, or a file of theirs has changed."""
        look, self.look_at_settings = self.look_at_settings, False
        wanted, self.reload_wanted = self.reload_wanted, False
        if wanted or (look and await self.ports.store(self.settings_changed)):
            self.reload_settings()

    def reload_settings(self) -> Answer:
        """Read the settings again; bad ones are refused whole and the old ones kept."""
        now = self.ports.clock()
        try:
            self.reload()
        except SettingsError as error:
            self.config_reload_successful = False
            for problem in error.problems:
                logger.error("settings refused, the old ones hold: %s", problem)
            return Answer(done=False, sentence=f"refused, the old ones hold:\n{error.msg}", at=now)
        self.config_reload_successful = True
        logger.info("settings loaded")
        return Answer(done=True, sentence="the settings hold now", at=now)

    async def _take(self, request: Request | Rejected) -> None:
        now = self.ports.clock()
        if isinstance(request, Rejected):
            logger.warning("drop a request: %s", request.reason)
            return
        if request.id in self.answers:
            return
        if request.expired(now):
            logger.warning("drop request %s to %s: it is too late", request.id, request.verb.value)
            return
        logger.info("%s, asked by %s", request.verb.value, request.asked_by)
        try:
            answer = await self._carry_out(request)
        except MaintError as error:
            answer = Answer(done=False, sentence=error.msg, at=now)
        self.answers[request.id] = answer
        while len(self.answers) > ANSWERS_KEPT:
            self.answers.popitem(last=False)

    async def _carry_out(self, request: Request) -> Answer:
        if request.verb is Verb.RELOAD:
            return self.reload_settings()
        if request.verb is Verb.ACCEPT:
            return await self._accept(request.args.get("names") or ())
        return Answer(
            done=False,
            sentence=f"this listener has no plan to {request.verb.value}",
            at=self.ports.clock(),
        )

    async def _accept(self, names: Sequence[Any]) -> Answer:
        now = self.ports.clock()
        await self.observer.look()
        if self.observer.snapshot is None or not self.observer.up:
            return Answer(
                done=False, sentence="supervisord does not answer, so nothing was accepted", at=now
            )
        namespecs = [Namespec.parse(str(name)) for name in names] or None
        moved = self.watch.accept(namespecs, self.observer.snapshot, now)
        listed = ", ".join(str(namespec) for namespec in moved) or "nothing differed"
        return Answer(done=True, sentence=f"accepted as wanted: {listed}", at=now)
