"""``supervisor-maint plan``: what a planned restart would do, in which batches, how long."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint.cli.arguments import add_command, add_config, load_settings
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisor_maint.maintenance.plan import Plan
    from supervisor_maint.maintenance.targets import Selection
    from supervisor_maint.processes import Namespec
    from supervisor_maint.settings import Settings


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
    settings = load_settings(args)
    previews = [_preview(plan, settings) for plan in _plans(settings, args.plan)]
    if getattr(args, "json", False):
        print(json.dumps([_document(preview) for preview in previews], indent=2))
        return 0
    for preview in previews:
        _show(preview, settings)
    return 0


@attrs.frozen(kw_only=True)
class _Preview:
    """What a plan would do now; ``batch_seconds`` are estimates, a batch each."""

    plan: Plan
    selection: Selection
    batches: tuple[tuple[Namespec, ...], ...]
    batch_seconds: tuple[float, ...]
    window_seconds: float
    problems: tuple[str, ...]


def _plans(settings: Settings, name: str | None) -> Sequence[Plan]:
    plans = settings.plans
    found = [plan for plan in plans if name in (None, plan.name)]
    if not found:
        known = ", ".join(plan.name for plan in plans) or "none; add a [maintenance:NAME]"
        asked = "a plan" if name is None else f"a plan {name!r}"
        raise MaintError(f"{settings.path}: expected {asked}, known are: {known}")
    return found


def _preview(plan: Plan, settings: Settings) -> _Preview:
    from supervisor_maint.cli.looking import client, past_downtimes
    from supervisor_maint.maintenance import batches, blockers, estimates, readiness
    from supervisor_maint.maintenance.targets import select
    from supervisor_maint.supervisord.pools import find_pools

    configuration = settings.maint.supervisord_config
    with client(settings) as supervisor:
        snapshot, configs = supervisor.snapshot(), supervisor.configs()
        pools = find_pools(
            supervisor,
            configuration=str(configuration) if configuration else None,
            own_group=os.environ.get("SUPERVISOR_GROUP_NAME"),
        )
    selection = select(plan, snapshot, configs, pools)
    durations = past_downtimes(settings)
    window = estimates.window_seconds(plan, selection.chosen, durations)
    problems = [f"programs: {word!r} means no process" for word in selection.unmatched]
    if selection.unknown_groups:
        problems.append(blockers.unknown_groups(selection.unknown_groups))
    if window > plan.max_duration_seconds:
        problems.append(
            f"it would take about {window:.0f} s, longer than max_duration "
            f"({plan.max_duration_seconds:g} s)"
        )
    problems += readiness.problems(plan.readiness, [one.namespec for one in selection.chosen])
    return _Preview(
        plan=plan,
        selection=selection,
        batches=batches.preview(plan, selection.chosen),
        batch_seconds=estimates.batch_seconds(plan, selection.chosen, durations),
        window_seconds=window,
        problems=tuple(problems),
    )


def _document(preview: _Preview) -> Mapping[str, Any]:
    return {
        "plan": preview.plan.name,
        "batches": [
            {"processes": [each.qualified for each in batch], "estimated_seconds": seconds}
            for batch, seconds in zip(preview.batches, preview.batch_seconds)
        ],
        "estimated_seconds": preview.window_seconds,
        "left_alone": {
            each.namespec.qualified: each.reason for each in preview.selection.left_alone
        },
        "problems": list(preview.problems),
    }


def _show(preview: _Preview, settings: Settings) -> None:
    import time

    from supervisor_maint.cli.tables import console, table
    from supervisor_maint.cli.times import duration, moment

    out, plan = console(), preview.plan
    when = "on request only"
    if plan.schedule is not None:
        when = f"next {moment(plan.schedule.next_after(time.time()), settings.maint.timezone)}"
    out.print(
        f"plan {plan.name}: {when}; {plan.strategy.value}, at most {plan.max_unavailable} of a "
        f"group away; about {duration(preview.window_seconds)}, settling included",
        highlight=False,
        markup=False,
    )
    rows = [
        (str(number), ", ".join(map(str, batch)), duration(seconds))
        for number, (batch, seconds) in enumerate(zip(preview.batches, preview.batch_seconds), 1)
    ]
    out.print(table(("batch", "processes", "about"), rows))
    left = [(str(each.namespec), each.reason) for each in preview.selection.left_alone]
    if left:
        out.print(table(("left alone", "because"), left))
    for problem in preview.problems:
        out.print(f"warning: {problem}", style="yellow", highlight=False, markup=False)
