"""One rule: what it is about, what it wants of what is there, and when there can be none."""

from __future__ import annotations

import os
from typing import Any

import pytest

from supervisor_maint.errors import SettingsError
from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.rules import SUPERVISOR_LOGS, Rule, folder_of, log_file
from tests.fakes.permissions import rule

LOGS = {"path": "/var/log/app", "recursive": True}


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ({"path": "/tmp/state"}, "/tmp/state", True),
        ({"path": "/tmp/state"}, "/tmp/state/a", False),
        ({"path": "/tmp/state/*.hash"}, "/tmp/state/a.hash", True),
        ({"path": "/tmp/state/*.hash"}, "/tmp/state/a/b.hash", False),
        (LOGS, "/var/log/app", True),
        (LOGS, "/var/log/app/a", True),
        (LOGS, "/var/log/app/a/b\n", True),
        (LOGS, os.fsdecode(b"/var/log/app/\xff/\xfe"), True),
        (LOGS, "/var/log/application", False),
        (LOGS, "/var/log", False),
        ({"path": "/srv/*/log", "recursive": True}, "/srv/a/log/x", True),
        ({"path": "/srv/*/log", "recursive": True}, "/srv/a/x", False),
        ({"path": "/srv/app/**"}, "/srv/app/a/b", True),
        ({"path": "/srv/app/**"}, "/srv/app", False),
        ({**LOGS, "exclude": ("*.gz",)}, "/var/log/app/a/b.gz", False),
        ({**LOGS, "exclude": ("*.gz",)}, "/var/log/app/a.gz/b", False),
        ({**LOGS, "exclude": ("*.gz",)}, "/var/log/app/b.log", True),
        ({**LOGS, "exclude": ("old",)}, "/var/log/app/old/deep/x", False),
        ({**LOGS, "exclude": ("a/old",)}, "/var/log/app/a/old/x", False),
        ({**LOGS, "exclude": ("a/old",)}, "/var/log/app/b/a/old/x", True),
        ({**LOGS, "exclude": ("/old",)}, "/var/log/app/old/x", False),
        ({**LOGS, "exclude": ("/old",)}, "/var/log/app/a/old", True),
        ({**LOGS, "exclude": ("**/old/*.log",)}, "/var/log/app/a/old/x.log", False),
        ({**LOGS, "exclude": ("app", "log", "*")}, "/var/log/app", True),
        ({**LOGS, "include": ("*.log",)}, "/var/log/app/a/b.log", True),
        ({**LOGS, "include": ("*.log",)}, "/var/log/app/a.log/b", False),
        ({**LOGS, "include": ("*.log",)}, "/var/log/app", False),
        ({**LOGS, "include": ("a/*.log",)}, "/var/log/app/a/b.log", True),
        ({**LOGS, "include": ("a/*.log",)}, "/var/log/app/b.log", False),
        ({**LOGS, "include": ("*.log", "*.err")}, "/var/log/app/b.err", True),
        ({**LOGS, "include": ("*.log",), "exclude": ("x*",)}, "/var/log/app/x.log", False),
        ({"path": "/srv/*/log", "recursive": True, "exclude": ("a",)}, "/srv/a/log/x", False),
        ({"path": "/srv/*.d/*", "exclude": ("*.bak",)}, "/srv/x.d/y.bak", False),
    ],
)
def test_rule_covers_a_path(given: dict[str, Any], path: str, expected: bool) -> None:
    """A rule is about what its path means, below it when recursive, less what is chosen away."""
    assert expected == rule(**given).covers(path, is_directory=False)


@pytest.mark.parametrize(
    ("given", "of_file", "of_directory"),
    [
        ({"mode": "0644"}, "0644", "0644"),
        ({"file_mode": "0644"}, "0644", None),
        ({"dir_mode": "0755"}, None, "0755"),
        ({"dir_mode": "2755", "file_mode": "0644"}, "0644", "2755"),
        ({"owner": "app"}, None, None),
    ],
)
def test_mode_is_of_a_kind(
    given: dict[str, str], of_file: str | None, of_directory: str | None
) -> None:
    """``mode`` is for everything, the others for one kind; an owner is for both."""
    found = rule("/srv/app", **given)
    modes = (found.mode_for(is_directory=False), found.mode_for(is_directory=True))

    assert (of_file, of_directory) == tuple(mode and str(mode) for mode in modes)
    assert found.covers("/srv/app", is_directory=False) == (bool(of_file) or "owner" in given)
    assert found.covers("/srv/app", is_directory=True) == (bool(of_directory) or "owner" in given)


