"""Gathering what advice is given on, from real files."""

from __future__ import annotations

import pytest

from supervisor_maint.advice import Severity, advise, survey
from supervisor_maint.advice.pythons import python_of
from supervisor_maint.settings import load
from supervisor_maint.settings.options import Circumstances
from supervisor_maint.supervisord.configuration import read_configuration

EVENTS = "PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION,TICK_5,TICK_3600"
SUPERVISORD = """
[supervisord]
[unix_http_server]
file = %(here)s/supervisor.sock
chmod = 0777
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
OURS = f"""
[eventlistener:maint]
command = supervisor-maint listen --config %(here)s/maint.conf
events = {EVENTS}
buffer_size = 4096
autorestart = true
[sink:http]
"""


@pytest.fixture
def write(tmp_path):
    def write_file(name, text, mode=0o644):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write_file


def looked_at(path, environ=None, **options):
    known = {**(environ or {})}
    circumstances = Circumstances(environ=known)
    settings = load(path, environ=known, now=0.0, circumstances=circumstances)
    return survey(settings, environ=known, read_configuration=read_configuration, **options)


def subjects(surroundings):
    return [(advice.severity, advice.subject) for advice in advise(surroundings)]


def test_one_file_for_both_is_read_by_supervisors_parser(write):
    """A file with [supervisord] and our sections tells everything."""
    path = write("supervisord.conf", SUPERVISORD + OURS)

    assert [(Severity.WARNING, "[unix_http_server]")] == subjects(looked_at(path))


@pytest.mark.parametrize("named_by", ["key", "argument"])
def test_configuration_elsewhere_is_found_by_its_name(write, named_by):
    """supervisord's file may be named by a key of [maint] or by who asks."""
    main = write("supervisord.conf", SUPERVISORD + "[include]\nfiles = maint.conf")
    key = f"[maint]\nsupervisord_config = {main}\n" if named_by == "key" else ""
    path = write("maint.conf", OURS + key)
    argument = {} if key else {"supervisord_config": str(main)}

    assert [(Severity.WARNING, "[unix_http_server]")] == subjects(looked_at(path, **argument))


def test_unknown_configuration_is_noted(write):
    """A file with our sections only says nothing about supervisord's."""
    path = write("maint.conf", OURS)

    assert [(Severity.NOTE, "supervisord's configuration")] == subjects(looked_at(path))


def test_refused_configuration_is_reported(write):
    """What supervisord's parser refuses becomes advice."""
    path = write("supervisord.conf", SUPERVISORD + OURS + "[program:web]\nautostart = maybe\n")
    ((severity, subject),) = subjects(looked_at(path))

    assert (Severity.ERROR, "supervisord's configuration") == (severity, subject)


@pytest.mark.parametrize(
    ("url", "mode", "exposed"),
    [
        ("http://me:secret@localhost:9001", 0o644, True),
        ("http://me:secret@localhost:9001", 0o640, True),
        ("http://me:secret@localhost:9001", 0o600, False),
        ("http://localhost:9001", 0o644, False),
        ("http://me:%(ENV_PASSWORD)s@localhost:9001", 0o644, False),
        ("%(ENV_URL)s", 0o644, False),
    ],
)
def test_passwords_that_others_can_read_are_found(write, url, mode, exposed):
    """A password in the server URL of an open file is found; not one of the environment."""
    path = write("maint.conf", f"{OURS}[maint]\nserverurl = {url}\n", mode=mode)

    found = looked_at(path, environ={"PASSWORD": "secret", "URL": "http://me:secret@h"}).exposed

    assert ({str(path): f"mode {mode:04o}"} if exposed else {}) == found


def test_files_others_can_write_are_found(write):
    """Every file of either configuration is looked at."""
    main = write("supervisord.conf", SUPERVISORD + OURS, mode=0o666)
    surroundings = looked_at(main)

    assert {str(main): f"everyone can write to {main} (mode 0666)"} == surroundings.writers


def test_python_of_a_listener_is_told(write, tmp_path):
    """The Python of each listener's command is looked up."""
    write("httpok", f"#!{tmp_path}/python3.12\n", mode=0o755)
    write("python3.12", "", mode=0o755)
    stanza = f"[eventlistener:ok]\ncommand = {tmp_path}/httpok https://x/\nevents = TICK_60\n"
    path = write("supervisord.conf", SUPERVISORD + OURS + stanza + "priority = -2\n")

    assert (Severity.ERROR, "[eventlistener:ok]") == subjects(looked_at(path))[0]


def _venv(folder):
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "pyvenv.cfg").write_text("home = /x\nversion = 3.13.1\n")
    return folder / "venv" / "bin"


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [
        ("#!{bin}/python3.12 -u", (3, 12)),
        ("#!{bin}/python", (3, 13)),
        ("#!/usr/bin/env python3.12", (3, 12)),
        ("#!/usr/bin/env -S python3.12 -u", (3, 12)),
        ("#!{bin}/nowhere", None),
        ("#!", None),
        ("\x7fELF", None),
        ("", None),
    ],
)
def test_python_of_a_script(tmp_path, first_line, expected):
    """The Python is told from the script's first line, by name or virtual environment."""
    folder = _venv(tmp_path)
    for name in ("python", "python3.12", "httpok"):
        (folder / name).write_text(first_line.format(bin=folder) if name == "httpok" else "")
        (folder / name).chmod(0o755)

    assert expected == python_of("httpok https://x/", str(folder))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3.12 -m superlance.httpok", (3, 12)),
        ("{bin}/linked -m superlance.httpok", None),
        ("{bin}/python3 -m superlance.httpok", (3, 12)),
        ("nowhere/httpok", None),
        ("", None),
    ],
)
def test_python_that_is_named(tmp_path, command, expected):
    """A Python named in the command is told by its name, or by what it links to."""
    target = tmp_path / "python3.12"
    target.write_text("")
    target.chmod(0o755)
    for link in ("python3", "linked"):
        (tmp_path / link).symlink_to(target)

    assert expected == python_of(command.format(bin=tmp_path), str(tmp_path))
