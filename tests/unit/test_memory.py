"""Memory of families: the parser of stat lines, the sum, and real children."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.processes import Namespec
from supervisor_maint.supervisord import procfs
from supervisor_maint.supervisord.memory import ProcessMemory, sum_families
from supervisor_maint.supervisord.procfs import ProcessStat

PAGE = os.sysconf("SC_PAGE_SIZE")
REST = "S 7 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 8000000 250 18446744073709551615 1"


def _stat(parent: int, resident: int = 1) -> ProcessStat:
    return ProcessStat(parent=parent, resident_bytes=resident, start_ticks=0)


@pytest.mark.parametrize("name", ["sh", "a b", "(sd-pam)", "x) S 1 2 (y", ")", "", "a\nb", "ü"])
def test_stat_line_is_read_whatever_the_name(name: str) -> None:
    """The name may hold blanks and parentheses."""
    stat = ProcessStat.parse(f"4711 ({name}) {REST}\n".encode())

    assert ProcessStat(parent=7, resident_bytes=250 * PAGE, start_ticks=12345) == stat


@pytest.mark.parametrize("line", [b"", b"1 (sh", b"1 (sh) S 1", b"1 (sh) " + b"x " * 30])
def test_other_line_is_refused(line: bytes) -> None:
    """What is no stat line raises ValueError."""
    with pytest.raises(ValueError, match=r"stat|invalid literal"):
        ProcessStat.parse(line)


def test_descendants_count_with_their_ancestor() -> None:
    """Children, grandchildren and the process itself; neither parents nor neighbours."""
    stats = {10: _stat(1, 1), 11: _stat(10, 20), 12: _stat(11, 300), 13: _stat(1, 4000)}
    asked = {Namespec("a", "a"): 10, Namespec("b", "b"): 13, Namespec("gone", "gone"): 99}

    assert {Namespec("a", "a"): 321, Namespec("b", "b"): 4000} == sum_families(stats.items(), asked)


@given(
    st.dictionaries(
        st.integers(1, 20),
        st.builds(_stat, st.integers(0, 20), st.integers(0, 1000)),
        max_size=20,
    ),
    st.randoms(use_true_random=False),
)
def test_sum_is_bounded_and_needs_no_order(stats: dict[int, ProcessStat], random: Random) -> None:
    """Any parents, loops included: at least its own, at most everything, in any order."""
    asked = {Namespec("g", str(pid)): pid for pid in stats}
    shuffled = list(stats.items())
    random.shuffle(shuffled)
    found = sum_families(stats.items(), asked)

    assert found == sum_families(shuffled, asked)
    everything = sum(stat.resident_bytes for stat in stats.values())
    for namespec, pid in asked.items():
        assert stats[pid].resident_bytes <= found[namespec] <= everything


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child, both waiting until their stdin is closed.

    The child says that they are up: the kernel counts the pages of one that has only just been
    started in parts, and may still report none.
    """
    child = "import sys; print('up', flush=True); sys.stdin.read()"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"up\n" == process.stdout.readline()
        yield process


def test_real_family_is_summed(family: subprocess.Popen[bytes]) -> None:
    """A real child counts with its parent; a pid that is gone is left out."""
    parent, gone = Namespec("p", "p"), Namespec("gone", "gone")
    own = procfs.read_stat(family.pid)  # before: it may still grow
    found = ProcessMemory().resident({parent: family.pid, gone: 2_000_000_000})

    assert own is not None
    assert [parent] == list(found)
    assert found[parent] > own.resident_bytes > 0


def test_start_time_is_the_systems() -> None:
    """The start time of this process lies in the past, and that of one that is gone is None."""
    started_at = procfs.started_at(os.getpid())

    assert started_at is not None
    assert time.time() - 100_000 < started_at <= time.time() + 1
    assert procfs.started_at(2_000_000_000) is None


def test_command_line_environment_and_folder_are_the_processes(
    family: subprocess.Popen[bytes],
) -> None:
    """What /proc says of a child is what it was started with."""
    assert [sys.executable, "-c"] == list(procfs.command_line(family.pid)[:2])
    assert os.environ["PATH"] == procfs.environment(family.pid)["PATH"]
    assert os.getcwd() == procfs.working_directory(family.pid)  # noqa: PTH109
    assert not procfs.is_supervisord(family.pid)
    assert not procfs.is_supervisord(2_000_000_000)
