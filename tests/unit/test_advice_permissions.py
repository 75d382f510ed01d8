"""The rules about permissions: sections and a machine in, advice out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from supervisor_maint.advice import Severity, Surroundings, permission_files, permission_logs
from supervisor_maint.advice import permissions as advice
from supervisor_maint.advice.logrotate_files import Create, Stanza
from supervisor_maint.advice.permission_facts import Base, PermissionFacts
from supervisor_maint.settings import Settings, load
from supervisor_maint.settings.options import Circumstances
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    ListenerPool,
)
from tests.fakes.permission_passes import MALLORY, needs_root

UNKNOWN = "nobody-has-this-name"
LOGS = "[permissions:logs]\npath = /srv/log\nrecursive = true\n"
ROOTS = Base(path="/srv/log", uid=0, owner="root", mode=0o755)
PROCESS = ConfiguredProcess(
    name="maint",
    command="supervisor-maint listen",
    autostart=True,
    autorestart="true",
    stdout_logfile=None,
    stderr_logfile=None,
    redirect_stderr=False,
    environment_names=frozenset(),
)


def configuration(*, uid: int = 0, **logs: str) -> Configuration:
    """Supervisord with our listener under a user, and one program with these logs."""
    pool = ListenerPool(
        name="maint",
        priority=-100,
        events=("TICK_5",),
        buffer_size=4096,
        unknown_events=(),
        redirect_stderr=False,
        file="/etc/maint.conf",
        processes=(attrs.evolve(PROCESS, uid=uid),),
    )
    web = attrs.evolve(PROCESS, name="web", command="/bin/web", **logs)
    return Configuration(
        files=("/etc/supervisord.conf",),
        identifier="supervisor",
        logfile="/var/log/supervisord.log",
        groups=(Group(name="web", priority=999, processes=(web,)),),
        pools=(pool,),
        unix_servers=(),
        inet_servers=(),
        rpcinterfaces=(),
    )


def read(folder: Path, text: str) -> Settings:
    file = folder / "maint.conf"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={}, now=0.0, circumstances=Circumstances())


def around(folder: Path, text: str, facts: PermissionFacts | None = None, **more: Any) -> Any:
    return Surroundings(
        settings=read(folder, text), permission_facts=facts or PermissionFacts(), **more
    )


def about(*bases: Base, **changes: Any) -> PermissionFacts:
    """Facts with these bases for the rules ``logs``, ``rule1`` and so on."""
    names = ["logs", *(f"rule{place}" for place in range(1, len(bases)))]
    return PermissionFacts(bases=dict(zip(names, bases)), **changes)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("owner = app", ["owner = app: this machine has no such user"]),
        ("group = app", ["group = app: this machine has no such group"]),
        ("mode = 0640\ntrust_owner = app", ["trust_owner = app: this machine has no such user"]),
        ("owner = root\ngroup = root", []),
        ("owner = 4711\ngroup = 4711", []),
        ("owner = app\nenabled = no", []),
    ],
)
def test_unknown_account_is_an_error(tmp_path: Path, line: str, expected: list[str]) -> None:
    """A name that this machine does not know keeps the rule from being followed."""
    facts = PermissionFacts(users={"root": 0, "app": None}, groups={"root": 0, "app": None})
    found = list(advice.unknown_accounts(around(tmp_path, LOGS + line, facts)))

    assert [(Severity.ERROR, "[permissions:logs]")] * len(expected) == [
        (each.severity, each.subject) for each in found
    ]
    assert expected == [each.message.partition(", so")[0] for each in found]


def test_overlap_is_said_once(tmp_path: Path) -> None:
    """Of two rules about one path it is said which one wins, and that it may be meant."""
    text = (
        f"{LOGS}mode = 0640\n[permissions:one]\npath = /srv/log/one\nmode = 0600\n"
        "[permissions:two]\npath = /srv/log/*/two\nmode = 0600\n"
        "[permissions:other]\npath = /srv/x\nmode = 0600\n"
    )
    found = list(advice.overlaps_of_rules(around(tmp_path, text)))

    assert [(Severity.NOTE, "[permissions:logs]")] * 2 == [
        (each.severity, each.subject) for each in found
    ]
    assert [
        "[permissions:one] may be about /srv/log/one too, and wins there, for it is later",
        "[permissions:two] may be about some of its paths too, and wins there, for it is later",
    ] == [each.message for each in found]


def test_overlap_with_logs_of_supervisord_is_said_once(tmp_path: Path) -> None:
    """A rule for logs meets another where the configured logs are, however many they are."""
    text = f"{LOGS}mode = 0640\n[permissions:own]\npath = supervisor:logs\nmode = 0600\n"
    logs = {"stdout_logfile": "/srv/log/out", "stderr_logfile": "/srv/log/err"}
    surroundings = around(tmp_path, text, configuration=configuration(**logs))

    assert ["[permissions:own] may be about /srv/log/out too, and wins there, for it is later"] == [
        each.message for each in advice.overlaps_of_rules(surroundings)
    ]


def test_rule_about_nothing_is_noted(tmp_path: Path) -> None:
    """A path where nothing is may be a slip, and may come later."""
    surroundings = around(tmp_path, LOGS + "mode = 0640", PermissionFacts(bases={"logs": None}))
    (found,) = advice.nothing_there(surroundings)

    assert Severity.NOTE is found.severity
    assert "path = /srv/log: there is nothing at /srv/log now" in found.message


def test_way_through_a_link_is_warned_of(tmp_path: Path) -> None:
    """No symbolic link is followed, so the place it leads to has to be named."""
    base = attrs.evolve(ROOTS, path="/var/run/app", link="/var/run", real="/run/app")
    text = "[permissions:logs]\npath = /var/run/app/*.pid\nmode = 0644\n"
    surroundings = around(tmp_path, text, about(base))
    (found,) = advice.links(surroundings)

    assert "/var/run is a symbolic link, and none is followed" in found.message
    assert "name where it leads: /run/app/*.pid" == found.what_to_do


def test_where_a_strangers_link_leads_is_not_shown(tmp_path: Path) -> None:
    """Nobody is advised to have root work where a stranger would lead it."""
    base = attrs.evolve(ROOTS, path="/tmp/state", link="/tmp/state", real="")
    text = "[permissions:logs]\npath = /tmp/state/*.pid\nmode = 0644\n"
    (found,) = advice.links(around(tmp_path, text, about(base)))

    assert "find out who made it, and why" == found.what_to_do


@needs_root
def test_strangers_link_is_known(tmp_path: Path) -> None:
    """Where a link leads is looked up only when root or we have made it."""
    (tmp_path / "link").symlink_to(tmp_path)
    os.chown(tmp_path / "link", MALLORY, MALLORY, follow_symlinks=False)
    text = f"[permissions:link]\npath = {tmp_path}/link/*\nmode = 0640\n"
    base = permission_files.look(read(tmp_path, text), etc=tmp_path).bases["link"]

    assert base and (str(tmp_path / "link"), "") == (base.link, base.real)


def test_where_a_link_leads_is_shown_safely(tmp_path: Path) -> None:
    """Whoever made the link chose the name: an escape sequence in it stays text."""
    base = attrs.evolve(ROOTS, path="/var/run/app", link="/var/run", real="/run/\x1b[31m")
    text = "[permissions:logs]\npath = /var/run/app/*.pid\nmode = 0644\n"
    (found,) = advice.links(around(tmp_path, text, about(base)))

    assert r"name where it leads: /run/\x1b[31m/*.pid" == found.what_to_do


@pytest.mark.parametrize(
    ("line", "uid", "is_trusted"),
    [
        ("mode = 0640", 0, True),
        ("mode = 0640", 7, False),
        ("owner = app", 7, True),
        ("mode = 0640\ntrust_owner = app", 7, True),
        ("mode = 0640\ntrust_owner = 7", 7, True),
        ("owner = app", 8, False),
    ],
)
def test_untrusted_base_is_warned_of(tmp_path: Path, line: str, uid: int, is_trusted: bool) -> None:
    """A base folder must belong to root, the owner or whom the rule trusts."""
    facts = about(attrs.evolve(ROOTS, uid=uid, owner="eve"), users={"app": 7})
    found = list(advice.untrusted_bases(around(tmp_path, LOGS + line, facts)))

    assert is_trusted == (found == [])
    assert all("/srv/log belongs to eve" in each.message for each in found)


def test_listener_trusts_its_own_user(tmp_path: Path) -> None:
    """A folder of the listener's own user is followed by it."""
    facts = about(attrs.evolve(ROOTS, uid=4711))
    surroundings = around(
        tmp_path, LOGS + "mode = 0640", facts, configuration=configuration(uid=4711)
    )

    assert [] == list(advice.untrusted_bases(surroundings))


