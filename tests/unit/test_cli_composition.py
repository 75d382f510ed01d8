"""The listener as it is put together, and what new settings change of it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from supervisor_maint.cli.composition import CLOSE_SECONDS, Composition
from supervisor_maint.errors import SettingsError
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.requests import Request, Verb
from supervisor_maint.store.wake import ring
from tests.fakes import xmlrpc_server
from tests.fakes.commands import Place, SupervisordServer
from tests.fakes.gateway import FakeGateway, hang
from tests.fakes.waiting import until
from tests.fakes.xmlrpc_server import XmlrpcServer

DEADLINE_SECONDS = 60

Story = Callable[[Composition, Place], Coroutine[Any, Any, None]]


@pytest.fixture
def server() -> Iterator[XmlrpcServer]:
    with XmlrpcServer(SupervisordServer()) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, server: XmlrpcServer) -> Place:
    place = Place(tmp_path).write(textfile(tmp_path), serverurl=server.url)
    place.state.prepare()
    return place


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """Put the level of the root logger back: settings change it."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def textfile(folder: Path) -> str:
    return f"[sink:textfile]\npath = {folder}/supervisor.prom\n"


def play(place: Place, story: Story) -> None:
    """Tell a story of a listener in this place, and close the listener."""

    async def run() -> None:
        composition = await Composition.build(place.settings(), place.state)
        try:
            await asyncio.wait_for(story(composition, place), DEADLINE_SECONDS)
        finally:
            await composition.close()

    asyncio.run(run())


async def reported(composition: Composition, place: Place) -> None:
    """Make turns until a report with a snapshot has arrived."""
    running = asyncio.ensure_future(composition.application.run())
    file = place.folder / "supervisor.prom"
    await until(lambda: file.exists() and b"supervisor_up 1" in file.read_bytes())
    composition.application.stop()
    await running


def test_first_report(place: Place) -> None:
    """What is put together looks, reports to the sinks and publishes its status."""

    async def story(composition: Composition, place: Place) -> None:
        await reported(composition, place)

    play(place, story)
    status = Publication(place.state.status).read().document

    assert b'supervisor_process_up{group="web",name="web"} 1' in (
        (place.folder / "supervisor.prom").read_bytes()
    )
    assert str(place.config) == status["settings_file"]
    assert place.settings().maint.serverurl == status["serverurl"]


def test_ring_has_the_mailbox_looked_into(place: Place) -> None:
    """A request and a ring are answered without any event."""
    request = Request(id="1", verb=Verb.HOLD, asked_by="me", expires_at=time.time() + 600)

    async def story(composition: Composition, place: Place) -> None:
        running = asyncio.ensure_future(composition.application.run())
        await until(place.state.status.exists)
        Mailbox(place.state.requests).post(request)
        ring(place.state.wake)
        await until(lambda: "1" in Publication(place.state.status).read().answers)
        composition.application.stop()
        await running

    play(place, story)

    assert {"1"} == set(Publication(place.state.status).read().answers)


def test_reload_applies_everything(place: Place) -> None:
    """New settings hold at once, for every part that has a share in them."""

    async def story(composition: Composition, place: Place) -> None:
        started_at = composition.application.reporter.about["started_at"]
        place.write(
            f"[sink:textfile:b]\npath = {place.folder}/b.prom\n",
            push_interval="7s",
            settle="3s",
            settle_max="4s",
            history_keep="2h",
            history_size="2MB",
            memory="false",
            log_level="error",
        )
        await composition.reload()
        app = composition.application
        assert 7 == app.pace.push_interval_seconds
        assert (3, 4) == (app.watch.settling.settle_seconds, app.watch.settling.settle_max_seconds)
        assert (7200, 2 * 2**20) == (app.recorder.keep_seconds, app.recorder.max_bytes)
        assert app.ports.memory is None
        assert ["textfile:b"] == [outlet.name for outlet in app.ports.outlets]
        assert logging.ERROR == logging.getLogger().level
        assert started_at == app.reporter.about["started_at"]
        assert composition.settings.loaded_at == app.reporter.about["settings_loaded_at"]

    play(place, story)


def test_line_of_a_run_whose_plan_was_removed(place: Place) -> None:
    """A run writes into the log that its plan had when it began."""
    log = place.folder / "restart.log"
    place.write(f"[maintenance:nightly]\nrestart_log = {log}\n")
    (plan,) = place.settings().plans
    ended = {"phase": Phase.SUCCEEDED, "phase_since_at": 1.0, "ended_at": 1.0}
    run = Run(id="ab12", plan=plan, created_at=0.0, start_by_at=300.0, **ended)

    async def story(composition: Composition, place: Place) -> None:
        maintenance = composition.application.maintenance
        place.write("")
        await composition.reload()
        maintenance.ports.log_line(run)  # type: ignore[attr-defined]  # it has plans

    play(place, story)

    assert log.read_text().endswith(" nightly succeeded; run ab12\n")


@pytest.mark.parametrize(
    ("keys", "kept"),
    [({"push_interval": "7s"}, True), ({"rpc_timeout": "9s"}, False), ({"username": "me"}, False)],
)
def test_client_is_replaced_when_it_must_be(keys: dict[str, str], kept: bool, place: Place) -> None:
    """Another way to reach supervisord is another client; anything else keeps it."""

    async def story(composition: Composition, place: Place) -> None:
        before = composition.application.ports.supervisor
        place.write(**keys)
        await composition.reload()
        assert kept is (before is composition.application.ports.supervisor)

    play(place, story)


