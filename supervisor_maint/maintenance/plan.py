"""What an operator wants restarted, when and how. Values only; no I/O here.

Durations are seconds. Everything in a plan can become JSON and come back, for a run keeps the
plan it began with: settings that change meanwhile hold for the next one.
"""

from __future__ import annotations

import enum
import re
from typing import Any

import attrs
from attrs.validators import and_, deep_iterable, ge, gt, instance_of, min_len

from supervisor_maint.maintenance.documents import each_revived_by, from_document, revived_by
from supervisor_maint.maintenance.readiness import Readiness
from supervisor_maint.maintenance.schedule import Schedule

_ALLOWANCE = re.compile(r"(\d{1,6})\s*(%?)", re.ASCII)
_WHOLE_PERCENT = 100
_patterns = deep_iterable(and_(instance_of(str), min_len(1)), instance_of(tuple))


class Strategy(enum.Enum):
    """How the processes of a plan are restarted."""

    ROLLING = "rolling"
    ALL_AT_ONCE = "all-at-once"


class OnFailure(enum.Enum):
    """What a process that does not come back means for the rest of the run."""

    STOP = "stop"
    CONTINUE = "continue"


class OnOverrun(enum.Enum):
    """What is done with the batch under way when ``max_duration`` is over.

    FINISH waits until it is ready, RECOVER only starts what is stopped. Neither stops any more.
    """

    FINISH = "finish"
    RECOVER = "recover"


class OnStepFailure(enum.Enum):
    """What a step that fails means: the run fails, or goes on with a note."""

    ABORT = "abort"
    CONTINUE = "continue"


@attrs.frozen
class Allowance:
    """How many processes of a group may be away: a count, or a share in whole percent."""

    amount: int = attrs.field(validator=ge(1))
    is_percent: bool = False

    def __attrs_post_init__(self) -> None:
        if self.is_percent and self.amount > _WHOLE_PERCENT:
            raise ValueError(f"expected a share of 1% to 100%, found {self.amount}%")

    @classmethod
    def parse(cls, text: str) -> Allowance:
        """Read ``3`` or ``25%``. Raises ValueError."""
        match = _ALLOWANCE.fullmatch(text.strip())
        if match is None or int(match[1]) == 0:
            raise ValueError(f"expected a count such as 1 or a share such as 25%, found {text!r}")
        return cls(int(match[1]), bool(match[2]))

    def of(self, members: int) -> int:
        """Return the count for a group of so many members: rounded down, at least 1."""
        if not self.is_percent:
            return self.amount
        return max(1, members * self.amount // _WHOLE_PERCENT)

    def __str__(self) -> str:
        return f"{self.amount}%" if self.is_percent else str(self.amount)


@attrs.frozen(kw_only=True)
class Step:
    """A command that is part of a run.

    ``idempotent`` says that it may be run again when nobody knows how its first run ended.
    """

    name: str = attrs.field(validator=min_len(1))
    command: str = attrs.field(validator=min_len(1))
    timeout_seconds: float = attrs.field(default=60.0, validator=gt(0))
    user: str = ""
    on_failure: OnStepFailure = attrs.field(metadata=revived_by(OnStepFailure))
    idempotent: bool

    @classmethod
    def before(cls, name: str, command: str, **settings: Any) -> Step:
        """Make a pre or check step: what it does not say is to abort, and never twice."""
        defaults = {"on_failure": OnStepFailure.ABORT, "idempotent": False}
        return cls(name=name, command=command, **{**defaults, **settings})

    @classmethod
    def after(cls, name: str, command: str, **settings: Any) -> Step:
        """Make a post step: what it does not say is to go on, and again after a crash."""
        defaults = {"on_failure": OnStepFailure.CONTINUE, "idempotent": True}
        return cls(name=name, command=command, **{**defaults, **settings})


def _revive_step(document: Any) -> Step:
    return from_document(Step, document)


def _revive_readiness(document: Any) -> Readiness:
    return from_document(Readiness, document)


def _revive_schedule(document: Any) -> Schedule:
    return from_document(Schedule, document)


def _revive_allowance(document: Any) -> Allowance:
    return from_document(Allowance, document)


def _check_names(_: object, attribute: attrs.Attribute[Any], steps: tuple[Step, ...]) -> None:
    names = [step.name for step in steps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"expected each step once in {attribute.name}, found {twice!r} twice")


@attrs.frozen(kw_only=True)
class Plan:
    """One ``[maintenance:NAME]`` section; without a schedule it runs when somebody asks.

    ``lead_seconds`` is waited between the announcement (metrics, silence) and the first stop,
    unless everybody knows sooner. ``block_on_alerts`` are matchers of Alertmanager,
    ``block_on_query`` is a query of Prometheus; empty ones are not asked. ``logrotate_config`` and
    ``restart_log`` are paths, empty for none: a run goes by those it began with.
    """

    name: str = attrs.field(validator=min_len(1))
    schedule: Schedule | None = attrs.field(default=None, metadata=revived_by(_revive_schedule))
    start_within_seconds: float = attrs.field(default=300.0, validator=gt(0))
    max_duration_seconds: float = attrs.field(default=300.0, validator=gt(0))
    strategy: Strategy = attrs.field(default=Strategy.ROLLING, metadata=revived_by(Strategy))
    max_unavailable: Allowance = attrs.field(
        default=Allowance(1),
        metadata=revived_by(_revive_allowance),
    )
    max_groups: int = attrs.field(default=1, validator=ge(1))
    programs: tuple[str, ...] = attrs.field(default=("*",), validator=[_patterns, min_len(1)])
    exclude: tuple[str, ...] = attrs.field(default=(), validator=_patterns)
    checks: tuple[Step, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_step), validator=_check_names
    )
    block_on_alerts: str = ""
    block_on_query: str = ""
    pre: tuple[Step, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_step), validator=_check_names
    )
    post: tuple[Step, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_step), validator=_check_names
    )
    readiness: tuple[Readiness, ...] = attrs.field(
        default=(), metadata=each_revived_by(_revive_readiness)
    )
    rotate_logs: bool = False
    logrotate_config: str = ""
    logrotate_force: bool = False
    rotate_timeout_seconds: float = attrs.field(default=60.0, validator=gt(0))
    lead_seconds: float = attrs.field(default=0.0, validator=ge(0))
    settle_seconds: float = attrs.field(default=10.0, validator=ge(0))
    on_failure: OnFailure = attrs.field(default=OnFailure.STOP, metadata=revived_by(OnFailure))
    on_overrun: OnOverrun = attrs.field(default=OnOverrun.FINISH, metadata=revived_by(OnOverrun))
    restart_log: str = ""
