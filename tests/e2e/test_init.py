"""What ``init`` lays out, judged by the tools that it is for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.e2e.monitoring_files import run_tool

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
    path = ":".join(str(servers.path_of(name).parent) for name in TOOLS)
    command = [sys.executable, "-m", "supervisor_maint", "init", str(folder)]
    places = ["--state-dir", str(folder / "state"), "--textfile", str(folder / "x.prom")]
    return subprocess.run(
        [*command, *places, *arguments],
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
    """Every tool takes its files, filled in or with their examples; the rules' tests hold."""
    folder = tmp_path / "conf.d"
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    if given:
        options += access(tmp_path)
    found = init(folder, *options)
    tests = sorted((folder / "prometheus" / "tests").glob("*.test.yml"))
    promtool = run_tool("promtool", "test", "rules", *tests)

    assert (0, "") == (found.returncode, found.stderr), found.stdout
    checks = [line.split(maxsplit=1) for line in found.stdout.splitlines() if line[:2] == "ok"]
    assert [
        "supervisor-maint check-config",
        "promtool check config --syntax-only",
        "promtool check rules",
        "amtool check-config",
        "logrotate -d",
    ] == [check[1] for check in checks]
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
