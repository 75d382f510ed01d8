"""Permissions kept at the hour by a real supervisord's listener: what drifted is put right."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import RealSupervisord, is_alive
from tests.e2e.harness_programs import program, sleeper
from tests.e2e.harness_python import shared_python
from tests.e2e.hourly import HOURLY_SUPERVISORD, Hours, rule
from tests.e2e.observed import Observed
from tests.e2e.planned import Runs, plan, step
from tests.fakes.permission_passes import NOBODY, mode_of

Observe = Callable[..., Observed]
HOURLY = {"program": HOURLY_SUPERVISORD}
ANOTHER = "another permission pass is under way"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a folder with two files in it, all as ``TREE`` wants them."""
    folder = tmp_path / "tree"
    (folder / "below").mkdir(parents=True)
    for path in (folder, folder / "below"):
        path.chmod(0o750)
    for name in ("right", "below/drifted"):
        (folder / name).touch()
        (folder / name).chmod(0o640)
    return folder


def kept(folder: Path, **options: object) -> str:
    """Build the rule of the tree."""
    return rule("tree", path=folder, recursive="true", dir_mode="0750", file_mode="0640", **options)


@pytest.mark.smoke
def test_drift_is_mended_at_the_hour(observe: Observe, tree: Path) -> None:
    """What drifted is right after the hour; what was right is untouched; one bad rule is a line."""
    bad = rule("bad", path=tree, owner="nobody-has-this-name")
    logs = rule("logs", path="supervisor:logs", mode="0640")
    observed = observe(
        program("loud", sleeper(), stderr_logfile="%(here)s/loud.err", stdout_logfile="NONE"),
        program("quiet", sleeper(), stdout_logfile="/dev/null", stderr_logfile="NONE"),
        supervisord=HOURLY,
        sinks=f"{bad}{kept(tree)}{logs}",
    )
    hours, loud = Hours(observed), observed.supervisord.directory / "loud.err"
    before = observed.metrics()
    (tree / "below" / "drifted").chmod(0o666)
    (tree / "below").chmod(0o777)
    loud.chmod(0o600)
    unchanged_at = (tree / "right").stat().st_ctime_ns
    found = hours.next_pass()

    assert [0o640, 0o750, 0o640] == [
        mode_of(path) for path in (tree / "below" / "drifted", tree / "below", loud)
    ]
    assert unchanged_at == (tree / "right").stat().st_ctime_ns
    assert (2, 2) == (found["tree"]["fixed"], found["tree"]["ok"])
    assert found["logs"]["fixed"] >= 1
    assert "nobody-has-this-name" in found["bad"]["problem"]
    for name in ("tree", "logs", "bad"):
        value = before.value("supervisor_maint_permission_paths_total", rule=name, result="fixed")
        assert 0.0 == value
    observed.wait_for_value(2.0, "maint_permission_paths_total", rule="tree", result="fixed")
    observed.wait_for_value(1.0, "maint_permissions_problem", rule="bad")
    observed.wait_for_value(0.0, "maint_permissions_problem", rule="tree")

    again = hours.next_pass()

    assert (0, 4) == (again["tree"]["fixed"], again["tree"]["ok"])
    assert 0 == again["logs"]["fixed"]
    assert 1 == observed.log().count("nobody-has-this-name")
    assert "nobody-has-this-name" in observed.command("status").stdout
    assert "tree: 2 as wanted, 2 fixed" in observed.command("history").stdout
    assert 0.0 == sum(observed.metrics().matching("supervisor_maint_errors_total").values())


def test_pass_is_never_doubled(observe: Observe, tree: Path) -> None:
    """A pass that hangs is reported at the next hour, outlives its listener, and stays alone."""
    for number in range(2000):  # work enough to stop it in the middle
        (tree / f"many-{number}").touch()
    observed = observe(supervisord=HOURLY, sinks=kept(tree))
    hours, drifted = Hours(observed), tree / "below" / "drifted"
    hanging = hours.begin_stopped()
    drifted.chmod(0o666)
    hours.begin()
    observed.wait_for_value(1.0, "maint_permissions_problem", rule="tree")

    assert [hanging.pid] == [process.pid for process in hours.going()]
    assert 1 == observed.log().count("a pass is still going")

    Runs(observed).wait_for_listener(after=observed.kill_listener())
    count = len(hours.passes())
    hours.begin()

    assert {} == hours.wait_for_pass(count)
    assert ANOTHER in hours.passes()[0]["problem"]
    assert ANOTHER in observed.command("permissions").stderr
    assert 0o666 == mode_of(drifted)

    hanging.send_signal(signal.SIGCONT)
    observed.wait_until(lambda: not is_alive(hanging.pid), "the orphan has ended")
    drifted.chmod(0o666)

    assert hours.next_pass()["tree"]["fixed"] >= 1
    assert 0o640 == mode_of(drifted)
    observed.wait_for_value(0.0, "maint_permissions_problem", rule="tree")


