"""``[maint]``: what holds for the whole listener. No I/O here."""

from __future__ import annotations

import enum
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint.settings import words
from supervisor_maint.settings.inputs import Section
from supervisor_maint.settings.options import FileUse, option, refuse, section

_LOG_LEVELS = {
    "critical": "CRITICAL",
    "error": "ERROR",
    "warn": "WARNING",
    "info": "INFO",
    "debug": "DEBUG",
}
# The next pass comes with the next hour.
_LONGEST_PASS = 3540.0
_SHORTEST_PUSH = 5.0  # a TICK_5 is the finest clock there is without timers of our own
_SMALLEST_HISTORY = 1024 * 1024


class PermissionPass(enum.Enum):
    """What the listener does about the permissions at every TICK_3600."""

    APPLY = "apply"
    REPORT = "report"
    OFF = "off"


@section("maint")
@attrs.frozen(kw_only=True)
class MaintSettings:
    """The listener itself: where it keeps its state, how it reaches supervisord, and how often.

    At most one, and every key may be left out.
    """

    state_dir: Path = option(
        words.path,
        default="/var/lib/supervisor-maint",
        help="Folder of the journal, the history and the requests; one for each supervisord.",
        example="%(here)s/state",
    )
    instance: str = option(
        words.label,
        default=lambda circumstances: circumstances.instance,
        default_words="the host's short name",
        help="The `instance` label of everything pushed. Spell it as your other exporters do.",
        example="web01",
    )
    timezone: ZoneInfo = option(
        words.zone,
        default=lambda circumstances: circumstances.zone_name,
        default_words="the machine's zone, else UTC",
        help="The zone in which times are shown to people.",
        example="Asia/Tokyo",
    )
    serverurl: str | None = option(
        words.server_url,
        default=lambda circumstances: circumstances.environ.get("SUPERVISOR_SERVER_URL") or None,
        default_words="`SUPERVISOR_SERVER_URL`, which supervisord gives its listeners",
        help="Where supervisord listens for XML-RPC.",
        example="unix:///run/supervisor.sock",
    )
    username: str | None = option(
        words.text,
        default=lambda circumstances: circumstances.environ.get("SUPERVISOR_USERNAME") or None,
        default_words="`SUPERVISOR_USERNAME`, when the environment has it",
        help="The user of supervisord's server, when that has a password.",
        example="operator",
    )
    password_file: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        fills="password",
        default_words="`SUPERVISOR_PASSWORD` of the environment is used",
        help="File with the password on its first line; readable by its owner alone.",
        example="/etc/supervisor/maint.password",
    )
    rpc_timeout_seconds: float = option(
        partial(words.duration, minimum=0.1, maximum=300.0),
        key="rpc_timeout",
        default="5s",
        help="How long one call to supervisord may take.",
        example="10s",
    )
    push_interval_seconds: float = option(
        partial(words.duration, minimum=_SHORTEST_PUSH),
        key="push_interval",
        default="60s",
        help="How often metrics are written when nothing happens; at least 5s.",
        example="30s",
    )
    settle_seconds: float = option(
        words.duration,
        key="settle",
        default="10s",
        help="How long a process must stay as it is to have settled.",
        example="15s",
    )
    settle_max_seconds: float = option(
        words.duration,
        key="settle_max",
        default="60s",
        help="After this long a report is made though something still moves: that is flapping.",
        example="2m",
    )
    history_keep_seconds: float = option(
        partial(words.duration, minimum=3600.0),
        key="history_keep",
        default="90d",
        help="How long snapshots and diffs are kept.",
        example="30d",
    )
    history_size_bytes: int = option(
        partial(words.byte_size, minimum=_SMALLEST_HISTORY),
        key="history_size",
        default="50MB",
        help="How large the history may grow before the oldest goes; at least 1MB.",
        example="200MB",
    )
    supervisord_config: Path | None = option(
        words.path,
        file_use=FileUse.READ,
        default_words="found on supervisord's command line",
        help="The configuration file supervisord was started with.",
        example="/etc/supervisor/supervisord.conf",
    )
    log_level: str = option(
        words.choice(_LOG_LEVELS),
        default="info",
        help="What is written to stderr: critical, error, warn, info or debug.",
        example="debug",
    )
    memory: bool = option(
        words.boolean,
        default="true",
        help="Whether the memory of each process and its children is read.",
        example="false",
    )
    permissions: PermissionPass = option(
        words.choice({each.value: each for each in PermissionPass}),
        default="apply",
        help="What happens to `[permissions:NAME]` at every TICK_3600: `apply`, `report` only what "
        "drifted, or `off`.",
        example="report",
    )
    permissions_timeout_seconds: float = option(
        partial(words.duration, minimum=1.0, maximum=_LONGEST_PASS),
        key="permissions_timeout",
        default="50m",
        help="How long one look at all permissions may take; at most 59m.",
        example="10m",
    )
    password: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        wrong = []
        if self.settle_seconds >= self.settle_max_seconds:
            limit, found = f"{self.settle_max_seconds:g}s", f"{self.settle_seconds:g}s"
            wrong.append(("settle", f"expected less than settle_max ({limit}), found {found}"))
        if self.password_file and not self.username:
            wrong.append(("password_file", "expected username beside it, found none"))
        refuse(wrong)


# What a file without [maint] means: every key has its default.
NO_SECTION = Section(header="maint", file="", line=0)
