"""What monitoring answers, as a reason not to start."""

from __future__ import annotations

import pytest

from supervisor_maint.monitoring.gates import Alert, Sample, answered, firing


@pytest.mark.parametrize(
    ("alerts", "sentence"),
    [
        ([], ""),
        ([{"alertname": "Down", "instance": "web01"}], "firing: Down of web01"),
        ([{"alertname": "Down"}, {}], "firing: Down, an alert without a name"),
        ([{"alertname": name} for name in "abcde"], "firing: a, b, c and 2 more"),
    ],
)
def test_firing_alerts(alerts: list[dict[str, str]], sentence: str) -> None:
    """Each alert is a reason; a few are named."""
    assert sentence == firing([Alert(labels) for labels in alerts], instance="web01", plan="p")


@pytest.mark.parametrize(
    ("labels", "keeps"),
    [
        ({"alertname": "SupervisorMaintenanceFailed", "instance": "web01", "plan": "p"}, False),
        ({"alertname": "SupervisorMaintenanceMissed", "instance": "web01", "plan": "p"}, False),
        ({"alertname": "SupervisorMaintenanceFailed", "instance": "web01", "plan": "q"}, True),
        ({"alertname": "SupervisorMaintenanceFailed", "instance": "web02", "plan": "p"}, True),
        ({"alertname": "SupervisorProcessFatal", "instance": "web01"}, True),
    ],
)
def test_what_a_run_would_end_does_not_keep_it(labels: dict[str, str], keeps: bool) -> None:
    """That the last run failed fires until one succeeds: it would keep a plan from ever running."""
    assert keeps is bool(firing([Alert(labels)], instance="web01", plan="p"))


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ([], ""),
        ([Sample(0.0, {"job": "web", "a": "b"})], 'it returns {a="b", job="web"} 0'),
        ([Sample(1.5)], "it returns 1.5"),
        ([Sample(0.0, is_scalar=True)], ""),
        ([Sample(2.0, is_scalar=True)], "it returns 2"),
    ],
)
def test_answer_of_a_query(samples: list[Sample], sentence: str) -> None:
    """An element of a vector is a reason whatever its value, a scalar unless it is 0."""
    assert sentence == answered(samples)