def test_listener_that_leaves_takes_its_pass_along(observe: Observe, tree: Path) -> None:
    """Supervisord ends its listener with SIGTERM: the pass under way ends with it."""
    observed = observe(supervisord=HOURLY, sinks=kept(tree))
    hanging = Hours(observed).begin_stopped()
    observed.supervisord.ctl("stop", "maint")

    observed.wait_until(lambda: not is_alive(hanging.pid), "the pass has ended")

    assert "STOPPED" == observed.supervisord.state("maint")


def test_pass_waits_for_a_planned_run(observe: Observe, tree: Path, tmp_path: Path) -> None:
    """During a planned run no pass begins; one is made once after it, for all hours meanwhile."""
    release = tmp_path / "release"
    script = tmp_path / "wait.sh"
    script.write_text(f"while ! test -e {release}; do sleep 0.05; done\n")
    observed = observe(
        program("worker", sleeper(), startsecs=0),
        supervisord=HOURLY,
        sinks=kept(tree) + plan("nightly", pre="wait") + step("wait", f"sh {script}"),
    ).settled()
    hours, drifted = Hours(observed), tree / "below" / "drifted"
    asked = observed.command("run", "nightly", "--detach")
    assert 0 == asked.returncode, asked.stderr
    observed.wait_for_value(1.0, "maint_in_progress", plan="nightly")
    drifted.chmod(0o666)
    hours.begin()
    hours.begin()
    reloaded = observed.command("reload")  # answered by a turn after the hours began

    assert 0 == reloaded.returncode, reloaded.stdout
    assert [] == hours.passes()
    assert 0o666 == mode_of(drifted)

    release.touch()

    assert 1 == hours.wait_for_pass(0)["tree"]["fixed"]
    observed.wait_for_value(0.0, "maint_in_progress", plan="nightly")
    assert 1 == len(hours.passes())


def test_churn_is_named(observe: Observe, tree: Path) -> None:
    """What is undone between all of three passes is named, and a metric says so until it is not."""
    observed = observe(supervisord=HOURLY, sinks=kept(tree))
    hours, drifted = Hours(observed), tree / "below" / "drifted"
    for _ in range(3):
        assert 0.0 == observed.value("maint_permissions_churn", rule="tree")
        drifted.chmod(0o666)
        hours.next_pass()
    observed.wait_for_value(1.0, "maint_permissions_churn", rule="tree")

    assert f"{drifted} mended at each of the last 3 passes" in observed.log()
    assert "something undoes it in between" in observed.command("status").stdout

    hours.next_pass()
    observed.wait_for_value(0.0, "maint_permissions_churn", rule="tree")


def test_only_reporting_changes_nothing(observe: Observe, tree: Path) -> None:
    """``permissions = report`` tells of drift and leaves it."""
    observed = observe(supervisord=HOURLY, settings="permissions=report", sinks=kept(tree))
    drifted = tree / "below" / "drifted"
    drifted.chmod(0o666)
    found = Hours(observed).next_pass()

    assert (0, 1) == (found["tree"]["fixed"], found["tree"]["would_fix"])
    assert 0o666 == mode_of(drifted)
    observed.wait_for_value(1.0, "maint_permission_paths_total", rule="tree", result="would_fix")
    assert 1 == observed.command("permissions", "--check").returncode
    assert 0 == observed.command("permissions").returncode
    assert 0o640 == mode_of(drifted)
    assert 0 == observed.command("permissions", "--check").returncode


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can reach; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(prefix="sm", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_without_root_what_can_be_done_is_done(open_folder: Path) -> None:
    """A user's listener mends modes of his files, and says once a rule what the rest needs."""
    python = shared_python(open_folder / "python")
    users_folder = open_folder / "user"
    users_folder.mkdir()
    own, given = users_folder / "own", users_folder / "given"
    for path in (own, given):
        path.mkdir()
        for name in "abc":
            (path / name).touch(mode=0o600)
    observed = Observed(
        users_folder,
        sinks=rule("own", path=f"{own}/*", mode="0640")
        + rule("given", path=f"{given}/*", owner="root", mode="0640"),
    )
    user = {"user": NOBODY} if os.geteuid() == 0 else {}
    supervisord = RealSupervisord(
        observed.stanza(python=python.executable),
        program=HOURLY_SUPERVISORD,
        python=python.executable,
        environment=python.environment,
        **user,
    )
    if user:
        for path in (users_folder, *users_folder.rglob("*"), supervisord.directory):
            os.chown(path, NOBODY, NOBODY)
    with supervisord:
        hours = Hours(observed.under(supervisord))
        hours.next_pass()
        found = hours.next_pass()

        assert [0o640] * 6 == [mode_of(path / name) for path in (own, given) for name in "abc"]
        assert (3, 0) == (found["own"]["ok"], found["own"]["failed"])
        assert (0, 3) == (found["given"]["ok"], found["given"]["failed"])
        assert "root" in found["given"]["problem"]
        assert 1 == observed.log().count(f"given: {found['given']['problem']}")
        observed.wait_for_value(1.0, "maint_permissions_problem", rule="given")
        observed.wait_for_value(0.0, "maint_permissions_problem", rule="own")
