"""Passes over real trees: what is mended, what is left alone, and what is said of the rest."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_maint.permissions.report import Result
from supervisor_maint.permissions.rules import Missing
from tests.fakes.permission_passes import (
    KEEPER,
    MALLORY,
    NOBODY,
    make_file,
    make_tree,
    mend,
    mode_of,
    needs_root,
    owner_of,
    reasons,
)
from tests.fakes.permissions import rule


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def test_recursive_rule_mends_files_and_folders(tree: Path) -> None:
    """Files get the mode for files, folders the one for folders, the base included."""
    wanted = rule(str(tree), recursive=True, dir_mode="0750", file_mode="0640")
    (found,) = mend(wanted).rules

    assert (0, 6) == (found.ok, found.fixed)
    assert {0o750} == {mode_of(path) for path in (tree, *tree.rglob("*")) if path.is_dir()}
    assert {0o640} == {mode_of(path) for path in tree.rglob("*") if path.is_file()}


def test_second_pass_finds_nothing_and_keeps_every_ctime(tree: Path) -> None:
    """What is right is not touched: its ctime stays."""
    wanted = rule(str(tree), recursive=True, dir_mode="0750", file_mode="0640")
    mend(wanted)
    before = {path: path.stat().st_ctime_ns for path in tree.rglob("*")}
    report = mend(wanted)

    assert (6, 0) == (report.rules[0].ok, report.rules[0].fixed)
    assert before == {path: path.stat().st_ctime_ns for path in tree.rglob("*")}
    assert not report.has_drift


def test_dry_run_changes_nothing_and_tells_all(tree: Path) -> None:
    """A dry run tells what had, what is wanted, and leaves it."""
    report = mend(rule(str(tree / "a.log"), mode="0600"), is_dry_run=True)
    (path,) = report.paths

    assert 0o644 == mode_of(tree / "a.log")
    assert Result.WOULD_FIX is path.result
    assert path.had.startswith("0644 ")
    assert path.wanted.startswith("0600 ")
    assert 1 == report.rules[0].would_fix


@pytest.mark.parametrize(
    ("path", "given_options", "mended"),
    [
        ("*.log", {}, {"a.log"}),
        ("*/*.log", {}, {"one/b.log"}),
        ("**/*.log", {}, {"a.log", "one/b.log", "one/two/c.log"}),
        ("one/**", {"file_mode": "0600"}, {"one/b.log", "one/two/c.log"}),
        ("", {"recursive": True, "exclude": ("two",)}, {"a.log", "one/b.log"}),
        ("", {"recursive": True, "include": ("c.*",)}, {"one/two/c.log"}),
        ("one/b.log", {}, {"one/b.log"}),
        ("none", {}, set()),
    ],
)
def test_rule_reaches_what_it_covers_and_no_more(
    tree: Path, path: str, given_options: dict[str, object], mended: set[str]
) -> None:
    """Patterns, recursion, include and exclude decide what is mended."""
    options = {"file_mode": "0600", **given_options}
    mend(rule(str(tree / path), **options))
    found = {p for p in tree.rglob("*") if p.is_file() and mode_of(p) == 0o600}

    assert mended == {str(p.relative_to(tree)) for p in found}


def test_later_rule_wins_and_each_path_is_decided_once(tree: Path) -> None:
    """Where rules overlap the later one decides, and no path is counted twice."""
    report = mend(
        rule(str(tree), name="all", recursive=True, file_mode="0640"),
        rule(str(tree / "one/b.log"), name="one", mode="0600"),
    )

    assert [("all", 2), ("one", 1)] == [(found.rule, found.fixed) for found in report.rules]
    assert (0o600, 0o640) == (mode_of(tree / "one/b.log"), mode_of(tree / "one/two/c.log"))
    assert not mend(
        rule(str(tree), name="all", recursive=True, file_mode="0640"),
        rule(str(tree / "one/b.log"), name="one", mode="0600"),
    ).has_drift


def test_chosen_rule_leaves_what_a_later_one_has(tree: Path) -> None:
    """Following one rule alone does not take paths from the others."""
    rules = [
        rule(str(tree), name="all", recursive=True, file_mode="0640"),
        rule(str(tree / "a.log"), name="one", mode="0600"),
    ]
    report = mend(*rules, only="all")

    assert ["all"] == [found.rule for found in report.rules]
    assert 0o644 == mode_of(tree / "a.log")


def test_disabled_rule_is_not_there(tree: Path) -> None:
    """A rule that is not enabled neither mends nor takes paths from another."""
    report = mend(
        rule(str(tree / "a.log"), mode="0600"),
        rule(str(tree / "a.log"), name="off", mode="0644", is_enabled=False),
    )

    assert ["rule"] == [found.rule for found in report.rules]
    assert 0o600 == mode_of(tree / "a.log")


def test_links_in_a_tree_are_counted_and_not_listed(tree: Path) -> None:
    """Links are no drift, and hundreds of them hide nothing: only the one at the path is named."""
    (tree / "folder").symlink_to(tree.parent)
    for number in range(3):
        (tree / f"{number}.log").symlink_to("a.log")
    report = mend(
        rule(str(tree), name="all", recursive=True, mode="u=rwX"),
        rule(str(tree / "*.log"), name="logs", mode="u=rwX"),
        rule(str(tree / "0.log"), name="one", mode="u=rwX"),
    )

    assert [(1, 1), (2, 2), (1, 0)] == [(found.skipped, found.links) for found in report.rules]
    assert [("one", f"{tree}/0.log")] == [(path.rule, path.path) for path in report.paths]
    assert (0, False) == (report.paths_left_out, report.has_drift)


def test_links_fifos_and_sockets_are_left_alone(tree: Path) -> None:
    """What is neither file nor folder is skipped, and so is where a link leads."""
    outside = make_file(tree.parent / "outside")
    (tree / "link").symlink_to(outside)
    (tree / "folder").symlink_to(tree.parent)
    os.mkfifo(tree / "fifo", 0o644)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree / "socket"))
        report = mend(rule(str(tree), recursive=True, file_mode="0600"))

    assert (3, 4, 2) == (
        report.rules[0].fixed,
        report.rules[0].skipped,
        report.rules[0].links,
    )
    assert (0o644, 0o644) == (mode_of(outside), mode_of(tree / "fifo"))
    assert any("a FIFO" in reason for reason in reasons(report))


@needs_root
def test_devices_are_left_alone(tree: Path) -> None:
    """A device in the tree is skipped."""
    try:
        os.mknod(tree / "null", stat.S_IFCHR | 0o644, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device can be made here")
    report = mend(rule(str(tree), recursive=True, file_mode="0600"))

    assert 0o644 == mode_of(tree / "null")
    assert any("a device" in reason for reason in reasons(report))


def test_names_of_any_bytes_are_mended_and_shown_safely(tree: Path) -> None:
    """A name with a line feed, an escape or bytes that are no UTF-8 is a name like any other."""
    names = [b"two\nlines", b"\xff\xfe", b"\x1b[31m"]
    for name in names:
        (tree / os.fsdecode(name)).touch(mode=0o644)
    report = mend(rule(str(tree), recursive=True, file_mode="0600"))

    assert {0o600} == {mode_of(tree / os.fsdecode(name)) for name in names}
    assert all(path.path.isprintable() for path in report.paths)


def test_link_on_the_way_is_refused_with_the_path_to_write(tree: Path) -> None:
    """A base below a symbolic link is refused, and the sentence names the real path."""
    (tree.parent / "link").symlink_to(tree)
    (found,) = mend(rule(str(tree.parent / "link" / "one" / "b.log"), mode="0600")).rules

    assert found.problem is not None
    assert f"write {tree}/one as the path" in found.problem
    assert 0o644 == mode_of(tree / "one/b.log")


def test_link_on_the_way_leads_to_a_name_that_is_shown_safely(tree: Path) -> None:
    """Whoever made the link chose where it leads: that does nothing to a terminal or a log."""
    aside = tree.parent / os.fsdecode(b"\x1b[31m\xff")
    make_file(aside / "a.log")
    (tree.parent / "link").symlink_to(aside)
    (found,) = mend(rule(str(tree.parent / "link" / "a.log"), mode="0600")).rules

    assert found.problem is not None
    assert rf"write {tree.parent}/\x1b[31m\xff as the path" in found.problem


def test_link_as_the_path_itself_is_skipped(tree: Path) -> None:
    """A rule whose path is a link changes neither the link nor where it leads."""
    (tree.parent / "link").symlink_to(tree)
    report = mend(rule(str(tree.parent / "link"), recursive=True, file_mode="0600"))

    assert (0, 1) == (report.rules[0].fixed, report.rules[0].skipped)


@pytest.mark.parametrize("path", ["gone", "gone/*", "one/*.gone"])
def test_missing_path_is_told_when_asked(tree: Path, path: str) -> None:
    """Nothing at the path is nothing, or a problem with ``missing = report``."""
    quiet = mend(rule(str(tree / path)))
    told = mend(rule(str(tree / path), missing=Missing.REPORT))

    assert not quiet.has_drift
    assert f"nothing is there: {tree}/{path}" == told.rules[0].problem


@pytest.mark.parametrize("path", ["*.log", "one/*", "one/**", "one/two/c.log"])
def test_what_a_later_rule_has_is_there(tree: Path, path: str) -> None:
    """A rule all of whose paths belong to a later one decides about none, and misses none."""
    (tree / "one" / "b.log").unlink()
    report = mend(
        rule(str(tree / path), name="general", missing=Missing.REPORT),
        rule(str(tree), name="special", recursive=True, mode="u=rwX"),
    )

    assert (0, None) == (report.rules[0].seen, report.rules[0].problem)


def test_unknown_owner_is_one_line_and_the_others_go_on(tree: Path) -> None:
    """A rule whose owner does not exist has a problem; the next one is followed."""
    report = mend(
        rule(str(tree), name="ghost", recursive=True, owner="no-such-user"),
        rule(str(tree / "a.log"), name="real", mode="0600"),
    )

    assert "there is no user 'no-such-user' on this machine; make it, or name another" == (
        report.rules[0].problem
    )
    assert 1 == report.rules[1].fixed


@needs_root
def test_owner_and_group_are_changed_by_number(tree: Path) -> None:
    """An owner written as a number need not exist."""
    mend(rule(str(tree), recursive=True, owner=str(KEEPER), group=str(NOBODY)))

    assert {(KEEPER, NOBODY)} == {owner_of(path) for path in (tree, *tree.rglob("*"))}


@needs_root
def test_setuid_and_setgid_do_not_survive_a_change_of_owner(tree: Path) -> None:
    """A program that ran as its owner does not run as the next one."""
    for name, mode in (("a.log", 0o4755), ("one/b.log", 0o2755), ("one/two/c.log", 0o2644)):
        (tree / name).chmod(mode)
    mend(rule(str(tree), recursive=True, owner=str(KEEPER), group=str(KEEPER)))

    assert [0o755, 0o755, 0o644] == [
        mode_of(tree / name) for name in ("a.log", "one/b.log", "one/two/c.log")
    ]


@needs_root
@pytest.mark.parametrize(
    ("owner", "given_options", "is_trusted"),
    [
        (0, {}, True),
        (MALLORY, {}, False),
        (KEEPER, {}, False),
        (KEEPER, {"owner": str(KEEPER)}, True),
        (MALLORY, {"trust_owner": str(MALLORY)}, True),
        (MALLORY, {"owner": str(KEEPER)}, False),
    ],
)
@pytest.mark.parametrize("path", ["", "*.log", "a.log"])
def test_base_folder_of_a_stranger_is_refused(
    tree: Path, path: str, owner: int, given_options: dict[str, str], is_trusted: bool
) -> None:
    """A base folder belongs to root, the rule's owner or whom the rule trusts."""
    os.chown(tree, owner, owner)
    recursive = {"recursive": True} if not path else {}
    report = mend(rule(str(tree / path), file_mode="0600", **recursive, **given_options))

    assert is_trusted == (report.rules[0].problem is None)
    assert is_trusted == (mode_of(tree / "a.log") == 0o600)
    if not is_trusted:
        assert report.rules[0].problem is not None
        assert report.rules[0].problem.startswith("untrusted owner: ")


