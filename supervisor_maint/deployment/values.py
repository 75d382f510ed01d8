"""What differs from one machine to the next in the files that are deployed. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import attrs

from supervisor_maint.deployment.access import Access, needed, needed_by_prometheus
from supervisor_maint.deployment.plain import field

ROOT = "root"


@attrs.frozen(kw_only=True)
class Values:
    """What is filled in; None where nobody said, and then the example of the file stays.

    ``host`` is the name under which Prometheus reaches this machine, ``command`` the path of
    supervisor-maint, and ``owner`` whom the listener and the logs belong to. The accesses are how
    the server of the same name lets us in.
    """

    instance: str = field()
    host: str = field()
    command: str = field()
    timezone: str = field()
    owner: str = field(ROOT)
    group: str = field(ROOT)
    port: int = attrs.field(default=9910, validator=attrs.validators.in_(range(1, 65536)))
    state_dir: str = field("/var/lib/supervisor-maint")
    log_dir: str = field("/var/log/supervisor")
    textfile: str | None = field(None)
    pushgateway_url: str | None = field(None)
    prometheus_url: str | None = field(None)
    alertmanager_url: str | None = field(None)
    runbook_url: str | None = field(None)
    pager_url: str | None = field(None)
    tickets_url: str | None = field(None)
    pushgateway_access: Access = attrs.field(factory=Access)
    prometheus_access: Access = attrs.field(factory=Access)
    alertmanager_access: Access = attrs.field(factory=Access)

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
        """The lines that a gateway with TLS, behind a path or a password, needs to be scraped."""
        parts = urlsplit(self.pushgateway_url or "")
        path = parts.path.rstrip("/")
        scheme = "    scheme: https\n" if parts.scheme == "https" else ""
        metrics_path = f"    metrics_path: {path}/metrics\n" if path else ""
        return scheme + metrics_path + self.pushgateway_access.scrape

    @property
    def accesses(self) -> Mapping[str, Access]:
        """How each server lets us in, by its name."""
        return {
            "pushgateway": self.pushgateway_access,
            "prometheus": self.prometheus_access,
            "alertmanager": self.alertmanager_access,
        }

    def files_needed(self) -> tuple[str, ...]:
        """Say of each file that is named what it is to be, and whose: nobody makes them here."""
        found = [line for each in self.accesses.values() for line in needed(each, self.owner)]
        found += needed_by_prometheus(self.pushgateway_access)
        if self.prometheus_access.keys:
            found.append("grafana/datasource.yaml: how Prometheus lets Grafana in, say it there")
        return tuple(dict.fromkeys(found))

    def words(self) -> dict[str, str]:
        """Return every value that there is by its name, as it is written."""
        follow = ("user", "listener_log", "pushgateway_target", "pushgateway_scrape")
        found = {name: getattr(self, name) for name in (*attrs.fields_dict(Values), *follow)}
        keys = {f"{name}_keys": access.lines for name, access in self.accesses.items()}
        texts = {n: str(v) for n, v in found.items() if v is not None and not isinstance(v, Access)}
        return {**texts, **keys}
