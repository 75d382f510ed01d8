"""Steps as children: what they are given, how they end, and that there is one of each."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shlex
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance import launching
from supervisor_maint.maintenance.commands import Commands
from supervisor_maint.maintenance.invocation import STANDARD_PATH
from supervisor_maint.maintenance.observation import StepOutcome
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.step_files import OUTPUT_BYTES, StepFiles
from tests.fakes.steps import SECONDS, STARTED_SECONDS, end, invocation, is_running, run, shell
from tests.fakes.waiting import wait_until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "steps"


@pytest.fixture
def commands(folder):
    return Commands(folder, grace_seconds=SECONDS, inherited={"PATH": "/bin:/usr/bin"})


def named(name, command):
    return attrs.evolve(invocation(command), step=Step.after(name, command))


def test_step_succeeds(commands):
    """A child that exits 0 succeeded, and what it wrote to either stream is kept in order."""
    ended = run(commands, shell("echo one; echo two >&2"))

    assert (StepOutcome.SUCCEEDED, 0, "") == (ended.outcome, ended.exit_status, ended.reason)
    assert ("one\ntwo\n", 8) == (ended.output, ended.output_bytes)


@pytest.mark.parametrize(
    ("phase", "status", "outcome"),
    [
        ("pre", 75, StepOutcome.SKIP_RUN),
        ("check", 75, StepOutcome.SKIP_RUN),
        ("post", 75, StepOutcome.FAILED),
        ("rotate", 75, StepOutcome.FAILED),
        ("pre", 1, StepOutcome.FAILED),
        ("pre", 0, StepOutcome.SUCCEEDED),
    ],
)
def test_exit_status_has_a_meaning(commands, phase, status, outcome):
    """Exit 75 before the restart means: not tonight; any other than 0 is a failure."""
    assert outcome is run(commands, shell(f"exit {status}"), phase=phase).outcome


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo trying; echo no route; echo; exit 3", "exit status 3: no route"),
        ("exit 3", "exit status 3"),
        ("kill -KILL $$", "ended by SIGKILL"),
        ("kill -40 $$", "ended by signal 40"),
        (r"printf 'red \033[31m\n'; exit 1", "exit status 1: red  [31m"),
    ],
)
def test_failure_says_why(commands, script, reason):
    """The reason is how it ended, and the last line that it wrote."""
    assert reason == run(commands, shell(script)).reason


def test_environment_is_documented_and_clean(folder):
    """A step is told of its run, and nothing that the listener knows besides."""
    secret = {"PATH": "/opt/bin:/bin", "SUPERVISOR_PASSWORD": "x", "LANG": "de_DE.UTF-8"}
    us = pwd.getpwuid(os.geteuid())

    ended = run(Commands(folder, inherited=secret), "env", attempt=2, result="failed")

    environment = dict(each.split("=", 1) for each in ended.output.splitlines())
    expected_path = "/opt/bin:/bin:" + ":".join(
        part for part in STANDARD_PATH.split(":") if part != "/bin"
    )
    assert {
        "PATH": expected_path,
        "LANG": "de_DE.UTF-8",
        "HOME": us.pw_dir,
        "USER": us.pw_name,
        "LOGNAME": us.pw_name,
        "MAINT_PLAN": "nightly",
        "MAINT_RUN_ID": "r1",
        "MAINT_PHASE": "post",
        "MAINT_ATTEMPT": "2",
        "MAINT_RESULT": "failed",
    } == environment


def test_child_stands_alone(commands):
    """It has a session of its own, works in /, and its input is empty."""
    script = (
        "import os, sys; print(os.getsid(0) == os.getpid(), os.getcwd(), repr(sys.stdin.read()))"
    )

    ended = run(commands, shlex.join([sys.executable, "-I", "-c", script]))

    assert "True / ''\n" == ended.output


def test_summary_is_a_file_for_the_time_of_the_step(commands):
    """MAINT_SUMMARY is a JSON file that only its user can read, gone when the step is."""
    script = 'echo "$MAINT_SUMMARY"; cat "$MAINT_SUMMARY"'

    ended = run(commands, shell(script), summary={"version": 1, "plan": "nightly"})

    path, _, content = ended.output.partition("\n")
    assert {"version": 1, "plan": "nightly"} == json.loads(content)
    assert not Path(path).parent.exists()


@needs_root
def test_step_runs_as_its_user(commands):
    """With user= it has that user's ids, groups and home, reads its summary, opens its output."""
    script = 'id -un; id -gn; id -Gn; echo "$HOME $USER"; cat "$MAINT_SUMMARY"; echo >>/dev/stderr'
    nobody = pwd.getpwnam("nobody")
    groups = subprocess.run(
        ["id", "-Gn", "nobody"], check=True, capture_output=True, text=True
    ).stdout.strip()

    ended = run(commands, shell(script), user="nobody", summary={})

    assert StepOutcome.SUCCEEDED is ended.outcome, ended
    name, group, all_groups, home, summary = ended.output.splitlines()[:5]
    assert ("nobody", groups.split()[0], groups) == (name, group, all_groups)
    assert (f"{nobody.pw_dir} nobody", "{}") == (home, summary)


