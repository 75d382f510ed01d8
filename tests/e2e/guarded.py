"""Servers behind TLS and a password, as a network that trusts nobody has them."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import ClassVar

from tests.e2e.harness_servers import Alertmanager, Prometheus, Pushgateway, Server

USER = "web01"
PASSWORD = "s3cret"
# A certificate for 127.0.0.1 with its key, its own CA.
CERTIFICATE = Path(__file__).resolve().parents[1] / "fakes" / "loopback.pem"
# bcrypt of the password, with as little work as it takes
WEB_CONFIG = """\
tls_server_config: {cert_file: server.pem, key_file: server.pem}
basic_auth_users: {web01: $2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG}
"""


class Guarded(Server):
    """Lets in who has the password, over TLS."""

    web_config: ClassVar[str] = WEB_CONFIG

    def start(self) -> None:
        """Put certificate and password in place, and start."""
        shutil.copy(CERTIFICATE, self.directory / "server.pem")
        (self.directory / "web.yml").write_text(self.web_config, encoding="utf-8")
        self.url = f"https://127.0.0.1:{self.port}"
        super().start()

    def arguments(self) -> list[str]:
        """Add the file that says who is let in."""
        return [*super().arguments(), f"--web.config.file={self.directory / 'web.yml'}"]

    def is_ready(self) -> bool:
        """Tell whether it listens: whoever has no password is told nothing."""
        socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
        return True


class GuardedPushgateway(Guarded, Pushgateway):
    """A Pushgateway that lets in who has the password."""


class GuardedAlertmanager(Guarded, Alertmanager):
    """An Alertmanager that lets in who has the password."""


class GuardedPrometheus(Guarded, Prometheus):
    """A Prometheus that lets in who has the password."""
