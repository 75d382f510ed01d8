"""What differs from one machine to the next in the files that are deployed. No I/O here."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import attrs

ROOT = "root"
# Whatever needs no quotes in an ini file, in YAML, in JSON and in logrotate's own language.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@~+=,?&\[\]-]+")


def plain(text: str) -> str:
    """Return a text that means itself in every file; raise ValueError for another one."""
    if _PLAIN.fullmatch(text) is None:
        raise ValueError(f"expected letters, digits and ./:@~+=,?&[]-_ only, found {text!r}")
    return text


def _is_plain(_instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    try:
        plain("-" if value is None else value)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}") from None


def _field(default: Any = attrs.NOTHING) -> Any:
    return attrs.field(default=default, validator=_is_plain)


@attrs.frozen(kw_only=True)
class Values:
    """What is filled in; None where nobody said, and then the example of the file stays.

    ``host`` is the name under which Prometheus reaches this machine, ``command`` the path of
    supervisor-maint, and ``owner`` whom the listener and the logs belong to.
    """

    instance: str = _field()
    host: str = _field()
    command: str = _field()
    timezone: str = _field()
    owner: str = _field(ROOT)
    group: str = _field(ROOT)
    port: int = attrs.field(default=9910, validator=attrs.validators.in_(range(1, 65536)))
    state_dir: str = _field("/var/lib/supervisor-maint")
    log_dir: str = _field("/var/log/supervisor")
    textfile: str | None = _field(None)
    pushgateway_url: str | None = _field(None)
    prometheus_url: str | None = _field(None)
    alertmanager_url: str | None = _field(None)
    runbook_url: str | None = _field(None)
    pager_url: str | None = _field(None)
    tickets_url: str | None = _field(None)

    @property
    def user(self) -> str | None:
        """The owner where that is somebody else than root, for whom nothing needs to be said."""
        return None if self.owner == ROOT else self.owner

    @property
    def listener_log(self) -> str:
        """The log of the listener, which supervisord rotates: beside those that logrotate does."""
        return str(PurePosixPath(self.log_dir).parent / "supervisor-maint.log")

    @property
    def pushgateway_target(self) -> str | None:
        """The gateway as a target of Prometheus; None when there is none."""
        return urlsplit(self.pushgateway_url).netloc if self.pushgateway_url else None

    @property
    def pushgateway_scrape(self) -> str:
        """The lines that a gateway with TLS, or behind a path, needs in a scrape configuration."""
        parts = urlsplit(self.pushgateway_url or "")
        path = parts.path.rstrip("/")
        scheme = "    scheme: https\n" if parts.scheme == "https" else ""
        return scheme + (f"    metrics_path: {path}/metrics\n" if path else "")

    def words(self) -> dict[str, str]:
        """Return every value that there is by its name, as it is written."""
        follow = ("user", "listener_log", "pushgateway_target", "pushgateway_scrape")
        found = {name: getattr(self, name) for name in (*attrs.fields_dict(Values), *follow)}
        return {name: str(value) for name, value in found.items() if value is not None}
