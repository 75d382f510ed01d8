"""The stage itself: a real supervisord, real servers, and servers that misbehave."""

from __future__ import annotations

import os
import threading
import urllib.error
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.e2e.harness import RealSupervisord, is_alive, wait_until
from tests.e2e.harness_programs import (
    crasher,
    free_port,
    group,
    http_server,
    leaker,
    logger,
    program,
    sleeper,
    stubborn,
)
from tests.e2e.harness_servers import (
    Alertmanager,
    HangingServer,
    Prometheus,
    Pushgateway,
    WebhookReceiver,
    http_get,
    metrics,
)

Start = Callable[..., RealSupervisord]


@pytest.mark.smoke
def test_programs_run_and_stop(start_supervisord: Start) -> None:
    """Programs and groups run, are asked about, and are stopped by supervisorctl."""
    supervisord = start_supervisord(
        program("web", sleeper(), numprocs=2, process_name="%(program_name)s%(process_num)d"),
        program("worker", sleeper()),
        group("site", "web"),
    )
    supervisord.wait_until(
        lambda: set(supervisord.states().values()) == {"RUNNING"}, "all three run"
    )
    stopped = supervisord.ctl("stop", "worker")

    assert "worker: stopped\n" == stopped.stdout
    assert "STOPPED" == supervisord.state("worker")
    assert 0 == supervisord.pid_of("worker")
    assert is_alive(supervisord.pid_of("site:web1"))


@pytest.mark.smoke
def test_killed_supervisord_leaves_its_children(start_supervisord: Start) -> None:
    """A killed supervisord is started again, its children of before live until the end."""
    supervisord = start_supervisord(program("worker", sleeper()))
    supervisord.wait_for_state("worker", "RUNNING")
    before, child = supervisord.pid, supervisord.pid_of("worker")
    supervisord.kill()
    supervisord.start()
    supervisord.wait_for_state("worker", "RUNNING")

    assert before != supervisord.pid
    assert child != supervisord.pid_of("worker")
    assert is_alive(child)

    supervisord.stop()

    assert not is_alive(child)


@pytest.mark.smoke
def test_update_adds_and_removes(start_supervisord: Start) -> None:
    """``update`` takes a program away and brings another."""
    supervisord = start_supervisord(program("old", sleeper()))
    supervisord.update(program("new", sleeper()))

    supervisord.wait_until(lambda: "new:new" in supervisord.states(), "the new one is there")

    assert {"new:new"} == set(supervisord.states())


@pytest.mark.smoke
def test_reload_keeps_the_process(start_supervisord: Start) -> None:
    """``reload`` starts everything anew under the same pid of supervisord."""
    supervisord = start_supervisord(program("worker", sleeper()))
    supervisord.wait_for_state("worker", "RUNNING")
    before, child = supervisord.pid, supervisord.pid_of("worker")
    supervisord.reload()
    supervisord.wait_for_state("worker", "RUNNING")

    assert before == supervisord.pid
    assert child != supervisord.pid_of("worker")


def test_password_is_used(start_supervisord: Start) -> None:
    """With a password on the socket everything still goes through."""
    supervisord = start_supervisord(
        program("worker", sleeper()), username="admin", password="s3cret"
    )
    supervisord.wait_for_state("worker", "RUNNING")

    assert 0 == supervisord.ctl("stop", "worker").returncode


def test_survivor_of_an_orderly_end_is_a_failure() -> None:
    """A grandchild that outlives supervisord is ended, and fails the test."""
    supervisord = RealSupervisord(program("parent", "sh -c 'setsid sleep infinity & wait'"))
    supervisord.patience_seconds = 0.5
    supervisord.start()
    supervisord.wait_until(
        lambda: [child for child in supervisord.survivors() if "sleep" in child.cmdline()],
        "the grandchild is there",
    )
    grandchildren = [child for child in supervisord.survivors() if "sleep" in child.cmdline()]

    with pytest.raises(AssertionError, match="nothing outlives supervisord"):
        supervisord.stop()

    assert not [child for child in grandchildren if is_alive(child.pid)]
    assert not supervisord.directory.exists()


def test_failed_wait_tells_what_is_known(start_supervisord: Start) -> None:
    """What never comes true is told with states and logs."""
    supervisord = start_supervisord(program("worker", sleeper()))

    with pytest.raises(AssertionError) as caught:
        supervisord.wait_until(lambda: 0, "pigs fly", timeout=0.2)

    assert "waited until pigs fly: not within 0.2 s; the last answer was 0" in str(caught.value)
    assert "worker:worker" in str(caught.value)
    assert "supervisord started with pid" in str(caught.value)


def test_supervisord_that_cannot_start_is_told_at_once() -> None:
    """A configuration that supervisord refuses fails the start with what it said."""
    supervisord = RealSupervisord("[program:broken]\ncommand=sleep 1\npriority=high\n")

    with pytest.raises(AssertionError, match=r"ended with 2(.|\n)*invalid literal"), supervisord:
        pass

    assert not supervisord.directory.exists()


