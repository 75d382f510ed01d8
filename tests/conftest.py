"""What every test has: the servers it asks for, and the same examples on every run.

``-n auto`` means two workers a processor: the tests wait more than they compute.

``@pytest.mark.needs_server("promtool", …)`` fetches Debian's packages before the first test.
Where they cannot be had such a test is skipped with the reason; with ``CI=true`` it fails.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

from tests import servers

hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,  # a loaded machine is no failure
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("exploring", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


# Workers are given a width, which the commands would heed.
os.environ.pop("COLUMNS", None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` starts."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the servers now, when no test's time limit runs."""
    for name in {name for item in session.items for name in _needed(item)}:
        _missing(name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose server is not there."""
    for name in _needed(item):
        reason = _missing(name)
        if reason and os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)


def _needed(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("needs_server") for name in marker.args]


def _missing(name: str) -> str:
    try:
        servers.path_of(name)
    except servers.ServerUnavailable as error:
        return str(error)
    return ""
