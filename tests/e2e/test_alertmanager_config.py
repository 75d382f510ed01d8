"""What conf.d ships for Alertmanager: valid, and every alert of ours goes where it should."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.monitoring_files import ALERTMANAGER, alerts, load, run_tool

pytestmark = pytest.mark.needs_server("amtool")

RECEIVERS = {"none": "null", "critical": "pager", "warning": "tickets", "info": "tickets"}
PROCESS = ("instance", "supervisor", "group", "name")


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    """The shipped file, as Alertmanager reads it."""
    return dict(load(ALERTMANAGER))


def test_configuration_is_valid() -> None:
    """There is nothing that amtool would say about it."""
    checked = run_tool("amtool", "check-config", ALERTMANAGER)

    assert 0 == checked.returncode, checked.stdout


@pytest.mark.parametrize("name", alerts())
def test_alert_goes_to_its_receiver(name: str) -> None:
    """The marker goes to nobody, what is critical to the pager, the rest to the tickets."""
    severity = alerts()[name]["labels"]["severity"]
    tested = run_tool(
        "amtool",
        *("config", "routes", "test", f"--config.file={ALERTMANAGER}"),
        f"--verify.receivers={RECEIVERS[severity]}",
        *(f"alertname={name}", f"severity={severity}", "instance=web01"),
    )

    assert 0 == tested.returncode, tested.stdout


def test_strangers_go_where_they_went() -> None:
    """An alert of somebody else is not routed by our route."""
    tested = run_tool(
        "amtool",
        *("config", "routes", "test", f"--config.file={ALERTMANAGER}"),
        *("--verify.receivers=tickets", "alertname=DiskFull", "severity=critical"),
    )

    assert 0 == tested.returncode, tested.stdout


def test_window_mutes_what_has_the_label_on_its_supervisord_alone(
    configuration: dict[str, Any],
) -> None:
    """The marker is the only source for the label, and both must be of one supervisord."""
    first = configuration["inhibit_rules"][0]

    assert first == {
        "source_matchers": ['alertname="SupervisorPlannedMaintenance"'],
        "target_matchers": ['maintenance="inhibit"'],
        "equal": ["instance", "supervisor"],
    }


def test_no_inhibition_reaches_another_host(configuration: dict[str, Any]) -> None:
    """Every inhibition asks for the same instance, and of a process for the same process."""
    for inhibition in configuration["inhibit_rules"]:
        of_process = "Process" in inhibition["source_matchers"][0]

        assert inhibition["equal"][:2] == ["instance", "supervisor"]
        assert of_process == (tuple(inhibition["equal"]) == PROCESS)


def test_nothing_waits_for_no_time(configuration: dict[str, Any]) -> None:
    """A group waits for what mutes it, is looked at soon after a window, and told again late."""
    (ours,) = (route for route in configuration["route"]["routes"] if "routes" in route)
    seconds = {key: _seconds(ours[key]) for key in ("group_wait", "group_interval")}

    assert 10 <= seconds["group_wait"] <= 60
    assert 10 <= seconds["group_interval"] <= 60
    assert _seconds(ours["repeat_interval"]) >= 3600


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]
