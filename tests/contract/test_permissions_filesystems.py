"""Passes on file systems that refuse, without /proc, without root, and with two processes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import supervisor_maint
from supervisor_maint.permissions import filesystem
from supervisor_maint.permissions.report import PassReport, Result
from tests.fakes.permission_passes import (
    KEEPER,
    MALLORY,
    make_file,
    mend,
    mode_of,
    needs_root,
    reasons,
)
from tests.fakes.permissions import rule

REPOSITORY = Path(supervisor_maint.__file__).parents[1]
PASS = """\
import json, sys, time
from supervisor_maint.permissions import sharing
from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.passes import run_pass
from supervisor_maint.permissions.rules import Rule
tree, processes = sys.argv[1], int(sys.argv[2])
{before}
rule = Rule(name="tree", path=tree, recursive=True, file_mode=Mode.parse("0600"))
report = run_pass(
    [rule], supervisor_logs=None, is_dry_run=False, clock=time.time, processes=processes
)
print(json.dumps(report.as_document()))
"""


def _pass(
    tree: Path, *, processes: int = 1, before: str = "", within: Sequence[str] = ()
) -> PassReport:
    """Run a pass in a process of its own, which the words in ``within`` start."""
    script = PASS.format(before=before)
    child = subprocess.run(
        [*within, sys.executable, "-c", script, str(tree), str(processes)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    )
    return PassReport.from_document(json.loads(child.stdout))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with two files of mode 0644."""
    make_file(tmp_path / "tree" / "a.log")
    make_file(tmp_path / "tree" / "below" / "b.log")
    return tmp_path / "tree"


