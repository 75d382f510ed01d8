"""Permissions kept in a large tree, by us, by chown and chmod, by systemd-tmpfiles, and the floor.

``python -m benchmarks.permissions [--files COUNT]``. Whole processes, one after the other in each
round, on a tree that is in the page cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks import machine
from benchmarks.children import PROGRAMS, environment
from benchmarks.figures import Target, at_most
from benchmarks.tables import Table, megabytes, times
from tests import servers

FILES = 200_000
FILES_A_FOLDER = FOLDERS_A_FOLDER = 100
ROUNDS = 5
RIGHT, DRIFTED = 0o640, 0o600
FOLDER_MODE = 0o750
# Every so many files have drifted; None has.
DRIFTS: Mapping[str, int | None] = {"nothing drifted": None, "1 % drifted": 100, "all drifted": 1}
OURS = "ours, every check on"
PEERS = "`chown -R`, then `chmod -R`"
TMPFILES = "`systemd-tmpfiles --create`, a Z line"
FLOOR = "C: fts(3) and lstat, changes nothing"
TARGETS: Mapping[str, Target] = {
    PEERS: at_most(0.5, "0.5x"),
    TMPFILES: at_most(1.0, "1.0x"),
    FLOOR: at_most(1.6, "1.6x"),
}
MEMORY = at_most(30e6, "30 MB")

SETTINGS = """\
[maint]
state_dir={folder}/state
[permissions:tree]
path={tree}
recursive=true
owner={owner}
group={group}
dir_mode=0750
file_mode=0640
"""


@attrs.frozen
class Measured:
    """What a whole process took."""

    seconds: float
    peak_bytes: int


def measure(files: int = FILES) -> Iterator[Table]:
    """Make a tree, and walk it in all the ways for each amount of drift."""
    with tempfile.TemporaryDirectory(prefix="sm") as folder:
        tree = Path(folder) / "tree"
        paths = _make_tree(tree, files)
        ways, absent = _ways(Path(folder), tree)
        figures = {drift: _figures(ways, paths, every) for drift, every in DRIFTS.items()}
    yield _times_table(files, figures, absent)
    yield _targets_table(figures)


def _make_tree(tree: Path, files: int) -> list[str]:
    paths = []
    for folder in range(-(-files // FILES_A_FOLDER)):
        place = tree / f"{folder // FOLDERS_A_FOLDER:03d}" / f"{folder % FOLDERS_A_FOLDER:02d}"
        place.mkdir(parents=True)
        for number in range(FILES_A_FOLDER):
            path = f"{place}/program-{number:03d}.log"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, RIGHT))
            paths.append(path)
    for path, _, _ in os.walk(tree):
        Path(path).chmod(FOLDER_MODE)
    return paths


def _ways(folder: Path, tree: Path) -> tuple[Mapping[str, Sequence[str]], Mapping[str, str]]:
    """Return the words of each way, and why others cannot be had."""
    owner, group = os.geteuid(), os.getegid()
    settings = folder / "maint.conf"
    settings.write_text(SETTINGS.format(folder=folder, tree=tree, owner=owner, group=group))
    command = "chown -R $1:$2 $3 && chmod -R u=rwX,g=rX,o= $3"
    ours = [sys.executable, "-m", "supervisor_maint", "permissions", "--json"]
    ways: dict[str, Sequence[str]] = {
        OURS: [*ours, "-c", str(settings)],
        PEERS: ["sh", "-c", command, "sh", str(owner), str(group), str(tree)],
    }
    absent = {}
    line = folder / "tmpfiles.conf"
    line.write_text(f"Z {tree} ~0750 {owner} {group} - -\n")
    for name, words in ((TMPFILES, _tmpfiles(line)), (FLOOR, _floor(folder, tree))):
        if isinstance(words, str):
            absent[name] = words
        else:
            ways[name] = words
    return ways, absent


def _tmpfiles(line: Path) -> Sequence[str] | str:
    found = shutil.which("systemd-tmpfiles")
    if found is not None:
        return [found, "--create", str(line)]
    try:
        root = servers.fetch(("systemd", "libsystemd-shared"))
    except servers.ServerUnavailable as error:
        return str(error)
    libraries = ":".join(str(path) for path in root.glob("usr/lib/*/systemd"))
    program = root / "usr/bin/systemd-tmpfiles"
    return ["env", f"LD_LIBRARY_PATH={libraries}", str(program), "--create", str(line)]


def _floor(folder: Path, tree: Path) -> Sequence[str] | str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return "there is no C compiler here"
    program = str(folder / "floor")
    subprocess.run([compiler, "-O2", "-o", program, PROGRAMS / "floor.c"], check=True)
    return [program, str(tree)]


def _figures(
    ways: Mapping[str, Sequence[str]], paths: Sequence[str], every: int | None
) -> Mapping[str, Measured]:
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    drifted = paths[::every] if every else []
    for turn in range(ROUNDS):
        for name in _from(list(ways), turn):
            for path in drifted:
                os.chmod(path, DRIFTED)  # noqa: PTH101 - a million of them
            found[name].append(_run(ways[name]))
            if name != FLOOR:
                _check(name, drifted)
    return {
        name: Measured(
            statistics.median(each.seconds for each in all_rounds),
            max(each.peak_bytes for each in all_rounds),
        )
        for name, all_rounds in found.items()
    }


def _from(names: Sequence[str], turn: int) -> Sequence[str]:
    """Return them with another one first each time: nobody always comes after the same one."""
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def _check(name: str, drifted: Sequence[str]) -> None:
    """Raise RuntimeError when a way did not do what it is measured for."""
    for path in drifted:
        if stat.S_IMODE(os.lstat(path).st_mode) != RIGHT:
            raise RuntimeError(f"{name} left {path} as it was")


def _run(words: Sequence[str]) -> Measured:
    timed = [sys.executable, "-I", "-S", str(PROGRAMS / "timed.py"), *words]
    child = subprocess.run(timed, stdout=subprocess.PIPE, env=environment(), check=True)
    seconds, peak = child.stdout.split()
    return Measured(float(seconds), int(peak))


def _times_table(
    files: int, figures: Mapping[str, Mapping[str, Measured]], absent: Mapping[str, str]
) -> Table:
    first = next(iter(figures.values()))
    rows = [
        (
            name,
            *(f"{measured[name].seconds:.2f} s" for measured in figures.values()),
            megabytes(max(measured[name].peak_bytes for measured in figures.values())),
        )
        for name in first
    ]
    rows += [(name, *[""] * len(figures), reason) for name, reason in absent.items()]
    return Table(
        title=f"Permissions of {files:,} files",
        note=(
            f"{FILES_A_FOLDER} files a folder, in the page cache; whole processes, ours as the "
            f"listener starts it, with the start of Python; medians of {ROUNDS} rounds in which "
            "all took turns, another one first each time, and after each of them every file that "
            "had drifted was right. Memory is the largest peak of one process; our second one is "
            "a copy of the first."
        ),
        columns=("way", *figures, "peak memory"),
        rows=rows,
    )


def _targets_table(figures: Mapping[str, Mapping[str, Measured]]) -> Table:
    peak = max(measured[OURS].peak_bytes for measured in figures.values())
    rows = []
    for name, target in TARGETS.items():
        ratios = [
            measured[OURS].seconds / measured[name].seconds
            for measured in figures.values()
            if name in measured
        ]
        if ratios:
            rows.append((name, *map(times, ratios), target.verdict(ratios[0])))
    rows.append(("peak memory", *[""] * (len(figures) - 1), megabytes(peak), MEMORY.verdict(peak)))
    return Table(
        title="Ours to each of them",
        note="The targets are for a tree in which nothing drifted.",
        columns=("to", *figures, "target"),
        rows=rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.permissions", description=__doc__)
    parser.add_argument("--files", metavar="COUNT", type=int, default=FILES)
    files = parser.parse_args().files
    print(machine.description(), end="\n\n", flush=True)
    for table in measure(files):
        print(table.markdown(), flush=True)


if __name__ == "__main__":
    main()
