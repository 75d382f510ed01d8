"""``[sink:...]``: where the metrics go, any number at once. No I/O here.

``name`` is what follows ``sink:`` in the header, and labels the metrics about the sink.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from supervisor_maint.settings import words
from supervisor_maint.settings.access import AccessKeys
from supervisor_maint.settings.options import Naming, option, section


@section("sink:pushgateway", Naming.OPTIONAL)
@attrs.frozen(kw_only=True)
class PushgatewaySection(AccessKeys):
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
    delete_on_stop: bool = option(
        words.boolean,
        default="false",
        help="Whether our group is deleted when the listener ends: its alerts resolve with it, all "
        "but `SupervisorDown`, which remembers it for a day.",
        example="true",
    )

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
    supervisor: str | None = option(
        words.label,
        help="A further label, where several supervisords share a host: each with a file and a "
        "name of its own.",
        example="batch",
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
