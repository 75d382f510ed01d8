"""Asking supervisord's Python for the plug-in, of real processes that run real Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor_maint.errors import MaintError
from supervisor_maint.supervisord import plugin_check
from supervisor_maint.supervisord.plugin_check import importable_by

REPOSITORY = Path(__file__).resolve().parents[2]
WAIT = "import time; print('ready', flush=True); time.sleep(600)"
Start = Callable[..., int]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a machine that does much else its time."""
    monkeypatch.setattr(plugin_check, "TIMEOUT_SECONDS", 60.0)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that stands for supervisord, and return its pid once it runs."""
    with ExitStack() as stack:

        def begin(*command: object, **environment: str) -> int:
            process = stack.enter_context(
                subprocess.Popen(
                    [str(word) for word in command],
                    stdout=subprocess.PIPE,
                    env={"PATH": os.defpath, **environment},
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert b"ready" == process.stdout.read(5)
            return process.pid

        yield begin


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """Make a virtual environment that has nothing in it."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    return tmp_path / "bare" / "bin" / "python"


def test_python_that_has_the_plugin(start: Start) -> None:
    """The Python of these tests has it, through the environment that supervisord has."""
    path = os.pathsep.join([str(REPOSITORY), *sys.path])

    assert importable_by(start(sys.executable, "-c", WAIT, PYTHONPATH=path)) is None


def test_virtual_environment_without_the_plugin(start: Start, bare_python: Path) -> None:
    """A virtual environment is asked by its own name, and has no module of ours."""
    said = importable_by(start(bare_python, "-c", WAIT))

    assert said is not None
    assert f"supervisord's Python ({bare_python}) cannot import" in said
    assert "ModuleNotFoundError: No module named 'supervisor_maint'" in said
    assert "install supervisor-maint there" in said


def test_our_own_environment_does_not_count(
    start: Start, bare_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only our PYTHONPATH has, supervisord does not find."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.chdir(REPOSITORY)

    assert "No module named" in str(importable_by(start(bare_python, "-c", WAIT)))


def test_script_names_its_python(start: Start, bare_python: Path, tmp_path: Path) -> None:
    """Started as a script, it is the Python of the script's first line that is asked."""
    script = tmp_path / "supervisord"
    script.write_text(f"#!{bare_python}\n{WAIT}\n")
    script.chmod(0o755)

    assert f"({bare_python})" in str(importable_by(start(script)))


def test_name_that_hides_the_python(start: Start, bare_python: Path, tmp_path: Path) -> None:
    """With a made-up name as its command, the script's first line still tells."""
    script = tmp_path / "supervisord"
    script.write_text(f"#!{bare_python}\n{WAIT}\n")
    shell = f"exec -a supervisord {bare_python} {script}"
    pid = start("/bin/bash", "-c", shell)

    assert f"({bare_python})" in str(importable_by(pid))


def test_process_that_is_no_python(start: Start) -> None:
    """Of what runs no Python nobody can tell what it would import."""
    pid = start("/bin/sh", "-c", "printf ready; exec sleep 600 >/dev/null")

    with pytest.raises(MaintError, match="which is no Python"):
        importable_by(pid)


def test_process_that_is_gone() -> None:
    """A pid that nobody has is told."""
    with pytest.raises(MaintError, match="cannot tell which Python runs supervisord"):
        importable_by(2_000_000_000)


def test_python_that_hangs(
    start: Start, bare_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that does not end is ended."""
    monkeypatch.setattr(plugin_check, "TIMEOUT_SECONDS", 0.5)
    package = tmp_path / "path" / "supervisor_maint"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import time; time.sleep(600)")
    said = importable_by(start(bare_python, "-c", WAIT, PYTHONPATH=str(package.parent)))

    assert "did not import" in str(said)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_root_runs_nobodys_python_as_nobody(start: Start, tmp_path: Path) -> None:
    """Root does not run another user's program as root."""
    package = tmp_path / "supervisor_maint"
    package.mkdir()
    trace = tmp_path / "uid"
    (package / "__init__.py").write_text(f"import os; open({str(trace)!r}, 'w').write('root')")
    as_nobody = f"import os; os.setgid(65534); os.setuid(65534); {WAIT}"
    said = importable_by(start(sys.executable, "-c", as_nobody, PYTHONPATH=str(tmp_path)))

    # nobody may not look into our temporary folder, and maybe not even start our Python
    assert "supervisord's Python" in str(said)
    assert not trace.exists()
