"""The world of the application in a test's hands: its ports, and the clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import attrs

from supervisor_maint.app.application import Application, Limits
from supervisor_maint.app.maintaining import Maintenance
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.totals import Totals
from supervisor_maint.listener.events import Event, RemoteCommunicationEvent, TickEvent
from supervisor_maint.monitoring.facts import Facts, SinkStatus
from supervisor_maint.processes import Namespec, ProcessConfig, Snapshot, Supervisord
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.requests import Rejected, Request, Verb
from tests.fakes.runs import RunWorld
from tests.fakes.watching import NOW, SUPERVISORD, Teller, snapshot, status

DEADLINE_SECONDS = 60
LIMITS = Limits(
    push_interval_seconds=60.0,
    settle_seconds=10.0,
    settle_max_seconds=60.0,
    keep_seconds=90 * 86400.0,
    max_bytes=50 * 2**20,
)
# More than a look, a request and what follows from each take when nothing blocks.
_LOOP_STEPS = 20


class FakeSupervisor:
    """A supervisord that answers what the test sets; an exception is raised instead."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.calls: list[str] = []
        self.processes: Any = (status("web", "RUNNING", 5),)
        self.configurations: Mapping[Namespec, ProcessConfig] | BaseException = {}
        self.log: str | BaseException = ""
        self.supervisord: Supervisord = SUPERVISORD

    def identify(self) -> Supervisord:
        self.calls.append("identify")
        return self.supervisord

    def snapshot(self) -> Snapshot:
        processes = self._told("snapshot", self.processes)
        return snapshot(*processes, at=self._clock(), supervisord=self.supervisord)

    def configs(self) -> Mapping[Namespec, ProcessConfig]:
        return self._told("configs", self.configurations)

    def log_tail(self, length: int) -> str:
        return self._told("log_tail", self.log)

    def nudge(self) -> None:
        self.calls.append("nudge")

    def _told(self, call: str, told: Any) -> Any:
        self.calls.append(call)
        if isinstance(told, BaseException):
            raise told
        return told


class FakeMemory:
    """Every process takes a megabyte."""

    def resident(self, pids: Mapping[Namespec, int]) -> Mapping[Namespec, int]:
        return dict.fromkeys(pids, 2**20)


