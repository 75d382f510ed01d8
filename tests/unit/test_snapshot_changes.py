"""Two snapshots, compared process by process."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.processes import ProcessStatus
from supervisor_maint.snapshots.changes import changes
from tests.fakes.watching import NOW, snapshot, status

MIB = 2**20
WEB = status("web", "RUNNING", 5)
DONE = status("job", "EXITED", started_at=NOW - 60, exit_status=0)


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        pytest.param(WEB, WEB, False, id="the same"),
        pytest.param(WEB, status("web", "RUNNING", 6), True, id="another pid"),
        pytest.param(WEB, status("web", "RUNNING", 5, started_at=NOW), True, id="a pid again"),
        pytest.param(
            WEB,
            status("web", "RUNNING", 5, started_at=NOW - 3001),
            False,
            id="a clock set back",
        ),
        pytest.param(WEB, status("web", "FATAL"), True, id="another state"),
        pytest.param(status("web", "STOPPED"), status("web", "STOPPED"), False, id="never started"),
        pytest.param(
            DONE,
            status("job", "EXITED", started_at=NOW - 60, exit_status=3),
            True,
            id="another exit status",
        ),
        pytest.param(
            DONE,
            status("job", "EXITED", started_at=NOW, exit_status=0),
            True,
            id="it ran once more",
        ),
        pytest.param(
            status("job", "STOPPED"),
            status("job", "STOPPED", started_at=NOW),
            True,
            id="it ran for the first time",
        ),
        pytest.param(None, WEB, True, id="new"),
        pytest.param(WEB, None, True, id="gone"),
    ],
)
def test_process_changes(
    before: ProcessStatus | None, after: ProcessStatus | None, is_change: bool
) -> None:
    """Another state, exit status, pid or start is a change, and so is absence."""
    first, second = (snapshot(*filter(None, [each])) for each in (before, after))

    found = changes(first, second, {}, {})

    assert [(before, after)] * is_change == [(each.before, each.after) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        (100 * MIB, 100 * MIB, False),
        (100 * MIB, 149 * MIB, False),
        (100 * MIB, 151 * MIB, True),
        (151 * MIB, 100 * MIB, True),
        (1 * MIB, 40 * MIB, False),
        (400 * MIB, 460 * MIB, False),
        (None, 400 * MIB, False),
        (400 * MIB, None, False),
    ],
)
def test_memory_changes(before: Any, after: Any, is_change: bool) -> None:
    """Memory alone is a change when there is much more or less of it, and both are known."""
    taken = snapshot(WEB)
    sizes = [{} if size is None else {WEB.namespec: size} for size in (before, after)]

    found = changes(taken, taken, *sizes)

    assert [(before, after)] * is_change == [
        (each.resident_before, each.resident_after) for each in found
    ]


def test_changes_are_in_the_order_of_names() -> None:
    """Whatever is found is found by name."""
    first, second = snapshot(status("b", "FATAL"), WEB), snapshot(status("a", "FATAL"), WEB)

    assert ["a", "b"] == [str(each.namespec) for each in changes(first, second, {}, {})]
