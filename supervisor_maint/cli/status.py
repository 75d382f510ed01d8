"""``supervisor-maint status``: the listener, its sinks, and every process with its counts."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from supervisor_maint.processes import Namespec, Snapshot
    from supervisor_maint.settings import Settings
    from supervisor_maint.snapshots.tallies import ProcessTally
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
    seen = _look(load_at_least_maint(args))
    if args.json:
        print(json.dumps(_document(seen), indent=2))
    else:
        _show(seen)
    return 0 if seen.pid is not None and seen.trouble is None else 1


@attrs.frozen(kw_only=True)
class _Seen:
    """Everything that the command shows; ``trouble`` says why there is no snapshot.

    ``sentences`` are about planned restarts: the listener's, or what is known without one.
    ``silent_seconds`` is how long it has published nothing, when that is strange.
    """

    now: float
    zone: tzinfo
    pid: int | None
    listener: Mapping[str, Any]
    silent_seconds: float | None
    sentences: Sequence[str]
    watch: Watch
    tallies: Mapping[Namespec, ProcessTally]
    snapshot: Snapshot | None
    trouble: str | None

    @property
    def namespecs(self) -> list[Namespec]:
        """Every process, in supervisord's order; when it does not answer, those known."""
        if self.snapshot is not None:
            return list(self.snapshot.processes)
        return sorted({*self.tallies, *self.watch.baseline.wanted})


def _look(settings: Settings) -> _Seen:
    from supervisor_maint.cli import unattended
    from supervisor_maint.cli.connecting import published, silent_for
    from supervisor_maint.cli.looking import restored, snapshot
    from supervisor_maint.store.state_dir import StateDir

    pid = StateDir(settings.maint.state_dir).holder()
    known = published(settings, pid)
    now = time.time()
    listener = known.document if known else {}
    watch = restored(settings, now)
    taken, trouble = None, None
    try:
        taken = snapshot(settings)
    except MaintError as error:
        trouble = error.msg
    return _Seen(
        now=now,
        zone=settings.maint.timezone,
        pid=pid,
        listener=listener,
        silent_seconds=silent_for(listener, settings, now),
        sentences=(
            tuple(unattended.sentences(settings, now))
            if pid is None
            else listener.get("maintenance", {}).get("sentences", ())
        ),
        watch=watch,
        tallies=watch.tallies(now),
        snapshot=taken,
        trouble=trouble,
    )


def _document(seen: _Seen) -> dict[str, Any]:
    statuses = seen.snapshot.processes if seen.snapshot else {}
    wanted = seen.watch.wanted()
    processes: dict[str, Any] = {}
    for namespec in seen.namespecs:
        status, tally = statuses.get(namespec), seen.tallies.get(namespec)
        processes[namespec.qualified] = {
            "state": status.state.name if status else None,
            "pid": status.pid if status else None,
            "wanted": wanted.get(namespec),
            **(attrs.asdict(tally) if tally else {}),
        }
    return {
        "listener_pid": seen.pid,
        "listener": dict(seen.listener) or None,
        "maintenance": list(seen.sentences),
        "supervisord_error": seen.trouble,
        "differences": [difference.to_document() for difference in seen.watch.differences],
        "processes": processes,
    }


def _show(seen: _Seen) -> None:
    from supervisor_maint.cli.tables import console, say, show, told

    out = console()
    headers = ("process", "state", "wanted", "up for", "starts", "restarts", "failed", "down")
    rows = [_process_row(seen, namespec) for namespec in seen.namespecs]
    with told(out, list(_lines(seen)), rows=len(rows)):
        show(out, headers, rows)
    for difference in seen.watch.differences:
        say(out, f"differs: {difference}", style="yellow")


def _lines(seen: _Seen) -> Iterator[str]:
    yield from _listener_lines(seen)
    if seen.trouble is not None:
        yield f"supervisord   {seen.trouble}"


def _listener_lines(seen: _Seen) -> Iterator[str]:
    from supervisor_maint.cli.times import ago, duration, moment

    listener = seen.listener
    published_at = listener.get("published_at")
    if seen.pid is None:
        last_heard = ago(published_at, seen.now)
        nothing = "; no planned restart starts without it" if seen.sentences else ""
        yield f"listener      not running, last heard of {last_heard}{nothing}"
        yield from (f"maintenance   {sentence}" for sentence in seen.sentences)
        return
    last_event = ago(listener.get("heartbeat_at"), published_at or seen.now)
    yield (
        f"listener      pid {seen.pid}, version {listener.get('version', '-')}, last event "
        f"{last_event} as of {moment(published_at, seen.zone)}"
    )
    if seen.silent_seconds is not None:
        yield (
            f"listener      has published nothing for {duration(seen.silent_seconds)}, and what "
            "it says below is as old: its log says why"
        )
    refused = "" if listener.get("config_reload_successful", True) else "; newer ones are refused"
    loaded = moment(listener.get("settings_loaded_at"), seen.zone)
    yield f"settings      {listener.get('settings_file', '-')}, loaded {loaded}{refused}"
    yield f"events lost   {listener.get('events_lost', 0)}, errors {listener.get('errors', 0)}"
    for name, sink in listener.get("sinks", {}).items():
        state = sink.get("last_error") or f"last write {ago(sink.get('last_success_at'), seen.now)}"
        yield f"sink          {name}: {state}"
    yield from (f"maintenance   {sentence}" for sentence in seen.sentences)
    yield from _permission_lines(listener.get("permissions") or {}, seen)


def _permission_lines(permissions: Mapping[str, Any], seen: _Seen) -> Iterator[str]:
    from supervisor_maint.cli.times import ago

    if not permissions:
        return
    counts = permissions["counts"].values()
    done = ", ".join(
        f"{sum(each[result] for each in counts)} {words}"
        for result, words in (("ok", "as wanted"), ("fixed", "fixed"), ("failed", "failed"))
    )
    ended_at = permissions["ended_at"]
    last = f"last pass {ago(ended_at, seen.now)}: {done}" if ended_at else "no pass was made yet"
    under_way = "; one is under way" if permissions["is_under_way"] else ""
    yield f"permissions   {last}{under_way}"
    for sentence in permissions["sentences"]:
        yield f"permissions   {sentence}"


def _process_row(seen: _Seen, namespec: Namespec) -> tuple[str, ...]:
    from supervisor_maint.cli.times import duration
    from supervisor_maint.snapshots.tallies import ProcessTally

    status = seen.snapshot.processes.get(namespec) if seen.snapshot else None
    tally = seen.tallies.get(namespec) or ProcessTally()
    wanted = seen.watch.baseline.wanted.get(namespec)
    restarts = [f"{count} {cause.value}" for cause, count in tally.restarts.items() if count]
    since = status.started_at if status and status.state.is_up else None
    return (
        str(namespec),
        status.state.name if status else "?",
        (wanted.accepted or wanted.state.name) if wanted else "-",
        "-" if since is None else duration(seen.now - since),
        str(tally.starts),
        ", ".join(restarts) or "0",
        str(tally.start_failures),
        duration(sum(tally.downtime_seconds.values())),
    )
