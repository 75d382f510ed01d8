"""What supervisor does with the sections of plug-ins, and that our reading of them tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from supervisor_maint.supervisord.configuration import read_configuration

HEAD = """\
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
[supervisorctl]
serverurl=unix://%(here)s/none.sock
"""
INCLUDE = """\
[include]
files=included.conf
"""
INTERFACE = """\
[rpcinterface:other]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
place = {place}
"""
CTL = """\
[ctlplugin:other]
supervisor.ctl_factory = supervisor.supervisorctl:DefaultControllerPlugin
place = {place}
"""


@pytest.fixture
def write(tmp_path: Path) -> Path:
    """Return the folder of a configuration and of a file that it may include."""
    (tmp_path / "supervisord.conf").write_text(HEAD)
    (tmp_path / "included.conf").touch()
    return tmp_path


def append(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(text)


def ended_with(module: str, folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-W", "ignore", "-m", f"supervisor.{module}"]
    done = subprocess.run(
        [*command, "-c", str(folder / "supervisord.conf"), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "before", "section"),
    [
        ("supervisord", "", INTERFACE),
        ("supervisorctl", "", CTL),
        ("supervisorctl", INCLUDE, CTL),
    ],
)
def test_here_is_not_known_in_the_main_file(
    module: str, before: str, section: str, write: Path
) -> None:
    """``%(here)s`` in a plug-in's section of the main file ends both; we read on and say so."""
    append(write, "supervisord.conf", before + section.format(place="%(here)s/x"))
    status, said = ended_with(module, write, *(["help"] if module == "supervisorctl" else []))
    (plugin,) = read_configuration(str(write / "supervisord.conf")).plugins

    assert 2 == status
    assert "contains names ('here') which cannot be expanded" in said
    assert (False, True) == (plugin.is_included, plugin.uses_here)
    assert f"{write}/x" == plugin.values["place"]


def test_here_is_known_to_supervisord_where_it_includes(write: Path) -> None:
    """A main file with [include] has it replaced by supervisord, in every section."""
    append(write, "supervisord.conf", INCLUDE + INTERFACE.format(place="%(here)s/x"))
    options = ServerOptions()
    options.realize(["-c", str(write / "supervisord.conf")], doc="")
    options.poller.close()
    (plugin,) = read_configuration(str(write / "supervisord.conf")).plugins

    assert [{"place": f"{write}/x"}] == [extra for _, _, extra in options.rpcinterface_factories]
    assert not plugin.uses_here


def test_here_is_known_in_an_included_file(write: Path) -> None:
    """In an included file it is the folder of that file."""
    append(write, "supervisord.conf", INCLUDE)
    append(write, "included.conf", INTERFACE.format(place="%(here)s/x"))
    (plugin,) = read_configuration(str(write / "supervisord.conf")).plugins

    assert (True, False) == (plugin.is_included, plugin.uses_here)
    assert f"{write}/included.conf" == plugin.file
    assert f"{write}/x" == plugin.values["place"]


def test_supervisorctl_ignores_an_included_plugin(write: Path) -> None:
    """supervisorctl does not follow [include]: a plug-in that does not exist is not missed."""
    append(write, "supervisord.conf", INCLUDE)
    append(write, "included.conf", "[ctlplugin:other]\nsupervisor.ctl_factory = nothing:at_all\n")
    included = ended_with("supervisorctl", write, "help")
    append(write, "supervisord.conf", "[ctlplugin:x]\nsupervisor.ctl_factory = nothing:at_all\n")
    in_main = ended_with("supervisorctl", write, "help")

    assert 0 == included[0]
    assert 2 == in_main[0]
    assert "nothing:at_all cannot be resolved within [ctlplugin:x]" in in_main[1]


def test_users_and_times_of_processes_are_read(write: Path) -> None:
    """What a run's estimate and its steps ask for is there as it is written."""
    append(
        write,
        "supervisord.conf",
        f"[program:web]\ncommand=/bin/cat\npriority=5\nstartsecs=3\nstopwaitsecs=7\n"
        f"user={os.getuid()}\n[program:other]\ncommand=/bin/cat\n",
    )
    found = read_configuration(str(write / "supervisord.conf"))
    processes = {
        process.name: (process.priority, process.start_seconds, process.stop_wait_seconds)
        for group in found.groups
        for process in group.processes
    }
    uids = {group.name: group.processes[0].uid for group in found.groups}

    assert {"web": (5, 3.0, 7.0), "other": (999, 1.0, 10.0)} == processes
    assert {"web": os.getuid(), "other": None} == uids
    assert found.uid is None
