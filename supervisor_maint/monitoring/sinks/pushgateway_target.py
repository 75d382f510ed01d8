"""Which Pushgateway, and under which grouping key. No I/O here."""

from __future__ import annotations

import base64
from urllib.parse import quote

import attrs

from supervisor_maint.monitoring.access import HttpAccess, check_url, mask_url


def _key_part(label: str, value: str) -> str:
    """Return one label of the grouping key as the Pushgateway's path has it.

    A slash and the empty value need its base64 form (pushgateway README, "URL"); so do ``.``
    and ``..``, which every HTTP client and server would take for path segments.
    """
    if "/" in value or value in ("", ".", ".."):
        # "=" stands for the empty value: an empty path segment would be dropped
        encoded = base64.urlsafe_b64encode(value.encode()).decode() or "="
        return f"{label}@base64/{encoded}"
    return f"{label}/{quote(value, safe='')}"


@attrs.frozen(kw_only=True)
class PushgatewayTarget:
    """Where to push to and how to be let in.

    ``instance`` and ``supervisor`` (supervisord's identifier, where several share a host) are
    the grouping key with ``job``: one pusher a key.
    """

    url: str = attrs.field(validator=check_url)
    instance: str
    job: str = attrs.field(default="supervisor", validator=attrs.validators.min_len(1))
    supervisor: str | None = None
    access: HttpAccess = attrs.field(factory=HttpAccess)
    delete_on_stop: bool = False

    @property
    def group_path(self) -> str:
        """The path of our group below the URL: what is PUT and DELETEd."""
        key = [("job", self.job), ("instance", self.instance)]
        if self.supervisor is not None:
            key.append(("supervisor", self.supervisor))
        return "/".join(["/metrics", *(_key_part(label, value) for label, value in key)])

    @property
    def place(self) -> str:
        """The gateway as it may be shown in a message."""
        return mask_url(self.url)