@pytest.mark.parametrize(
    ("path", "base", "is_literal"),
    [
        ("/tmp/x/*.hash", "/tmp/x", False),
        ("/tmp/x/y.hash", "/tmp/x/y.hash", True),
        ("/tmp/x/", "/tmp/x", True),
        ("/tmp/x/[[]y", "/tmp/x/[y", True),
        ("/tmp/*/y", "/tmp", False),
        ("/srv/app/**/y", "/srv/app", False),
    ],
)
def test_base_is_what_comes_before_a_pattern(path: str, base: str, is_literal: bool) -> None:
    """The base is the fixed beginning of the path, the whole of it without a pattern."""
    found = rule(path)

    assert base == found.base
    assert is_literal == found.is_literal


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/log/a.log", "/var/log/a.log"),
        ("/etc/supervisor/../../var//log/./a.log", "/var/log/a.log"),
        ("//var/log/a.log", "/var/log/a.log"),
        ("/devices/a.log", "/devices/a.log"),
        ("/dev/stdout", None),
        ("/etc/../dev/stdout", None),
        ("/proc/self/fd/1", None),
        ("/var/log/a\nb", None),
        ("a.log", None),
        ("syslog", None),
        ("NONE", None),
        ("", None),
    ],
)
def test_log_file_is_a_path_on_a_disk(path: str, expected: str | None) -> None:
    """What supervisord logs to may be no file of its own, and be written by a way round."""
    assert expected == log_file(path)


def test_folder_of_a_path() -> None:
    """The folder that holds a path is what comes before its last name."""
    assert ["/a/b", "/", "/"] == [folder_of(path) for path in ("/a/b/c", "/a", "/")]


REFUSED = [
    ({"path": "srv/app"}, "path", "expected an absolute path or supervisor:logs"),
    ({"path": "supervisor:log"}, "path", "expected an absolute path or supervisor:logs"),
    ({"path": "/a\n/b"}, "path", "expected an absolute path"),
    ({"path": "/a\0"}, "path", "expected an absolute path"),
    ({"path": "/srv/../etc"}, "path", "without '.' and '..'"),
    ({"path": "/srv/./app"}, "path", "without '.' and '..'"),
    ({"path": "/srv/a**"}, "path", "** alone"),
    ({"path": "/srv/app", "mode": "0666"}, "mode", "does not let everybody write"),
    ({"path": "/srv/app", "mode": "1777"}, "mode", "does not let everybody write"),
    ({"path": "/srv/app", "mode": "o=g"}, "mode", "does not let everybody write"),
    ({"path": "/srv/app", "dir_mode": "a+w"}, "dir_mode", "does not let everybody write"),
    ({"path": "/srv/app", "file_mode": "o+w"}, "file_mode", "does not let everybody write"),
    ({"path": "/srv/app", "mode": "4755"}, "mode", "does not set setuid"),
    ({"path": "/srv/app", "file_mode": "u+s"}, "file_mode", "does not set setuid"),
    ({"path": "/srv/app", "dir_mode": "4755"}, "dir_mode", "does not set setuid"),
    ({"path": "/srv/app", "mode": "2755"}, "mode", "setgid for folders alone, in dir_mode"),
    ({"path": "/srv/app", "file_mode": "g+s"}, "file_mode", "setgid for folders alone"),
    ({"path": "/srv/app", "mode": "0644", "dir_mode": "0755"}, "mode", "found both"),
    ({"path": "/srv/app", "owner": ""}, "owner", "a name or a number"),
    ({"path": "/srv/app", "owner": "a:b"}, "owner", "a name or a number"),
    ({"path": "/srv/app", "owner": "4294967295"}, "owner", "a name or a number"),
    ({"path": "/srv/app", "group": "-1"}, "group", "a name or a number"),
    ({"path": "/srv/app", "trust_owner": "a b", "mode": "0644"}, "trust_owner", "a name or a"),
    ({"path": "/srv/app", "exclude": ("*.gz",)}, "exclude", "recursive = true or a pattern"),
    ({"path": "/srv/app", "include": ("a",)}, "include", "recursive = true or a pattern"),
    ({**LOGS, "exclude": ("a/",)}, "exclude", "a name or a path from the base"),
    ({**LOGS, "exclude": ("/",)}, "exclude", "a name or a path from the base"),
    ({**LOGS, "include": ("../a",)}, "include", "without '..'"),
    ({**LOGS, "include": ("[a",)}, "include", "] after each ["),
    ({"path": SUPERVISOR_LOGS, "recursive": True}, "recursive", "for logs are files"),
    ({"path": SUPERVISOR_LOGS, "dir_mode": "0755"}, "dir_mode", "for logs are files"),
    ({"path": SUPERVISOR_LOGS, "exclude": ("a/b",)}, "exclude", "names alone"),
]


