"""Every command of the runbook can be typed as it stands, and says what the runbook shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.e2e import runbook_world
from tests.e2e.monitoring_files import alerts
from tests.e2e.runbook_world import Shown, World

SECTIONS = runbook_world.sections()
PARTS = ("Means", "Look", "Do", "Stop it")


def _nothing(_world: World) -> None:
    """Take the world as it is."""


def _hold(world: World) -> None:
    world.run('supervisor-maint hold nightly --reason "release freeze"')


def _leave_down(world: World) -> None:
    """Have a run fail, and another process than the one it failed for be down."""
    world.fail_run()
    world.mend()
    world.stop("web:web_0")


def _mend_cause(world: World) -> None:
    world.broken.unlink(missing_ok=True)


def _begin(world: World) -> None:
    """Have a run begin that waits, so that there is one to cancel."""
    world.busy.touch()
    begun = world.run("supervisor-maint run nightly --detach")
    assert 0 == begun.returncode, begun.stdout


# What has happened when somebody opens a section.
BEFORE: Mapping[str, Callable[[World], None]] = {
    "SupervisorProcessDown": World.break_import,
    "SupervisorProcessFatal": World.break_import,
    "SupervisorProcessNotBack": _leave_down,
    "SupervisorProcessCrashLoop": World.break_report,
    "SupervisorProcessFlapping": lambda world: world.crash("web:web_0"),
    "SupervisorDiffFound": World.break_import,
    "SupervisorMaintenanceFailed": World.fail_run,
    "SupervisorHoldForgotten": _hold,
    "SupervisorSinkFailing": World.close_gateway,
    "SupervisorConfigReloadFailed": World.misspell,
    "SupervisorStoreFailing": World.damage_journal,
    "SupervisorPermissionsFailing": World.lose_logs,
    "SupervisorPermissionsChurn": World.undo_mode,
    "What is wanted has changed": World.break_import,
}
# What a command needs that people do themselves.
NEEDS: Mapping[str, Callable[[World], None]] = {
    "supervisorctl start import": _mend_cause,
    "supervisorctl start report": _mend_cause,
    "supervisor-maint cancel": _begin,
    "supervisor-maint reload": World.spell,
}
# Exit statuses that mean what is shown: not all run, none is counted, settings are wrong, nobody
# answers, a rule cannot be kept.
ALSO_FINE = {
    "supervisorctl status": {3},
    "grep -c": {1},
    "check-config": {2},
    "/-/ready": {7},
    "permissions --dry-run": {1},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start a host, and the servers that know of it."""
    with runbook_world.world(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.mark.needs_server(
    *("promtool", "amtool", "prometheus", "prometheus-alertmanager", "prometheus-pushgateway")
)
@pytest.mark.parametrize("heading", SECTIONS)
def test_commands_do_what_is_shown(world: World, heading: str) -> None:
    """Each command of a section succeeds, in the order in which they stand."""
    world.busy.unlink(missing_ok=True)
    world.start_listener()
    world.mend()
    BEFORE.get(heading, _nothing)(world)
    wrong = []
    for shown in SECTIONS[heading]:
        world.wait_for_listener()
        NEEDS.get(shown.command, _nothing)(world)
        wrong += _complaints(world, shown)

    assert [] == wrong


def _complaints(world: World, shown: Shown) -> list[str]:
    """Run a command; say whether it failed, and which lines that are shown it did not say."""
    typed = world.run(shown.command)
    fine = {0}.union(*(fine for words, fine in ALSO_FINE.items() if words in shown.command))
    told = {_shape(line) for line in typed.stdout.splitlines()}
    missing = [line for line in shown.lines if _shape(world.here(line)) not in told]

    if typed.returncode in fine and not missing:
        return []
    return [f"{shown.command}: {typed.returncode}, without {missing}: {typed.stdout}"]


def _shape(line: str) -> str:
    """Reduce a line to what is the same each time: no numbers, names of runs, widths."""
    line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b", "#", line)
    line = re.sub(r"\d+(\.\d+)?", "#", re.sub(r"\S+@\S+", "@", line))
    return re.sub(r"─+", "─", re.sub(r"\s+", " ", line)).strip()


@pytest.mark.parametrize("name", alerts())
def test_alert_has_a_section_with_four_parts(name: str) -> None:
    """What it means, what to look at, what to do, how to stop it: in this order."""
    text = runbook_world.RUNBOOK.read_text(encoding="utf-8")
    (section,) = (part for part in re.split(r"^### ", text, flags=re.M) if part.startswith(name))
    section = section.partition("\n## ")[0]

    assert list(PARTS) == re.findall(r"^\*\*([^*]+):\*\*", section, re.MULTILINE)


def test_sections_are_those_of_the_alerts() -> None:
    """No alert has two sections, and no section is about an alert that is gone."""
    named = [heading for heading in runbook_world.headings() if heading.startswith("Supervisor")]

    assert list(alerts()) == named


def test_what_happens_before_is_about_sections_that_are_there() -> None:
    """No scene is prepared for a section or a command that the runbook has not."""
    commands = {shown.command for section in SECTIONS.values() for shown in section}

    assert set(BEFORE) <= set(SECTIONS)
    assert set(NEEDS) <= commands
