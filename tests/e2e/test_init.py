"""What ``init`` lays out, judged by the tools that it is for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import servers
from tests.e2e.guarded import (
    CERTIFICATE,
    PASSWORD,
    USER,
    Guarded,
    GuardedAlertmanager,
    GuardedPrometheus,
    GuardedPushgateway,
)
from tests.e2e.monitoring_files import ALERTMANAGER, load, run_tool

TOOLS = ("promtool", "amtool", "logrotate")
EVERYTHING = {
    "instance": "db7",
    "host": "db7.test",
    "port": "19910",
    "timezone": "Europe/Paris",
    "pushgateway-url": "https://gateway.test/push",
    "prometheus-url": "http://prometheus.test:9090",
    "alertmanager-url": "http://alertmanager.test:9093",
    "runbook-url": "https://docs.test/runbook.md",
    "pager-url": "http://pager.test/hook",
    "tickets-url": "http://tickets.test/",
}


def init(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``init`` with the tools of Debian's packages on its PATH."""
    return maint("init", str(folder), "--state-dir", str(folder / "state"), *arguments)


def maint(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    path = ":".join(str(servers.path_of(name).parent) for name in TOOLS)
    return subprocess.run(
        [sys.executable, "-m", "supervisor_maint", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"},
    )


def access(folder: Path) -> list[str]:
    """Return the options of a gateway that lets in by a password, and of an Alertmanager by TLS."""
    options = ["--pushgateway-username", "me"]
    for option in ("pushgateway-ca-file", "pushgateway-password-file", "alertmanager-client-cert"):
        file = folder / option
        file.write_text("a secret\n", encoding="utf-8")
        file.chmod(0o600)
        options += [f"--{option}", str(file)]
    return options


@pytest.mark.needs_server(*TOOLS)
@pytest.mark.parametrize("given", [{}, EVERYTHING], ids=["nothing given", "everything given"])
def test_tools_take_everything(given: dict[str, str], tmp_path: Path) -> None:
    """Every tool takes its files, filled in or with their examples."""
    folder = tmp_path / "conf.d"
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    if given:
        options += ["--textfile", str(folder / "x.prom"), *access(tmp_path)]
    found = init(folder, *options)

    assert (0, "") == (found.returncode, found.stderr), found.stdout
    checks = [line.split(maxsplit=1) for line in found.stdout.splitlines() if line[:2] == "ok"]
    assert [
        "supervisor-maint check-config",
        "promtool check config --syntax-only",
        "promtool check rules",
        "amtool check-config",
        "logrotate -d",
    ] == [check[1] for check in checks]


@pytest.mark.needs_server("promtool")
def test_tests_of_the_rules_hold_when_filled_in(tmp_path: Path) -> None:
    """The tests that come along expect the links that were filled in; one file is like another."""
    folder = tmp_path / "conf.d"
    maint("init", str(folder), "--runbook-url", EVERYTHING["runbook-url"])
    file = folder / "prometheus" / "tests" / "maintenance.test.yml"
    promtool = run_tool("promtool", "test", "rules", file)

    assert EVERYTHING["runbook-url"] in file.read_text(encoding="utf-8")
    assert 0 == promtool.returncode, promtool.stdout


@pytest.mark.needs_server(*TOOLS)
def test_tools_find_what_is_wrong(tmp_path: Path) -> None:
    """What a tool has against a file that an operator changed is shown, and that exits 1."""
    folder = tmp_path / "conf.d"
    init(folder)
    for file in (
        "prometheus/supervisor-maint.rules.yml",
        "alertmanager/supervisor-maint.yml",
        "logrotate/supervisor",
    ):
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write("\nnonsense: [\n")
    found = init(folder)

    assert 1 == found.returncode
    for name in ("promtool check rules", "amtool check-config", "logrotate -d"):
        assert f"failed      {name}\n    " in found.stdout


def guarded_options(folder: Path, **servers: Guarded) -> list[str]:
    """Make the files that the servers' access needs, and return the options that name them."""
    password, ca = folder / "monitoring.password", folder / "ca.pem"
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    password.chmod(0o600)
    shutil.copy(CERTIFICATE, ca)
    options = []
    for name, server in servers.items():
        keys = {"url": server.url, "ca-file": ca, "username": USER, "password-file": password}
        options += [word for key, value in keys.items() for word in (f"--{name}-{key}", str(value))]
    return options


@pytest.mark.needs_server(*TOOLS, "prometheus", "prometheus-pushgateway", "prometheus-alertmanager")
def test_what_is_written_is_let_in(tmp_path: Path) -> None:
    """Behind TLS and a password the settings and the scrape job work as they were written."""
    folder = tmp_path / "conf.d"
    alertmanager = GuardedAlertmanager(ALERTMANAGER.read_text("utf-8"))
    prometheus = GuardedPrometheus("")
    prometheus.url = f"https://127.0.0.1:{prometheus.port}"
    with GuardedPushgateway() as gateway, alertmanager:
        asked = {"pushgateway": gateway, "alertmanager": alertmanager, "prometheus": prometheus}
        laid_out = init(folder, *guarded_options(tmp_path, **asked))
        job = load(folder / "prometheus" / "scrape-pushgateway.yml")
        configuration = yaml.safe_dump({"global": {"scrape_interval": "1s"}, **job})
        (prometheus.directory / "prometheus.yml").write_text(configuration, encoding="utf-8")
        for name, copy in (
            ("monitoring.password", "pushgateway.password"),
            ("ca.pem", "pushgateway-ca.pem"),
        ):
            shutil.copy(tmp_path / name, prometheus.directory / copy)
        with prometheus:
            config = folder / "supervisor" / "maint.conf"
            arguments = ["monitoring", "test", "--config", str(config), "--json", "--wait", "50s"]
            tested = maint(*arguments)

    assert 0 == laid_out.returncode, laid_out.stdout
    works = {link["link"]: link["works"] for link in json.loads(tested.stdout)}
    assert works["sink pushgateway takes a report"], tested.stdout
    assert works["Prometheus has what sink pushgateway said"], tested.stdout
    assert works["Alertmanager takes a silence"], tested.stdout
