"""Finding out what keeps a run from starting, as things are now. What cannot be asked blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import tzinfo

import attrs

from supervisor_maint.app.asking import Asker
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.stepping import StepRunner
from supervisor_maint.app.survival import surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import MaintError, MonitoringError, SupervisorError
from supervisor_maint.maintenance import blockers
from supervisor_maint.maintenance.blockers import CheckAnswer
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import Run
from supervisor_maint.monitoring import gates, promql
from supervisor_maint.monitoring.matchers import of_instance, parse

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Scout:
    """Asks the journal, supervisord, who knows the listener pools, monitoring and check steps.

    ``zone`` returns the one in which people are told times.
    """

    ports: RunPorts
    journal: JournalKeeper
    steps: StepRunner
    asker: Asker
    totals: Totals
    zone: Callable[[], tzinfo]
    _pools_trouble: str = attrs.field(init=False, default="")

    async def blockers(self, run: Run) -> tuple[str, ...]:
        """Return a sentence for each reason not to start; what raises unexpectedly is one."""
        found = await surviving(self.totals, "action", self._find(run))
        return ("asking failed unexpectedly: the log says why",) if found is None else found

    async def _find(self, run: Run) -> tuple[str, ...]:
        """Look at everything; monitoring and check steps are asked only when all else is well."""
        await self.journal.check()
        pools_problem = await self._pools_problem()
        found = blockers.Circumstances(
            holds=None if self.journal.reading_trouble else self.journal.state.holds,
            journal_problem=self.journal.problem,
            supervisord_state=await self._supervisord_state(),
            # which groups matter, ``select`` says, once the processes are chosen
            unknown_groups=None if pools_problem else (),
            pools_problem=pools_problem,
            zone=self.zone(),
        )
        now = self.ports.clock()
        reasons = blockers.find(blockers.without_questions(run.plan), found, now)
        if reasons:
            return reasons
        found = attrs.evolve(
            found, alerts=await self._alerts(run.plan), query=await self._query(run.plan)
        )
        reasons = blockers.find(attrs.evolve(run.plan, checks=()), found, now)
        if reasons or not run.plan.checks:
            return reasons
        checks = {step.name: await self.steps.check(run, step) for step in run.plan.checks}
        return blockers.find(run.plan, attrs.evolve(found, checks=checks), self.ports.clock())

    async def _alerts(self, plan: Plan) -> CheckAnswer | None:
        alerting = self.ports.alerting()
        if not plan.block_on_alerts:
            return None
        if alerting.alertmanager is None:
            return CheckAnswer(False, "nobody can be asked: [alertmanager] is gone")
        try:
            matchers = of_instance(parse(plan.block_on_alerts), alerting.instance)
            alerts = await self.asker.ask("alertmanager", alerting.alertmanager.alerts, matchers)
        except (MonitoringError, ValueError) as error:
            return CheckAnswer(False, f"nobody can tell: {error}")
        return _answer(gates.firing(alerts, instance=alerting.instance, plan=plan.name))

    async def _query(self, plan: Plan) -> CheckAnswer | None:
        alerting = self.ports.alerting()
        if not plan.block_on_query:
            return None
        if alerting.prometheus is None:
            return CheckAnswer(False, "nobody can be asked: [prometheus] is gone")
        query = promql.of_instance(plan.block_on_query, alerting.instance)
        try:
            samples = await self.asker.ask("prometheus", alerting.prometheus.query, query)
        except MonitoringError as error:
            return CheckAnswer(False, f"nobody can tell: {error}")
        return _answer(gates.answered(samples))

    async def _supervisord_state(self) -> str | None:
        try:
            return (await self.ports.act(self.ports.supervisor().identify)).state
        except SupervisorError:
            return None

    async def _pools_problem(self) -> str:
        """Return why nobody knows the pools, nothing when somebody does."""
        try:
            await self.ports.probing(self.ports.pools)
        except MaintError as error:
            if error.msg != self._pools_trouble:
                logger.warning("nobody knows which groups are listener pools: %s", error.msg)
            self._pools_trouble = error.msg
        else:
            self._pools_trouble = ""
        return self._pools_trouble


def _answer(reason: str) -> CheckAnswer:
    return CheckAnswer(not reason, reason)
