"""Looking at supervisord directly, as the commands do: who answers, and where."""

from __future__ import annotations

import os

from supervisor_maint.errors import ListenerAbsent, MaintError, StoreAbsent
from supervisor_maint.processes import Snapshot
from supervisor_maint.settings import Settings
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.history_reader import HistoryReader
from supervisor_maint.store.publication import Publication, Published
from supervisor_maint.store.state_dir import StateDir
from supervisor_maint.supervisord.rpc import SupervisorClient


def published(settings: Settings) -> Published | None:
    """Return what the listener last published, or None when there was never one."""
    try:
        return Publication(StateDir(settings.maint.state_dir).status).read()
    except ListenerAbsent:
        return None


def client(settings: Settings) -> SupervisorClient:
    """Return a client of the supervisord that the settings are about.

    The server URL is the one in the settings or the environment, else the one that the listener
    uses. Raises MaintError when neither is known.
    """
    maint = settings.maint
    url = maint.serverurl
    if url is None:
        known = published(settings)
        url = known.document.get("serverurl") if known else None
    if url is None:
        raise MaintError(
            "the server URL of supervisord is not known, and no listener has published it: set "
            "serverurl in [maint], for example unix:///run/supervisor.sock"
        )
    return SupervisorClient(
        url,
        username=maint.username,
        password=maint.password or os.environ.get("SUPERVISOR_PASSWORD"),
        timeout_seconds=maint.rpc_timeout_seconds,
    )


def holder(settings: Settings) -> int | None:
    """Return the process id of the listener that lives, or None."""
    return StateDir(settings.maint.state_dir).holder()


def look(settings: Settings) -> tuple[Snapshot | None, str | None]:
    """Return a snapshot, or the sentence why there is none."""
    try:
        with client(settings) as supervisor:
            return supervisor.snapshot(), None
    except MaintError as error:
        return None, error.msg


def restored(settings: Settings, now: float) -> Watch:
    """Return the watch as the listener last saved it; an empty one when it never did."""
    try:
        with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
            saved = history.load_watch()
    except StoreAbsent:
        saved = None
    meta, processes = saved or ({}, {})
    return Watch.restore(
        meta,
        processes,
        started_at=now,
        settle_seconds=settings.maint.settle_seconds,
        settle_max_seconds=settings.maint.settle_max_seconds,
    )
