"""The plug-ins in a real supervisord and a real supervisorctl, with our listener."""

from __future__ import annotations

import json
import shutil
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supervisor.xmlrpc import Faults

from supervisor_maint.supervisord.plugin_check import importable_by
from supervisor_maint.supervisord.reopening import reopen_logs
from supervisor_maint.supervisord.rpc import SupervisorClient
from tests.e2e.harness import MARK, RealSupervisord, listener
from tests.e2e.harness_programs import free_port, logger, program, sleeper

pytestmark = pytest.mark.smoke

Start = Callable[..., RealSupervisord]

INTERFACE = """\
[rpcinterface:maint]
supervisor.rpcinterface_factory=supervisor_maint.supervisord.rpcinterface:make_interface
"""
# %(here)s would not do: in a plug-in's section of the main file supervisord does not know it.
PLACE = f"state_dir=%(ENV_{MARK})s/state\n"
CTL = """\
[ctlplugin:maint]
supervisor.ctl_factory=supervisor_maint.supervisord.ctlplugin:make_plugin
"""
# One file configures supervisord, supervisorctl and the listener.
LISTENER = listener("supervisord.conf", startsecs=0) + "\n[maint]\nstate_dir=%(here)s/state\n"
PLUGINS = (INTERFACE + PLACE, CTL)


def _inet() -> tuple[str, str]:
    """Build the stanza of an HTTP server, and its URL."""
    port = free_port()
    return f"[inet_http_server]\nport=127.0.0.1:{port}\n", f"http://127.0.0.1:{port}"


def _status(supervisord: RealSupervisord) -> dict[str, Any]:
    """Ask for the status, until the listener that runs has published one."""

    def published() -> dict[str, Any] | None:
        document = json.loads(supervisord.rpc.maint.status())
        return document if document["listener"] else None

    found = supervisord.wait_until(published, "the listener has published")
    assert found is not None
    return found


def _accept(request_id: str) -> str:
    """Build a request that any listener can carry out at any time."""
    request = {
        "id": request_id,
        "verb": "accept",
        "args": {"names": []},
        "asked_by": f"tester {request_id}",
    }
    return json.dumps(request)