@pytest.mark.parametrize(
    ("text", "base", "is_warned"),
    [
        (f"{LOGS}mode = 0640", attrs.evolve(ROOTS, mode=0o1777), False),
        (f"{LOGS}owner = app", attrs.evolve(ROOTS, mode=0o1777), True),
        (f"{LOGS}group = app", attrs.evolve(ROOTS, mode=0o777), True),
        (f"{LOGS}mode = 0640", attrs.evolve(ROOTS, mode=0o777, uid=7), True),
        (f"{LOGS}owner = app", attrs.evolve(ROOTS, mode=0o775), False),
        (
            "[permissions:logs]\npath = /srv/log\nmode = 0755",
            attrs.evolve(ROOTS, mode=0o777, uid=7),
            False,
        ),
        (
            "[permissions:logs]\npath = /srv/log/*\nmode = 0755",
            attrs.evolve(ROOTS, mode=0o777, uid=7),
            True,
        ),
        (
            "[permissions:logs]\npath = /srv/log/a\nowner = app",
            attrs.evolve(ROOTS, mode=0o1777),
            True,
        ),
    ],
)
def test_base_that_all_can_write_is_warned_of(
    tmp_path: Path, text: str, base: Base, is_warned: bool
) -> None:
    """In a folder that everybody can write, anybody decides what the rule finds."""
    found = list(advice.open_bases(around(tmp_path, text, about(base))))

    assert is_warned == bool(found)


