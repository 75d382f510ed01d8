"""``supervisor-maint demo``: it shows what it promises, in time, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import MARK, is_alive, wait_until
from tests.e2e.harness_servers import Pushgateway

LIMIT_SECONDS = 40.0


class Demo:
    """The command in a session of its own, as on a terminal, and what it has started."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark = str(folder)
        self._output = folder / "output"
        self.began_at = time.monotonic()
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "supervisor_maint", "demo", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, MARK: self.mark},
            )

    def output(self) -> str:
        """Return what it has printed so far."""
        return self._output.read_text(encoding="utf-8")

    def started(self) -> list[psutil.Process]:
        """List what it has started and is alive."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            is_marked = process.environ().get(MARK) == self.mark
        except (psutil.Error, OSError):
            return False
        return is_marked and process.pid != self.process.pid and is_alive(process.pid)

    def wait_for(self, words: str) -> None:
        """Wait until it has printed some words."""
        wait_until(
            lambda: words in self.output(),
            f"the demo prints {words!r}",
            evidence=self.output,
            hopeless=lambda: "it has ended" if self.process.poll() is not None else "",
        )

    def folder(self) -> Path:
        """Find its folder by what it has started."""
        for process in self.started():
            for word in process.cmdline():
                if word.endswith("/supervisord.conf"):
                    return Path(word).parent
        raise LookupError("no supervisord of the demo is there")

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        wait_until(lambda: self.process.poll() is not None, "the demo ends", evidence=self.output)
        return self.process.returncode

    def end(self) -> None:
        """End whatever is left of it."""
        self.process.kill()
        self.process.wait()
        for process in self.started():
            process.kill()


@pytest.fixture(autouse=True)
def terminal() -> Iterator[None]:
    """Have Ctrl-C heeded, as on a terminal: what a shell began in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo, just started."""
    running = Demo(tmp_path)
    try:
        yield running
    finally:
        running.end()


def test_demo_shows_everything_in_time(demo: Demo) -> None:
    """The whole story is told in 40 s, ends with 0, and nothing of it is left."""
    demo.wait_for("An operator restarts a group")
    folder = demo.folder()
    code = demo.wait()
    took_seconds = time.monotonic() - demo.began_at
    output = demo.output()

    assert 0 == code, output
    assert LIMIT_SECONDS > took_seconds
    for words in (
        "$ supervisor-maint status",
        "$ supervisorctl restart web:*",
        "$ kill -9 ",
        "fragile   state        RUNNING   FATAL",
        'supervisor_process_restarts_total{cause="command",group="web",name="web_0"}',
        'supervisor_process_restarts_total{cause="exit",group="worker",name="worker"}',
        'supervisor_maint_diff_processes{kind="state"}',
    ):
        assert words in output
    assert "Traceback" not in output
    assert 'name="maint"' not in output  # it has run from beginning to end
    assert [] == demo.started()
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_that_is_interrupted_leaves_nothing(demo: Demo, number: signal.Signals) -> None:
    """Ctrl-C, or a TERM, in the middle stops everything that was started."""
    demo.wait_for("An operator restarts a group")
    folder = demo.folder()
    # A terminal sends it to everything in the foreground.
    os.killpg(demo.process.pid, number)
    code = demo.wait()

    assert 128 + number == code
    assert "Traceback" not in demo.output()
    assert [] == demo.started()
    assert not folder.exists()


@pytest.mark.needs_server("prometheus-pushgateway")
def test_demo_that_is_kept_runs_until_it_is_ended(tmp_path: Path) -> None:
    """With ``--keep`` it goes on, pushes where it was told, and ends as it says."""
    with Pushgateway() as gateway:
        demo = Demo(tmp_path, "--keep", "--pushgateway", gateway.url)
        try:
            code = demo.wait()
            group = {"job": "supervisor", "instance": "demo"}
            pushed = gateway.metrics().value("supervisor_process_up", name="worker", **group)
            folder = demo.folder()
            way_to_end = demo.output().splitlines()[-1]
            subprocess.run(["sh", "-c", way_to_end], check=True)
            wait_until(lambda: not demo.started(), "everything ends", evidence=demo.output)
        finally:
            demo.end()

        assert 0 == code
        assert 1.0 == pushed
        assert way_to_end.strip().startswith("kill ")
        assert not folder.exists()
        assert gateway.metrics().value("supervisor_up", **group) is None