def _wait_for_answer(supervisord: RealSupervisord, request_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = supervisord.wait_until(
        lambda: _status(supervisord)["answers"].get(request_id), f"{request_id} is answered"
    )
    return answer


def _times_taken(supervisord: RealSupervisord, request_id: str) -> int:
    return supervisord.text("maint.stderr.log").count(f"asked by tester {request_id}\n")


def test_both_servers_and_two_reloads(start_supervisord: Start) -> None:
    """Through each server, and after each reload, a request is carried out once."""
    inet, url = _inet()
    supervisord = start_supervisord(*PLUGINS, LISTENER, inet, program("worker", sleeper()))
    for number in range(3):
        _status(supervisord)
        over_tcp = xmlrpc.client.ServerProxy(f"{url}/RPC2")
        with over_tcp:
            sent = [
                supervisord.rpc.maint.request(_accept(f"unix{number}")),
                over_tcp.maint.request(_accept(f"inet{number}")),
            ]
            pools = [supervisord.rpc.maint.getListenerPools(), over_tcp.maint.getListenerPools()]
            problems = [supervisord.rpc.maint.reopenLogs(), over_tcp.maint.reopenLogs()]
        answers = [_wait_for_answer(supervisord, request_id) for request_id in sent]

        assert [f"unix{number}", f"inet{number}"] == sent
        assert [True, True] == [answer["done"] for answer in answers]
        assert [1, 1] == [_times_taken(supervisord, request_id) for request_id in sent]
        assert [["maint"], ["maint"]] == pools
        assert [[], []] == problems
        if number < 2:
            supervisord.reload()


def test_hundred_quick_requests(start_supervisord: Start) -> None:
    """Each of a hundred requests in a row is carried out once, and garbage among them none."""
    supervisord = start_supervisord(*PLUGINS, LISTENER)
    _status(supervisord)
    faults = []
    for number in range(100):
        assert f"q{number}" == supervisord.rpc.maint.request(_accept(f"q{number}"))
        if number % 10 == 0:
            with pytest.raises(xmlrpc.client.Fault) as caught:
                supervisord.rpc.maint.request('{"id": "x", "verb": ' + "[" * number)
            faults.append(caught.value.faultCode)
    taken = supervisord.wait_until(
        lambda: supervisord.text("maint.stderr.log").count("asked by tester") >= 100,
        "all are taken",
    )

    assert taken
    assert [1] * 100 == [_times_taken(supervisord, f"q{number}") for number in range(100)]
    assert [Faults.BAD_ARGUMENTS] * 10 == faults


def test_no_line_is_lost(start_supervisord: Start) -> None:
    """Five times the log is renamed and reopened while a program writes: every line is there."""
    supervisord = start_supervisord(*PLUGINS, program("talker", logger(rate=500)))
    log = supervisord.directory / "talker-0.stdout.log"
    for number in range(5):
        supervisord.wait_until(lambda: log.stat().st_size, "there are lines")
        log.rename(f"{log}.{number}")
        done = supervisord.ctl("reopen")
        assert (0, "supervisord and its processes: logs reopened\n") == (
            done.returncode,
            done.stdout,
        )
    supervisord.ctl("stop", "talker")
    parts = [*(Path(f"{log}.{number}") for number in range(5)), log]
    lines = "".join(part.read_text() for part in parts).splitlines()

    assert [f"line {number}" for number in range(len(lines))] == lines
    assert len(lines) > 5


def test_unwritable_log_folder_ends_nobody(start_supervisord: Start, tmp_path: Path) -> None:
    """A log whose folder went away is told; supervisord lives, and other logs are reopened."""
    lost = tmp_path / "logs" / "lost.log"
    lost.parent.mkdir()
    supervisord = start_supervisord(
        *PLUGINS,
        program("lost", logger(), stdout_logfile=lost),
        program("kept", logger(), stdout_logfile="%(here)s/kept.log"),
    )
    supervisord.wait_until(lambda: lost.stat().st_size, "lost writes")
    supervisord.wait_until(lambda: supervisord.text("kept.log"), "kept writes")
    shutil.rmtree(lost.parent)
    (supervisord.directory / "kept.log").rename(supervisord.directory / "kept.log.1")
    done = supervisord.ctl("reopen")
    supervisord.wait_until(lambda: supervisord.text("kept.log"), "kept writes into a new file")
    supervisord.wait_for_state("lost", "RUNNING")

    assert 1 == done.returncode
    assert done.stdout.startswith(f"lost: ERROR ({lost} cannot be opened")


def test_listener_reopens_with_and_without_the_plugin(start_supervisord: Start) -> None:
    """What the listener calls does the same, in one call or by a signal."""
    for stanzas in (PLUGINS, ()):
        supervisord = start_supervisord(*stanzas, program("worker", sleeper()))
        supervisord.wait_for_state("worker", "RUNNING")
        log = supervisord.directory / "worker-0.stdout.log"
        log.rename(f"{log}.1")
        with SupervisorClient(supervisord.server_url, timeout_seconds=30) as client:
            unopened = reopen_logs(client, own_log=str(supervisord.log_file))

        assert () == unopened
        assert log.exists()
        assert bool(stanzas) == ("SIGUSR2" not in supervisord.log())


@pytest.mark.parametrize(
    ("interface", "said"),
    [(INTERFACE, "expected state_dir"), (f"{INTERFACE}state_dir=x\nstatedir=y\n", "found 'x'")],
)
def test_status_without_a_state_dir(start_supervisord: Start, interface: str, said: str) -> None:
    """A section without a usable state_dir starts, and says so when it is asked."""
    supervisord = start_supervisord(interface, CTL, LISTENER)
    done = supervisord.ctl("maint", "status")
    asked = supervisord.ctl("maint", "run")

    assert (1, 1) == (done.returncode, asked.returncode)
    assert said in done.stdout
    assert said in asked.stdout


def test_broken_status_file(start_supervisord: Start) -> None:
    """Whatever stands in the place of the status, supervisord and supervisorctl go on."""
    supervisord = start_supervisord(*PLUGINS)
    status = supervisord.directory / "state" / "status.json"
    said = [supervisord.ctl("maint", "status")]
    status.parent.mkdir()
    for content in ("", '{"pid": 1', "[]"):
        status.write_text(content)
        said.append(supervisord.ctl("maint", "status"))

    assert [7, 1, 1, 1] == [done.returncode for done in said]
    assert "no listener has published anything" in said[0].stdout
    assert "expected a published status" in said[1].stdout
    assert "RUNNING" == supervisord.rpc.supervisor.getState()["statename"]


def test_commands_of_supervisorctl(start_supervisord: Start) -> None:
    """From here and over TCP: a status, a refused request, and a listener that is gone."""
    inet, url = _inet()
    supervisord = start_supervisord(*PLUGINS, LISTENER, inet)
    _status(supervisord)
    for remote in ((), ("-s", url)):
        status = supervisord.ctl(*remote, "maint", "status")
        run = supervisord.ctl(*remote, "maint", "run", "no-such-plan")
        wrong = supervisord.ctl(*remote, "maint", "restart")

        assert (0, 1, 2) == (status.returncode, run.returncode, wrong.returncode), run.stdout
        assert status.stdout.startswith("listener    maint, pid ")
        assert "" != run.stdout.strip()
        assert "maint hold --for 2h" in wrong.stdout
    supervisord.ctl("stop", "maint")
    status, run = supervisord.ctl("maint", "status"), supervisord.ctl("maint", "run")

    assert (3, 7) == (status.returncode, run.returncode)
    assert status.stdout.startswith("listener    NOT RUNNING")
    assert "nothing was changed" in run.stdout


def test_without_the_interface(start_supervisord: Start) -> None:
    """Without [rpcinterface:maint] every command says what to add."""
    supervisord = start_supervisord(CTL)
    said = [supervisord.ctl("reopen"), supervisord.ctl("maint", "run")]

    assert [3, 3] == [done.returncode for done in said]
    assert all("[rpcinterface:maint]" in done.stdout for done in said)


def test_supervisords_python_has_the_plugin(start_supervisord: Start) -> None:
    """The Python that runs supervisord, with what it was started with, imports the plug-in."""
    supervisord = start_supervisord()

    assert importable_by(supervisord.pid) is None
