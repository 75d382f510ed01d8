"""What the configuration reader assumes of supervisor's own parser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor_maint.errors import MaintError, SettingsError
from supervisor_maint.processes import Namespec
from supervisor_maint.supervisord.configuration import (
    find_configuration,
    find_environment,
    listener_pools,
    read_configuration,
)
from tests.fakes.real_supervisord import SUPERVISORD, RealSupervisord

MAIN = """\
[unix_http_server]
file=%(here)s/s.sock
chmod=0770
username=max
password=secret

[inet_http_server]
port=127.0.0.1:9001

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
identifier=host:1

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:maint]
supervisor.rpcinterface_factory = nowhere.to_be_found:make

[program:web]
command=/bin/sleep %(process_num)d
process_name=web_%(process_num)02d
numprocs=3
stdout_logfile=NONE
environment=SECRET="abc",PLAIN=1

[program:job]
command=/bin/sleep %(ENV_SLEEP_FOR)s
autorestart=false

[program:api]
command=/bin/sleep 1
autorestart=true
stdout_logfile=%(here)s/api.log

[group:pair]
programs=job,api
priority=5

[include]
files = conf.d/*.conf

[maintenance:nightly]
schedule = 0 3 * * *
"""

LISTENERS = """\
[eventlistener:maint]
command=supervisor-maint listen --config %(here)s/maint.conf
events=PROCESS_STATE,TICK_5,maint_event
buffer_size=4096
priority=-7
autorestart=true
stdout_logfile=NONE

[eventlistener:memmon]
command=memmon -a 200MB
process_name=memmon_%(process_num)d
numprocs=2
events=TICK_60
redirect_stderr=true
"""

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_files(main: str = MAIN, included: str = LISTENERS) -> str:
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d/listeners.conf").write_text(included, encoding="utf-8")
        path = tmp_path / "supervisord.conf"
        path.write_text(main, encoding="utf-8")
        return str(path)

    return write_files


ENVIRONMENT = {"SLEEP_FOR": "7"}


def test_pools_are_told_from_groups(write: Write, tmp_path: Path) -> None:
    """Listeners in an included file are pools, with what the section says."""
    configuration = read_configuration(write(), ENVIRONMENT)
    maint, memmon = configuration.pools

    assert frozenset({"maint", "memmon"}) == listener_pools(configuration)
    assert ("maint", -7, 4096) == (maint.name, maint.priority, maint.buffer_size)
    assert ("PROCESS_STATE", "TICK_5", "MAINT_EVENT") == maint.events
    assert ("MAINT_EVENT",) == maint.unknown_events
    assert not maint.redirect_stderr
    assert f"supervisor-maint listen --config {tmp_path}/conf.d/maint.conf" == maint.command
    assert str(tmp_path / "conf.d/listeners.conf") == maint.file
    assert "true" == maint.processes[0].autorestart
    assert maint.processes[0].stdout_logfile is None
    assert ("memmon", -1, 10) == (memmon.name, memmon.priority, memmon.buffer_size)
    assert memmon.redirect_stderr
    assert ["memmon_0", "memmon_1"] == [process.name for process in memmon.processes]


def test_groups_have_their_processes(write: Write, tmp_path: Path) -> None:
    """numprocs, group sections, expansions and autorestart are supervisor's own reading."""
    configuration = read_configuration(write(), ENVIRONMENT)
    pair, web = configuration.groups

    assert ("pair", 5, "web", 999) == (pair.name, pair.priority, web.name, web.priority)
    assert ["/bin/sleep 0", "/bin/sleep 1", "/bin/sleep 2"] == [p.command for p in web.processes]
    assert frozenset({"SECRET", "PLAIN"}) == web.processes[0].environment_names
    job, api = pair.processes
    assert ("true", "false") == (api.autorestart, job.autorestart)
    assert "unexpected" == web.processes[0].autorestart
    assert "/bin/sleep 7" == job.command
    assert (f"{tmp_path}/api.log", "AUTO") == (api.stdout_logfile, job.stdout_logfile)
    assert 8 == configuration.process_count
    assert Namespec("pair", "api") in configuration.namespecs


def test_servers_files_and_plugins_are_told(write: Write, tmp_path: Path) -> None:
    """Sockets with their modes, files in order, and plug-ins without importing them."""
    configuration = read_configuration(write(), ENVIRONMENT)
    unix, inet = configuration.unix_servers[0], configuration.inet_servers[0]

    assert (f"unix://{tmp_path}/s.sock", 0o770, True) == (unix.url, unix.chmod, unix.has_password)
    assert ("http://127.0.0.1:9001", False) == (inet.url, inet.has_password)
    assert ["supervisor", "maint"] == [plugin.name for plugin in configuration.rpcinterfaces]
    assert "nowhere.to_be_found:make" == configuration.rpcinterfaces[1].factory
    assert (
        str(tmp_path / "supervisord.conf"),
        str(tmp_path / "conf.d/listeners.conf"),
    ) == configuration.files
    assert ("host:1", f"{tmp_path}/supervisord.log") == (
        configuration.identifier,
        configuration.logfile,
    )
    assert "secret" not in repr(configuration)
    assert "abc" not in repr(configuration)


def test_reading_has_no_side_effects(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made, moved, imported or printed; our own arguments are not supervisord's."""
    monkeypatch.setattr(sys, "argv", ["supervisor-maint", "-c", "other.conf", "--nonsense"])
    path = write()
    before = _footprint()

    read_configuration(path, ENVIRONMENT)

    assert before == _footprint()
    assert ["conf.d", "supervisord.conf"] == sorted(entry.name for entry in tmp_path.iterdir())
    assert ("", "") == tuple(capfd.readouterr())


@pytest.mark.parametrize(
    ("main", "sentence"),
    [
        (MAIN.replace("%(here)s/supervisord.log", "/nonexistent/a.log"), "/nonexistent"),
        (MAIN.replace("[supervisord]", "[elsewhere]"), "does not include supervisord section"),
        (MAIN.replace("numprocs=3", "numprocs=three"), "three"),
        (MAIN.replace("programs=job,api", "programs=job,nobody"), "nobody"),
        (MAIN.replace("[supervisord]", "[supervisord]\nuser=no_such_user"), "no_such_user"),
        (MAIN + "stray line\n", "stray line"),
        ("no section\n" + MAIN, "no section"),
        (MAIN.replace("SLEEP_FOR", "NOT_THERE"), "NOT_THERE"),
        (MAIN.replace("supervisor.rpcinterface_factory = nowhere", "x = nowhere"), "maint"),
        (MAIN.replace("port=127.0.0.1:9001", "port=many"), "many"),
    ],
)
def test_refusals_are_problems(write: Write, main: str, sentence: str) -> None:
    """What supervisord prints before it exits is a problem that names the file."""
    path = write(main)
    with pytest.raises(SettingsError) as caught:
        read_configuration(path, ENVIRONMENT)

    assert sentence in caught.value.msg
    assert path in caught.value.msg


def test_problem_names_section_and_line(write: Write) -> None:
    """The section and the line are taken out of supervisor's sentence."""
    path = write(MAIN.replace("numprocs=3", "numprocs=three"))
    with pytest.raises(SettingsError) as in_section:
        read_configuration(path, ENVIRONMENT)
    Path(path).write_text("[supervisord]\nstray line\n", encoding="utf-8")
    with pytest.raises(SettingsError) as at_line:
        read_configuration(path, ENVIRONMENT)

    assert "program:web" == in_section.value.problems[0].section
    assert 2 == at_line.value.problems[0].line


def test_absent_file_is_a_problem(tmp_path: Path) -> None:
    """A file that is not there is one sentence."""
    with pytest.raises(SettingsError, match="could not find config file"):
        read_configuration(str(tmp_path / "absent.conf"))


def test_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """An input error while reading, a folder and bytes that are no UTF-8 are no traceback."""
    binary = tmp_path / "binary.conf"
    binary.write_bytes(b"[supervisord]\nidentifier=\xff\n")
    for path in ("/proc/self/mem", str(tmp_path), str(binary)):
        with pytest.raises(SettingsError, match=path):
            read_configuration(path)


def test_unreadable_included_file_is_a_problem(write: Write, tmp_path: Path) -> None:
    """Supervisor's parser passes over an included file it may not read; that hides pools."""
    path = write()
    (tmp_path / "conf.d/secret.conf").symlink_to(tmp_path)  # no user can read a folder as a file
    with pytest.raises(SettingsError, match=r"secret\.conf"):
        read_configuration(path, ENVIRONMENT)


def test_include_without_match_is_a_warning(tmp_path: Path) -> None:
    """An include that matches nothing does not keep supervisord from starting."""
    path = tmp_path / "s.conf"
    path.write_text(
        "[supervisord]\nlogfile=%(here)s/l\npidfile=%(here)s/p\n[include]\nfiles=none/*.conf\n"
    )

    assert "none/*.conf" in read_configuration(str(path)).warnings[0]


def test_configuration_of_a_running_supervisord_is_found() -> None:
    """The file, the environment and the pools of a real one are found by its pid."""
    with RealSupervisord("") as running:
        assert running.process is not None
        environment = find_environment(running.process.pid)

        assert str(running.configuration) == find_configuration(running.process.pid)
        assert environment is not None
        assert os.environ["PATH"] == environment["PATH"]


@pytest.mark.parametrize(
    "options",
    [
        ["-c", "own.conf"],
        ["-cown.conf"],
        ["-nc", "own.conf"],
        ["--configuration=own.conf"],
        ["--configuration", "own.conf"],
        ["--conf", "own.conf"],
        ["-n", "-i", "x", "-c", "own.conf", "-s"],
    ],
)
def test_option_is_found_in_every_spelling(options: list[str], tmp_path: Path) -> None:
    """Relative to the folder supervisord works in, however the option is written."""
    (tmp_path / "own.conf").touch()
    with _Waiting([*SUPERVISORD, *options], tmp_path) as process:
        assert str(tmp_path / "own.conf") == find_configuration(process.pid)


def test_relative_file_that_is_not_where_supervisord_works_is_told(tmp_path: Path) -> None:
    """With ``directory`` it works elsewhere than it was started: nobody can tell where."""
    waiting = _Waiting([*SUPERVISORD, "-c", "own.conf"], tmp_path)
    with waiting as process, pytest.raises(MaintError) as refused:
        find_configuration(process.pid)

    assert f"({tmp_path}/own.conf is not there): set supervisord_config in" in str(refused.value)


def test_default_file_is_found(tmp_path: Path) -> None:
    """Without the option it is the first file that is there on supervisord's search path."""
    (tmp_path / "supervisord.conf").touch()
    with _Waiting([*SUPERVISORD, "-n"], tmp_path) as process:
        assert str(tmp_path / "supervisord.conf") == find_configuration(process.pid)


def _footprint() -> tuple[object, ...]:
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    mine = [line for line in status if line.startswith(("Umask", "Uid", "Gid", "Groups"))]
    return Path.cwd(), mine, sorted(Path("/proc/self/fd").iterdir()), dict(os.environ)


def test_script_of_another_name_is_supervisord_too(tmp_path: Path) -> None:
    """A script that calls supervisor's main takes the same options."""
    (tmp_path / "start.py").write_text("from supervisor import supervisord\n")
    command = [sys.executable, str(tmp_path / "start.py"), "-n", "-c", "/srv/own.conf"]
    with _Waiting(command, tmp_path) as process:
        assert "/srv/own.conf" == find_configuration(process.pid)


class _Waiting:
    """A process that has supervisord's command line and waits."""

    def __init__(self, command: list[str], folder: Path) -> None:
        (folder / "supervisor").mkdir()
        (folder / "supervisor/__init__.py").touch()
        (folder / "supervisor/supervisord.py").write_text("print('up', flush=True); input()")
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        assert self.process.stdout is not None
        assert b"up\n" == self.process.stdout.readline()
        return self.process

    def __exit__(self, *_exception: object) -> None:
        self.process.communicate(b"\n")
