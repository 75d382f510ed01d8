"""Pushes to a Prometheus Pushgateway: one PUT of the whole registry a report.

PUT replaces everything under our grouping key, which also clears processes that are gone.
"""

from __future__ import annotations

from supervisor_maint.errors import MonitoringError, SinkError
from supervisor_maint.monitoring.http_client import HttpClient, Server
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class PushgatewaySink:
    """Keeps our group in the gateway as the newest report says.

    Not thread-safe: one write at a time, as the delivery does it. ``name`` labels its metrics.
    """

    def __init__(self, target: PushgatewayTarget, *, name: str = "pushgateway") -> None:
        self.name = name
        self._target = target
        self._server = Server("the Pushgateway", target.url, sent="report")
        self._client = HttpClient(target.access)

    def write(self, exposition: bytes) -> None:
        """Replace our group by the report. Raises SinkError."""
        self._call("PUT", exposition)

    def delete(self) -> None:
        """Delete our group; it is no error when there is none. Raises SinkError."""
        self._call("DELETE", b"")

    def close(self) -> None:
        """Delete our group if asked to, and hang up. Raises SinkError."""
        try:
            if self._target.delete_on_stop:
                self.delete()
        finally:
            self._client.close()

    def _call(self, method: str, body: bytes) -> None:
        try:
            self._client.call(
                self._server,
                method,
                self._target.group_path,
                body=body,
                content_type=_CONTENT_TYPE,
            )
        except MonitoringError as error:
            # "from None": the sentence is all there is to know
            raise SinkError(error.msg, rejected=error.rejected) from None
