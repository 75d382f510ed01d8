"""The sections of planned restarts, from text to plans."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from supervisor_maint.maintenance.plan import (
    Allowance,
    OnFailure,
    OnOverrun,
    OnStepFailure,
    Plan,
    Step,
    Strategy,
)
from supervisor_maint.maintenance.readiness import ProbeKind
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.settings import Settings, SettingsRefused, load

MAINT = "[maint]\nstate_dir = /var/lib/maint\ntimezone = Europe/Berlin\n"
EVERYTHING = """
[maintenance:nightly]
schedule = 0 3 * * *
timezone = Asia/Tokyo
start_within = 30m
max_duration = 15m
strategy = all-at-once
max_unavailable = 25%
max_groups = 4
programs = web:*, job
exclude = web:web_9
check = no-deploy
pre = drain
post = warm, drain
rotate_logs = true
logrotate_config = /etc/logrotate.d/supervisor
logrotate_force = true
settle = 30s
on_failure = continue
on_overrun = recover
restart_log = /var/log/restart.log
[step:no-deploy]
command = deploying --no
[step:drain]
command = drain "all of it"
timeout = 2m
user = deploy
on_failure = continue
idempotent = false
[step:warm]
command = warm
[readiness:web]
programs = web:*
http = http://127.0.0.1:{num+8000}/
timeout = 20s
interval = 1s
successes = 3
"""


def loaded(text: str, folder: Path) -> Settings:
    file = folder / "maint.conf"
    file.write_text(MAINT + text)
    return load(file, environ={}, now=1000.0)


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        loaded(text, folder)
    return [str(problem).partition("maint.conf:")[2] for problem in refused.value.problems]


def test_everything_can_be_said(tmp_path: Path) -> None:
    """Each key of a plan, its steps and its readiness comes to where it belongs."""
    (plan,) = loaded(EVERYTHING, tmp_path).plans
    (readiness,) = plan.readiness

    drain = {
        "timeout_seconds": 120.0,
        "user": "deploy",
        "on_failure": OnStepFailure.CONTINUE,
        "idempotent": False,
    }
    assert (
        Plan(
            name="nightly",
            schedule=Schedule.parse("0 3 * * *", "Asia/Tokyo"),
            start_within_seconds=1800.0,
            max_duration_seconds=900.0,
            strategy=Strategy.ALL_AT_ONCE,
            max_unavailable=Allowance(25, is_percent=True),
            max_groups=4,
            programs=("web:*", "job"),
            exclude=("web:web_9",),
            checks=(Step.before("no-deploy", "deploying --no"),),
            pre=(Step.before("drain", 'drain "all of it"', **drain),),
            post=(Step.after("warm", "warm"), Step.after("drain", 'drain "all of it"', **drain)),
            readiness=(readiness,),
            rotate_logs=True,
            logrotate_config="/etc/logrotate.d/supervisor",
            logrotate_force=True,
            settle_seconds=30.0,
            on_failure=OnFailure.CONTINUE,
            on_overrun=OnOverrun.RECOVER,
            restart_log="/var/log/restart.log",
        )
        == plan
    )
    assert (ProbeKind.HTTP, 20.0, 1.0, 3) == (
        readiness.kind,
        readiness.timeout_seconds,
        readiness.interval_seconds,
        readiness.successes,
    )


def test_a_name_is_enough(tmp_path: Path) -> None:
    """A plan without a key is one on request, careful in every respect."""
    (plan,) = loaded("[maintenance:weekly]\n", tmp_path).plans

    assert Plan(name="weekly") == plan


def test_zone_is_that_of_maint(tmp_path: Path) -> None:
    """A schedule without a zone of its own is meant in that of [maint]."""
    (plan,) = loaded("[maintenance:nightly]\nschedule = 0 3 * * *\n", tmp_path).plans

    assert plan.schedule is not None
    assert ZoneInfo("Europe/Berlin").key == plan.schedule.zone


def test_plans_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Of plans that are due at once the first of the file runs first."""
    text = "[maintenance:b]\n[maintenance:a]\n[maintenance:c]\n"

    assert ["b", "a", "c"] == [plan.name for plan in loaded(text, tmp_path).plans]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("schedule", "0 3 * *", "expected a cron expression of 5 fields"),
        ("schedule", "0 3 31 2 *", "expected a cron expression, found '0 3 31 2 *'"),
        ("timezone", "Asia/Tokio", "Asia/Tokyo"),
        ("start_within", "0", "expected a duration of at least 0.001s, found '0'"),
        ("max_duration", "soon", "found 'soon'"),
        ("strategy", "roling", "rolling"),
        ("max_unavailable", "0", "expected a count such as 1 or a share such as 25%, found '0'"),
        ("max_unavailable", "101%", "expected a share of 1% to 100%, found 101%"),
        ("max_groups", "0", "expected a number from 1, found '0'"),
        ("max_groups", "²", "expected a number from 1, found '²'"),
        ("programs", ",", "expected names or patterns such as web:*, worker, found ','"),
        ("on_failure", "retry", "found 'retry'"),
        ("restart_log", "restart.log", "expected an absolute path"),
        ("logrotate_force", "true", "expected logrotate_config beside it, found none"),
        ("pre", "drian", "expected the name of a [step:…], found 'drian'; did you mean 'drain'?"),
        ("check", "other", "found 'other'; add a section [step:other]"),
    ],
)
def test_wrong_value_of_a_plan(key: str, value: str, sentence: str, tmp_path: Path) -> None:
    """What cannot be meant is refused with its line, and what was expected."""
    text = f"[maintenance:nightly]\n{key} = {value}\n[step:drain]\ncommand = drain\n"

    (problem,) = problems(text, tmp_path)

    assert problem.startswith(f"5: [maintenance:nightly] {key}: ")
    assert sentence in problem


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("[step:x]", "command"),
        ("[step:x]\ncommand = drain 'all", "expected a command with every quote closed"),
        ("[step:x]\ncommand = x\non_failure = stop", "found 'stop'"),
        ("[step]\ncommand = x", "step"),
        ("[readiness:x]\nhttp = http://127.0.0.1/", "programs"),
        ("[readiness:x]\nprograms = a", "expected one of http, tcp and command, found none"),
        (
            "[readiness:x]\nprograms = a\nhttp = http://127.0.0.1/\ntcp = 127.0.0.1:1",
            "expected one of http, tcp and command, found http and tcp",
        ),
        ("[readiness:x]\nprograms = a\ntcp = 127.0.0.1", "127.0.0.1"),
        ("[readiness:x]\nprograms = a\nhttp = http://127.0.0.1:{num+8000/", "expected {num…}"),
        ("[readiness:x]\nprograms = a\ncommand = ready 'x", "every quote closed"),
        ("[readiness:x]\nprograms = a\ncommand = x\nsuccesses = 0", "expected a number from 1"),
    ],
)
def test_wrong_step_or_readiness(section: str, sentence: str, tmp_path: Path) -> None:
    """A step that could not be started, or a question that could not be asked, is refused."""
    assert any(sentence in problem for problem in problems(section + "\n", tmp_path))