@needs_root
def test_folder_of_a_trap_is_not_closed_over_it(tmp_path: Path) -> None:
    """A folder that others could write stays open while a hard link to root's file is in it.

    Closed, it would be in root's hands, and at the next pass the link would pass for root's.
    """
    secret = make_file(tmp_path / "secret", 0o600)
    shared = tmp_path / "tree" / "shared"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    os.link(secret, shared / "trap")
    changed_at = shared.stat().st_ctime_ns
    wanted = rule(str(tmp_path / "tree"), recursive=True, dir_mode="0755", file_mode="0644")
    trial, first, second = mend(wanted, is_dry_run=True), mend(wanted), mend(wanted)

    assert (0o600, 0o777) == (mode_of(secret), mode_of(shared))
    assert changed_at == shared.stat().st_ctime_ns
    for report in (trial, first, second):
        assert 2 == report.rules[0].failed
        assert any("trap in it is another name of a file" in reason for reason in reasons(report))
    (shared / "trap").unlink()
    assert not mend(wanted).has_trouble
    assert 0o755 == mode_of(shared)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 0o7777), st.booleans()), max_size=6))
def test_mended_tree_is_right(tmp_path: Path, modes: list[tuple[int, bool]]) -> None:
    """Whatever modes a tree has, after one pass the next finds nothing to do."""
    for place, (mode, is_folder) in enumerate(modes):
        path = tmp_path / f"tree/{place}"
        path.parent.mkdir(exist_ok=True)
        path.mkdir(exist_ok=True) if is_folder and not path.exists() else None
        path.touch() if not path.exists() else None
        path.chmod(mode)
    wanted = rule(str(tmp_path / "tree"), recursive=True, dir_mode="u=rwx,go=rX", file_mode="0640")
    mend(wanted)

    assert not mend(wanted).has_drift
