"""Where supervisord is, and the client that asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor_maint.errors import Problem, SettingsError

if TYPE_CHECKING:
    from supervisor_maint.settings import Settings
    from supervisor_maint.supervisord.rpc import SupervisorClient


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


def connect(settings: Settings, url: str) -> SupervisorClient:
    """Return a client for the supervisord at this URL, with the settings' user and password."""
    from supervisor_maint.supervisord.rpc import SupervisorClient

    return SupervisorClient(
        url,
        username=settings.maint.username,
        password=settings.maint.password,
        timeout_seconds=settings.maint.rpc_timeout_seconds,
    )