def _with_mounts(*commands: str) -> Sequence[str]:
    """Return the words that make mounts which nobody else sees, or skip the test."""
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    script = "; ".join([*commands, 'exec "$@"'])
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root with unshare(1) can make mounts for a test")
    made = subprocess.run([*words, script, "sh", "true"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no mounts can be made here: {made.stderr.decode().strip()}")
    return [*words, script, "sh"]


def test_read_only_file_system_is_a_reason(tree: Path) -> None:
    """What lies on a file system that cannot be written fails with that reason."""
    mounts = _with_mounts(f"mount --bind {tree} {tree}", f"mount -o remount,bind,ro {tree}")
    report = _pass(tree, within=mounts)

    assert 2 == report.rules[0].failed
    assert {"read-only file system"} == set(reasons(report))


def test_without_proc_nothing_is_changed(tree: Path) -> None:
    """Where there is no /proc, drift is told and no other way is tried."""
    report = _pass(tree, within=_with_mounts("mount -t tmpfs none /proc"))

    assert 2 == report.rules[0].failed
    assert {"/proc is not mounted, and nothing is changed without it"} == set(reasons(report))
    assert 0o644 == mode_of(tree / "a.log")


def test_walk_stays_on_its_file_system(tree: Path) -> None:
    """What is mounted below the base is left alone, and named."""
    below = tree / "below"
    report = _pass(
        tree, within=_with_mounts(f"mount -t tmpfs none {below}", f"touch {below}/other")
    )

    assert (1, 1) == (report.rules[0].fixed, report.rules[0].skipped)
    assert ["something else is mounted here; write a rule of its own for it"] == _skipped(report)


def _skipped(report: PassReport) -> Sequence[str]:
    return [path.reason for path in report.paths if path.result is Result.SKIPPED]


def test_folder_and_file_of_the_same_file_system_are_mounted_too(tree: Path) -> None:
    """A folder or a file that is seen at a second place (mount --bind) is not the tree's there.

    So a rule for a chroot(2) does not reach what the whole machine has in it.
    """
    elsewhere = tree.parent / "else where"
    folder, file = make_file(elsewhere / "a").parent, make_file(elsewhere / "b")
    (tree / "mounted here").mkdir()
    mounts = _with_mounts(
        f"mount --bind '{folder}' '{tree}/mounted here'", f"mount --bind '{file}' {tree}/a.log"
    )
    report = _pass(tree, within=mounts)

    assert {0o644} == {mode_of(path) for path in (file, folder / "a")}
    assert (1, 2) == (report.rules[0].fixed, report.rules[0].skipped)
    assert 2 == len(_skipped(report))


@needs_root
def test_immutable_file_is_a_reason(tree: Path) -> None:
    """A file that not even root may change fails, with what to look for."""
    chattr = shutil.which("chattr")
    if chattr is None or subprocess.run([chattr, "+i", tree / "a.log"], check=False).returncode:
        pytest.skip("no file can be made immutable here")
    try:
        report = mend(rule(str(tree / "a.log"), mode="0600"))
    finally:
        subprocess.run([chattr, "-i", tree / "a.log"], check=True)

    assert 1 == report.rules[0].failed
    assert reasons(report)[0].startswith("not permitted, not even to root: it is immutable")


NAME, LONGER = "n" * 200, "f" * 255


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[int]:
    """Open the last of so many folders in each other that a long name makes the path too long."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range((4090 - len(str(tmp_path))) // len(f"/{NAME}")):
        os.mkdir(NAME, dir_fd=descriptor)
        below = os.open(NAME, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    yield descriptor
    os.close(descriptor)
    shutil.rmtree(tmp_path / NAME)


def test_what_has_too_long_a_path_is_a_reason(tmp_path: Path, deep: int) -> None:
    """What no program can name by its path is told and left: a file, and a folder with all in it.

    So nobody can make us remember paths without an end by folders in each other.
    """
    os.close(os.open(LONGER, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=deep))
    os.mkdir(LONGER[1:], dir_fd=deep)
    os.mkdir(f"{LONGER[1:]}/further", dir_fd=deep)
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=deep))
    report = mend(rule(str(tmp_path), recursive=True, dir_mode="0700", file_mode="0600"))

    assert 0o700 == stat.S_IMODE(os.fstat(deep).st_mode)
    assert 0o600 == stat.S_IMODE(os.stat("x", dir_fd=deep).st_mode)
    assert {
        "file name too long",
        "its path is longer than 4095 characters; it was not looked at",
    } == {reason for reason in reasons(report) if reason}
    assert 2 == report.rules[0].failed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_what_the_system_says_is_the_reason(
    tree: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A full disk, a full quota and a broken one fail the path, and not the pass."""

    def refuse(*_words: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filesystem.os, "chmod", refuse)
    report = mend(rule(str(tree), recursive=True, file_mode="0600"))

    assert 2 == report.rules[0].failed
    assert {os.strerror(number).lower()} == set(reasons(report))


def test_change_that_does_not_stay_is_a_failure(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that says yes and keeps what it had, as vfat does, is found out."""
    monkeypatch.setattr(filesystem.os, "chmod", lambda *_words: None)
    report = mend(rule(str(tree / "a.log"), mode="0600"))

    assert ["the file system did not keep the change"] == list(reasons(report))


@contextlib.contextmanager
def _as_user(user: int) -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def open_tree() -> Iterator[Path]:
    """A folder of a user's that he can reach, with a file of his and one of another's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        base = Path(folder) / "tree"
        for name, owner in (("mine", KEEPER), ("theirs", MALLORY)):
            os.chown(make_file(base / name), owner, owner)
        os.chown(base, KEEPER, KEEPER)
        yield base


@needs_root
def test_without_root_what_can_be_done_is_done(open_tree: Path) -> None:
    """A user mends his own files; the rest is one sentence for the rule."""
    with _as_user(KEEPER):
        report = mend(rule(str(open_tree), recursive=True, file_mode="0600"))
    (found,) = report.rules

    assert not report.is_root
    assert (1, 1) == (found.fixed, found.failed)
    assert (0o600, 0o644) == (mode_of(open_tree / "mine"), mode_of(open_tree / "theirs"))
    assert f"1 path needs root or user {MALLORY}: run supervisor-maint permissions as root" == (
        found.problem
    )


@needs_root
def test_without_root_a_mode_is_mended_where_an_owner_cannot_be(open_tree: Path) -> None:
    """Of a fix that needs root for the owner, the mode is done all the same."""
    with _as_user(KEEPER):
        report = mend(rule(str(open_tree / "mine"), owner="root", mode="0600"))

    assert 0o600 == mode_of(open_tree / "mine")
    assert [(Result.FAILED, "needs root")] == [(path.result, path.reason) for path in report.paths]


@needs_root
def test_without_root_setgid_of_a_foreign_group_needs_root(open_tree: Path) -> None:
    """The kernel drops the bit without a word; the report says what it takes to keep it."""
    os.chown(open_tree, KEEPER, MALLORY)
    with _as_user(KEEPER):
        first = mend(rule(str(open_tree), dir_mode="2750"))
        changed_at = open_tree.stat().st_ctime_ns
        second = mend(rule(str(open_tree), dir_mode="2750"))

    assert 0o750 == mode_of(open_tree)
    assert changed_at == open_tree.stat().st_ctime_ns
    assert ["needs root"] == list(reasons(first)) == list(reasons(second))


@needs_root
def test_without_root_a_folder_is_mended_before_it_is_listed(open_tree: Path) -> None:
    """A folder of ours that we may not read is given its mode, and then walked."""
    open_tree.chmod(0o755)
    make_file(open_tree / "closed" / "inner")
    os.chown(open_tree / "closed" / "inner", KEEPER, KEEPER)
    (open_tree / "closed").chmod(0)
    os.chown(open_tree / "closed", KEEPER, KEEPER)
    (open_tree / "theirs").unlink()
    with _as_user(KEEPER):
        report = mend(rule(str(open_tree), recursive=True, dir_mode="0755", file_mode="0600"))

    assert (1, 3) == (report.rules[0].ok, report.rules[0].fixed)
    assert 0o600 == mode_of(open_tree / "closed" / "inner")


@pytest.fixture
def wide_tree(tmp_path: Path) -> Path:
    """A tree of 400 folders with a file each: large enough to be shared."""
    for number in range(400):
        make_file(tmp_path / "tree" / str(number % 20) / str(number) / "x.log")
    return tmp_path / "tree"


def test_two_processes_do_what_one_does(wide_tree: Path) -> None:
    """A shared walk mends every file, and counts each once."""
    report = _pass(wide_tree, processes=2)

    assert (400, 0) == (report.rules[0].fixed, report.rules[0].failed)
    assert {0o600} == {mode_of(path) for path in wide_tree.rglob("*.log")}
    assert 400 == len(report.paths)
    assert report.rules[0].fixed_digest == _digest_of(wide_tree)


def _digest_of(tree: Path) -> str:
    for path in tree.rglob("*.log"):
        path.chmod(0o644)
    return _pass(tree).rules[0].fixed_digest


def test_second_process_that_dies_is_a_problem(wide_tree: Path) -> None:
    """When the other process ends early, the report says that folders are missing."""
    report = _pass(
        wide_tree, processes=2, before="sharing._work_and_tell = lambda *words: sys.exit(9)"
    )

    assert report.rules[0].problem is not None
    assert report.rules[0].problem.startswith("the process that shared the walk ended early")
