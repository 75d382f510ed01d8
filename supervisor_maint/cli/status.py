"""``supervisor-maint status``: the listener, its sinks, and every process with its counts."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.processes import Namespec, Snapshot
    from supervisor_maint.settings import Settings
    from supervisor_maint.snapshots.watch import Watch


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "status",
        run,
        help="show the listener, its sinks, and every process with what was counted of it",
        example="supervisor-maint status --json",
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Show what the listener published and saved, beside what supervisord says now.

    Returns 1 when the listener is not running or supervisord does not answer.
    """
    from supervisor_maint.cli.looking import holder, look, published, restored
    from supervisor_maint.cli.tables import console

    settings = load_settings(args)
    now = time.time()
    known = published(settings)
    pid = holder(settings)
    watch = restored(settings, now)
    snapshot, trouble = look(settings)
    if args.json:
        document = {
            "listener_pid": pid,
            "supervisord_error": trouble,
            "listener": dict(known.document) if known else None,
            "processes": _documents(watch, snapshot, now),
        }
        print(json.dumps(document, indent=2, default=dict))
    else:
        out = console()
        for line in _listener_lines(settings, known.document if known else {}, pid, now):
            out.print(line, highlight=False, markup=False)
        if trouble is not None:
            out.print(f"supervisord   {trouble}", style="red", highlight=False, markup=False)
        out.print(_process_table(watch, snapshot, now))
        for difference in watch.differences:
            out.print(f"differs: {difference}", style="yellow", highlight=False, markup=False)
    return 0 if pid is not None and trouble is None else 1


def _documents(watch: Watch, snapshot: Snapshot | None, now: float) -> dict[str, Any]:
    import attrs

    tallies, wanted = watch.tallies(now), watch.wanted()
    statuses = snapshot.processes if snapshot else {}
    return {
        namespec.qualified: {
            "state": statuses[namespec].state.name if namespec in statuses else None,
            "pid": statuses[namespec].pid if namespec in statuses else None,
            "wanted": wanted.get(namespec),
            **(attrs.asdict(tallies[namespec]) if namespec in tallies else {}),
        }
        for namespec in sorted({*tallies, *statuses})
    }


def _listener_lines(
    settings: Settings, listener: Mapping[str, Any], pid: int | None, now: float
) -> list[str]:
    from supervisor_maint.cli.times import ago, moment

    zone = settings.maint.timezone
    if pid is None:
        since = listener.get("published_at")
        return [f"listener      not running (last heard of {ago(since, now)})"]
    lines = [
        f"listener      pid {pid}, version {listener.get('version')}, "
        f"last event {ago(listener.get('heartbeat_at'), listener.get('published_at') or now)}"
        f" as of {moment(listener.get('published_at'), zone)}",
        f"settings      {listener.get('settings_file')}, loaded "
        f"{moment(listener.get('settings_loaded_at'), zone)}"
        + ("" if listener.get("config_reload_successful", True) else ", NEWER ONES REFUSED"),
        f"events lost   {listener.get('events_lost', 0)}, errors {listener.get('errors', 0)}",
    ]
    for name, sink in listener.get("sinks", {}).items():
        state = sink.get("last_error") or f"last write {ago(sink.get('last_success_at'), now)}"
        lines.append(f"sink          {name}: {state}")
    return lines


def _process_table(watch: Watch, snapshot: Snapshot | None, now: float) -> Any:
    from supervisor_maint.cli.tables import table

    headers = ("process", "state", "wanted", "up for", "starts", "restarts", "failed", "down")
    rows = [
        _process_row(namespec, watch, snapshot, now)
        for namespec in (snapshot.processes if snapshot else sorted(watch.baseline.wanted))
    ]
    return table(headers, rows)


def _process_row(
    namespec: Namespec, watch: Watch, snapshot: Snapshot | None, now: float
) -> tuple[str, ...]:
    from supervisor_maint.cli.times import duration
    from supervisor_maint.snapshots.tallies import ProcessTally

    status = snapshot.processes[namespec] if snapshot else None
    tally = watch.tallies(now).get(namespec, ProcessTally())
    wanted = watch.baseline.wanted.get(namespec)
    restarts = [f"{count} {cause.value}" for cause, count in tally.restarts.items() if count]
    up = status is not None and status.state.is_up and status.started_at is not None
    return (
        str(namespec),
        status.state.name if status else "?",
        wanted.state.name if wanted else "-",
        duration(now - status.started_at) if up and status and status.started_at else "-",
        str(tally.starts),
        ", ".join(restarts) or "0",
        str(tally.start_failures),
        duration(sum(tally.downtime_seconds.values())),
    )
