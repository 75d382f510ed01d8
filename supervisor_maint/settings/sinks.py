"""``[sink:...]``: where the metrics go, any number at once. No I/O here.

``name`` is what follows ``sink:`` in the header, and labels the metrics about the sink. Secrets
stay in their files: the sink reads them at each push.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import attrs

from supervisor_maint.settings import words
from supervisor_maint.settings.options import FileUse, Naming, option, refuse, section

_TIMEOUT = partial(words.duration, minimum=0.1, maximum=60.0)
_TOGETHER = (
    ("username", "password_file"),
    ("password_file", "username"),
    ("client_key", "client_cert"),
)


@section("sink:pushgateway", Naming.OPTIONAL)
@attrs.frozen(kw_only=True)
class PushgatewaySection:
    """Push every report to a Prometheus Pushgateway: one PUT that replaces our group."""

    name: str = "pushgateway"
    url: str = option(
        words.url,
        required=True,
        help="The gateway; a path prefix is kept.",
        example="http://pushgateway.example:9091",
    )
    job: str = option(
        words.label, default="supervisor", help="The `job` of the grouping key.", example="web"
    )
    instance: str = option(
        words.label,
        default=lambda circumstances: circumstances.instance,
        default_words="`instance` of `[maint]`",
        help="The `instance` of the grouping key: one pusher for each.",
        example="web01",
    )
    supervisor: str | None = option(
        words.label,
        help="A further grouping label, where several supervisords share a host.",
        example="batch",
    )
    ca_file: Path | None = option(
        words.path,
        file_use=FileUse.READ,
        default_words="the CAs that come with `requests`",
        help="PEM file of the CAs that the gateway's certificate is checked against.",
        example="/etc/ssl/certs/internal-ca.pem",
    )
    username: str | None = option(
        words.text, help="User for basic authentication.", example="supervisor"
    )
    password_file: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        help="File with the password on its first line; readable by its owner alone.",
        example="/etc/supervisor/gateway.password",
    )
    bearer_token_file: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        help="File with a bearer token on its first line, instead of user and password.",
        example="/etc/supervisor/gateway.token",
    )
    client_cert: Path | None = option(
        words.path,
        file_use=FileUse.READ,
        help="PEM file of our own certificate, when the gateway asks for one.",
        example="/etc/supervisor/client.pem",
    )
    client_key: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        default_words="in `client_cert`",
        help="PEM file of the key of that certificate; readable by its owner alone.",
        example="/etc/supervisor/client.key",
    )
    timeout_seconds: float = option(
        _TIMEOUT, key="timeout", default="3s", help="How long a push may take.", example="5s"
    )
    delete_on_stop: bool = option(
        words.boolean,
        default="false",
        help="Whether our group is deleted when the listener ends: its alerts resolve with it.",
        example="true",
    )

    def __attrs_post_init__(self) -> None:
        wrong = []
        if self.bearer_token_file and (self.username or self.password_file):
            both = "expected either a bearer token or username and password_file, found both"
            wrong.append(("bearer_token_file", both))
        for key, other in _TOGETHER:
            if getattr(self, key) and not getattr(self, other):
                wrong.append((key, f"expected {other} beside it, found none"))
        refuse(wrong)

    @property
    def target(self) -> tuple[object, ...]:
        """What no two sinks may share: one pusher a grouping key."""
        return self.url, self.job, self.instance, self.supervisor


def _exposition_file(text: str) -> Path:
    """Read the path of a textfile; node_exporter reads ``*.prom`` only."""
    found = words.path(text)
    if found.suffix != ".prom":
        raise words.refusal("a file name that ends in .prom, as node_exporter reads", text)
    return found


@section("sink:textfile", Naming.OPTIONAL)
@attrs.frozen(kw_only=True)
class TextfileSection:
    """Write every report to a file that node_exporter's textfile collector reads."""

    name: str = "textfile"
    path: Path = option(
        _exposition_file,
        required=True,
        help="The file, in the collector's folder; replaced atomically, mode 0644.",
        example="/var/lib/prometheus/node-exporter/supervisor.prom",
    )
    delete_on_stop: bool = option(
        words.boolean,
        default="false",
        help="Whether the file is removed when the listener ends.",
        example="true",
    )

    @property
    def target(self) -> tuple[object, ...]:
        """What no two sinks may share: the file."""
        return (self.path,)


@section("sink:http", Naming.OPTIONAL)
@attrs.frozen(kw_only=True)
class HttpSection:
    """Serve the newest report at `/metrics`, for Prometheus to scrape."""

    name: str = "http"
    listen: words.Address = option(
        words.address,
        default="127.0.0.1:9910",
        help="Where to listen. Nothing is asked of who reads: loopback unless a proxy guards it.",
        example="10.0.0.5:9910",
    )

    @property
    def target(self) -> tuple[object, ...]:
        """What no two sinks may share: the address."""
        return (self.listen,)