@pytest.mark.parametrize(
    ("text", "is_warned"),
    [
        (f"{LOGS}mode = 0644", True),
        (f"{LOGS}mode = u=rw,go=r", True),
        (f"{LOGS}mode = u=rwX,go=rX", False),
        (f"{LOGS}dir_mode = 0640", True),
        (f"{LOGS}file_mode = 0640", False),
        (f"{LOGS}owner = app", False),
        ("[permissions:logs]\npath = /srv/log/**\nmode = 0644", True),
        ("[permissions:logs]\npath = /srv/log/*.log\nmode = 0644", False),
        ("[permissions:logs]\npath = /srv/log\nmode = 0644", True),
        ("[permissions:logs]\npath = /srv/log/a\nmode = 0644", False),
    ],
)
def test_mode_that_closes_folders_is_warned_of(tmp_path: Path, text: str, is_warned: bool) -> None:
    """A file's mode for everything takes from folders what lets one in."""
    found = list(advice.closed_folders(around(tmp_path, text, about(ROOTS))))

    assert is_warned == bool(found)


@pytest.mark.parametrize(
    ("line", "base_uid", "expected"),
    [
        ("owner = app", 7, "owner = app needs root"),
        ("owner = own", 4711, ""),
        ("mode = 0640", 4711, ""),
        ("mode = 0640", 0, "/srv/log is somebody's"),
        ("mode = 0640\nenabled = no", 0, ""),
        ("owner = app\n[maint]\npermissions = report", 7, ""),
    ],
)
def test_listener_without_root_is_warned_of(
    tmp_path: Path, line: str, base_uid: int, expected: str
) -> None:
    """What the listener's user may not change is told, with the two layouts that work."""
    facts = about(
        attrs.evolve(ROOTS, uid=base_uid, owner="somebody"), users={"app": 7, "own": 4711}
    )
    surroundings = around(tmp_path, LOGS + line, facts, configuration=configuration(uid=4711))
    found = list(advice.needs_of_root(surroundings))

    assert bool(expected) == bool(found)
    assert all(each.message.startswith(expected) for each in found)
    assert all("permissions = report in [maint]" in each.what_to_do for each in found)


