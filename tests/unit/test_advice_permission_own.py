"""Advice on rules that are about the listener's own state and configuration."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from supervisor_maint.advice import permission_own as advice
from supervisor_maint.advice.permission_facts import PermissionFacts
from supervisor_maint.advice.permission_files import look
from supervisor_maint.store.state_dir import StateDir
from tests.unit.test_advice_permissions import around, configuration, read

STATE = "/var/lib/maint"
CONF = "/etc/supervisor/conf.d/maint.conf"
FACTS = PermissionFacts(
    users={"root": 0, "app": 7},
    groups={"root": 0, "app": 7},
    state_dir=STATE,
    configuration=("/etc/supervisor/supervisord.conf", CONF),
)


@pytest.mark.parametrize(
    ("path", "lines", "expected"),
    [
        (
            "/var/lib/maint",
            "recursive = true\nmode = u=rwX,g=rX,o=",
            "mode 0750 for /var/lib/maint",
        ),
        ("/var/lib/maint", "recursive = true\nmode = u=rwX,go=", ""),
        ("/var/lib/maint", "dir_mode = 0750", "mode 0750 for /var/lib/maint"),
        ("/var/lib/*", "file_mode = 0644", ""),
        ("/var/lib/*/*.json", "mode = 0640", "mode 0640 for /var/lib/maint/status.json"),
        ("/var/lib/*/*", "owner = app", "owner app for /var/lib/maint/requests"),
        ("/var/lib/*/*", "owner = root\ngroup = app", ""),
        ("/var/lib/*/*", "owner = ghost", ""),
        ("/var/lib/*/*", "owner = app\nexclude = maint", ""),
        ("/var/lib/maint", "dir_mode = 0750\nenabled = no", ""),
        ("/srv/app", "recursive = true\nowner = app", ""),
    ],
)
def test_rule_about_the_state_is_warned_of(
    tmp_path: Path, path: str, lines: str, expected: str
) -> None:
    """The state is for the listener's user alone, whatever a rule of its own wants."""
    text = f"[permissions:x]\npath = {path}\n{lines}\n"
    around_us = around(tmp_path, text, FACTS, configuration=configuration(uid=0))
    found = [each.message.partition(", where")[0] for each in advice.state(around_us)]

    assert ([f"it wants {expected}"] if expected else []) == found


@pytest.mark.parametrize(
    ("path", "lines", "expected"),
    [
        (CONF, "mode = 0664", f"mode 0664 for {CONF}"),
        (CONF, "mode = 0664\ngroup = root", ""),
        (CONF, "mode = 0640", ""),
        (CONF, "owner = app", f"owner app for {CONF}"),
        (CONF, "owner = root", ""),
        ("/etc/supervisor/*", "dir_mode = 0775", "mode 0775 for /etc/supervisor/conf.d"),
        ("/etc/supervisor/*", "dir_mode = 1775", ""),
        ("/etc/*", "owner = app", "owner app for /etc/supervisor"),
        ("/etc/supervisor/*.conf", "mode = g=u", "mode 0664 for /etc/supervisor/supervisord.conf"),
        ("/etc/supervisor/conf.d/*", "mode = 0664\nexclude = maint.conf", ""),
        ("/etc/apt/*", "mode = 0664", ""),
    ],
)
def test_rule_that_opens_the_configuration_is_warned_of(
    tmp_path: Path, path: str, lines: str, expected: str
) -> None:
    """Who can change the configuration, or a folder above it, can have anything run."""
    text = f"[permissions:x]\npath = {path}\n{lines}\n"
    around_us = around(tmp_path, text, FACTS, configuration=configuration(uid=0))
    found = [each.message.partition(", and so")[0] for each in advice.configuration(around_us)]

    assert ([f"it wants {expected}"] if expected else []) == found


def test_later_rule_that_is_right_takes_the_state(tmp_path: Path) -> None:
    """Nothing is said of a rule where a later one keeps what is ours as it must be."""
    text = (
        "[permissions:all]\npath = /var/lib/*/*\nmode = u=rwX,g=rX\n"
        f"[permissions:own]\npath = {STATE}\nrecursive = true\nmode = u=rwX,go=\n"
    )

    assert [] == list(advice.state(around(tmp_path, text, FACTS)))


def test_listeners_own_user_may_own_its_state(tmp_path: Path) -> None:
    """A listener that runs as a user keeps its state as that user; root's would be foreign."""
    for owner, is_warned in (("app", False), ("root", True)):
        text = f"[permissions:x]\npath = {STATE}\nowner = {owner}\n"
        around_us = around(tmp_path, text, FACTS, configuration=configuration(uid=7))

        assert is_warned == bool(list(advice.state(around_us)))


def test_state_is_what_the_store_has() -> None:
    """The names are those that the store gives its files; a FIFO is no matter of a rule."""
    state = StateDir(STATE)
    names = {path.name for path in (state.history, state.journal, state.lock_file, state.status)}

    assert names == set(advice.STATE_FILES)
    assert {"", state.requests.name} == set(advice.STATE_FOLDERS)


def test_own_places_are_looked_up_with_their_links_resolved(tmp_path: Path) -> None:
    """A rule is about real paths, for it follows no link."""
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to("state")
    user = pwd.getpwuid(0).pw_name
    text = f"[maint]\nstate_dir = {tmp_path}/link\n[permissions:x]\npath = /x\nowner = {user}\n"
    settings = read(tmp_path, text)
    (tmp_path / "maint.link").symlink_to("maint.conf")
    files = [*settings.files, str(tmp_path / "maint.link")]
    facts = look(settings, files=files, etc=tmp_path)

    assert str(tmp_path / "state") == facts.state_dir
    assert (str(tmp_path / "maint.conf"),) == facts.configuration
