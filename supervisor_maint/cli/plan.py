"""``supervisor-maint plan``: what a planned restart would do, in which batches, how long."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, load_settings
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisor_maint.maintenance.forecast import Forecast
    from supervisor_maint.maintenance.plan import Plan
    from supervisor_maint.settings import Settings
    from supervisor_maint.store.records import LastRun


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "plan",
        run,
        help="show what a planned restart would do: batches, times, and what is left alone and why",
        example="supervisor-maint plan nightly",
    )
    add_config(parser)
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="which plan (default: every plan)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Ask supervisord, choose as a run would, and print; nothing is changed."""
    show(load_settings(args), args.plan, as_json=args.json)
    return 0


def show(settings: Settings, name: str | None, *, as_json: bool = False) -> None:
    """Print what a plan, or every plan, would do."""
    from supervisor_maint.cli.looking import last_runs

    forecasts = [_forecast(plan, settings) for plan in _plans(settings, name)]
    if as_json:
        print(json.dumps([_document(foreseen) for foreseen in forecasts], indent=2))
        return
    last = last_runs(settings)
    for foreseen in forecasts:
        _show(foreseen, last.get(foreseen.plan.name))


def _plans(settings: Settings, name: str | None) -> Sequence[Plan]:
    plans = settings.plans
    found = [plan for plan in plans if name in (None, plan.name)]
    if not found:
        known = ", ".join(plan.name for plan in plans) or "none; add a [maintenance:NAME]"
        asked = "a plan" if name is None else f"a plan {name!r}"
        raise MaintError(f"{settings.path}: expected {asked}, known are: {known}")
    return found


def _forecast(plan: Plan, settings: Settings) -> Forecast:
    from supervisor_maint.cli.connecting import client
    from supervisor_maint.cli.looking import past_downtimes
    from supervisor_maint.maintenance.forecast import forecast
    from supervisor_maint.supervisord.pools import find_pools

    configuration = settings.maint.supervisord_config
    with client(settings) as supervisor:
        snapshot, configs = supervisor.snapshot(), supervisor.configs()
        pools = find_pools(
            supervisor,
            configuration=str(configuration) if configuration else None,
            own_group=os.environ.get("SUPERVISOR_GROUP_NAME"),
        )
    return forecast(plan, snapshot, configs, pools, past_downtimes(settings))


def _document(foreseen: Forecast) -> Mapping[str, Any]:
    return {
        "plan": foreseen.plan.name,
        "batches": [
            {"processes": [each.qualified for each in batch], "estimated_seconds": seconds}
            for batch, seconds in zip(foreseen.batches, foreseen.batch_seconds)
        ],
        "estimated_seconds": foreseen.window_seconds,
        "left_alone": {
            each.namespec.qualified: each.reason for each in foreseen.selection.left_alone
        },
        "problems": [obstacle.message for obstacle in foreseen.obstacles()],
    }


def _next(plan: Plan, last_run: LastRun | None) -> str:
    """Say when it runs next; a time that a run by hand has dealt with is none."""
    import time
    from zoneinfo import ZoneInfo

    from supervisor_maint.cli.times import moment
    from supervisor_maint.maintenance.windows import next_at

    if plan.schedule is None:
        return "on request only"
    starts_at = next_at(plan, last_run, time.time())
    return f"next {moment(starts_at, ZoneInfo(plan.schedule.zone))}"


def _show(foreseen: Forecast, last_run: LastRun | None) -> None:
    from supervisor_maint.cli.tables import console, say, table, told
    from supervisor_maint.cli.times import duration

    out, plan = console(), foreseen.plan
    whole = (
        f"plan {plan.name}: {_next(plan, last_run)}; {plan.strategy.value}, at most "
        f"{plan.max_unavailable} of a group away; about {duration(foreseen.window_seconds)}, "
        "settling included"
    )
    rows = [
        (str(number), ", ".join(map(str, batch)), duration(seconds))
        for number, (batch, seconds) in enumerate(zip(foreseen.batches, foreseen.batch_seconds), 1)
    ]
    left = [(str(each.namespec), each.reason) for each in foreseen.selection.left_alone]
    with told(out, [whole], rows=len(foreseen.selection.chosen) + len(left)):
        out.print(table(("batch", "processes", "about"), rows))
        if left:
            out.print(table(("left alone", "because"), left))
    for obstacle in foreseen.obstacles():
        say(out, f"warning: {obstacle.message}", style="yellow")
        say(out, f"  to do: {obstacle.what_to_do}")