@pytest.mark.parametrize("known", [configuration(uid=0), None])
def test_root_needs_nothing(tmp_path: Path, known: Configuration | None) -> None:
    """Nothing is said of a listener under root, or of one that is not known."""
    surroundings = around(
        tmp_path, LOGS + "owner = app", about(ROOTS, users={"app": 7}), configuration=known
    )

    assert [] == list(advice.needs_of_root(surroundings))


@pytest.mark.parametrize(
    ("line", "create", "expected"),
    [
        ("mode = 0640", Create(mode=0o640), ""),
        ("mode = 0640", Create(mode=0o644), "mode 0640"),
        ("mode = g=r,o=", Create(mode=0o644), "mode 0640"),
        ("mode = g=r", Create(mode=0o644), ""),
        ("dir_mode = 0750", Create(mode=0o644), ""),
        ("mode = 0640", Create(), ""),
        ("mode = 0640", None, ""),
        ("owner = app", Create(mode=0o640, owner="root"), "owner app"),
        ("owner = app", Create(mode=0o640, owner="app"), ""),
        ("owner = 7", Create(owner="app"), ""),
        ("group = adm\nmode = 0600", Create(mode=0o640, group="app"), "mode 0600 and group adm"),
        ("mode = 0640\nexclude = *.log", Create(mode=0o644), ""),
        ("mode = 0640\nenabled = no", Create(mode=0o644), ""),
    ],
)
def test_contradiction_with_logrotate_is_warned_of(
    tmp_path: Path, line: str, create: Create | None, expected: str
) -> None:
    """A rule that wants another file than logrotate makes is undone at each rotation."""
    stanza = Stanza(
        file="/etc/logrotate.d/app", line=3, patterns=("/srv/log/*.log",), create=create
    )
    facts = PermissionFacts(
        users={"app": 7, "root": 0}, groups={"app": 7, "adm": 4}, stanzas=(stanza,)
    )
    surroundings = around(tmp_path, LOGS + line, facts)
    found = [each.message for each in permission_logs.contradictions(surroundings)]

    assert [
        f"it wants {expected}, and logrotate makes /srv/log/*.log with '{create}' "
        "(/etc/logrotate.d/app:3): each undoes the other"
    ] * bool(expected) == found


def test_only_the_rule_that_governs_contradicts(tmp_path: Path) -> None:
    """A log that a later rule governs is no business of the earlier one."""
    stanza = Stanza(file="/l", line=1, patterns=("/srv/log/a",), create=Create(mode=0o600))
    text = f"{LOGS}mode = 0640\n[permissions:a]\npath = /srv/log/a\nmode = 0600\n"
    surroundings = around(tmp_path, text, PermissionFacts(stanzas=(stanza,)))

    assert [] == list(permission_logs.contradictions(surroundings))


def test_logs_of_supervisord_contradict_too(tmp_path: Path) -> None:
    """``supervisor:logs`` is about the logs that are configured."""
    stanza = Stanza(file="/l", line=1, patterns=("/srv/log/*",), create=Create(mode=0o600))
    surroundings = around(
        tmp_path,
        "[permissions:own]\npath = supervisor:logs\nmode = 0640\n",
        PermissionFacts(stanzas=(stanza,)),
        configuration=configuration(stdout_logfile="/srv/log/web", stderr_logfile="/dev/stderr"),
    )
    (found,) = permission_logs.contradictions(surroundings)

    assert "[permissions:own]" == found.subject


