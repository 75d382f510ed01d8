"""The fetching of servers: once, whole or not at all, and with a reason when it fails."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import servers

REPOSITORY = Path(__file__).resolve().parents[2]

# Like Debian's tools seen from outside: each call is noted, a package is one file.
APT_GET = """\
#!/bin/sh
echo "apt-get $*" >> "{calls}"
case "$*" in
    *" update") exit {update_status} ;;
esac
if [ {download_status} != 0 ]; then echo "E: no such package"; exit {download_status}; fi
for word in "$@"; do package=$word; done
echo "$package" > "$package.deb"
"""
DPKG_DEB = """\
#!/bin/sh
mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
cp "$2" "$3/usr/bin/$(cat "$2")"
touch "$3/usr/lib/x86_64-linux-gnu/libpopt.so.0"
printf 'go:/usr/share/prometheus/alertmanager:5' > "$3/usr/bin/prometheus-alertmanager"
"""


class Debian:
    """A folder with stand-ins for apt-get and dpkg-deb, the only ones that are found."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin = folder / "debian"
        self.calls = folder / "calls"
        self.bin.mkdir()
        self.says()
        self._install("dpkg-deb", DPKG_DEB)
        monkeypatch.setenv("PATH", f"{self.bin}:/usr/bin:/bin")

    def says(self, *, update_status: int = 0, download_status: int = 0) -> None:
        """Decide how apt-get ends from now on."""
        text = APT_GET.format(
            calls=self.calls, update_status=update_status, download_status=download_status
        )
        self._install("apt-get", text)

    def _install(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def count(self, word: str) -> int:
        """Count the calls of apt-get with a word in them."""
        calls = self.calls.read_text(encoding="utf-8") if self.calls.exists() else ""
        return sum(f" {word}" in line for line in calls.splitlines())


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    return Debian(tmp_path, monkeypatch)


def test_second_fetch_takes_what_is_there(debian: Debian, tmp_path: Path) -> None:
    """What was unpacked once is used again without a word to apt-get."""
    first = servers.fetch(["hello"], tmp_path / "servers")
    second = servers.fetch(["hello"], tmp_path / "servers")

    assert first == second
    assert debian.count("download") == 1
    assert (first / "usr/bin/hello").exists()


def test_two_at_once_fetch_once(debian: Debian, tmp_path: Path) -> None:
    """Of two that fetch at the same time one waits for the other."""
    with ThreadPoolExecutor(2) as pool:
        roots = list(pool.map(lambda _: servers.fetch(["hello"], tmp_path / "servers"), range(2)))

    assert roots[0] == roots[1]
    assert debian.count("download") == 1


def test_other_packages_go_elsewhere(debian: Debian, tmp_path: Path) -> None:
    """Another list of packages is another folder."""
    hello = servers.fetch(["hello"], tmp_path / "servers")
    world = servers.fetch(["world"], tmp_path / "servers")

    assert hello != world


def test_failed_update_is_no_failure(debian: Debian, tmp_path: Path) -> None:
    """A foreign source that does not answer does not matter when the packages come."""
    debian.says(update_status=100)

    assert servers.fetch(["hello"], tmp_path / "servers").is_dir()


def test_failure_tells_reason_and_leaves_nothing(debian: Debian, tmp_path: Path) -> None:
    """What apt-get said is in the message, and no half a folder is left."""
    debian.says(download_status=100)

    with pytest.raises(servers.ServerUnavailable, match="E: no such package"):
        servers.fetch(["hello"], tmp_path / "servers")

    assert not [path for path in (tmp_path / "servers").iterdir() if path.is_dir()]


def test_recent_failure_is_not_tried_again(debian: Debian, tmp_path: Path) -> None:
    """The next process need not wait for the same dead network."""
    debian.says(download_status=100)
    for _ in range(2):
        with pytest.raises(servers.ServerUnavailable, match="E: no such package"):
            servers.fetch(["hello"], tmp_path / "servers")

    assert debian.count("download") == 1


def test_machine_without_apt_tells_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get the reason is one sentence."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(servers.ServerUnavailable, match="there is no apt-get on this machine"):
        servers.fetch(["hello"], tmp_path / "servers")


def test_alertmanager_finds_its_templates_anywhere(debian: Debian, tmp_path: Path) -> None:
    """The path of its templates becomes a relative one of the same length."""
    root = servers.fetch(["hello"], tmp_path / "servers")
    binary = (root / "usr/bin/prometheus-alertmanager").read_bytes()

    assert b"go:.//" in binary
    assert len(b"go:/usr/share/prometheus/alertmanager:5") == len(binary)


def test_unknown_program_is_a_mistake() -> None:
    """A misspelt name is told from a server that cannot be had."""
    with pytest.raises(ValueError, match="expected one of amtool"):
        servers.path_of("promethius")


MARKED = """\
import pytest

@pytest.mark.needs_server("promtool")
def test_it():
    pass
"""


@pytest.mark.parametrize(("ci", "outcome"), [("false", "1 skipped"), ("true", "1 error")])
def test_missing_server_skips_at_home_and_fails_in_ci(
    tmp_path: Path, ci: str, outcome: str
) -> None:
    """A test whose server is missing is skipped, but never in CI."""
    (tmp_path / "tests").mkdir()
    for name in ("servers.py", "conftest.py"):
        text = (REPOSITORY / "tests" / name).read_text(encoding="utf-8")
        (tmp_path / "tests" / name).write_text(text, encoding="utf-8")
    (tmp_path / "tests" / "test_it.py").write_text(MARKED, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs_server\npythonpath = .\n")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-rsE", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={"PATH": "", "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome in finished.stdout, finished.stdout + finished.stderr
    assert "promtool is not on PATH" in finished.stdout
