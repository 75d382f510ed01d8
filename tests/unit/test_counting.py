"""The counts against the truth: random histories, events lost, repeated, late, and crashes."""

from __future__ import annotations

import json
import random

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_maint.processes import ProcessState, Snapshot
from supervisor_maint.snapshots.watch import Watch
from tests.fakes.supervisord_story import SupervisordStory, counts

_NEXT = {
    ProcessState.STOPPED: ("spawn",),
    ProcessState.STARTING: ("run", "run", "run", "fail", "stop"),
    ProcessState.RUNNING: ("exit", "exit", "stop", "plan_stop"),
    ProcessState.BACKOFF: ("spawn", "spawn", "give_up", "stop"),
    ProcessState.STOPPING: ("stopped",),
    ProcessState.EXITED: ("spawn",),
    ProcessState.FATAL: ("spawn",),
}


class Told:
    """A story with the watch that hears it, the saved state, and what was shown to the world."""

    def __init__(self, seed: int, *, knows_identity: bool = True) -> None:
        self.random = random.Random(seed)
        self.story = SupervisordStory()
        self.knows_identity = knows_identity
        self.saved: tuple[dict, dict] = ({}, {})
        self.start()
        self.wrong: list[tuple[object, ...]] = []
        self.shown: dict = {}
        self.snapshot: Snapshot | None = None
        self.is_whole = True
        self.receive(self.story.take())

    # what happens

    def live(self) -> None:
        """Let a process go through a few of the transitions that its state allows."""
        story = self.story
        process = self.random.choice(list(story.processes.values()))
        for _ in range(self.random.randint(1, 6)):
            happens = self.random.choice(_NEXT[process.state])
            if happens == "exit":
                story.exit(process, expected=self.random.random() < 0.3)
            elif happens == "plan_stop":
                self.plan_stop(process)
            else:
                getattr(story, happens)(process)
            self.pass_time(self.random.choice((0.0, 0.01, 0.7, 3.0)))

    def plan_stop(self, process) -> None:
        """Stop by plan what the listener knows to be running, as a run does."""
        runs = self.watch.counting.runs.get(process.namespec)
        if not self.watch.is_identity_sure:
            return
        if runs is not None and process.state.name == "RUNNING" and runs.pid == process.pid:
            self.watch.plan_stop(process.namespec, process.pid)
            self.save()
            self.story.stop(process, planned=True)

    def pass_time(self, seconds: float) -> None:
        before = self.story.now
        self.story.now += seconds
        if int(before // 5) != int(self.story.now // 5):
            self.story.tick()

    def wait(self) -> None:
        self.pass_time(self.random.choice((1.0, 5.0, 20.0)))

    # what the listener does

    def hear(self) -> None:
        for _ in range(self.random.randint(1, 12)):
            event = self.story.take()
            if event is None:
                return
            self.receive(event)

    def receive(self, event) -> None:
        """Hand an event over; a process whose group it removes takes its series with it."""
        before = dict(self.watch.counting.runs)
        self.watch.receive(event)
        for namespec, runs in before.items():
            if self.watch.counting.runs.get(namespec) is not runs:
                self.shown.pop(namespec, None)

    def ask(self) -> None:
        self.snapshot = self.story.snapshot()

    def look(self) -> None:
        if self.snapshot is None:
            self.ask()
        asked_at = self.snapshot.taken_at
        taken_at = min(self.story.now, asked_at + 5.0)
        self.watch.observe(attrs.evolve(self.snapshot, taken_at=taken_at))
        self.snapshot = None

    def save(self) -> None:
        changes = json.loads(json.dumps(attrs.asdict(self.watch.take_changes())))
        processes = {**self.saved[1], **changes["processes"]}
        self.saved = (
            changes["meta"],
            {name: each for name, each in processes.items() if each is not None},
        )

    def show(self) -> None:
        """Save, then show the world what was counted; it must not be less than before."""
        tallies = self.watch.tallies(self.story.now)
        self.save()
        for namespec, tally in tallies.items():
            known = self.shown.get(namespec)
            if known is not None:
                for name, count in counts(known).items():
                    self._note(counts(tally)[name] >= count, namespec, name)
                for cause, seconds in known.downtime_seconds.items():
                    self._note(tally.downtime_seconds[cause] >= seconds, namespec, cause)
        self.shown = dict(tallies)

    def die(self) -> None:
        """SIGKILL to the listener, and the next one; what it heard and did not save is lost."""
        self.is_whole = False
        self.snapshot = None
        if self.random.random() < 0.5:
            self.story.redeliver()
        self.start()

    def start(self) -> None:
        self.watch = Watch.restore(
            *self.saved,
            started_at=self.story.now,
            supervisord=self.story.supervisord if self.knows_identity else None,
            settle_seconds=2.0,
            settle_max_seconds=12.0,
        )

    def end(self) -> None:
        """Be ended by supervisord; mostly there is the time to save."""
        if not self.knows_identity or self.random.random() < 0.7:
            self.save()

    # what goes wrong

    def overflow(self) -> None:
        if self.story.overflow(self.random.randint(1, 8)):
            self.is_whole = False

    def reject(self) -> None:
        """Have an event rejected.

        A second one in the same moment would look like a loss, and one before the first event of
        a new pool like an event of the old one.
        """
        if not self.story.taken or not self.story.is_in_order:
            return
        if self.random.random() < 0.5:
            self.story.reject_foreign()
        else:
            self.story.reject_ours(self.random.randint(0, 30))

    def reload(self) -> None:
        self.is_whole = False
        self.story.reload()
        for _ in range(self.random.randint(0, 5)):
            self.hear()
        self.end()
        self.pass_time(1.0)
        self.story.begin()
        self.snapshot = None
        self.start()

    def kill(self) -> None:
        self.is_whole = False
        self.end()
        self.pass_time(self.random.choice((2.0, 600.0)))
        self.story.kill()
        self.snapshot = None
        self.start()

    def update(self) -> None:
        self.story.update("web")

    def update_us(self) -> None:
        self.is_whole = False
        self.save()
        self.story.new_pool()
        self.snapshot = None
        self.start()

    def check(self) -> None:
        for namespec, tally in self.watch.tallies(self.story.now).items():
            ceiling = self.story.ceilings[namespec].counts()
            for name, count in counts(tally).items():
                self._note(count <= ceiling[name], namespec, name, count, ceiling[name])

    def _note(self, is_right: bool, *what: object) -> None:
        if not is_right:
            self.wrong.append(what)

    def catch_up(self) -> None:
        """Let everything arrive, look, and let the stream pass what was seen."""
        for _ in range(3):
            self.pass_time(10.0)
            while self.story.queue:
                self.receive(self.story.take())
            self.ask()
            self.look()


GENTLE = ("live",) * 8 + ("hear",) * 6 + ("ask", "look", "wait", "save", "show", "reject")
GROUPS = (*GENTLE, "update")
ENDS = (*GROUPS, "reload", "kill", "update_us")
ROUGH = (*ENDS, "overflow", "die")


def stories(happenings):
    return {
        "seed": st.integers(0, 2**32),
        "ops": st.lists(st.sampled_from(happenings), min_size=20, max_size=50),
    }


quick = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@quick
@given(**stories(ROUGH))
def test_counts_never_exceed_the_truth(seed, ops):
    """Whatever is lost, repeated, late or killed, no counter is ever above the truth."""
    told = Told(seed)
    for op in ops:
        getattr(told, op)()
        told.check()
    told.catch_up()
    told.check()

    assert [] == told.wrong


@quick
@given(**stories(ENDS))
def test_counts_never_exceed_the_truth_when_supervisord_could_not_be_asked(seed, ops):
    """A listener that could not ask which supervisord it is goes by the events of a beginning."""
    told = Told(seed, knows_identity=False)
    for op in ops:
        getattr(told, op)()
        told.check()
    told.catch_up()
    told.check()

    assert [] == told.wrong


@quick
@given(**stories(GROUPS))
def test_counts_equal_the_truth_when_nothing_is_lost(seed, ops):
    """With every event delivered, repeated or out of order, the counts are the truth."""
    told = Told(seed)
    for op in ops:
        getattr(told, op)()
    told.catch_up()

    assert [] == told.wrong
    assert told.is_whole
    assert 0 == told.watch.events_lost
    tallies = told.watch.tallies(told.story.now)
    for namespec, process in told.story.processes.items():
        assert process.truth.counts() == counts(tallies[namespec])


@quick
@given(**stories(ROUGH))
def test_counts_shown_never_go_down(seed, ops):
    """What was shown once is never taken back, by no crash and no clock, while it is shown."""
    told = Told(seed)
    for op in ops:
        getattr(told, op)()
        told.show()

    assert [] == told.wrong
