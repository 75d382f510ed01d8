"""The facts of a configuration, and that no text at all can get past the reader's errors."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_maint.errors import MaintError, SettingsError
from supervisor_maint.supervisord.configuration import (
    find_configuration,
    find_environment,
    read_configuration,
)
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    InetServer,
    ListenerPool,
    UnixServer,
    listener_pools,
)

ABSENT_PID = 2_000_000_000


def _process(name: str) -> ConfiguredProcess:
    return ConfiguredProcess(
        name=name,
        command=f"/bin/{name}",
        autostart=True,
        autorestart="unexpected",
        stdout_logfile=None,
        stderr_logfile="AUTO",
        redirect_stderr=False,
        environment_names=frozenset(),
    )


def _pool(name: str, *processes: ConfiguredProcess) -> ListenerPool:
    return ListenerPool(
        name=name,
        priority=-1,
        events=("TICK_5",),
        unknown_events=(),
        buffer_size=10,
        redirect_stderr=False,
        file="/etc/supervisord.conf",
        processes=processes,
    )


def test_processes_of_groups_and_pools_are_counted() -> None:
    """The listeners are processes too, and only their groups are pools."""
    configuration = Configuration(
        files=("/etc/supervisord.conf",),
        identifier="supervisor",
        logfile="/var/log/supervisord.log",
        groups=(Group(name="web", priority=1, processes=(_process("a"), _process("b"))),),
        pools=(_pool("maint", _process("maint")), _pool("empty")),
        unix_servers=(),
        inet_servers=(),
        rpcinterfaces=(),
    )

    assert ["web:a", "web:b", "maint"] == [str(name) for name in configuration.namespecs]
    assert 3 == configuration.process_count
    assert frozenset({"maint", "empty"}) == listener_pools(configuration)
    assert ["/bin/maint", ""] == [pool.command for pool in configuration.pools]


def test_servers_have_urls() -> None:
    """A server on every interface is asked on this machine."""
    everywhere = InetServer(host="", port=9001, has_password=False)

    assert "http://localhost:9001" == everywhere.url
    assert "unix:///run/s" == UnixServer(path="/run/s", chmod=0o700, has_password=True).url


def test_process_that_is_gone_has_no_configuration() -> None:
    """The sentence names the setting that helps."""
    with pytest.raises(MaintError, match="set supervisord_config in"):
        find_configuration(ABSENT_PID)
    assert find_environment(ABSENT_PID) is None


WORDS = st.sampled_from(
    [
        "[supervisord]", "[program:a]", "[group:a]", "[group:b]", "[eventlistener:a]",
        "[eventlistener:b]", "[fcgi-program:a]", "[unix_http_server]", "[inet_http_server]",
        "[rpcinterface:x]", "[include]", "[program:]", "command=/bin/true", "programs=a",
        "programs=", "events=TICK_5", "events=,", "events=NOBODY", "redirect_stderr=true",
        "redirect_stderr=%(x)s", "numprocs=2", "numprocs=-1", "priority=x", "user=nobody",
        "autorestart=maybe", "socket=tcp://localhost:1", "socket=unix://x", "file=%(here)s/x",
        "port=*:1", "port=", "chmod=8", "files=*.ini", "files=%(y)s", "files=*", "buffer_size=0",
        "environment=A", "environment=A=1", "stdout_logfile=%(program_name)s", "loglevel=loud",
        "logfile=/x/y/z", "supervisor.rpcinterface_factory=a:b", "process_name=%(process_num)s",
        "exitcodes=x", "stopsignal=NOW", "umask=9", "  continued", "=", "%", "directory=/nowhere",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS | st.text(max_size=20), max_size=25))
def test_any_file_is_facts_or_problems(lines: list[str]) -> None:
    """Whatever a file holds, reading gives facts or a SettingsError, never a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "supervisord.conf")
        path.write_text("\n".join(["[supervisord]", *lines]), encoding="utf-8", errors="replace")
        try:
            configuration = read_configuration(str(path), {})
        except SettingsError as error:
            assert error.problems
        else:
            assert str(path) == configuration.files[0]
