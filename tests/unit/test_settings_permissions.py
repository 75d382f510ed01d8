"""The sections of permissions, from text to rules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.rules import Missing, Rule
from supervisor_maint.settings import Settings, SettingsRefused, load
from supervisor_maint.settings.maint import PermissionPass
from supervisor_maint.settings.options import Circumstances

# As the issue that asked for it has them.
AS_ASKED = """
[permissions:tmux-state]
path = /tmp/tmux_supervisor_state
mode = 0755
[permissions:tmux-hashes]
path = /tmp/tmux_supervisor_state/*.hash
mode = 0644
[permissions:logs]
path = /var/log/supervisor
recursive = true
owner = supervisor
group = supervisor
dir_mode = 0755
file_mode = u=rw,g=r,o=
exclude = *.gz
"""


STRANGER = 12345


def loaded(text: str, folder: Path) -> Settings:
    file = folder / "maint.conf"
    file.write_text(text, encoding="utf-8")
    return loaded_again(file)


def loaded_again(file: Path) -> Settings:
    return load(file, environ={}, now=1000.0, circumstances=Circumstances())


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        loaded(text, folder)
    return [str(problem).partition("maint.conf:")[2] for problem in refused.value.problems]


def test_rules_come_as_they_were_asked_for(tmp_path: Path) -> None:
    """The sections become rules, in their order, with everything that they say."""
    assert (
        Rule(name="tmux-state", path="/tmp/tmux_supervisor_state", mode=Mode.parse("0755")),
        Rule(name="tmux-hashes", path="/tmp/tmux_supervisor_state/*.hash", mode=Mode.parse("0644")),
        Rule(
            name="logs",
            path="/var/log/supervisor",
            recursive=True,
            owner="supervisor",
            group="supervisor",
            dir_mode=Mode.parse("0755"),
            file_mode=Mode.parse("u=rw,g=r,o="),
            exclude=("*.gz",),
        ),
    ) == loaded(AS_ASKED, tmp_path).permissions


def test_everything_else_can_be_said(tmp_path: Path) -> None:
    """The keys that are rarely needed come to where they belong."""
    (rule,) = loaded(
        "[permissions:all]\npath = %(here)s/*.d/**\nowner = 33\ngroup = adm\n"
        "include = *.log, *.err\n  a/b\nmissing = report\nenabled = no\ntrust_owner = www-data\n",
        tmp_path,
    ).permissions

    assert f"{tmp_path}/*.d/**" == rule.path
    assert ("33", "adm", "www-data") == (rule.owner, rule.group, rule.trust_owner)
    assert ("*.log", "*.err", "a/b") == rule.include
    assert (Missing.REPORT, False) == (rule.missing, rule.is_enabled)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mode = 0755", "0755"),
        ("mode = 755 ; as it was", "755"),
        ("mode: u=rwx,go=rX", "u=rwx,go=rX"),
        ("mode=u=rw,g=r,o=", "u=rw,g=r,o="),
        ("mode = g=u", "g=u"),
        ("mode = =r", "=r"),
        ("mode = 0", "0"),
    ],
)
def test_mode_is_taken_as_written(tmp_path: Path, line: str, expected: str) -> None:
    """Equals signs, commas, zeros and comments do to a mode what a reader thinks they do."""
    (rule,) = loaded(f"[permissions:x]\npath = /srv/x\n{line}\n", tmp_path).permissions

    assert expected == str(rule.mode)


def test_problems_are_told_at_their_keys(tmp_path: Path) -> None:
    """Everything wrong with a rule is said at once, at its line."""
    found = problems(
        "[permissions:a]\npath = /etc\nrecursive = true\nmode = 0666\n[permissions:b]\nmode = rwx\n"
        "[permissions:c]\npath = /srv/c\n[permissions:d]\npath = /srv/d\nmissing = maybe\n",
        tmp_path,
    )

    assert [
        "3: [permissions:a] recursive: expected a folder that holds one thing's files, found "
        "'/etc': that is everything in /etc",
        "4: [permissions:a] mode: expected a mode that does not let everybody write, found '0666'",
        "5: [permissions:b] path: expected a value such as /var/log/supervisor/*.log, found none",
        "6: [permissions:b] mode: expected a mode such as 0644 (one to four octal digits) or "
        "u=rw,g=r,o=, found 'rwx'",
        "8: [permissions:c] path: expected owner, group, mode, dir_mode or file_mode beside it, "
        "found none",
        "11: [permissions:d] missing: expected one of ignore, report, found 'maybe'",
    ] == found


def test_rule_needs_a_name(tmp_path: Path) -> None:
    """A section without a name is refused."""
    (found,) = problems("[permissions]\npath = /srv/x\nmode = 0644\n", tmp_path)

    assert "1: [permissions]: expected [permissions:NAME], found [permissions]" == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (PermissionPass.APPLY, 3000.0)),
        ("permissions = report\npermissions_timeout = 10m", (PermissionPass.REPORT, 600.0)),
        ("permissions = off", (PermissionPass.OFF, 3000.0)),
    ],
)
def test_pass_of_the_listener(
    tmp_path: Path, text: str, expected: tuple[PermissionPass, float]
) -> None:
    """What the listener does each hour, and for how long at most, is said once for all rules."""
    maint = loaded(f"[maint]\n{text}\n", tmp_path).maint

    assert expected == (maint.permissions, maint.permissions_timeout_seconds)


def test_pass_ends_before_the_next(tmp_path: Path) -> None:
    """A pass may not take an hour."""
    (found,) = problems("[maint]\npermissions_timeout = 1h\n", tmp_path)

    assert "2: [maint] permissions_timeout: expected a duration of at least 1s" in found


@pytest.mark.parametrize(("text", "is_loaded"), [("[maint]\n", False), (AS_ASKED, True)])
def test_package_is_loaded_when_there_is_a_rule(tmp_path: Path, text: str, is_loaded: bool) -> None:
    """A configuration without a rule costs the listener nothing of the permissions package."""
    file = tmp_path / "maint.conf"
    file.write_text(text, encoding="utf-8")
    script = (
        "import os, sys\nfrom supervisor_maint.settings import load\n"
        "load(sys.argv[1], environ=os.environ, now=0.0)\n"
        "print('supervisor_maint.permissions.rules' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(file)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert str(is_loaded) == printed.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_rules_in_a_file_that_is_not_roots_are_refused_as_root(tmp_path: Path) -> None:
    """Its owner would have root give him any file; once a file, and never when he does it."""
    file = tmp_path / "maint.conf"
    file.write_text(AS_ASKED, encoding="utf-8")
    os.chown(file, STRANGER, STRANGER)
    with pytest.raises(SettingsRefused) as caught:
        load(file, environ={}, now=1000.0, circumstances=Circumstances(is_root=True))
    (problem,) = caught.value.problems

    assert str(file) == problem.file
    assert problem.message == (
        f"expected a file of root's, for root keeps this rule, and found that {STRANGER} owns it; "
        "give it to root, or do this as that user"
    )
    assert 3 == len(loaded_again(file).permissions)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_plans_in_a_file_that_is_not_roots_are_not(tmp_path: Path) -> None:
    """Whose supervisord it is may write what it is to do, and root may ask it."""
    file = tmp_path / "maint.conf"
    file.write_text("[maint]\n", encoding="utf-8")
    os.chown(file, STRANGER, STRANGER)

    assert load(file, environ={}, now=1000.0, circumstances=Circumstances(is_root=True)).maint