def test_only_root_becomes_somebody_else(monkeypatch):
    """Without root, a foreign user is refused with a sentence that says what to do."""
    monkeypatch.setattr(launching.os, "geteuid", lambda: 4242)

    with pytest.raises(MaintError, match=r"only a listener that runs as root .* uid 4242"):
        launching.account_of("root")


def test_listener_may_have_no_name(monkeypatch):
    """In a container we may be a number that no passwd file knows."""
    monkeypatch.setattr(launching.os, "geteuid", lambda: 424242)

    account = launching.account_of("")

    assert ("424242", "/", True) == (account.name, account.home, account.is_ours)


@pytest.mark.parametrize(
    ("command", "user", "reason"),
    [
        ("/no/such/program -x", "", "cannot start '/no/such/program' (from /): no such file"),
        ("no-such-program-either", "", "cannot start 'no-such-program-either' (from /): no such"),
        ("/etc", "", "cannot start '/etc' (from /): permission denied"),
        ("sh -c 'oops", "", 'command "sh -c \'oops": no closing quotation'),
        ("''", "", "cannot start ''"),
        ("#nothing", "", "cannot start '#nothing' (from /): no such file"),
        ("true a\0b", "", "command 'true a\\x00b': embedded null byte"),
        ("true", "no-such-user", "user 'no-such-user': expected a user of this machine"),
    ],
)
def test_child_that_cannot_start_is_a_failure(commands, command, user, reason):
    """What cannot be started is a result with a sentence, and leaves nothing locked."""
    ended = run(commands, command, user=user, summary={})

    assert (StepOutcome.FAILED, None) == (ended.outcome, ended.exit_status)
    assert reason in ended.reason
    assert StepOutcome.SUCCEEDED is run(commands, "true").outcome


def test_script_without_interpreter_is_a_failure(commands, tmp_path):
    """A file that is no program is named."""
    script = tmp_path / "script"
    script.write_text("echo hello\n")
    script.chmod(0o755)

    ended = run(commands, str(script))

    assert f"cannot start '{script}' (from /): exec format error" == ended.reason


def test_lock_that_cannot_be_made_is_a_failure(tmp_path):
    """Without its lock no step is started."""
    (tmp_path / "file").write_text("")
    commands = Commands(tmp_path / "file" / "steps")

    ended = run(commands, "true")

    assert StepOutcome.FAILED is ended.outcome
    assert "not a directory; no step is started without its lock" in ended.reason


