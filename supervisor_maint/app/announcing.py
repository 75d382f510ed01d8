"""Telling monitoring of a run: its deadline on every sink, and alerts silenced by a lease.

No run waits here: it is told when everybody knows, and goes on without. Which silence there
should be follows from the runs alone, and is looked at again and again; so a crash, an answer
that was lost, and an Alertmanager that forgot everything are mended at the next look.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from datetime import tzinfo
from typing import Callable

import attrs

from supervisor_maint import moments
from supervisor_maint.app.asking import Asker
from supervisor_maint.app.run_ports import Alertmanager, RunPorts
from supervisor_maint.app.survival import surviving
from supervisor_maint.errors import MonitoringError
from supervisor_maint.maintenance.observation import Announced, Published, Result
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.monitoring import silences
from supervisor_maint.monitoring.matchers import of_instance, parse
from supervisor_maint.monitoring.outbox import backoff_seconds
from supervisor_maint.monitoring.silences import Claim, Silence, Terms
from supervisor_maint.store.records import LastRun

logger = logging.getLogger(__name__)

# The alert that inhibits others, as conf.d/prometheus has it.
_MARKER = parse('alertname="SupervisorPlannedMaintenance", instance=~"{instance}(:.*)?"')
_LOOK_FOR_MARKER_SECONDS = 1.0


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
    _look_at: float = attrs.field(init=False, default=math.inf)
    _woken: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)
    _known: asyncio.Condition = attrs.field(init=False, factory=asyncio.Condition)

    @property
    def silence(self) -> Silence | None:
        """The silence that is held and not over, the one that lasts longest."""
        now = self.ports.clock()
        held = [each for each in self._held.values() if each is not None and each.ends_at > now]
        return max(held, key=lambda each: each.ends_at, default=None)

    def follow(self, run: Run) -> None:
        """Have the silence that a run needs as it is now."""
        if run.deadline_at is None:
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
        self._look_at = -math.inf
        self._woken.set()

    async def announce(self, run: Run) -> None:
        """Bring the run's deadline to every sink, and tell the run; then tell it who knows."""
        self.follow(run)
        await self.ports.push()
        self.tell(Published())
        if self.ports.alerting().alertmanager is None:
            return
        try:
            await asyncio.wait_for(self._until_muted(run), run.plan.lead_seconds)
        except asyncio.TimeoutError:
            return
        self.tell(Announced())

    async def keep(self) -> None:
        """Hold the silences, until cancelled. An unexpected exception is survived."""
        while True:
            self._woken.clear()
            if self.ports.clock() >= self._look_at:
                await surviving(self.asker.totals, "announcement", self._look())
            seconds = max(self._look_at - self.ports.clock(), 0.0)
            woken = asyncio.ensure_future(self._woken.wait())
            await asyncio.wait({woken}, timeout=None if math.isinf(seconds) else seconds)
            woken.cancel()

    async def _until_muted(self, run: Run) -> None:
        """Wait until the silence is there; who wants none waits for the marker alert instead."""
        if self.ports.alerting().terms is not None:
            async with self._known:
                await self._known.wait_for(lambda: self._held.get(run.id) is not None)
            return
        while not await self._is_marked():
            await asyncio.sleep(_LOOK_FOR_MARKER_SECONDS)

    async def _is_marked(self) -> bool:
        """Tell whether the alert that inhibits others is at Alertmanager."""
        alerting = self.ports.alerting()
        if alerting.alertmanager is None:
            return False
        marker = of_instance(_MARKER, alerting.instance)
        alerts = alerting.alertmanager.alerts
        try:
            return bool(await self.asker.ask("alertmanager", alerts, marker, muted=True))
        except MonitoringError as error:
            self._note_trouble(error)
            return False

    async def _look(self) -> None:
        """Bring Alertmanager to what the runs need, and decide when to look again."""
        alerting, now = self.ports.alerting(), self.ports.clock()
        terms, alertmanager = alerting.terms, alerting.alertmanager
        self._look_at = math.inf
        if terms is None or alertmanager is None:
            return
        try:
            for claim in tuple(self._claims.values()):
                await self._settle(alertmanager, terms, claim)
        except MonitoringError as error:
            self._note_trouble(error)
            outage = now - (now if self._bad_since is None else self._bad_since)
            self._look_at = now + backoff_seconds(max(outage, 0.0), self.jitter())
        else:
            self._recover()
            if self._claims and math.isinf(self._look_at):
                self._look_at = now + terms.renew_seconds

    async def _settle(self, alertmanager: Alertmanager, terms: Terms, claim: Claim) -> None:
        """Ask for one run's silence, and change what is to be changed. Raises MonitoringError."""
        if not self._has_lapsed(terms, claim):
            name = silences.created_by(terms, claim)
            found = await self.asker.ask("alertmanager", alertmanager.silences, name)
            changes = silences.changes(terms, claim, found, self.ports.clock())
            done = [await self._do(alertmanager, change) for change in changes]
            await self._hold(claim, silences.held(terms, claim, silences.after(done, found)))
        if claim.ended_at is not None and self._claims.get(claim.run_id) == claim:
            del self._claims[claim.run_id]

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
            await self.asker.ask("alertmanager", alertmanager.expire, change.silence.id)
            return change
        silence_id = await self.asker.ask("alertmanager", alertmanager.save, change.silence)
        return silences.Save(attrs.evolve(change.silence, id=silence_id))

    async def _hold(self, claim: Claim, held: tuple[Silence, ...]) -> None:
        """Remember the silence of a run, and say so when it is another or ends at another time."""
        before, now = self._held.get(claim.run_id), held[0] if held else None
        self._held = {run: each for run, each in self._held.items() if run in self._claims}
        self._held[claim.run_id] = now
        if now is not None and (before is None or before.ends_at != now.ends_at):
            until = moments.show(now.ends_at, self.zone())
            self._say(claim.run_id, f"alerts are silenced until {until}: silence {now.id}")
        elif now is None and before is not None:
            self._say(claim.run_id, "alerts are silenced no more")
        async with self._known:
            self._known.notify_all()

    def _say(self, run_id: str, text: str) -> None:
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
                self._say(run_id, f"alerts may not be silenced: {error.msg}")

    def _recover(self) -> None:
        if self.trouble is not None:
            logger.info("alertmanager answers again")
            self.trouble = self._bad_since = None
            self.changed()
