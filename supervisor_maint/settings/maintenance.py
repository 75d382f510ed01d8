"""``[maintenance:…]``, ``[step:…]`` and ``[readiness:…]``: the planned restarts. No I/O here.

The sections are read one by one; ``planning`` then puts each plan together with the steps and the
readiness checks it names, as the values that the maintenance package works with.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Callable
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint.maintenance.plan import (
    Allowance,
    OnFailure,
    OnOverrun,
    OnStepFailure,
    Plan,
    Step,
    Strategy,
)
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.monitoring import matchers, promql
from supervisor_maint.monitoring.matchers import Matchers
from supervisor_maint.settings import words
from supervisor_maint.settings.options import Naming, option, refuse, section

_POSITIVE = partial(words.duration, minimum=0.001)


def _words(kind: Any) -> Callable[[str], Any]:
    return words.choice({member.value: member for member in kind})


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        raise words.refusal("a number from 1", text)
    return int(text)


def _command(text: str) -> str:
    words.text(text)
    try:
        found = shlex.split(text)
    except ValueError:
        found = []
    if not found:
        raise words.refusal("a command with every quote closed", text)
    return text


@section("step", Naming.ALWAYS)
@attrs.frozen(kw_only=True)
class StepSection:
    """A command that is part of a planned restart: before it, after it, or a check.

    It is split as a shell splits words, and started without a shell, in a process group of its
    own. Exit 75 before the restart skips the run quietly.
    """

    name: str = "step"
    command: str = option(
        _command,
        required=True,
        help="The command and its arguments; no shell, no shell syntax.",
        example="/usr/local/bin/drain --wait",
    )
    timeout_seconds: float = option(
        _POSITIVE,
        key="timeout",
        default="60s",
        help="After this long its process group gets TERM, then KILL.",
        example="2m",
    )
    user: str | None = option(
        words.name,
        default_words="the listener's user",
        help="Who runs it; needs a listener that runs as root.",
        example="deploy",
    )
    on_failure: OnStepFailure | None = option(
        _words(OnStepFailure),
        default_words="`abort` for pre and check, `continue` for post",
        help="What a failing step means: `abort` the run, or `continue` with a note.",
        example="continue",
    )
    idempotent: bool | None = option(
        words.boolean,
        default_words="false for pre, true for post",
        help="Whether it may be run again when a crash left its end unknown.",
        example="true",
    )

    def before(self) -> Step:
        """Return it as a pre or check step."""
        return Step.before(self.name, self.command, **self._given())

    def after(self) -> Step:
        """Return it as a post step."""
        return Step.after(self.name, self.command, **self._given())

    def _given(self) -> dict[str, Any]:
        given = {"user": self.user, "on_failure": self.on_failure, "idempotent": self.idempotent}
        known = {key: value for key, value in given.items() if value is not None}
        return {"timeout_seconds": self.timeout_seconds, **known}


@section("readiness", Naming.ALWAYS)
@attrs.frozen(kw_only=True)
class ReadinessSection:
    """When a restarted process counts as back; without one, RUNNING is enough.

    `{num}` is the digits that end the process name, with arithmetic and a format:
    `{num+8000}`, `{num:03d}`.
    """

    name: str = "readiness"
    programs: tuple[str, ...] = option(
        words.patterns,
        required=True,
        help="Which processes: names, `group:name`, `group:*`, globs.",
        example="web:*",
    )
    http: str | None = option(
        words.text,
        help="A URL to GET; any 2xx is ready.",
        example="http://127.0.0.1:{num+8000}/healthz",
    )
    tcp: str | None = option(
        words.text, help="HOST:PORT to connect to.", example="127.0.0.1:{num+5000}"
    )
    command: str | None = option(
        _command, help="A command; exit 0 is ready.", example="/usr/local/bin/is-ready {num}"
    )
    timeout_seconds: float = option(
        _POSITIVE,
        key="timeout",
        default="60s",
        help="How long it may take from RUNNING on.",
        example="2m",
    )
    interval_seconds: float = option(
        _POSITIVE,
        key="interval",
        default="0.25s",
        help="The time between two questions.",
        example="1s",
    )
    successes: int = option(
        _count, default="1", help="How many good answers in a row are needed.", example="3"
    )

    def __attrs_post_init__(self) -> None:
        given = [kind.value for kind in ProbeKind if getattr(self, kind.value)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            refuse([("http", f"expected one of http, tcp and command, found {found}")])
        try:
            self.readiness()
        except ValueError as error:
            refuse([(given[0], str(error))])

    def readiness(self) -> Readiness:
        """Return it as the check that a run makes."""
        (kind,) = (kind for kind in ProbeKind if getattr(self, kind.value))
        return Readiness(
            name=self.name,
            programs=self.programs,
            kind=kind,
            address=getattr(self, kind.value),
            timeout_seconds=self.timeout_seconds,
            interval_seconds=self.interval_seconds,
            successes=self.successes,
        )


@section("maintenance", Naming.ALWAYS)
@attrs.frozen(kw_only=True)
class MaintenanceSection:
    """A planned restart. Without a schedule it runs only when somebody asks."""

    name: str = "maintenance"
    schedule: str | None = option(
        words.text,
        help="When: a cron expression of five fields (minute hour day month weekday).",
        example="0 3 * * *",
    )
    timezone: ZoneInfo = option(
        words.zone,
        default=lambda circumstances: circumstances.zone_name,
        default_words="`timezone` of `[maint]`",
        help="The zone that the schedule is meant in.",
        example="Asia/Tokyo",
    )
    start_within_seconds: float = option(
        _POSITIVE,
        key="start_within",
        default="5m",
        help="It may begin until this long after the scheduled time; later it is skipped.",
        example="30m",
    )
    max_duration_seconds: float = option(
        _POSITIVE,
        key="max_duration",
        default="5m",
        help="From the first stop on; also how long alerts are muted, never extended.",
        example="15m",
    )
    strategy: Strategy = option(
        _words(Strategy),
        default="rolling",
        help="`rolling`, or `all-at-once`: stop everything, then start everything.",
        example="all-at-once",
    )
    max_unavailable: Allowance = option(
        Allowance.parse,
        default="1",
        help="How many of each group may be away at once: a count, or a share such as 25%.",
        example="25%",
    )
    max_groups: int = option(
        _count,
        default="1",
        help="How many groups of equal priority are restarted at once.",
        example="4",
    )
    programs: tuple[str, ...] = option(
        words.patterns, default="*", help="What is restarted.", example="web:*, worker"
    )
    exclude: tuple[str, ...] | None = option(
        words.patterns,
        default_words="nothing",
        help="What is left alone.",
        example="postgres",
    )
    check: tuple[str, ...] | None = option(
        words.patterns,
        default_words="none",
        help="Steps that must succeed before the run begins; asked again every 15 s.",
        example="no-deploy",
    )
    block_on_alerts: Matchers | None = option(
        matchers.parse,
        default_words="`block_on_alerts` of `[alertmanager]`",
        help="It does not begin while an alert fires that all these match; silenced and inhibited "
        "ones do not count. `{instance}` is that of `[maint]`. Asked again every 15 s.",
        example='severity="critical"',
    )
    block_on_query: str | None = option(
        promql.parse,
        default_words="`block_on_query` of `[prometheus]`",
        help="It does not begin while this query of Prometheus returns anything. `{instance}` "
        "within quotes is that of `[maint]`.",
        example='up{job="web"} == 0',
    )
    lead_seconds: float | None = option(
        words.duration,
        key="lead",
        default_words="0s; with `[alertmanager]` 30s",
        help="How long the first stop waits after the metrics were written, for alerts to be muted "
        "everywhere; with `[alertmanager]` no longer than until they are.",
        example="45s",
    )
    pre: tuple[str, ...] | None = option(
        words.patterns, default_words="none", help="Steps before.", example="drain"
    )
    post: tuple[str, ...] | None = option(
        words.patterns, default_words="none", help="Steps after.", example="warm-cache"
    )
    rotate_logs: bool = option(
        words.boolean,
        default="false",
        help="Whether logs are rotated before the restart.",
        example="true",
    )
    logrotate_config: Path | None = option(
        words.path,
        default_words="logs are reopened only",
        help="What `logrotate` is run on.",
        example="/etc/logrotate.d/supervisor",
    )
    logrotate_force: bool = option(
        words.boolean, default="false", help="Whether `logrotate` gets `-f`.", example="true"
    )
    settle_seconds: float = option(
        words.duration,
        key="settle",
        default="10s",
        help="How long everything must stay well after the restart before it is compared.",
        example="30s",
    )
    on_failure: OnFailure = option(
        _words(OnFailure),
        default="stop",
        help="When a process does not come back: `stop` the run, or `continue` with the rest.",
        example="continue",
    )
    on_overrun: OnOverrun = option(
        _words(OnOverrun),
        default="finish",
        help="When `max_duration` is over: `finish` the batch, or `recover` at once.",
        example="recover",
    )
    restart_log: Path | None = option(
        words.path,
        help="A file that gets one line a run.",
        example="/var/log/supervisor/restart.log",
    )

    def __attrs_post_init__(self) -> None:
        try:
            self.parsed_schedule()
        except ValueError as error:
            refuse([("schedule", str(error))])
        if self.logrotate_force and not self.logrotate_config:
            refuse([("logrotate_force", "expected logrotate_config beside it, found none")])

    def parsed_schedule(self) -> Schedule | None:
        """Return the schedule. Raises ValueError for an expression that is none."""
        return Schedule.parse(self.schedule, self.timezone) if self.schedule else None

    def plan(self, steps: Mapping[str, StepSection], readiness: tuple[Readiness, ...]) -> Plan:
        """Return the plan, with the steps it names."""
        return Plan(
            name=self.name,
            schedule=self.parsed_schedule(),
            start_within_seconds=self.start_within_seconds,
            max_duration_seconds=self.max_duration_seconds,
            strategy=self.strategy,
            max_unavailable=self.max_unavailable,
            max_groups=self.max_groups,
            programs=self.programs,
            exclude=self.exclude or (),
            checks=tuple(steps[name].before() for name in self.check or ()),
            pre=tuple(steps[name].before() for name in self.pre or ()),
            post=tuple(steps[name].after() for name in self.post or ()),
            readiness=readiness,
            rotate_logs=self.rotate_logs,
            logrotate_config=str(self.logrotate_config or ""),
            logrotate_force=self.logrotate_force,
            lead_seconds=self.lead_seconds or 0.0,
            block_on_alerts=", ".join(map(str, self.block_on_alerts or ())),
            block_on_query=self.block_on_query or "",
            settle_seconds=self.settle_seconds,
            on_failure=self.on_failure,
            on_overrun=self.on_overrun,
            restart_log=str(self.restart_log or ""),
        )
