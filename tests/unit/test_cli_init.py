"""``supervisor-maint init``: what it writes, shows, leaves and checks."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor_maint.cli import main
from supervisor_maint.deployment import tools
from supervisor_maint.deployment.files import shipped

MAINT = "supervisor/maint.conf"
TOOLS = ("promtool", "amtool", "logrotate")

Init = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "conf.d"


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which there is nothing but what the test puts there."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.setattr(tools, "_SYSTEM_FOLDERS", str(found))
    return found


@pytest.fixture
def init(folder: Path, bin_folder: Path, tmp_path: Path) -> Init:
    """Run ``init`` into the folder, with a state of the test's own."""
    state = str(tmp_path / "state")
    return lambda *options: main(["init", str(folder), "--state-dir", state, *options])


def put_tool(bin_folder: Path, name: str, script: str) -> None:
    path = bin_folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_first_time(init: Init, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is written, filled in; what was not given and which tool is missing are said."""
    code = init("--instance", "db7", "--port", "19910", "--timezone", "Asia/Tokyo")
    shown = words(capsys.readouterr().out)
    text = (folder / MAINT).read_text(encoding="utf-8")

    assert 0 == code
    assert {f"written {folder / file}" for file in shipped()} <= set(shown)
    assert "ok supervisor-maint check-config" in shown
    assert "not there logrotate -d" in shown
    assert any(line.endswith(": --pushgateway-url was not given") for line in shown)
    assert "\ninstance=db7\n" in text
    assert "\nlisten=127.0.0.1:19910\n" in text
    assert f"\nstate_dir={folder.parent / 'state'}\n" in text


def test_second_time(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    """The same again changes nothing, and says so."""
    init()
    capsys.readouterr()
    code = init()
    shown = capsys.readouterr().out

    assert 0 == code
    assert len(shipped()) == shown.count("same ")
    assert "---" not in shown


def test_difference_is_shown_and_left(
    init: Init, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that differs is shown and left as it is; all others are written. That exits 1."""
    init()
    edited = (folder / MAINT).read_text(encoding="utf-8").replace(";settle=10s", "settle=15s")
    (folder / MAINT).write_text(edited, encoding="utf-8")
    (folder / "logrotate" / "supervisor").unlink()
    capsys.readouterr()
    code = init()
    shown = capsys.readouterr().out

    assert 1 == code
    assert "-settle=15s\n+;settle=10s\n" in shown
    assert f"differs     {folder / MAINT}\n" in shown
    assert "files that differ were left as they are" in shown
    assert edited == (folder / MAINT).read_text(encoding="utf-8")
    assert (folder / "logrotate" / "supervisor").exists()


def test_access_is_filled_in_and_no_secret_is_made(
    init: Init, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is needed is said; the check of the settings fails as long as it is not there."""
    secret = tmp_path / "gateway.password"
    options = ["--pushgateway-url", "https://gateway.test", "--pushgateway-username", "me"]
    options += ["--pushgateway-password-file", str(secret)]
    first = init(*options)
    shown = words(capsys.readouterr().out)
    is_made = secret.exists()
    secret.write_text("s3cret\n", encoding="utf-8")
    secret.chmod(0o600)
    second = init(*options)

    assert (1, False, 0) == (first, is_made, second)
    owner = getpass.getuser()
    assert f"needed {secret}: the password on its first line; owner {owner}, mode 0600" in shown
    assert "failed supervisor-maint check-config" in shown
    assert f"\npassword_file={secret}\n" in (folder / MAINT).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--pushgateway-url", "https://g", "--pushgateway-username", "me"],
            "--pushgateway-username: expected --pushgateway-password-file beside it, found none",
        ),
        (
            ["--alertmanager-ca-file", "/ca.pem"],
            "expected --alertmanager-url beside how it lets us in, found none",
        ),
    ],
)
def test_access_that_cannot_be(
    init: Init, folder: Path, options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that do not go together are wrong usage, and nothing is written."""
    code = init(*options)

    assert 2 == code
    assert expected in capsys.readouterr().err
    assert not folder.exists()


def test_yes_overwrites(init: Init, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--yes`` the difference is shown first, and then written."""
    init()
    capsys.readouterr()
    code = init("--yes", "--port", "19911")
    shown = capsys.readouterr().out

    assert 0 == code
    assert "+listen=127.0.0.1:19911\n" in shown
    assert f"overwritten {folder / MAINT}\n" in shown
    assert "\nlisten=127.0.0.1:19911\n" in (folder / MAINT).read_text(encoding="utf-8")


def test_diff_writes_nothing(init: Init, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--diff`` shows new files as well, and exits 1 as long as there is something to do."""
    new = init("--diff")
    is_written, shown = folder.exists(), capsys.readouterr().out
    init()
    same = init("--diff")

    assert (1, False, 0) == (new, is_written, same)
    assert "--- /dev/null\n+++ supervisor/maint.conf\n" in shown


def test_every_tool_is_called(
    init: Init, bin_folder: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each tool that is there gets its files; what one says is shown when it finds fault."""
    for name in TOOLS:
        put_tool(bin_folder, name, "exit 0")
    put_tool(bin_folder, "logrotate", 'echo "bad line in $2"; exit 1')
    code = init()
    shown = capsys.readouterr().out

    assert 1 == code
    assert f"failed      logrotate -d\n    bad line in {folder}/logrotate/supervisor\n" in shown
    assert "not there" not in shown


def test_wrong_configuration_is_found(
    init: Init, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an operator made of a file is checked as well."""
    init()
    text = (folder / MAINT).read_text(encoding="utf-8").replace(";settle=10s", "setle=15s")
    (folder / MAINT).write_text(text, encoding="utf-8")
    capsys.readouterr()
    code = init()
    shown = capsys.readouterr().out

    assert 1 == code
    assert "failed      supervisor-maint check-config\n" in shown
    assert "did you mean 'settle'?" in shown


def test_link_is_refused(init: Init, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A symbolic link in the folder is one sentence, and nothing is written."""
    folder.mkdir()
    (folder / "supervisor").symlink_to("/etc")
    code = init()

    assert 1 == code
    assert "found a symbolic link on the way" in capsys.readouterr().err
    assert ["supervisor"] == [path.name for path in folder.iterdir()]


def test_owner_follows_whoever_runs_it(init: Init, folder: Path) -> None:
    """The owner and his group are those of this process, unless they are named."""
    init()
    is_root = getpass.getuser() == "root"

    assert is_root is (";user=root\n" in (folder / MAINT).read_text(encoding="utf-8"))


def test_user_without_a_name(init: Init, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a uid that nobody has given a name: the numbers are filled in."""
    nameless = 2**31 - 2
    monkeypatch.setattr(os, "geteuid", lambda: nameless)
    monkeypatch.setattr(os, "getegid", lambda: nameless)
    init()

    assert f"\nuser={nameless}\n" in (folder / MAINT).read_text(encoding="utf-8")
    rotation = (folder / "logrotate" / "supervisor").read_text(encoding="utf-8")
    assert f"\n    su {nameless} {nameless}\n" in rotation


@pytest.mark.skipif(os.geteuid() != 0, reason="only root deploys for somebody else")
def test_another_owner(init: Init, folder: Path) -> None:
    """A listener of another user is started as him, and logrotate works as him."""
    group = grp.getgrgid(65534).gr_name
    init("--owner", "nobody")

    assert "\nuser=nobody\n" in (folder / MAINT).read_text(encoding="utf-8")
    rotation = (folder / "logrotate" / "supervisor").read_text(encoding="utf-8")
    assert f"\n    su nobody {group}\n" in rotation


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--port", "70000", "port"),
        ("--owner", "no-such-user", "a user of this machine"),
        ("--group", "no-such-group", "a group of this machine"),
        ("--state-dir", "state", "an absolute path"),
        ("--timezone", "Asia/Tokio", "Asia/Tokyo"),
        ("--pushgateway-url", "gateway:9091", "a URL such as"),
        ("--runbook-url", "https://docs.test/a;b", "letters, digits"),
        ("--instance", "web 01", "letters, digits"),
    ],
)
def test_wrong_usage(
    init: Init, option: str, value: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that cannot stand in the files is wrong usage, in a sentence."""
    with pytest.raises(SystemExit) as ended:
        init(option, value)

    assert 2 == ended.value.code
    assert expected in capsys.readouterr().err