@pytest.mark.parametrize(
    ("path", "is_warned"),
    [
        ("/etc/logrotate.d/app", True),
        ("/etc/*/app", True),
        ("/etc/logrotate.conf", True),
        ("/etc/logrotate.d", False),
        ("/etc/supervisor/*", False),
    ],
)
def test_rule_about_logrotates_files_is_warned_of(
    tmp_path: Path, path: str, is_warned: bool
) -> None:
    """Logrotate passes over its own files when they are not as it wants them."""
    facts = PermissionFacts(logrotate_files=("/etc/logrotate.conf", "/etc/logrotate.d/*"))
    text = f"[permissions:x]\npath = {path}\nmode = 0644\n"

    assert is_warned == bool(list(permission_logs.logrotates_files(around(tmp_path, text, facts))))


def test_machine_is_looked_at(tmp_path: Path) -> None:
    """Accounts, bases and logrotate's files are found as they are."""
    folder = tmp_path / "log"
    folder.mkdir(mode=0o750)
    folder.chmod(0o750)
    (folder / "a.log").touch()
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "logrotate.conf").write_text("create\ninclude logrotate.d\n")
    (tmp_path / "logrotate.d").mkdir()
    (tmp_path / "logrotate.d" / "app").write_text("/a {\ncreate 0600 daemon\n}\n")
    (tmp_path / "logrotate.d" / "app.dpkg-old").write_text("/b {\n}\n")
    text = "".join(
        f"[permissions:{name}]\npath = {tmp_path}/{path}\nmode = 0640\nowner = {owner}\n"
        for name, path, owner in [
            ("folder", "log", "root"),
            ("file", "log/a.log", UNKNOWN),
            ("glob", "log/*", "7"),
            ("link", "link/*", "root"),
            ("nothing", "log/none/*", "root"),
        ]
    )
    facts = permission_files.look(read(tmp_path, text), etc=tmp_path)

    assert {"root": 0, UNKNOWN: None, "daemon": 1} == facts.users
    assert [("/a",)] == [stanza.patterns for stanza in facts.stanzas]
    assert [folder, folder, folder, tmp_path / "link", None] == [
        base and Path(base.path) for base in facts.bases.values()
    ]
    base, link = facts.bases["folder"], facts.bases["link"]
    assert base and (os.getuid(), 0o750, None) == (base.uid, base.mode, base.link)
    assert link and (str(tmp_path / "link"), str(folder)) == (link.link, link.real)


def test_nothing_is_looked_at_without_rules(tmp_path: Path) -> None:
    """A configuration without permissions has no facts about them."""
    text = "[permissions:off]\npath = /srv/x\nmode = 0644\nenabled = no\n"

    assert PermissionFacts() == permission_files.look(read(tmp_path, text))


def test_logrotate_config_of_a_plan_is_read(tmp_path: Path) -> None:
    """The file that a plan rotates with counts as logrotate's own."""
    own = tmp_path / "own[1]"
    own.write_text("/srv/log/x {\n create 0600\n}\n")
    text = (
        f"{LOGS}mode = 0640\n[maintenance:nightly]\nrotate_logs = yes\nlogrotate_config = {own}\n"
        f"[permissions:own]\npath = {tmp_path}/own[[]1]\nmode = 0644\n"
    )
    facts = permission_files.look(read(tmp_path, text), etc=tmp_path)
    surroundings = around(tmp_path, text, facts)

    assert ["[permissions:logs]"] == [
        each.subject for each in permission_logs.contradictions(surroundings)
    ]
    assert ["[permissions:own]"] == [
        each.subject for each in permission_logs.logrotates_files(surroundings)
    ]