def test_late_group_is_told_to_end(commands):
    """At the deadline the whole group gets TERM, so that a script can clean up."""
    script = "trap 'echo cleaned; exit 9' TERM; sleep 600 & echo $!; wait"

    ended = run(commands, shell(script), timeout_seconds=STARTED_SECONDS)

    grandchild = int(ended.output.split()[0])
    assert StepOutcome.TIMED_OUT is ended.outcome
    assert f"{STARTED_SECONDS:g} s passed; exit status 9: cleaned" == ended.reason
    wait_until(lambda: not is_running(grandchild))


def test_late_group_that_does_not_end_is_killed(folder):
    """Who ignores TERM gets KILL, together with everything of the group."""
    commands = Commands(folder, grace_seconds=STARTED_SECONDS)
    script = "trap '' TERM; sleep 600 & echo $!; while true; do sleep 600; done"

    ended = run(commands, shell(script), timeout_seconds=STARTED_SECONDS)

    grandchild = int(ended.output.split()[0])
    assert StepOutcome.TIMED_OUT is ended.outcome
    assert ended.reason.startswith(f"{STARTED_SECONDS:g} s passed; ended by SIGKILL")
    wait_until(lambda: not is_running(grandchild))


def test_late_leader_leaves_nobody(commands):
    """When the leader ends at TERM, what ignores TERM in its group is killed."""
    script = "sh -c 'trap \"\" TERM; echo $$; sleep 600' & wait"

    ended = run(commands, shell(script), timeout_seconds=STARTED_SECONDS)

    deaf = int(ended.output.split()[0])
    assert StepOutcome.TIMED_OUT is ended.outcome
    wait_until(lambda: not is_running(deaf))


def test_end_of_long_output_is_kept(commands):
    """Of much output the end is kept, and all is counted."""
    ended = run(commands, shell("head -c 200000 /dev/zero | tr '\\0' x; echo end"))

    assert 200_004 == ended.output_bytes
    assert (OUTPUT_BYTES, "xxend\n") == (len(ended.output), ended.output[-6:])


def test_output_need_not_be_text(commands):
    """Bytes that are no UTF-8 harm nothing."""
    assert "\ufffd\n" == run(commands, shell(r"printf '\377\n'")).output


def test_same_step_runs_once_at_a_time(commands, tmp_path):
    """A second one waits for the first, also within one listener."""
    log = tmp_path / "log"
    script = f"echo begin >>{log}; sleep 0.3; echo end >>{log}"

    async def both():
        return await asyncio.gather(
            commands.run(invocation(shell(script))), commands.run(invocation(shell(script)))
        )

    ends = asyncio.run(both())

    assert [StepOutcome.SUCCEEDED] * 2 == [each.outcome for each in ends]
    assert ["begin", "end"] * 2 == log.read_text().split()


def test_many_steps_run_together(commands, tmp_path):
    """Steps of different names do not wait for each other: each of these waits for all."""
    script = (
        f"touch {tmp_path}/at$$; until [ $(ls {tmp_path} | grep -c ^at) = 3 ]; do sleep 0.05; done"
    )

    async def all_three():
        return await asyncio.gather(
            *(commands.run(named(name, shell(script))) for name in ("a/b", "a b", "../é"))
        )

    ends = asyncio.run(all_three())

    assert [StepOutcome.SUCCEEDED] * 3 == [each.outcome for each in ends]


def test_daemon_left_by_a_step_is_not_the_step(commands, folder):
    """What a finished step leaves running keeps no later one from starting."""
    ended = run(commands, shell("setsid sleep 600 >/dev/null 2>&1 & echo $!"))
    daemon = int(ended.output)
    try:
        assert StepFiles(folder, "warm-cache").find_child() is None
        assert StepOutcome.SUCCEEDED is run(commands, "true").outcome
        assert is_running(daemon)
    finally:
        end(daemon)


def test_without_orphan_nothing_is_waited_for(commands):
    """Where no child lives, the end is unknown at once."""
    ended = asyncio.run(commands.await_orphan(invocation("true").step))

    assert (StepOutcome.UNKNOWN, "") == (ended.outcome, ended.output)
    assert "the listener that began it ended before it did" == ended.reason
