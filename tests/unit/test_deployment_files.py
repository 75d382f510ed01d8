"""Laying out files where somebody else may have put something before."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor_maint.deployment.files import present, replace, shipped
from supervisor_maint.errors import DeploymentError

FILE = "supervisor/maint.conf"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let everything that is made be as open as it asks to be."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_new_file(tmp_path: Path) -> None:
    """A file and its folders are made, and nobody but their owner can write them."""
    root = tmp_path / "new"
    replace(root, FILE, "a\n")

    assert "a\n" == present(root, FILE)
    assert (0o755, 0o755, 0o644) == (
        mode(root),
        mode(root / "supervisor"),
        mode(root / FILE),
    )
    assert ["maint.conf"] == [path.name for path in (root / "supervisor").iterdir()]


def test_nothing_there(tmp_path: Path) -> None:
    """A file, a folder and a root that are not there are no file."""
    (tmp_path / "supervisor").mkdir()

    assert (None, None, None) == (
        present(tmp_path, FILE),
        present(tmp_path, "prometheus/rules.yml"),
        present(tmp_path / "none", FILE),
    )


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o640, 0o640), (0o777, 0o644)])
def test_mode_gets_no_wider(before: int, after: int, tmp_path: Path) -> None:
    """What was closed to others stays so, and what was open to them is closed."""
    replace(tmp_path, FILE, "a\n")
    (tmp_path / FILE).chmod(before)
    replace(tmp_path, FILE, "b\n")

    assert ("b\n", after) == (present(tmp_path, FILE), mode(tmp_path / FILE))


def _link_to_file(root: Path, elsewhere: Path) -> None:
    (root / "supervisor").mkdir()
    (root / FILE).symlink_to(elsewhere / "maint.conf")


def _link_to_folder(root: Path, elsewhere: Path) -> None:
    (root / "supervisor").symlink_to(elsewhere)


def _link_to_root(root: Path, elsewhere: Path) -> None:
    root.rmdir()
    root.symlink_to(elsewhere.parent)


@pytest.mark.parametrize("lay", [_link_to_file, _link_to_folder, _link_to_root])
def test_link_is_not_followed(lay: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """A symbolic link at any level is refused, and what it leads to is left as it is."""
    elsewhere, root = tmp_path / "elsewhere" / "supervisor", tmp_path / "root"
    elsewhere.mkdir(parents=True)
    root.mkdir()
    (elsewhere / "maint.conf").write_text("precious\n", encoding="utf-8")
    lay(root, elsewhere)
    for act in (present, lambda *where: replace(*where, "a\n")):
        with pytest.raises(DeploymentError, match="found a symbolic link on the way"):
            act(root, FILE)

    assert "precious\n" == (elsewhere / "maint.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_only_files_are_replaced(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A folder or a FIFO in the place of a file is refused, and waits for nobody."""
    (tmp_path / "supervisor").mkdir()
    make(tmp_path / FILE)
    for act in (present, lambda *where: replace(*where, "a\n")):
        with pytest.raises(DeploymentError, match=r"maint\.conf: "):
            act(tmp_path, FILE)


def test_leftover_is_in_nobodys_way(tmp_path: Path) -> None:
    """What a write that was cut short has left, or a link in its place, is removed first."""
    (tmp_path / "supervisor").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("precious\n", encoding="utf-8")
    (tmp_path / "supervisor" / ".maint.conf.new").symlink_to(precious)
    replace(tmp_path, FILE, "a\n")

    assert "a\n" == present(tmp_path, FILE)
    assert "precious\n" == precious.read_text(encoding="utf-8")


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """Something that is no UTF-8 in the place of a file is refused in a sentence."""
    (tmp_path / "supervisor").mkdir()
    (tmp_path / FILE).write_bytes(b"\xff\xfe")

    with pytest.raises(DeploymentError, match=r"maint\.conf: .*can't decode"):
        present(tmp_path, FILE)


def test_everything_of_conf_d_is_shipped() -> None:
    """What comes with the package is what the folder has, file by file."""
    folder = Path(__file__).resolve().parents[2] / "conf.d"
    expected = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }

    assert expected == shipped()
