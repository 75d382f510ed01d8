"""A Python that every user can run: this one, or a copy of it where only root gets to it.

Root's own builds lie in ``/root``, which is closed to everybody else, and so may a checkout of the
repository. What a test does as another user it then does with the same Python, copied.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
from packaging.requirements import Requirement

import supervisor_maint
from tests.fakes.permission_passes import NOBODY

OURS = "supervisor-maint"
# Supervisor 4.2.5 imports pkg_resources, and does not say so.
DISTRIBUTIONS = (OURS, "setuptools")
LEFT_OUT = ("test", "idlelib", "tkinter", "ensurepip", "site-packages", "config-*", "*.opt-?.pyc")


@attrs.frozen
class SharedPython:
    """The Python, and what it needs in its environment to find what this one finds."""

    executable: str = sys.executable
    environment: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def can_be_run_by_all(self) -> bool:
        """Tell whether another user can run it, and load supervisord and our package."""
        if os.geteuid() != 0:
            return True  # we are such a user
        command = [self.executable, "-c", "import supervisor.supervisord, supervisor_maint.cli"]
        try:
            done = subprocess.run(
                command,
                user=NOBODY,
                group=NOBODY,
                extra_groups=(),
                env={**os.environ, **self.environment},
                cwd="/",
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except PermissionError:
            return False
        return done.returncode == 0


def shared_python(folder: Path) -> SharedPython:
    """Return this Python when everybody can run it, else a copy that it makes in a folder."""
    found = SharedPython()
    return found if found.can_be_run_by_all else _copied(folder)


def _copied(folder: Path) -> SharedPython:
    """Copy the interpreter, its library, and every distribution that our package needs."""
    executable, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    packages = folder / "packages"
    _copy(executable, folder / "bin" / executable.name)
    _copy(library, folder / "lib" / library.name)
    for shared in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython*.so.*"):
        _copy(shared, folder / "lib" / shared.name)
    for name in _needed(DISTRIBUTIONS):
        _copy_distribution(name, packages)
    _copy(Path(supervisor_maint.__file__).parent, packages / "supervisor_maint")
    _open_to_all(folder)
    return SharedPython(
        str(folder / "bin" / executable.name),
        {"PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(folder / "lib")},
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _copy_distribution(name: str, packages: Path) -> None:
    """Copy what a distribution has installed, save for its commands."""
    for file in importlib.metadata.files(name) or ():
        path = Path(str(file.locate()))
        if ".." not in file.parts and path.is_file():
            _copy(path, packages / file)


def _needed(names: Iterable[str]) -> set[str]:
    """Return those of the distributions that are installed, with what they require."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if name not in found:
                pending += _required(name)
                found.add(name)
    return found


def _required(name: str) -> Iterator[str]:
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
