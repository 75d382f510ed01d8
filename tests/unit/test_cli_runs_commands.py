"""plan, run, hold, resume, cancel and history, as a user sees them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from supervisor_maint import moments
from supervisor_maint.cli import run as run_command
from supervisor_maint.cli.connecting import silent_for
from supervisor_maint.cli.run import _trouble
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.store.history import History
from supervisor_maint.store.journal import Journal
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.records import Hold, LastRun
from supervisor_maint.store.requests import Verb
from supervisor_maint.store.wake import Bell
from tests.fakes.commands import Place
from tests.fakes.maintained import Scene, plan, tell_driven
from tests.fakes.planning import PlanningServer, RunningListener, published_run
from tests.fakes.xmlrpc_server import XmlrpcServer

NIGHTLY = """
[maintenance:nightly]
schedule = 0 3 * * *
timezone = Asia/Tokyo
programs = web:*, job, absent
exclude = web:web_2
max_duration = 10s
"""
WEEKLY = "[maintenance:weekly]\nprograms = *\n"


@pytest.fixture
def supervisord() -> PlanningServer:
    return PlanningServer("web:web_0", "web:web_1", "web:web_2", "job")


@pytest.fixture
def place(tmp_path: Path, supervisord: PlanningServer) -> Iterator[Place]:
    with XmlrpcServer(supervisord) as server:
        yield Place(tmp_path).write(NIGHTLY, serverurl=server.url)


def words(text: str) -> list[str]:
    """Return the lines with anything in them, each with single blanks."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip("─ ")]


PLAN = [
    "batch processes about",
    "1 job 2s",
    "2 web:web_0 2s",
    "3 web:web_1 2s",
    "left alone because",
    "web:web_2 excluded by 'web:web_2'",
    "maint it is an event listener",
    "warning: programs: 'absent' means no process",
    "to do: write names, group:name, group:* or globs of what there is",
    "warning: it would take about 14 s, longer than max_duration (10 s)",
    "to do: raise max_duration, max_unavailable or max_groups",
]


