"""``permissions`` by hand: what it shows, what it changes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor_maint.permissions.report import PassReport
from supervisor_maint.store.locking import acquire_folder
from tests.fakes import bare_python
from tests.fakes.commands import Place, SupervisordServer, info
from tests.fakes.permission_passes import mode_of
from tests.fakes.xmlrpc_server import XmlrpcServer

Show = Callable[..., tuple[int, str, str]]


def rule(name: str, **keys: object) -> str:
    lines = [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join([f"[permissions:{name}]", *lines, ""])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a folder with a file that is as it should be, and one that is not."""
    tree = tmp_path / "tree"
    tree.mkdir(mode=0o755)
    for name, bits in (("right", 0o644), ("drifted", 0o600)):
        (tree / name).touch()
        (tree / name).chmod(bits)
    return tree


@pytest.fixture
def place(tmp_path: Path, tree: Path) -> Place:
    """Have a rule for the files of the folder; no supervisord answers."""
    place = Place(tmp_path).write(
        rule("tree", path=f"{tree}/*", mode="0644"), serverurl=f"unix://{tmp_path}/nowhere.sock"
    )
    place.state.prepare()
    return place


@pytest.fixture
def show(place: Place, capsys: pytest.CaptureFixture[str]) -> Show:
    """Run the command; return its exit code, and what it printed without the padding."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = place.run("permissions", *arguments)
        printed = capsys.readouterr()
        return code, re.sub(r" +", " ", printed.out), printed.err

    return run


def test_drift_is_put_right(show: Show, tree: Path) -> None:
    """A row for what was mended, a line for the rule, exit 0; then there is nothing to do."""
    code, printed, _ = show()

    assert 0 == code
    assert re.search(rf"tree {tree}/drifted 0600 \S+ 0644 \S+ fixed", printed)
    assert "\ntree: 1 as wanted, 1 fixed\n" in printed
    assert 0o644 == mode_of(tree / "drifted")

    assert (0, "tree: 2 as wanted\n", "") == show()


def test_path_is_whole_in_a_narrow_console(
    show: Show, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path and a reason are not cut, however little room there is."""
    monkeypatch.setenv("COLUMNS", "60")
    os.mkfifo(tree / "fifo")
    unbroken = re.sub(r"\s+", "", show()[1])

    assert f"{tree}/drifted" in unbroken
    assert f"{tree}/fifo" in unbroken
    assert "aFIFO;onlyregularfilesandfoldersarechanged" in unbroken


def test_links_are_a_number(show: Show, tree: Path) -> None:
    """Of links in a folder there are no rows, only how many there are."""
    (tree / "drifted").unlink()
    (tree / "link").symlink_to("right")
    os.mkfifo(tree / "fifo")
    code, printed, _ = show()

    assert 0 == code
    assert f"{tree}/link" not in printed
    assert "\ntree: 1 as wanted, 2 left alone (1 symbolic link)\n" in printed


def test_dry_run_changes_nothing(show: Show, tree: Path) -> None:
    """``--dry-run`` shows what would be done; that there is drift is no failure."""
    code, printed, _ = show("--dry-run")

    assert 0 == code
    assert "would be fixed" in printed
    assert "tree: 1 as wanted, 1 would be fixed" in printed
    assert 0o600 == mode_of(tree / "drifted")


def test_check_tells_drift_by_its_exit_code(show: Show, tree: Path) -> None:
    """``--check`` exits 1 while something has drifted, 0 when not, and changes nothing."""
    assert 1 == show("--check")[0]
    assert 0o600 == mode_of(tree / "drifted")
    (tree / "drifted").chmod(0o644)
    assert 0 == show("--check")[0]


def test_json_is_the_report(show: Show) -> None:
    """``--json`` prints the report, and nothing else."""
    code, printed, _ = show("--json")
    report = PassReport.from_document(json.loads(printed))

    assert 0 == code
    assert [("tree", 1, 1)] == [(each.rule, each.ok, each.fixed) for each in report.rules]


def test_rule_that_cannot_be_kept_is_a_line(show: Show, place: Place, tree: Path) -> None:
    """An owner that does not exist is one line and exit 1, and the other rules are kept."""
    place.write(place.sections + rule("bad", path=tree, owner="nobody-has-this-name"))
    code, printed, _ = show()

    assert 1 == code
    assert "bad: no path; there is no user 'nobody-has-this-name' on this machine" in printed
    assert 0o644 == mode_of(tree / "drifted")


