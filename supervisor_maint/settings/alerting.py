"""``[alertmanager]`` and ``[prometheus]``: who is told of a planned run, and asked before it.

No I/O here.
"""

from __future__ import annotations

from functools import partial

import attrs

from supervisor_maint.monitoring import matchers, promql
from supervisor_maint.monitoring.matchers import Matchers
from supervisor_maint.monitoring.silences import Terms
from supervisor_maint.settings import words
from supervisor_maint.settings.access import AccessKeys
from supervisor_maint.settings.options import option, section

_POSITIVE = partial(words.duration, minimum=1.0)
_NO_SILENCE = "none"
# With [alertmanager] the first stop waits for the silence, and for this long at most.
LEAD_SECONDS = 30.0


def _urls(text: str) -> tuple[str, ...]:
    return tuple(words.url(each) for each in words.patterns(text))


def _silence(text: str) -> Matchers:
    if text.strip().lower() == _NO_SILENCE:
        return ()
    found = matchers.parse(text)
    matchers.check_narrow(found)
    return found


@section("alertmanager")
@attrs.frozen(kw_only=True)
class AlertmanagerSection(AccessKeys):
    """Silence alerts while a planned run lives, and ask which ones fire before it begins.

    The silence is made before the first stop, renewed while the run lives, and ended with it. When
    the listener dies it ends by itself.
    """

    urls: tuple[str, ...] = option(
        _urls,
        required=True,
        help="Alertmanager; of a cluster one node is enough, the next is asked when one fails.",
        example="http://am1.example:9093, http://am2.example:9093",
    )
    silence: Matchers = option(
        _silence,
        default='instance=~"{instance}(:.*)?", alertname!~"Supervisor.*"',
        help="What is silenced: matchers, parted by commas or lines, that must all match. "
        "`{instance}` is `instance` of `[maint]`. Our own alerts are left to the inhibition rules, "
        "which know FATAL from a restart. `none`: no silence at all.",
        example='host="{instance}", team="web"',
    )
    lease_seconds: float = option(
        _POSITIVE,
        key="lease",
        default="30m",
        help="How long a silence lasts that nobody renews; never beyond the deadline and `tail`.",
        example="10m",
    )
    renew_seconds: float = option(
        _POSITIVE,
        key="renew",
        default="5s",
        help="How often it is looked whether the silence is still there.",
        example="1m",
    )
    tail_seconds: float = option(
        words.duration,
        key="tail",
        default="1m",
        help="How long it lasts after a run that succeeded, and after the deadline. Of a run that "
        "failed it ends at once.",
        example="2m",
    )
    cap_seconds: float = option(
        _POSITIVE,
        key="cap",
        default="4h",
        help="How long a silence may last in all, whatever a plan's `max_duration` is.",
        example="1h",
    )
    block_on_alerts: Matchers | None = option(
        matchers.parse,
        default_words="none",
        help="For plans that do not say it themselves: no run begins while such an alert fires. "
        "`{instance}` as in `silence`.",
        example='severity="critical", cluster="web"',
    )

    def terms(self, instance: str) -> Terms | None:
        """Return how silences are held for an instance; None when none are."""
        if not self.silence:
            return None
        return Terms(
            matchers=matchers.of_instance(self.silence, instance),
            instance=instance,
            lease_seconds=self.lease_seconds,
            renew_seconds=self.renew_seconds,
            tail_seconds=self.tail_seconds,
            cap_seconds=self.cap_seconds,
        )


@section("prometheus")
@attrs.frozen(kw_only=True)
class PrometheusSection(AccessKeys):
    """Prometheus, asked before a planned run begins."""

    url: str = option(
        words.url,
        required=True,
        help="Where Prometheus is; a path prefix is kept.",
        example="http://prometheus.example:9090",
    )
    block_on_query: str | None = option(
        promql.parse,
        default_words="none",
        help="For plans that do not say it themselves: no run begins while this query returns "
        "anything, a scalar other than 0 included. `{instance}` within quotes is that "
        "of `[maint]`.",
        example='up{job="web"} == 0',
    )