@pytest.mark.parametrize("command", [["plan"], ["plan", "nightly"], ["run", "--dry-run"]])
def test_plan_shows_what_would_happen(
    command: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Batches with their times, what is left alone and why, and what should be looked at."""
    assert 0 == place.run(*command)

    head, *rest = words(capsys.readouterr().out)
    assert re.fullmatch(
        r"plan nightly: next \d{4}-\d\d-\d\d 03:00:00 JST; rolling, at most 1 of a group away; "
        r"about 14s, settling included",
        head,
    )
    assert PLAN == rest


@pytest.mark.parametrize(
    ("command", "code"), [("plan", 0), ("status", 1)], ids=["plan", "status without a listener"]
)
def test_next_time_is_none_that_a_run_by_hand_has_dealt_with(
    command: str, code: int, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever ran the plan shortly before the night is not told that it runs again."""
    schedule = Schedule.parse("0 3 * * *", "Asia/Tokyo")
    dealt_with_at = schedule.next_after(time.time())
    ran = LastRun(
        plan="nightly",
        scheduled_at=dealt_with_at,
        ended_at=time.time(),
        outcome="succeeded",
        is_manual=True,
    )
    place.state.prepare()
    journal = Journal(place.state.journal)
    journal.record_plan(ran)
    journal.close()

    assert code == place.run(command)

    then = moments.show(schedule.next_after(dealt_with_at), ZoneInfo("Asia/Tokyo"))
    assert f"{then};" in " ".join(words(capsys.readouterr().out))


def test_plan_uses_past_runs(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What a process took in past runs is what is expected of it."""
    place.state.prepare()
    history = History(place.state.history)
    for number, seconds in enumerate((3.0, 9.0, 4.0)):
        history.save_run(str(number), float(number), {"downtime_seconds": {"job:job": seconds}})
    history.close()

    assert 0 == place.run("plan", "--json")
    (document,) = json.loads(capsys.readouterr().out)
    assert {"processes": ["job:job"], "estimated_seconds": 4.0} == document["batches"][0]
    assert 4.0 + 1.5 + 1.5 + 10.0 == document["estimated_seconds"]
    assert {"maint:maint", "web:web_2"} == set(document["left_alone"])


@pytest.mark.parametrize(
    ("sections", "arguments", "sentence"),
    [
        (NIGHTLY, ["other"], "expected a plan 'other', known are: nightly"),
        ("", [], "expected a plan, known are: none; add a [maintenance:NAME]"),
    ],
)
def test_plan_that_is_not_there(
    sections: str,
    arguments: list[str],
    sentence: str,
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who asks for a plan that the settings have not is told which they have."""
    place.write(sections)

    assert 1 == place.run("plan", *arguments)
    assert sentence in capsys.readouterr().err


def test_plan_without_supervisord(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without supervisord there is nothing to plan, and a sentence."""
    place.write(serverurl="http://127.0.0.1:1")

    assert 1 == place.run("plan")
    assert "http://127.0.0.1:1" in capsys.readouterr().err


@pytest.fixture
def listener(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningListener]:
    place.state.prepare()
    listener = RunningListener(
        place,
        published_run("restarting", ("restarting",)),
        published_run("succeeded", ("restarting", "succeeded")),
    )
    monkeypatch.setattr(Publication, "_answer", lambda _, key: listener.answered(key))
    monkeypatch.setattr(run_command, "_published_run", lambda _: listener.looked_at())
    bell = Bell(place.state.wake)
    bell.open()
    yield listener
    bell.close()


def test_run_is_watched_to_its_end(
    listener: RunningListener, capsys: pytest.CaptureFixture[str]
) -> None:
    """The story is printed as it comes, and a run that succeeded is exit code 0."""
    assert 0 == listener.place.run("run", "nightly")

    [request] = listener.requests
    assert (Verb.RUN, {"plan": "nightly"}) == (request.verb, request.args)
    printed = words(capsys.readouterr().out)
    assert "run abc of nightly begins" == printed[0]
    assert ["restarting", "succeeded"] == [line.partition(" JST ")[2] for line in printed[-4:-2]]
    assert [
        "run abc of nightly succeeded",
        "all of it: supervisor-maint history abc",
    ] == printed[-2:]


@pytest.mark.parametrize(
    ("phase", "told"), [("failed", "failed: why"), ("skipped", "was skipped: why")]
)
def test_run_that_did_not_succeed(
    phase: str, told: str, listener: RunningListener, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that failed or was skipped is exit code 1, with its reason."""
    listener.looked_at = lambda: published_run(phase, reason="why")  # type: ignore[method-assign]

    assert 1 == listener.place.run("run")
    assert f"run abc of nightly {told}" in capsys.readouterr().out


def test_run_that_is_refused(listener: RunningListener, capsys: pytest.CaptureFixture[str]) -> None:
    """What the listener refuses is printed, and nothing is watched."""
    listener.answer = {"done": False, "sentence": "there is no plan 'x'", "at": 1.0}

    assert 1 == listener.place.run("run", "x")
    assert "there is no plan 'x'\n" == capsys.readouterr().out


def test_run_detached(listener: RunningListener, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is not watched is exit code 0 once it has begun."""
    assert 0 == listener.place.run("run", "--detach")
    assert "run abc of nightly begins\n" == capsys.readouterr().out


def test_interrupted_watching_says_how_to_go_on(
    listener: RunningListener, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C stops the watching; the run goes on, and it is said how to watch and to cancel it."""

    def interrupt() -> Any:
        raise KeyboardInterrupt

    listener.looked_at = interrupt  # type: ignore[method-assign]

    assert 130 == listener.place.run("run")
    assert [
        "run abc of nightly begins",
        "run abc goes on without being watched",
        "to watch it again: supervisor-maint run --watch",
        "to cancel it: supervisor-maint cancel",
    ] == words(capsys.readouterr().out)


def test_run_is_watched_again(
    listener: RunningListener, capsys: pytest.CaptureFixture[str]
) -> None:
    """--watch begins nothing, and follows the run that is under way."""
    assert 0 == listener.place.run("run", "--watch")
    assert [] == listener.requests
    assert "run abc of nightly succeeded" in capsys.readouterr().out


def test_nothing_to_watch(listener: RunningListener, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a run under way --watch says so."""
    listener.looked_at = lambda: None  # type: ignore[method-assign]

    assert 1 == listener.place.run("run", "--watch")
    assert "no run is under way" in capsys.readouterr().err


def test_run_that_a_later_listener_does_not_show(
    listener: RunningListener, capsys: pytest.CaptureFixture[str]
) -> None:
    """When another run is shown, the end of ours is read in the history."""
    history = History(listener.place.state.history)
    run = {"id": "abc", "plan": {"name": "nightly"}, "phase": "failed", "reason": "overrun"}
    history.save_run("abc", 1.0, {"run": run})
    history.close()
    listener.looked_at = lambda: published_run("pending", id="def")  # type: ignore[method-assign]

    assert 1 == listener.place.run("run")
    assert "run abc of nightly failed: overrun" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (["hold"], (Verb.HOLD, {"plan": None, "reason": "", "until_at": None})),
        (
            ["hold", "nightly", "--until", "2100-01-01T00:00Z", "--reason", "disk"],
            (Verb.HOLD, {"plan": "nightly", "reason": "disk", "until_at": 4102444800.0}),
        ),
        (["resume"], (Verb.RESUME, {"plan": None})),
        (["resume", "nightly"], (Verb.RESUME, {"plan": "nightly"})),
        (["cancel"], (Verb.CANCEL, {})),
    ],
)
@pytest.mark.parametrize("done", [True, False])
def test_request_is_asked_and_answered(
    command: list[str],
    asked: tuple[Verb, dict[str, Any]],
    done: bool,
    listener: RunningListener,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The listener's sentence is printed, and the exit code says whether it was carried out."""
    listener.answer = {"done": done, "sentence": "this is the answer", "at": 1.0}

    assert (0 if done else 1) == listener.place.run(*command)
    [request] = listener.requests
    assert asked == (request.verb, request.args)
    assert "this is the answer\n" == capsys.readouterr().out


def test_hold_for_a_while(listener: RunningListener) -> None:
    """--for is counted from now."""
    before = time.time()
    listener.place.run("hold", "--for", "2h")

    [request] = listener.requests
    assert before + 7200 <= request.args["until_at"] <= time.time() + 7200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--for", "soon"], "expected a duration such as 30m, 2h or 1d, found 'soon'"),
        (["--for", "0"], "expected a duration such as 30m, 2h or 1d, found '0'"),
        (["--for", ""], "expected a duration such as 30m, 2h or 1d, found ''"),
        (["--until", "yesterday"], "found 'yesterday'"),
        (["--until", "2001-01-01"], "expected a time to come, such as 06:30"),
        (["--for", "1h", "--until", "06:30"], "not allowed with argument"),
    ],
)
def test_wrong_end_of_a_hold_is_a_wrong_usage(
    arguments: list[str],
    sentence: str,
    listener: RunningListener,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is no time to come is refused before anybody is asked, with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        listener.place.run("hold", *arguments)

    assert 2 == ended.value.code
    assert [] == listener.requests
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run"], ["hold"], ["resume"], ["cancel"]])
def test_nobody_listens(
    command: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a listener nothing is changed, and that is said."""
    assert 1 == place.run(*command)
    assert "nothing was changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("published", "expected"),
    [({}, None), ({"published_at": 1000.0}, None), ({"published_at": 819.0}, 181.0)],
    ids=["never", "just now", "long ago"],
)
def test_listener_that_publishes_nothing_any_more(
    published: dict[str, float], expected: float | None, place: Place
) -> None:
    """Two intervals and a minute without a word are strange: the disk is full, or it hangs."""
    place.write(push_interval="60s")

    assert expected == silent_for(published, place.settings(), 1000.0)


def test_run_that_the_listener_does_not_show_any_more(place: Place) -> None:
    """Who watches a run is told since when nothing new is shown; or that nobody shows it."""
    place.state.prepare()
    Publication(place.state.status).publish({"published_at": 1_000_000.0})

    gone = _trouble(place.settings())
    with place.state.lock():
        silent = _trouble(place.settings())

    assert "the listener is gone; the run goes on when supervisord has started it again" == gone
    since = "1970-01-12 22:46:40 JST"
    assert f"the listener has shown nothing since {since}: its log says why; the run goes on" == (
        silent
    )


def test_status_without_a_listener_says_that_nothing_starts(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plans and holds are shown from the settings and the journal, and what that means."""
    place.write(NIGHTLY + WEEKLY)
    place.state.prepare()
    journal = Journal(place.state.journal)
    journal.record_plan(LastRun(plan="weekly", ended_at=1_700_071_190.0, outcome="succeeded"))
    journal.save_hold(Hold(plan=None, reason="deploy", asked_by="kim", since_at=1.0, until_at=None))
    journal.save_run({"id": "a1b2"})
    journal.close()

    assert 1 == place.run("status")

    listener, nightly, weekly, hold, run, *_ = words(capsys.readouterr().out)
    assert (
        "listener not running, last heard of never; no planned restart starts without it"
        == listener
    )
    assert re.fullmatch(
        r"maintenance plan nightly: next run \d{4}-\d\d-\d\d 03:00:00 JST; never ran", nightly
    )
    assert weekly.startswith("maintenance plan weekly: on request only; last succeeded 2023-11-1")
    assert "maintenance every plan is held until somebody resumes by kim: deploy" == hold
    assert "maintenance run a1b2 is open: the next listener finishes it" == run

    assert 1 == place.run("status", "--json")
    document = json.loads(capsys.readouterr().out)

    told = [line.partition(" ")[2] for line in (nightly, weekly, hold, run)]
    assert (None, told) == (document["listener_pid"], document["maintenance"])


def test_status_with_a_journal_that_cannot_be_read(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not known is said, and nothing is set aside."""
    place.state.prepare()
    place.state.journal.write_bytes(b"garbage" * 1000)

    assert 1 == place.run("status")

    assert "holds and past runs are not known: " in capsys.readouterr().out
    assert b"garbage" == place.state.journal.read_bytes()[:7]


@pytest.fixture
def night(place: Place) -> Scene:
    """The history of a night: a was restarted, b did not come back."""

    async def tale(scene: Scene) -> None:
        scene.supervisor["b"].breaks = True
        scene.supervisor.last_words = "no such table\n"
        await scene.until_over()

    scene = tell_driven(tale, plans=[plan()])
    place.state.prepare()
    history = History(place.state.history)
    for run_id, document in scene.runs.history.kept.items():
        history.save_run(run_id, document["run"]["created_at"], document)
    history.close()
    return scene


def test_history_lists_runs(night: Scene, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Each run is a line: when, by whom, how it ended, how long, how many, why."""
    assert 0 == place.run("history")

    headers, row, *_ = words(capsys.readouterr().out)
    assert "run plan began by result took restarted reason" == headers
    assert row.startswith(
        f"{night.run.id} nightly 2023-11-16 03:00:00 JST schedule failed 3s 1 of 2 "
        "b: it is FATAL: Exited too quickly"
    )


def test_history_of_one_run(night: Scene, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Each process, every difference, and the story with the last words of what failed."""
    assert 0 == place.run("history", night.run.id)

    shown = words(capsys.readouterr().out)
    failed, *rest = (line for line in shown if line.startswith(("a ", "b ")))
    assert "b failed - - - it is FATAL: Exited too quickly" == failed
    assert any(re.fullmatch(r"a restarted 1\.\ds - -", line) for line in rest)
    assert any(line.startswith("differs: b: state: RUNNING -> FATAL") for line in shown)
    assert "2023-11-16 03:00:01 JST b is being stopped" in shown
    assert any(line.endswith(" JST b wrote: no such table") for line in shown)


def test_history_of_one_run_as_json(
    night: Scene, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is kept of a run, for programs."""
    assert 0 == place.run("history", night.run.id, "--json")
    assert "failed" == json.loads(capsys.readouterr().out)["run"]["phase"]


def test_history_of_a_run_that_never_was(
    night: Scene, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong id is a sentence."""
    assert night.run.id != "nope"
    assert 1 == place.run("history", "nope")
    assert "there is no run 'nope'; supervisor-maint history lists them" in capsys.readouterr().err