def unknown_key(place: Place) -> str:
    place.write(stetle="3s")
    return "unknown key"


def moved_state(place: Place) -> str:
    place.write(state_dir=f"{place.folder}/elsewhere")
    return "to move it, restart the listener"


def no_url(place: Place) -> str:
    del place.keys["serverurl"]
    place.write()
    return "expected where supervisord listens"


def taken_address(place: Place) -> str:
    place.write(f"{textfile(place.folder)}[sink:http]\nlisten = 127.0.0.1:{_TAKEN[0]}\n")
    return "Address already in use"


_TAKEN: list[int] = []


@pytest.fixture
def _taken() -> Iterator[None]:
    """Have a port taken by somebody else."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        _TAKEN[:] = [taken.getsockname()[1]]
        yield


@pytest.mark.usefixtures("_taken")
@pytest.mark.parametrize("spoil", [unknown_key, moved_state, no_url, taken_address])
def test_refused_settings_change_nothing(spoil: Callable[[Place], str], place: Place) -> None:
    """Settings that cannot hold are refused whole, and looked at again once they change."""

    async def story(composition: Composition, place: Place) -> None:
        app, before = composition.application, composition.settings
        deliveries, client = list(app.ports.outlets), app.ports.supervisor
        place.write(push_interval="7s")
        expected = spoil(place)
        with pytest.raises(SettingsError, match=expected):
            await composition.reload()
        assert before is composition.settings
        assert 60 == app.pace.push_interval_seconds
        assert deliveries == list(app.ports.outlets)
        assert client is app.ports.supervisor
        assert not app.clerk.settings_changed()

        place.config.write_text(f"{place.config.read_text()}\n; changed\n")
        assert app.clerk.settings_changed()

    play(place, story)


@pytest.mark.usefixtures("_taken")
def test_start_with_a_taken_address(place: Place) -> None:
    """A sink that cannot be opened at the start is a problem of the settings, with its place."""
    expected = taken_address(place)

    async def story(_composition: Composition, _place: Place) -> None:
        raise AssertionError("it was built")

    with pytest.raises(SettingsError, match=rf"maint.conf: \[sink:http\]: .*{expected}"):
        play(place, story)


def test_scrape_is_rendered_from_the_loop(place: Place) -> None:
    """A scrape comes in another thread, and gets what the loop knows at that moment."""
    port = xmlrpc_server.free_port()
    place.write(f"[sink:http]\nlisten = 127.0.0.1:{port}\n")

    def scrape() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_SECONDS) as answer:
            return str(answer.read().decode())

    async def story(composition: Composition, _place: Place) -> None:
        await composition.application.reporter.push()
        composition.application.totals.events["TICK_5"] = 41
        text = await asyncio.get_running_loop().run_in_executor(None, scrape)
        assert 'supervisor_maint_events_total{event="TICK_5"} 41.0' in text

    play(place, story)


def test_first_scrape_is_whole(place: Place) -> None:
    """What is served first has the counters of plans: one that comes late loses its first rise."""
    port = xmlrpc_server.free_port()
    place.write(f"[sink:http]\nlisten = 127.0.0.1:{port}\n[maintenance:nightly]\n")
    pages: list[str] = []

    def scrape_until_served() -> None:
        while not pages:
            try:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    pages.append(str(answer.read().decode()))
            except HTTPError as error:
                assert 503 == error.code
                error.close()

    async def story(composition: Composition, _place: Place) -> None:
        scraping = asyncio.get_running_loop().run_in_executor(None, scrape_until_served)
        running = asyncio.ensure_future(composition.application.run())
        await scraping
        composition.application.stop()
        await running

    play(place, story)

    assert 'supervisor_maint_runs_total{plan="nightly",result="succeeded"} 0.0' in pages[0]


def test_close_lets_go_of_the_journal(place: Place) -> None:
    """A listener that leaves closes its journal: SQLite then puts the -wal file away."""
    place.write("[maintenance:nightly]\n")
    wal = place.state.journal.with_name(f"{place.state.journal.name}-wal")
    was_open = []

    async def story(composition: Composition, _place: Place) -> None:
        running = asyncio.ensure_future(composition.application.run())
        await until(wal.exists)
        was_open.append(True)
        composition.application.stop()
        await running

    play(place, story)

    assert [True] == was_open
    assert not wal.exists()


def test_close_leaves_behind_what_hangs(tmp_path: Path) -> None:
    """When supervisord and a sink hang, closing ends in its time, and what can be saved is."""
    with XmlrpcServer(xmlrpc_server.hang) as server, FakeGateway(hang) as gateway:
        place = Place(tmp_path).write(
            f"[sink:pushgateway]\nurl = {gateway.url}\ntimeout = 60s\ndelete_on_stop = true\n",
            serverurl=server.url,
            rpc_timeout="300s",
        )
        place.state.prepare()
        took = []

        async def story() -> None:
            composition = await Composition.build(place.settings(), place.state)
            running = asyncio.ensure_future(composition.application.run())
            await until(lambda: bool(gateway.pushes))
            running.cancel()
            began = time.monotonic()
            await composition.close()
            took.append(time.monotonic() - began)
            server.closing.set()
            gateway.ended.set()

        asyncio.run(story())

    # far from the timeouts above, near to the limit: the machine may do much else
    assert took[0] < CLOSE_SECONDS + 20
    assert place.state.history.exists()