@attrs.define
class FakeHistory:
    """Keeps what it is given; ``trouble`` is raised at every write while it is set."""

    trouble: BaseException | None = None
    meta: dict[str, Any] = attrs.field(factory=dict)
    processes: dict[str, Any] = attrs.field(factory=dict)
    totals: dict[str, Any] = attrs.field(factory=dict)
    reports: list[Mapping[str, Any]] = attrs.field(factory=list)
    snapshots: list[tuple[str, Mapping[str, Any]]] = attrs.field(factory=list)
    permissions: list[Mapping[str, Any]] = attrs.field(factory=list)
    prunes: int = 0
    saves: int = 0

    def save_watch(
        self,
        meta: Mapping[str, Any],
        processes: Mapping[str, Mapping[str, Any] | None],
        *,
        totals: Mapping[str, Any] | None = None,
    ) -> None:
        self._write()
        self.saves += 1
        self.meta.update(meta)
        self.processes.update(processes)
        self.totals.update(totals or {})

    def add_snapshot(self, taken_at: float, kind: str, document: Mapping[str, Any]) -> None:
        self._write()
        self.snapshots.append((kind, document))

    def add_report(self, made_at: float, document: Mapping[str, Any]) -> None:
        self._write()
        self.reports.append(document)

    def add_permissions(self, ended_at: float, document: Mapping[str, Any]) -> None:
        self._write()
        self.permissions.append(document)

    def prune(self, now: float, *, keep_seconds: float, max_bytes: int) -> None:
        self._write()
        self.prunes += 1

    def _write(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@attrs.define
class FakeMailbox:
    """A folder of requests; ``trouble`` is raised while it is set."""

    waiting: list[Request | Rejected] = attrs.field(factory=list)
    trouble: BaseException | None = None

    def collect(self) -> list[Request | Rejected]:
        if self.trouble is not None:
            raise self.trouble
        taken, self.waiting = self.waiting, []
        return taken


@attrs.define
class FakeOutlet:
    """A sink that takes everything at once."""

    name: str = "fake"
    submitted: list[bytes] = attrs.field(factory=list)

    def submit(self, exposition: bytes) -> None:
        self.submitted.append(exposition)

    async def tried(self) -> None:
        """Return at once: everything was taken."""

    def status(self) -> SinkStatus:
        return SinkStatus(ok=len(self.submitted))


class World:
    """An application and everything around it; to be made inside the loop.

    ``gate`` is shut while supervisord hangs; ``reports`` are the facts of every report.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self.now = NOW
        self.gate = asyncio.Event()
        self.gate.set()
        self.supervisor = FakeSupervisor(lambda: self.now)
        self.history = FakeHistory()
        self.mailbox = FakeMailbox()
        self.outlet = FakeOutlet()
        self.published: list[Mapping[str, Any]] = []
        self.reports: list[Facts] = []
        self.reloads: list[BaseException | None] = []
        self.settings_changed = False
        self.publish_trouble: BaseException | None = None
        self.watch = watch or Watch.begin(self.now)
        self.runs = RunWorld(supervisor=self.supervisor, clock=lambda: self.now)
        self.app = Application.build(
            ports=self._ports(),
            watch=self.watch,
            totals=Totals(),
            limits=LIMITS,
            reload=self._reload,
            settings_changed=lambda: self.settings_changed,
            about={"pid": 1},
        )
        self.maintenance = Maintenance.build(
            ports=self.runs.ports(),
            watch=self.watch,
            totals=self.app.totals,
            memory=lambda: None,
            moved=self.app.pace.report_now,
            changed=self.app.woken.set,
        )
        self.app.take_up(self.maintenance)
        self.teller = Teller(self, at=self.now)  # type: ignore[arg-type]  # it has receive()

    def _ports(self) -> Ports:
        return Ports(
            supervisor=self.supervisor,
            memory=FakeMemory(),
            history=self.history,
            mailbox=self.mailbox,
            publish=self._publish,
            outlets=[self.outlet],
            render=self._render,
            ask=self._ask,
            store=_at_once,
            compute=_at_once,
            clock=lambda: self.now,
        )

    def receive(self, event: Event) -> None:
        self.app.receive(event)

    async def _ask(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self.gate.wait()
        return function(*args, **kwargs)

    def _render(self) -> bytes:
        self.reports.append(self.app.reporter.facts())
        return b"report %d" % len(self.reports)

    def _publish(self, document: Mapping[str, Any]) -> None:
        if self.publish_trouble is not None:
            raise self.publish_trouble
        self.published.append(document)

    async def _reload(self) -> None:
        outcome = self.reloads.pop(0)
        if outcome is not None:
            raise outcome

    async def turns(self) -> None:
        """Make turns until nothing is left to do at this moment."""
        self.app.woken.set()
        while self.app.woken.is_set():
            await self.app.turn()
            for _ in range(_LOOP_STEPS):
                await asyncio.sleep(0)

    async def pass_seconds(self, seconds: float) -> None:
        """Let time pass at once, and make the turns that are due then."""
        self.now += seconds
        self.teller.at = self.now
        await self.turns()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Make turns, in real time, until the condition holds."""
        while not condition():
            await self.turns()
            await asyncio.sleep(0.005)

    def tell_hour(self) -> None:
        """A new hour begins."""
        self._tell(TickEvent, "TICK_3600", period=3600, when=int(self.now))

    def tell_remote(self, kind: str, data: str) -> None:
        """Somebody calls sendRemoteCommEvent."""
        self._tell(RemoteCommunicationEvent, "REMOTE_COMMUNICATION", kind=kind, data=data)

    def _tell(self, event: Callable[..., Event], name: str, **values: Any) -> None:
        self.teller.skip()
        number = self.teller.number
        self.app.receive(
            event(name=name, serial=number, pool_serial=number, received_at=self.now, **values)
        )

    def post(self, verb: Verb, *, key: str = "1", expires_in: float = 30.0, **args: Any) -> None:
        """Leave a request in the mailbox, and ring."""
        self.mailbox.waiting.append(
            Request(
                id=key, verb=verb, args=args, asked_by="me@here", expires_at=self.now + expires_in
            )
        )
        self.app.look_in_mailbox()

    def answer(self, key: str = "1") -> tuple[bool, str] | None:
        """Return what was published as the answer to a request."""
        answers = self.published[-1]["answers"] if self.published else {}
        return (answers[key]["done"], answers[key]["sentence"]) if key in answers else None


async def _at_once(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def play(story: Callable[[World], Coroutine[Any, Any, None]]) -> World:
    """Tell a story in a new world, and return the world."""

    async def run() -> World:
        world = World()
        await asyncio.wait_for(story(world), DEADLINE_SECONDS)
        return world

    return asyncio.run(run())
