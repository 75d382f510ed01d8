"""What is a difference, what is none, and how it is said."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_maint.processes import ProcessState, Snapshot
from supervisor_maint.snapshots.baseline import as_found
from supervisor_maint.snapshots.configurations import Configurations
from supervisor_maint.snapshots.diff import Difference, DiffKind, diff
from supervisor_maint.snapshots.rundiff import Measured, Tolerance, run_diff
from tests.fakes.watching import NOW, config, ns, snapshot, status


@attrs.frozen
class Exit:
    exit_status: int | None = None
    signal: str | None = None


def baseline_of(shown: Snapshot):
    return {each.namespec: as_found(each) for each in shown.processes.values()}


def said(differences) -> list[str]:
    return [str(each) for each in differences]


BAD_EXIT = {"exit_status": 3, "spawn_error": "Bad exit code 3"}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(
            status("a", "RUNNING", 5, started_at=NOW - 9),
            status("a", "RUNNING", 6, started_at=NOW - 1),
            [],
            id="a new pid and uptime",
        ),
        pytest.param(
            status("a", "RUNNING"),
            status("a", "STOPPED"),
            ["a: state: RUNNING -> STOPPED"],
            id="state",
        ),
        pytest.param(
            status("a", "RUNNING"),
            status("a", "FATAL", spawn_error="Exited too quickly"),
            ["a: state: RUNNING -> FATAL (exit status unknown; Exited too quickly)"],
            id="FATAL: the status is unknown, never 0",
        ),
        pytest.param(
            status("a", "RUNNING"),
            status("a", "EXITED", **BAD_EXIT),
            ["a: state: RUNNING -> EXITED (exit status 3)"],
            id="EXITED",
        ),
        pytest.param(
            status("a", "EXITED", exit_status=0),
            status("a", "EXITED", **BAD_EXIT),
            ["a: exit_status: 0 -> 3 (exit status 3)"],
            id="another exit status of what stays EXITED",
        ),
        pytest.param(
            status("a", "EXITED", exit_status=0),
            status("a", "EXITED", spawn_error="Bad exit code -1"),
            ["a: exit_status: 0 -> unknown (exit status unknown)"],
            id="ended by a signal",
        ),
        pytest.param(
            status("a", "EXITED", exit_status=0),
            status("a", "EXITED"),
            [],
            id="a status that nobody knows",
        ),
        pytest.param(
            status("a", "EXITED", exit_status=0),
            status("a", "RUNNING"),
            ["a: state: EXITED -> RUNNING"],
            id="a finished one runs",
        ),
        pytest.param(
            status("a", "FATAL"),
            status("a", "RUNNING"),
            ["a: state: FATAL -> RUNNING"],
            id="what was broken runs",
        ),
        pytest.param(
            status("a", "RUNNING"),
            status("b", "STOPPED"),
            ["a: missing: RUNNING -> absent", "b: added: absent -> STOPPED"],
            id="missing and added",
        ),
    ],
)
def test_differences(before, now, expected):
    """Only what is not as it is wanted is a difference."""
    assert expected == said(diff(baseline_of(snapshot(before)), snapshot(now)))


def test_flapping_says_nothing_of_the_state():
    """While it moves, its state is no difference of its own."""
    shown = snapshot(status("a", "BACKOFF"))
    found = diff(baseline_of(snapshot(status("a", "RUNNING"))), shown, flapping=[ns("a")])

    assert ["a: flapping: RUNNING -> BACKOFF (exit status unknown)"] == said(found)


@pytest.mark.parametrize(
    ("learnt", "detail"),
    [
        pytest.param(Exit(exit_status=1), "exit status 1", id="exit status"),
        pytest.param(Exit(signal="SIGKILL"), "terminated by SIGKILL", id="signal"),
        pytest.param(Exit(), "exit status unknown", id="neither"),
    ],
)
def test_detail_says_how_it_ended(learnt, detail):
    """What supervisord's log told is in the detail."""
    found = diff(
        baseline_of(snapshot(status("a", "RUNNING"))),
        snapshot(status("a", "FATAL")),
        learnt_exits={ns("a"): learnt},
    )

    assert [detail] == [each.detail for each in found]


