"""Servers that ask for a certificate and a password: our clients on real ones, which do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from supervisor_maint.errors import MaintError
from supervisor_maint.monitoring.access import HttpAccess
from supervisor_maint.monitoring.alertmanager import AlertmanagerClient, AlertmanagerTarget
from supervisor_maint.monitoring.matchers import parse
from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget
from tests.e2e.guarded import (
    CERTIFICATE,
    PASSWORD,
    USER,
    WEB_CONFIG,
    GuardedAlertmanager,
    GuardedPushgateway,
)

pytestmark = pytest.mark.needs_server("prometheus-alertmanager", "prometheus-pushgateway")

# One certificate for all: it is the CA, that of the server, and ours.
WITH_CERTIFICATES = WEB_CONFIG.replace(
    "{cert_file",
    "{client_ca_file: server.pem, client_auth_type: RequireAndVerifyClientCert, cert_file",
)
REPORT = b"# TYPE supervisor_up gauge\nsupervisor_up 1\n"


class StrictAlertmanager(GuardedAlertmanager):
    """An Alertmanager that asks for a certificate, too."""

    web_config = WITH_CERTIFICATES


class StrictPushgateway(GuardedPushgateway):
    """A Pushgateway that asks for a certificate, too."""

    web_config = WITH_CERTIFICATES


def ask(url: str, access: HttpAccess) -> None:
    """Ask Alertmanager for alerts. Raises MonitoringError."""
    client = AlertmanagerClient(AlertmanagerTarget(urls=(url,), access=access))
    assert () == client.alerts(parse("severity=critical"))
    client.close()


def push(url: str, access: HttpAccess) -> None:
    """Push a report. Raises SinkError."""
    sink = PushgatewaySink(PushgatewayTarget(url=url, instance="web01", access=access))
    sink.write(REPORT)
    sink.close()


Call = Callable[[HttpAccess], None]


def refusal(call: Call, access: HttpAccess) -> str | None:
    """Return why a server was not asked, None when it answered."""
    try:
        call(access)
    except MaintError as error:
        return error.msg
    return None


@pytest.fixture(scope="module")
def calls() -> Iterator[dict[str, Call]]:
    """Start both servers; each call asks one of them."""
    quiet = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with ExitStack() as stack:
        alertmanager = stack.enter_context(StrictAlertmanager(quiet))
        gateway = stack.enter_context(StrictPushgateway())
        yield {
            "Alertmanager": lambda access: ask(alertmanager.url, access),
            "Pushgateway": lambda access: push(gateway.url, access),
        }


@pytest.fixture
def right(tmp_path: Path) -> HttpAccess:
    """Whoever has all of this is let in."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    (tmp_path / "wrong").write_text("hunter2\n", encoding="utf-8")
    certificate = str(CERTIFICATE)
    return HttpAccess(
        ca_file=certificate,
        client_cert=certificate,
        username=USER,
        password_file=str(password),
        timeout_seconds=30.0,
    )


every_server = pytest.mark.parametrize("name", ["Alertmanager", "Pushgateway"])


@every_server
def test_certificate_and_password_let_us_in(
    calls: dict[str, Call], right: HttpAccess, name: str
) -> None:
    """The certificate of the server is checked, ours is shown, and the password is taken."""
    assert None is refusal(calls[name], right)


@every_server
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"password_file": "wrong"}, "does not let us in (HTTP 401); check username, password"),
        ({"client_cert": None}, "no TLS with"),
        ({"ca_file": None}, "certificate verify failed"),
    ],
    ids=["password", "client certificate", "CA"],
)
def test_what_is_wrong_is_said_and_no_secret(
    calls: dict[str, Call],
    right: HttpAccess,
    name: str,
    wrong: dict[str, Any],
    sentence: str,
) -> None:
    """Whichever of them is wrong or missing."""
    folder = Path(right.password_file or "").parent
    changes = {key: value and str(folder / value) for key, value in wrong.items()}
    found = refusal(calls[name], attrs.evolve(right, **changes))

    assert found is not None
    assert sentence in found
    assert "hunter2" not in found