def test_small_programs_do_what_they_say(start_supervisord: Start) -> None:
    """The server serves, the crasher ends, the logger counts, the stubborn is killed."""
    port = free_port()
    supervisord = start_supervisord(
        program("web", http_server(port, start_seconds=0.2, stop_seconds=0.2)),
        program("crash", crasher(status=3), startretries=0),
        program("signal", crasher(status=-6), startsecs=0, autorestart="false"),
        program("leak", leaker(rate=50, limit=2)),
        program("log", logger(rate=1000, count=3)),
        program("stubborn", stubborn(), stopwaitsecs=1),
    )
    supervisord.wait_for_state("crash", "FATAL")
    supervisord.wait_for_state("signal", "EXITED")
    supervisord.wait_for_state("stubborn", "RUNNING")
    supervisord.wait_until(
        lambda: http_get(f"http://127.0.0.1:{port}/") == f"{supervisord.pid_of('web')}\n",
        "the server serves its pid",
    )
    supervisord.wait_until(
        lambda: supervisord.text("log-0.stdout.log") == "line 0\nline 1\nline 2\n",
        "three lines are logged",
    )
    supervisord.ctl("stop", "web", "stubborn")

    assert "exited: crash (exit status 3; not expected)" in supervisord.log()
    assert "terminated by SIGABRT" in supervisord.log()
    assert "killing 'stubborn'" in supervisord.log()
    assert "STOPPED" == supervisord.state("web")


def test_free_ports_are_each_given_once() -> None:
    """No port is given twice, whatever is done with it."""
    ports = [free_port() for _ in range(20)]

    assert 20 == len(set(ports))


def test_metrics_are_found_by_labels() -> None:
    """A sample is named by its labels in order, and found by some of them."""
    samples = metrics('# TYPE up gauge\nup{job="b",instance="a"} 1\nup{instance="c"} 0\n')

    assert {'up{instance="a",job="b"}': 1.0, 'up{instance="c"}': 0.0} == samples
    assert 1.0 == samples.value("up", job="b")
    assert samples.value("up", job="c") is None


@pytest.mark.needs_server("prometheus-pushgateway")
def test_pushgateway_forgets_when_restarted() -> None:
    """What is pushed is shown; after a restart, on the same port, it is gone."""
    with Pushgateway() as gateway:
        gateway.send("PUT", "/metrics/job/x", "answer 42\n")
        pushed = gateway.metrics().value("answer", job="x")
        gateway.stop()
        gateway.start()

        assert 42.0 == pushed
        assert gateway.metrics().value("answer") is None


@pytest.mark.needs_server("prometheus-pushgateway")
def test_hanging_server_comes_back_as_a_proxy() -> None:
    """Requests hang, are refused, and at last reach the real gateway."""
    with Pushgateway() as gateway, HangingServer() as server:
        client = threading.Thread(target=_get_quietly, args=(server.url,))
        client.start()
        wait_until(lambda: server.requests, "the request has arrived")
        server.answer(500, "no")
        client.join()
        with pytest.raises(urllib.error.HTTPError, match="500") as refused:
            http_get(server.url)
        refused.value.close()
        server.proxy(gateway.url)

        assert "pushgateway_build_info" in http_get(f"{server.url}/metrics")
        assert ["/", "/", "/metrics"] == [request.path for request in server.requests]


def _get_quietly(url: str) -> None:
    with pytest.raises(OSError):
        http_get(f"{url}/")


PROMETHEUS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ['{target}']}}]
"""
RULES = """\
groups: [{name: g, rules: [{alert: AlwaysThere, expr: 'up == 1', labels: {severity: page}}]}]
"""
ALERTMANAGER = """\
route: {{receiver: hook, group_wait: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{hook}/'}}]}}]
"""


@pytest.mark.needs_server("prometheus", "prometheus-alertmanager", "prometheus-pushgateway")
def test_alert_travels_from_metric_to_webhook() -> None:
    """Prometheus scrapes, its rule fires, Alertmanager notifies: all real."""
    with ExitStack() as stack:
        hook = stack.enter_context(WebhookReceiver())
        gateway = stack.enter_context(Pushgateway())
        alertmanager = stack.enter_context(Alertmanager(ALERTMANAGER.format(hook=hook.url)))
        configuration = PROMETHEUS.format(
            alertmanager=alertmanager.url.partition("//")[2],
            target=gateway.url.partition("//")[2],
        )
        prometheus = stack.enter_context(Prometheus(configuration, {"rules.yml": RULES}))
        wait_until(hook.alerts, "a notification arrives", evidence=prometheus.log)

        assert 1.0 == prometheus.query("up").value("up", job="self")
        assert ["firing"] == [alert["state"] for alert in prometheus.alerts()]
        assert ["active"] == [alert["status"]["state"] for alert in alertmanager.alerts()]
        assert "AlwaysThere" == hook.alerts()[0]["labels"]["alertname"]


def test_environment_reaches_the_programs(start_supervisord: Start) -> None:
    """What is added to the environment is seen by the programs, with the mark of the test."""
    supervisord = start_supervisord(
        program("worker", "sh -c 'echo $GREETING; exec sleep infinity'"),
        environment={"GREETING": "hello"},
    )

    supervisord.wait_until(
        lambda: supervisord.text("worker-0.stdout.log") == "hello\n", "the greeting is logged"
    )
    assert os.getpid() not in [process.pid for process in supervisord.survivors()]