@pytest.mark.parametrize(("given", "key", "sentence"), REFUSED)
def test_bad_rule_is_refused(given: dict[str, Any], key: str, sentence: str) -> None:
    """A rule that is dangerous or means nothing is refused at the key that makes it so."""
    with pytest.raises(SettingsError) as refused:
        rule(**given)

    (problem,) = refused.value.problems
    assert key == problem.key
    assert sentence in problem.message


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "/etc", "/etc/", "/usr", "/home", "/usr/local", "/usr/share", "/var"),
        *("/var/log", "/var/lib", "/tmp", "/proc/1", "/sys/kernel/debug", "/*", "/e*", "/?tc"),
        *("/[eu]tc", "/*/lib", "/usr/l*", "/var/[!x]*", "/proc/[0-9]*/task"),
        *("/etc/*", "/home/*", "/home/*/*", "/srv/?*", "/var/log/*/", "/usr/local/*"),
    ],
)
def test_recursive_rule_on_too_much_is_refused(path: str) -> None:
    """A rule is refused that is, or may be, about everything in a folder that everything is in."""
    with pytest.raises(SettingsError, match=r"that (is|may be) everything in /"):
        rule(path, recursive=True)


@pytest.mark.parametrize(
    "path", ["/**", "/**/x", "/etc/**", "/etc/**/*.conf", "/*/**", "/u*/**", "/home/*/**"]
)
def test_any_depth_from_too_much_on_is_refused(path: str) -> None:
    """So is ``**`` after such a folder."""
    with pytest.raises(SettingsError, match=r"that (is|may be) everything in /"):
        rule(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/supervisor", "/home/app", "/srv/app", "/var/log/app", "/usr/local/app", "/data"),
        *("/tmp/x", "/srv/*/log", "/home/*/app", "/opt/app/**", "/var/lib/app/**/cache", "/data/*"),
    ],
)
def test_recursive_rule_on_a_folder_of_ones_own_is_taken(path: str) -> None:
    """A folder within one of those is nobody's but its owner's."""
    assert rule(path, recursive=True).recursive


@pytest.mark.parametrize("path", ["/etc", "/etc/*", "/usr", "/tmp", "/var/log"])
def test_large_folder_itself_can_be_ruled(path: str) -> None:
    """A rule that is not recursive may be about such a folder, or what is directly in it."""
    assert rule(path).covers(path.replace("*", "passwd"), is_directory=False)


def test_every_reason_is_given() -> None:
    """All that speaks against a rule is said at once."""
    with pytest.raises(SettingsError) as refused:
        rule("app", recursive=True, mode="0666", owner="a b", include=("[",))

    assert ["path", "include", "mode", "owner"] == [each.key for each in refused.value.problems]


def test_rule_without_a_wish_is_refused() -> None:
    """A rule must want something."""
    with pytest.raises(SettingsError, match="owner, group, mode, dir_mode or file_mode"):
        Rule(name="empty", path="/srv/app")


def test_rule_for_logs_becomes_one_for_each_log() -> None:
    """The logs that supervisord names each get the rule, whatever letters they are made of."""
    logs = rule(SUPERVISOR_LOGS, name="logs", owner="app", exclude=("*.err", "log"))
    files = ("/var/log/a.log", "/var/log/b.err", "/var/log/c[1]*?.log")
    found = logs.for_logs(files)

    assert ["/var/log/a.log", "/var/log/c[1]*?.log"] == [each.base for each in found]
    assert {("logs", "app", True)} == {(each.name, each.owner, each.is_literal) for each in found}
    assert not logs.covers("/var/log/a.log", is_directory=False)


def test_other_rule_stays_itself_for_logs() -> None:
    """A rule with a path of its own does not care for logs."""
    plain = rule("/srv/app")

    assert (plain,) == plain.for_logs(["/var/log/a.log"])


def test_rules_are_values() -> None:
    """Two rules that say the same are the same, and can be keys."""
    one, other = (rule("/srv/app", mode="u=rw,g=r,o=") for _ in range(2))

    assert one == other
    assert 1 == len({one, other})
    assert Mode.parse("u=rw,g=r,o=") == one.mode
