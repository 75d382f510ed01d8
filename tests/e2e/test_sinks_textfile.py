"""Reports written for node_exporter's textfile collector."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import servers
from tests.e2e.harness_programs import program, sleeper
from tests.e2e.harness_servers import metrics
from tests.e2e.observed import Observed

Observe = Callable[..., Observed]


@pytest.mark.smoke
def test_files_are_replaced_and_one_is_deleted(observe: Observe, tmp_path: Path) -> None:
    """Two files are kept new whatever the umask, whole at any time, and one goes at the end."""
    folder = tmp_path / "collector"
    folder.mkdir()
    stays, goes = folder / "stays.prom", folder / "goes.prom"
    observed = observe(
        program("worker", sleeper()),
        sinks=f"[sink:textfile:a]\npath={stays}\n[sink:textfile:b]\npath={goes}\n"
        "delete_on_stop=true\n",
        stanza={"umask": "077"},
    ).settled()
    observed.wait_until(goes.exists, "the second is written")
    observed.supervisord.ctl("restart", "worker")

    def restarts(path: Path) -> float | None:
        text = path.read_text(encoding="utf-8")
        return metrics(text).value(
            "supervisor_process_restarts_total", cause="command", name="worker"
        )

    for path in (stays, goes):
        observed.wait_until(lambda path=path: restarts(path) == 1.0, f"{path} is new")

        assert 0o644 == stat.S_IMODE(path.stat().st_mode)
    observed.supervisord.ctl("stop", "maint")

    assert [stays] == list(folder.iterdir())
    assert 1.0 == restarts(stays)


@pytest.mark.needs_server("promtool")
def test_file_is_well_formed(observe: Observe, tmp_path: Path) -> None:
    """promtool finds nothing to say about what a real run has written."""
    path = tmp_path / "supervisor.prom"
    observed = observe(
        program("größe", sleeper()),
        program("later", sleeper(), autostart="false"),
        sinks=f"[sink:textfile]\npath={path}\n",
    ).settled()
    observed.wait_until(path.exists, "the file is written")
    checked = subprocess.run(
        [servers.path_of("promtool"), "check", "metrics"],
        input=path.read_bytes(),
        capture_output=True,
        check=False,
    )

    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)
    assert {"größe", "later", "maint"} == {
        series.partition('name="')[2].partition('"')[0]
        for series in metrics(path.read_text(encoding="utf-8"))
        if series.startswith("supervisor_process_up")
    }