def configurations(before, *after) -> Configurations:
    known = Configurations()
    known.take({ns("a"): before}, applied=True)
    for each in after:
        known.take({ns("a"): each}, applied=False)
    return known


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(configurations(config("a")), [], id="unchanged"),
        pytest.param(
            configurations(config("a", command="new", start_seconds=5)),
            ["a: config: unchanged -> changed: command, startsecs"],
            id="applied",
        ),
        pytest.param(
            configurations(config("a"), config("a", autostart=False)),
            ["a: config: unchanged -> changed: autostart (read, not applied)"],
            id="read, not applied",
        ),
        pytest.param(
            configurations(config("a"), config("a", autostart=False), config("a")),
            [],
            id="read, and read again as it was",
        ),
        pytest.param(Configurations(), [], id="not asked yet"),
    ],
)
def test_configuration(known, expected):
    """A changed configuration names its keys, and says when it does not run yet."""
    shown = snapshot(status("a", "RUNNING"))
    wanted = {ns("a"): as_found(shown[ns("a")], config=config("a"))}

    assert expected == said(diff(wanted, shown, configurations=known))


@pytest.mark.parametrize("happens", ["group", "epoch", "applied"])
def test_reading_is_what_runs_after(happens):
    """A group added, supervisord begun anew, or the caller's word make a reading what runs."""
    known = configurations(config("a"))
    if happens == "group":
        known.group_changed("a", added=True)
    if happens == "epoch":
        known.begin_epoch()
    changed = config("a", command="new")
    known.take({ns("a"): changed}, applied=happens == "applied")

    assert changed == known.running[ns("a")]
    assert {} == known.read


def test_configuration_that_is_not_in_use_is_left_alone():
    """What was read of a group that does not exist yet is nobody's."""
    known = Configurations()
    known.take({ns("a"): config("a", in_use=False)}, applied=False)

    assert {} == dict(known.newest)


def test_document_comes_back():
    """A difference outlives the listener."""
    found = Difference(
        namespec=ns("web:a"), kind=DiffKind.STATE, expected="RUNNING", found="FATAL", detail="x"
    )

    assert found == Difference.from_document(found.to_document())


states = st.sampled_from([state.name for state in ProcessState])
snapshots = st.dictionaries(
    st.sampled_from(["a", "web:a", "web:b", "ü:é"]),
    st.tuples(states, st.none() | st.integers(0, 3), st.sampled_from(["", "Bad exit code 3"])),
).map(
    lambda shown: snapshot(
        *(
            status(name, state, exit_status=code, spawn_error=error)
            for name, (state, code, error) in shown.items()
        )
    )
)


@settings(deadline=None, max_examples=100)
@given(snapshots)
def test_nothing_differs_from_itself(shown):
    """The differences between what is and itself are none."""
    assert () == diff(baseline_of(shown), shown)
    assert () == run_diff(shown, shown, restarted=())


@settings(deadline=None, max_examples=100)
@given(snapshots, snapshots)
def test_each_process_differs_once_a_kind(before, now):
    """Differences are sorted, and a process has at most one of a kind."""
    found = [(each.namespec, each.kind) for each in diff(baseline_of(before), now)]

    assert sorted({each[0] for each in found}) == [each[0] for each in found]


def test_run_reports_what_was_not_restarted():
    """The same pid after a run that was to restart it."""
    before = snapshot(status("a", "RUNNING", 5), status("b", "RUNNING", 6))
    after = snapshot(status("a", "RUNNING", 5), status("b", "RUNNING", 7))
    found = run_diff(before, after, restarted=[ns("a"), ns("b")])

    assert ["a: not_restarted: another pid -> pid 5"] == said(found)


MIB = 2**20


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        pytest.param(Measured(start_seconds=2, typical_seconds=2), [], id="as usual"),
        pytest.param(
            Measured(start_seconds=9, typical_seconds=4), ["a: slower: 4.0 s -> 9.0 s"], id="slow"
        ),
        pytest.param(
            Measured(start_seconds=0.9, typical_seconds=0.1), [], id="a fraction of a second"
        ),
        pytest.param(Measured(start_seconds=9), [], id="never measured before"),
        pytest.param(
            Measured(resident_before=100 * MIB, resident_after=200 * MIB),
            ["a: memory: 100 MiB -> 200 MiB"],
            id="grown",
        ),
        pytest.param(
            Measured(resident_before=5 * MIB, resident_after=20 * MIB),
            [],
            id="little to begin with",
        ),
        pytest.param(
            Measured(resident_before=500 * MIB, resident_after=90 * MIB), [], id="given back"
        ),
    ],
)
def test_run_reports_what_is_slower_or_bigger(measured, expected):
    """Beyond the tolerance it is a difference."""
    before = snapshot(status("a", "RUNNING", 5))
    after = snapshot(status("a", "RUNNING", 6))
    found = run_diff(before, after, restarted=[ns("a")], measured={ns("a"): measured})

    assert expected == said(found)


def test_tolerance_below_one_is_refused():
    """A ratio of 1 or less would make every run a difference."""
    with pytest.raises(ValueError, match="slower_ratio must be above 1"):
        Tolerance(slower_ratio=1.0)
