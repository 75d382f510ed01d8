"""What end-to-end tests share: supervisords that are ended, and their logs when a test fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import RealSupervisord
from tests.e2e.observed import Observed

_started = pytest.StashKey[list[RealSupervisord]]()


@pytest.fixture
def start_supervisord(request: pytest.FixtureRequest) -> Iterator[Callable[..., RealSupervisord]]:
    """Start a supervisord: ``start_supervisord(program(…), listener(…))``.

    All are ended after the test, which fails when one left a process behind.
    """
    started = request.node.stash.setdefault(_started, [])
    with ExitStack() as stack:

        def start(*stanzas: str, **options: object) -> RealSupervisord:
            supervisord = RealSupervisord(*stanzas, **options)
            started.append(supervisord)
            return stack.enter_context(supervisord)

        yield start


@pytest.fixture
def observe(
    start_supervisord: Callable[..., RealSupervisord], tmp_path: Path
) -> Callable[..., Observed]:
    """Start a supervisord with our listener: ``observe(program(…), sinks="[sink:…]\\n…")``.

    ``supervisord`` and ``stanza`` are options of the two; the others are those of Observed.
    """

    def start(
        *stanzas: str,
        supervisord: dict[str, Any] | None = None,
        stanza: dict[str, Any] | None = None,
        **configuration: str,
    ) -> Observed:
        observed = Observed(tmp_path, **configuration)
        listener = observed.stanza(**(stanza or {}))
        return observed.under(start_supervisord(listener, *stanzas, **(supervisord or {})))

    return start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what each supervisord of a failed test knew, while it still runs."""
    report = yield
    if call.when == "call" and report.failed:
        for supervisord in item.stash.get(_started, []):
            title = f"supervisord in {supervisord.directory}"
            report.sections.append((title, supervisord.evidence()))
    return report
