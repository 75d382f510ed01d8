"""Telling monitoring of a run: its deadline on every sink, and alerts silenced by a lease.

No run waits here: it is told when everybody knows, and goes on without. Which silence there
should be follows from the runs alone, and is looked at again and again; so a crash, an answer
that was lost, and an Alertmanager that forgot everything are mended at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any, Callable, TypeVar

import attrs

from supervisor_maint import moments
from supervisor_maint.app.asking import Asker
from supervisor_maint.app.run_ports import Alerting, Alertmanager, RunPorts
from supervisor_maint.app.survival import surviving
from supervisor_maint.errors import MonitoringError
from supervisor_maint.maintenance.clock import passed
from supervisor_maint.maintenance.observation import Announced, Published, Result
from supervisor_maint.maintenance.run import PUBLISH_SECONDS, Phase, Run
from supervisor_maint.monitoring import silences
from supervisor_maint.monitoring.matchers import of_instance, parse
from supervisor_maint.monitoring.outbox import backoff_seconds
from supervisor_maint.monitoring.silences import Claim, Silence, Terms
from supervisor_maint.store.records import LastRun

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The alert that inhibits others, as conf.d/prometheus has it.
_MARKER = parse('alertname="SupervisorPlannedMaintenance", instance=~"{instance}(:.*)?"')
_LOOK_FOR_MARKER_SECONDS = 1.0
# By this the lines that are told here are known in a story.
_BEGINNING = "alerts "


@attrs.define(kw_only=True)
class Announcer:
    """Announces runs, and holds their silences.

    ``tell`` takes the results for the run, ``record`` a line for the story of the run named, and
    ``changed`` is called when there is news for clients. ``zone`` is the one that people are
    shown times in. ``trouble`` is why Alertmanager could not be told, None when it could.
    """

    ports: RunPorts
    asker: Asker
    tell: Callable[[Result], None]
    record: Callable[[str, str], None]
    changed: Callable[[], None]
    zone: Callable[[], tzinfo]
    jitter: Callable[[], float] = random.random
    trouble: str | None = None
    _bad_since: float | None = attrs.field(init=False, default=None)
    _claims: dict[str, Claim] = attrs.field(init=False, factory=dict)
    # by run; one that is not in here was not asked about yet in this life of the listener
    _held: dict[str, Silence | None] = attrs.field(init=False, factory=dict)
    # by run, as it was when all of its silences were last brought to what they should be
    _settled: dict[str, Claim] = attrs.field(init=False, factory=dict)
    # what an earlier listener told last of a run, until this one tells something of it
    _told: dict[str, str] = attrs.field(init=False, factory=dict)
    # the runs that wait until everybody knows
    _awaiting: dict[str, asyncio.Event] = attrs.field(init=False, factory=dict)
    _looked_at: float = attrs.field(init=False, default=0.0)
    _pause_seconds: float = attrs.field(init=False, default=math.inf)
    _woken: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)

    @property
    def silence(self) -> Silence | None:
        """The silence that is held and not over, the one that lasts longest."""
        now = self.ports.clock()
        held = [each for each in self._held.values() if each is not None and each.ends_at > now]
        return max(held, key=lambda each: each.ends_at, default=None)

    def follow(self, run: Run) -> None:
        """Have the silence that a run needs as it is now."""
        if run.deadline_at is None or self.ports.alerting().terms is None:
            return
        began_at = run.created_at if run.preparing_since_at is None else run.preparing_since_at
        claim = Claim(
            run_id=run.id,
            plan=run.plan.name,
            since_at=began_at,
            deadline_at=run.deadline_at,
            ended_at=run.ended_at,
            went_well=run.phase is Phase.SUCCEEDED,
        )
        if self._claims.get(run.id) != claim:
            self._claims[run.id] = claim
            self.wake()

    def remember(self, run_id: str, lines: Iterable[str]) -> None:
        """Know what an earlier listener has told of a run, and do not tell the same once more."""
        for line in lines:
            if line.startswith(_BEGINNING):
                self._told[run_id] = line

    def recall(self, last: LastRun) -> None:
        """Have the silence ended of a run whose listener may have died before it could do so."""
        terms = self.ports.alerting().terms
        if last.run_id is None or last.started_at is None or terms is None:
            return
        if self.ports.clock() < last.ended_at + terms.cap_seconds:
            self._claims[last.run_id] = Claim(
                run_id=last.run_id,
                plan=last.plan,
                since_at=last.started_at,
                deadline_at=last.ended_at,
                ended_at=last.ended_at,
                went_well=last.outcome == Phase.SUCCEEDED.value,
            )

    def wake(self) -> None:
        """Look at the silences now: a run, or the settings, changed."""
        self._pause_seconds = 0.0
        self._woken.set()

    def follow_clock(self) -> None:
        """Look if it is time: the clock may have been set."""
        self._woken.set()

    async def announce(self, run: Run) -> None:
        """Bring the deadline of a run that is followed to every sink, and tell the run.

        Then tell it when Alertmanager knows, if that is within the plan's lead.
        """
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.ports.push(), PUBLISH_SECONDS)
        self.tell(Published())
        if self.ports.alerting().alertmanager is None:
            return
        known = self._awaiting[run.id] = asyncio.Event()
        self.wake()
        try:
            await asyncio.wait_for(known.wait(), run.plan.lead_seconds)
        except asyncio.TimeoutError:
            return
        finally:
            del self._awaiting[run.id]
        self.tell(Announced())

    async def keep(self) -> None:
        """Hold the silences, until cancelled. An unexpected exception is survived."""
        while True:
            self._woken.clear()
            if passed(self._looked_at, self.ports.clock(), self._pause_seconds):
                await surviving(self.asker.totals, "announcement", self._look())
            due_in = self._looked_at + self._pause_seconds - self.ports.clock()
            woken = asyncio.ensure_future(self._woken.wait())
            await asyncio.wait({woken}, timeout=None if math.isinf(due_in) else max(due_in, 0.0))
            woken.cancel()

    async def _look(self) -> None:
        """Bring Alertmanager to what the runs need, and decide when to look again."""
        self._looked_at, self._pause_seconds = self.ports.clock(), math.inf
        try:
            seconds = await self._bring_about(self.ports.alerting())
        except MonitoringError as error:
            self._note_trouble(error)
            outage = self._looked_at - (self._bad_since or self._looked_at)
            seconds = backoff_seconds(max(outage, 0.0), self.jitter())
        self._pause_seconds = min(self._pause_seconds, seconds)

    async def _bring_about(self, alerting: Alerting) -> float:
        """Ask and change what is to be; return after how long to look again.

        Raises MonitoringError.
        """
        alertmanager, terms = alerting.alertmanager, alerting.terms
        if alertmanager is None:
            return math.inf
        if terms is None:
            return await self._look_for_marker(alertmanager, alerting.instance)
        for claim in tuple(self._claims.values()):
            await self._settle(alertmanager, terms, claim)
        return terms.renew_seconds if self._claims else math.inf

    async def _look_for_marker(self, alertmanager: Alertmanager, instance: str) -> float:
        """Look for the alert that inhibits others, while a run waits for it."""
        if not self._awaiting:
            return math.inf
        marker = of_instance(_MARKER, instance)
        if await self._ask(alertmanager.alerts, marker, muted=True):
            self._note_muted(*self._awaiting)
        return _LOOK_FOR_MARKER_SECONDS

    def _note_muted(self, *run_ids: str) -> None:
        """Let the runs go on that waited for it."""
        for run_id in run_ids:
            if run_id in self._awaiting:
                self._awaiting[run_id].set()

    async def _settle(self, alertmanager: Alertmanager, terms: Terms, claim: Claim) -> None:
        """Ask for one run's silence, and change what is to be changed. Raises MonitoringError."""
        if not self._has_lapsed(terms, claim):
            found = await self._find(alertmanager, terms, claim)
            changes = silences.changes(terms, claim, found, self.ports.clock())
            done = [await self._do(alertmanager, change) for change in changes]
            held = silences.held(terms, claim, silences.after(done, found))
            self._hold(claim, held[0] if held else None)
            self._settled[claim.run_id] = claim
            if held:
                self._note_muted(claim.run_id)
        if claim.ended_at is not None and self._claims.get(claim.run_id) == claim:
            del self._claims[claim.run_id]

    async def _find(
        self, alertmanager: Alertmanager, terms: Terms, claim: Claim
    ) -> Sequence[Silence]:
        """Return what there is of a run's silence. Raises MonitoringError.

        The one that is held is looked at alone. All of the run are looked for when none is known,
        when it is lost or ended, and when the run has moved: there may be one more.
        """
        held = self._held.get(claim.run_id)
        if held is not None and self._settled.get(claim.run_id) == claim:
            kept = await self._ask(alertmanager.silence, held.id)
            if kept is not None and not kept.is_expired:
                return (kept,)
        return await self._ask(alertmanager.silences, silences.created_by(terms, claim))

    def _has_lapsed(self, terms: Terms, claim: Claim) -> bool:
        """Tell whether a run's silence is known to have ended by itself."""
        if claim.run_id not in self._held:
            return False
        now, held = self.ports.clock(), self._held[claim.run_id]
        is_late = now >= silences.latest_end(terms, claim)
        return is_late and (held is None or held.ends_at <= now)

    async def _do(self, alertmanager: Alertmanager, change: silences.Change) -> silences.Change:
        """Make one change, and return it with the id that the silence has now."""
        if isinstance(change, silences.Expire):
            await self._ask(alertmanager.expire, change.silence.id)
            return change
        silence_id = await self._ask(alertmanager.save, change.silence)
        return silences.Save(attrs.evolve(change.silence, id=silence_id))

    async def _ask(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        answer = await self.asker.ask("alertmanager", call, *args, **kwargs)
        if self.trouble is not None:
            logger.info("alertmanager answers again")
            self.trouble = self._bad_since = None
            self.changed()
        return answer

    def _hold(self, claim: Claim, now: Silence | None) -> None:
        """Remember the silence of a run, and say so when it is another or ends at another time."""
        before = self._held.get(claim.run_id)
        self._held = {run: each for run, each in self._held.items() if run in self._claims}
        self._settled = {run: self._settled[run] for run in self._held if run in self._settled}
        self._held[claim.run_id] = now
        if now is not None and silences.is_news(before, now):
            until = moments.show(now.ends_at, self.zone())
            self._say(claim.run_id, f"{_BEGINNING}are silenced until {until}: silence {now.id}")
        elif now is None and before is not None:
            self._say(claim.run_id, f"{_BEGINNING}are silenced no more")

    def _say(self, run_id: str, text: str) -> None:
        if self._told.pop(run_id, None) != text:
            self.record(run_id, text)
        self.changed()

    def _note_trouble(self, error: MonitoringError) -> None:
        """Say once what is wrong, and again when it is something else."""
        if self._bad_since is None:
            self._bad_since = self.ports.clock()
        if error.msg != self.trouble:
            logger.warning("alerts may not be silenced: %s", error.msg)
            self.trouble = error.msg
            for run_id in self._claims:
                self._say(run_id, f"{_BEGINNING}may not be silenced: {error.msg}")
