"""The files for supervisord, deployed as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import RealSupervisord
from tests.e2e.harness_programs import free_port
from tests.e2e.harness_servers import http_get, metrics

CONF_D = Path(__file__).resolve().parents[2] / "conf.d" / "supervisor"
# The commands of superlance, and ours, are installed beside this Python.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.mark.smoke
def test_listener_and_its_neighbours_run(
    start_supervisord: Callable[..., RealSupervisord], tmp_path: Path
) -> None:
    """All stanzas run side by side, and the metrics are served where the file says."""
    port = free_port()
    places = {
        "/var/lib/supervisor-maint": f"{tmp_path}/state",
        "/var/log/supervisor-maint.log": f"{tmp_path}/maint.log",
        "127.0.0.1:9910": f"127.0.0.1:{port}",
    }
    for file in CONF_D.glob("*.conf"):
        text = file.read_text(encoding="utf-8")
        for usual, here in places.items():
            text = text.replace(usual, here)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    supervisord = start_supervisord(
        f"[include]\nfiles={tmp_path}/*.conf\n", environment={"PATH": PATH}
    )
    supervisord.wait_until(
        lambda: set(supervisord.states().values()) == {"RUNNING"}, "all listeners run"
    )
    pages = f"http://127.0.0.1:{port}/metrics"
    supervisord.wait_until(
        lambda: metrics(http_get(pages)).value("supervisor_process_up", name="memmon") == 1.0,
        "the metrics are served",
    )

    assert 5 == len(supervisord.states())
