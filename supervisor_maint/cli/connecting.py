"""Where supervisord is, and the client that asks it.

What a command needs for it is loaded when it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor_maint.errors import ListenerAbsent, MaintError, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.settings import Settings
    from supervisor_maint.settings.maint import MaintSettings
    from supervisor_maint.store.publication import Published
    from supervisor_maint.supervisord.rpc import SupervisorClient

# What a report of a thousand processes takes on a machine that is short of everything.
_GRACE_SECONDS = 60.0


def server_url(settings: Settings) -> str:
    """Return where supervisord listens, as the listener is told. Raises SettingsError."""
    if settings.maint.serverurl is not None:
        return settings.maint.serverurl
    message = (
        "expected where supervisord listens, found neither this key nor SUPERVISOR_SERVER_URL: "
        "add a [unix_http_server] to supervisord's configuration, which then tells its listeners"
    )
    problem = Problem(file=settings.path, section="maint", key="serverurl", message=message)
    raise SettingsError([problem])


def own_process(environ: Mapping[str, str]) -> str | None:
    """Return the listener's own ``group:name``, as supervisord tells each of its children.

    Source: https://supervisord.org/subprocess.html#subprocess-environment
    """
    names = [environ.get(f"SUPERVISOR_{each}_NAME") for each in ("GROUP", "PROCESS")]
    return ":".join(filter(None, names)) if all(names) else None


def published_url(published: Mapping[str, Any]) -> str:
    """Return where a listener has found supervisord. Raises MaintError when none has told."""
    url = published.get("serverurl")
    if url is None:
        raise MaintError(
            "the server URL of supervisord is not known, and no listener has published it: set "
            "serverurl in [maint], for example unix:///run/supervisor.sock"
        )
    return str(url)


def connect(settings: Settings, url: str) -> SupervisorClient:
    """Return a client for the supervisord at this URL, with the settings' user and password."""
    from supervisor_maint.supervisord.rpc import RPC_TIMEOUT

    seconds = settings.maint.rpc_timeout_seconds
    return connect_within(settings.maint, url, seconds, limited_by=RPC_TIMEOUT)


def connect_within(
    maint: MaintSettings, url: str, timeout_seconds: float, *, limited_by: str
) -> SupervisorClient:
    """Return such a client each of whose calls ends within the seconds.

    ``limited_by`` names for people what these were set by; "" for what nobody can set.
    """
    from supervisor_maint.supervisord.rpc import SupervisorClient

    return SupervisorClient(
        url,
        username=maint.username,
        password=maint.password,
        timeout_seconds=timeout_seconds,
        limited_by=limited_by,
    )


def published(settings: Settings, by_pid: int | None = None) -> Published | None:
    """Return what the listener last published, or None when there was never one.

    The listener with ``by_pid`` is given some seconds to say its first word.
    """
    from supervisor_maint.store.publication import Publication
    from supervisor_maint.store.state_dir import StateDir

    publication = Publication(StateDir(settings.maint.state_dir).status)
    try:
        return publication.read() if by_pid is None else publication.of_listener(by_pid)
    except ListenerAbsent:
        return None


def silent_for(published: Mapping[str, Any], settings: Settings, now: float) -> float | None:
    """Tell for how many seconds a listener has published nothing; None while that is no wonder.

    It does at least at every ``push_interval``, unless its disk is full or it hangs.
    """
    published_at = published.get("published_at")
    seconds = 0.0 if published_at is None else now - float(published_at)
    return seconds if seconds > 2 * settings.maint.push_interval_seconds + _GRACE_SECONDS else None


def client(settings: Settings) -> SupervisorClient:
    """Return a client of the supervisord that the settings are about.

    The server URL is the one in the settings or the environment, else the one that the listener
    uses. Raises MaintError when neither is known.
    """
    url = settings.maint.serverurl
    if url is None:
        known = published(settings)
        url = published_url(known.document if known else {})
    return connect(settings, url)
