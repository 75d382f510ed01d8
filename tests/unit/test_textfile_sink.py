"""The textfile sink on a real file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.sinks.textfile import TextfileSink, TextfileTarget
from tests.fakes.full_disk import full_disk

REPORT = b"# TYPE supervisor_up gauge\nsupervisor_up 1.0\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "supervisor.prom"


@pytest.fixture
def tight_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Iterator[int]:
    """Be somebody who may not write tmp_path; root becomes nobody for a moment."""
    before = os.geteuid()
    tmp_path.chmod(0o500)
    os.seteuid(before or 65534)
    yield os.geteuid()
    os.seteuid(before)
    tmp_path.chmod(0o700)


def sink(path: Path, **more: Any) -> TextfileSink:
    return TextfileSink(TextfileTarget(path=str(path), **more))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_report_replaces_the_file(path: Path) -> None:
    """The file holds the newest report, whole, and nothing is beside it."""
    sink(path).write(b"older and longer than what follows\n" * 10)
    sink(path).write(REPORT)

    assert REPORT == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_supervisors_of_one_host_are_told_apart(path: Path) -> None:
    """With a name each of their samples has it."""
    sink(path, supervisor="batch").write(REPORT)

    assert b'supervisor_up{supervisor="batch"} 1.0\n' in path.read_bytes()


def test_reader_keeps_the_old_file(path: Path) -> None:
    """Who opened the file before a write reads the whole old report."""
    sink(path).write(REPORT)
    with path.open("rb") as reader:
        sink(path).write(b"new 1\n")
        seen = reader.read()

    assert REPORT == seen


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666])
def test_mode_whatever_the_umask(path: Path, tight_umask: None, mode: int) -> None:
    """node_exporter, another user, can read the file under any umask."""
    sink(path, mode=mode).write(REPORT)

    assert mode == mode_of(path)


def test_mode_is_0644_by_default(path: Path, tight_umask: None) -> None:
    """Without a setting everybody may read, and only we may write."""
    sink(path).write(REPORT)

    assert mode_of(path) == 0o644


def test_leftover_of_a_killed_listener_is_replaced(path: Path) -> None:
    """A temporary file that a listener died over does no harm and does not stay."""
    (path.parent / ".supervisor.prom.new").write_bytes(b"half")
    sink(path).write(REPORT)

    assert [path] == list(path.parent.iterdir())


def test_collector_does_not_read_the_temporary_file(path: Path) -> None:
    """Whatever is beside the file while it is written has another ending than .prom."""
    path.mkdir()
    with pytest.raises(SinkError):
        sink(path).write(REPORT)

    assert [] == list(path.parent.glob("*.prom/*"))
    assert {".new"} == {other.suffix for other in path.parent.iterdir() if other != path}


@pytest.mark.parametrize("name", ["supervisor.prom", ".supervisor.prom.new"])
def test_links_are_replaced_and_not_followed(path: Path, name: str) -> None:
    """A link put in our way cannot make us write what it points to."""
    victim = path.parent / "victim"
    victim.write_bytes(b"precious")
    (path.parent / name).symlink_to(victim)
    sink(path).write(REPORT)

    assert b"precious" == victim.read_bytes()
    assert not path.is_symlink()
    assert REPORT == path.read_bytes()


def test_missing_directory_is_a_sentence(tmp_path: Path) -> None:
    """The message names the directory to create."""
    path = tmp_path / "textfile" / "supervisor.prom"
    with pytest.raises(SinkError) as caught:
        sink(path).write(REPORT)

    assert caught.value.msg == (
        f"cannot write {path}: the directory {path.parent} does not exist; create it"
    )
    assert caught.value.rejected is False


def test_directory_in_the_way_is_a_sentence(path: Path) -> None:
    """A directory by the file's name is said to be one."""
    path.mkdir()
    with pytest.raises(SinkError, match="it is a directory; expected a file"):
        sink(path).write(REPORT)


def test_parent_that_is_no_directory_is_a_sentence(path: Path) -> None:
    """Any other failure carries what the system said."""
    path.write_bytes(b"")
    with pytest.raises(SinkError, match="Not a directory"):
        sink(path / "supervisor.prom").write(REPORT)


def test_full_disk_leaves_the_old_report(path: Path) -> None:
    """A report that does not fit leaves the old one, and no half file."""
    sink(path).write(REPORT)
    with full_disk(len(REPORT)), pytest.raises(SinkError, match="File too large"):
        sink(path).write(b"new 1\n" * 100)

    assert REPORT == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_forbidden_directory_is_a_sentence(path: Path, ordinary_user: int) -> None:
    """The message names the user and the directory."""
    with pytest.raises(SinkError) as caught:
        sink(path).write(REPORT)

    assert f"let user id {ordinary_user} write the directory {path.parent}" in caught.value.msg


@pytest.mark.parametrize(("delete_on_stop", "stays"), [(False, True), (True, False)])
def test_close(path: Path, delete_on_stop: bool, stays: bool) -> None:
    """The file goes at the end only where that was asked for."""
    file_sink = sink(path, delete_on_stop=delete_on_stop)
    file_sink.write(REPORT)
    file_sink.close()

    assert stays is path.exists()


def test_close_before_the_first_report(path: Path) -> None:
    """There is nothing to remove, and that is no error."""
    sink(path, delete_on_stop=True).close()

    assert not path.exists()


def test_close_that_cannot_remove_is_a_sentence(path: Path) -> None:
    """What stays behind is said."""
    path.mkdir()
    with pytest.raises(SinkError, match=f"cannot remove {path}"):
        sink(path, delete_on_stop=True).close()


@pytest.mark.parametrize(
    "wrong", ["supervisor.prom", "/var/lib/supervisor.txt", "/var/lib/.prom", "/var/lib/", ""]
)
def test_path_must_be_absolute_and_a_prom(wrong: str) -> None:
    """What the collector would not read is refused when the settings are read."""
    with pytest.raises(ValueError, match=r"expected an absolute path that ends in NAME\.prom"):
        TextfileTarget(path=wrong)


@pytest.mark.parametrize("wrong", [0, 0o044, 0o1644])
def test_mode_must_be_a_files(wrong: int) -> None:
    """A mode under which we could not read our own file, or a special bit, is refused."""
    with pytest.raises(ValueError, match="expected a mode from 0400 to 0777"):
        TextfileTarget(path="/a.prom", mode=wrong)