def test_one_rule_alone(show: Show, place: Place, tree: Path) -> None:
    """``--rule`` follows one; a name that is none is wrong usage, with those that are."""
    place.write(place.sections + rule("folder", path=tree, mode="0700"))

    code, printed, _ = show("--rule", "folder")

    assert (0, "folder: 1 fixed") == (code, printed.splitlines()[-1])
    assert (0o700, 0o600) == (mode_of(tree), mode_of(tree / "drifted"))
    assert (
        2,
        "",
        f"supervisor-maint: {place.config}: expected a rule 'fodler', known are: tree, folder\n",
    ) == show("--rule", "fodler")


def test_no_rule_at_all(show: Show, place: Place) -> None:
    """Without a section there is nothing to keep: exit 2, with what to add."""
    place.write("")
    code, _, error = show()

    assert 2 == code
    assert "known are: none; add a [permissions:NAME] section" in error


def test_names_are_shown_so_that_they_stay_one_line(show: Show, tree: Path) -> None:
    """A line feed, an escape sequence and a byte that is no UTF-8 do nothing to the terminal."""
    os.rename(tree / "drifted", os.fsencode(tree) + b"/a\nb\x1b[31m\xff")  # noqa: PTH104
    _, printed, _ = show("--dry-run")

    assert r"/a\nb\x1b[31m\xff" in printed


def test_second_pass_is_refused(show: Show, place: Place, tree: Path) -> None:
    """While another pass is under way nothing is changed: exit 1 and a sentence; looking goes."""
    with acquire_folder(place.state.path):
        code, printed, error = show()

        assert (1, "") == (code, printed)
        assert "another permission pass is under way" in error
        assert 0o600 == mode_of(tree / "drifted")
        assert 1 == show("--check")[0]

    assert 0 == show()[0]


def test_no_state_is_needed(show: Show, place: Place) -> None:
    """Where no listener has ever run, and from root's own cron, there is nobody to wait for."""
    for folder in (place.state.requests, place.state.path):
        folder.rmdir()

    assert 0 == show()[0]
    assert not place.state.path.exists()


@pytest.mark.parametrize("text", ["0", "soon", "-1m"])
def test_timeout_that_is_none(show: Show, text: str) -> None:
    """A time limit is a duration."""
    with pytest.raises(SystemExit) as end:
        show(f"--timeout={text}")

    assert 2 == end.value.code


def test_time_limit_is_told(show: Show, tree: Path) -> None:
    """What was not looked at in time is a problem of the rule."""
    code, printed, _ = show("--timeout", "0.000001s")

    assert 1 == code
    assert "tree: no path; " in printed
    assert 0o600 == mode_of(tree / "drifted")


def test_logs_of_supervisord(show: Show, place: Place, tree: Path) -> None:
    """``supervisor:logs`` are the files that supervisord names, and nothing else it says."""
    programs = (
        info("web", stdout_logfile=str(tree / "drifted"), stderr_logfile="/dev/stderr"),
        info("api", stdout_logfile="syslog", stderr_logfile=""),
        info("old", stdout_logfile=str(tree / "gone"), stderr_logfile=str(tree / "drifted")),
    )
    with XmlrpcServer(SupervisordServer(*programs)) as server:
        place.write(rule("logs", path="supervisor:logs", mode="0640"), serverurl=server.url)
        code, printed, _ = show()

    assert (0, "logs: 1 fixed") == (code, printed.splitlines()[-1])
    assert 0o640 == mode_of(tree / "drifted")


def test_supervisord_that_does_not_answer(show: Show, place: Place, tree: Path) -> None:
    """Then its logs are not known: one line for that rule, and the others are kept."""
    place.write(rule("logs", path="supervisor:logs", mode="0640") + place.sections)
    code, printed, error = show()

    assert 1 == code
    assert "logs: no path; supervisord could not be asked for its programs' logs" in printed
    assert "there is no socket" in error
    assert 0o644 == mode_of(tree / "drifted")


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root hurts only himself")
def test_settings_that_others_can_change_are_refused(show: Show, place: Place, tree: Path) -> None:
    """Root does nothing for a file that others can write: exit 2, with the reason."""
    place.config.chmod(0o666)
    code, _, error = show()

    assert 2 == code
    assert "everyone can write to" in error
    assert 0o600 == mode_of(tree / "drifted")


TOO_LARGE = ("rich", "requests", "prometheus_client", "asyncio", "sqlite3", "superlance", "psutil")


def test_walk_loads_no_more_than_it_needs(place: Place) -> None:
    """The listener's child loads nothing that only people, sinks or the loop need."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "supervisor_maint",
        "permissions",
        "--json",
    ]
    done = subprocess.run(
        [*command, "--config", str(place.config)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(bare_python.IMPORTED.findall(done.stderr)) - bare_python.modules()

    assert "supervisor_maint.permissions.passes" in loaded
    assert [] == [name for name in (*TOO_LARGE, "logging", "xmlrpc.client") if name in loaded]
