"""Sinks that come, stay, change and go with the settings; and what goes wrong with that."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs
import pytest
from prometheus_client import CollectorRegistry

from supervisor_maint.cli.sinks import Outlets
from supervisor_maint.errors import SettingsError
from supervisor_maint.monitoring.facts import SinkStatus
from tests.fakes.commands import Place
from tests.fakes.gateway import FakeGateway
from tests.fakes.waiting import until
from tests.fakes.xmlrpc_server import free_port

DEADLINE_SECONDS = 60


@attrs.define
class Scene:
    """The sinks of a place."""

    place: Place
    outlets: Outlets

    async def open(self, sections: str) -> None:
        """Have these sections in the settings."""
        await self.outlets.open(self.place.write(sections).settings())

    @property
    def names(self) -> list[str]:
        return [delivery.name for delivery in self.outlets.deliveries]

    async def deliver(self, report: bytes) -> None:
        """Hand a report to every sink and wait until each has taken it."""
        for delivery in self.outlets.deliveries:
            taken = delivery.status().ok
            delivery.submit(report)
            await until(lambda: delivery.status().ok > taken)  # noqa: B023 - awaited at once


async def _at_once(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Scene], Coroutine[Any, Any, None]]], Scene]:
    """Return what tells a story, and closes every sink at its end."""

    def play(story: Callable[[Scene], Coroutine[Any, Any, None]]) -> Scene:
        outlets = Outlets(registry=CollectorRegistry(), compute=_at_once)
        scene = Scene(Place(tmp_path), outlets)

        async def run() -> None:
            try:
                await asyncio.wait_for(story(scene), DEADLINE_SECONDS)
            finally:
                await outlets.close()

        asyncio.run(run())
        return scene

    return play


def textfile(path: Path, name: str = "", **keys: str) -> str:
    lines = [f"[sink:textfile{name}]", f"path = {path}", *(f"{k} = {v}" for k, v in keys.items())]
    return "\n".join(lines) + "\n"


def pushgateway(gateway: FakeGateway, name: str = "", **keys: str) -> str:
    lines = [f"[sink:pushgateway{name}]", f"url = {gateway.url}", "instance = web01"]
    return "\n".join([*lines, *(f"{k} = {v}" for k, v in keys.items())]) + "\n"


def http(port: int, name: str = "") -> str:
    return f"[sink:http{name}]\nlisten = 127.0.0.1:{port}\n"


def is_served(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def is_served_from_outside(port: int) -> bool:
    return await asyncio.get_running_loop().run_in_executor(None, is_served, port)


def test_each_kind_of_sink(play: Any, tmp_path: Path) -> None:
    """Every kind is opened, any number at once, and takes reports."""

    async def story(scene: Scene) -> None:
        port = free_port()
        with FakeGateway() as gateway:
            await scene.open(
                textfile(tmp_path / "a.prom")
                + textfile(tmp_path / "b.prom", ":second")
                + pushgateway(gateway)
                + http(port)
            )
            await scene.deliver(b"report\n")
            assert await is_served_from_outside(port)
        assert [b"report\n"] == [push.body for push in gateway.pushes]

    scene = play(story)

    assert ["textfile", "textfile:second", "pushgateway", "http"] == scene.names
    assert b"report\n" == (tmp_path / "a.prom").read_bytes() == (tmp_path / "b.prom").read_bytes()


def test_unchanged_sink_is_kept(play: Any, tmp_path: Path) -> None:
    """A section that did not change keeps its sink and its counts when others come and go."""

    async def story(scene: Scene) -> None:
        kept = textfile(tmp_path / "a.prom")
        await scene.open(kept + textfile(tmp_path / "b.prom", ":b"))
        await scene.deliver(b"1\n")
        delivery = scene.outlets.deliveries[0]
        await scene.open(textfile(tmp_path / "c.prom", ":c") + kept)
        assert delivery is scene.outlets.deliveries[1]

    scene = play(story)

    assert [0, 1] == [delivery.status().ok for delivery in scene.outlets.deliveries]


def test_counts_go_on(play: Any, tmp_path: Path) -> None:
    """A sink that changed goes on counting where the one of its name was."""

    async def story(scene: Scene) -> None:
        scene.outlets.counted["textfile"] = SinkStatus(ok=40)
        await scene.open(textfile(tmp_path / "a.prom"))
        await scene.deliver(b"1\n")
        await scene.open(textfile(tmp_path / "b.prom"))

    assert 41 == play(story).outlets.deliveries[0].status().ok


def test_nothing_changes_when_one_cannot_be_opened(play: Any, tmp_path: Path) -> None:
    """When a sink cannot be opened, every old one goes on and no new one is left open."""

    async def story(scene: Scene) -> None:
        old, new = free_port(), free_port()
        before = textfile(tmp_path / "a.prom", delete_on_stop="true") + http(old)
        await scene.open(before)
        await scene.deliver(b"1\n")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            wanted = (
                textfile(tmp_path / "a.prom", ":renamed", delete_on_stop="true")
                + http(old, ":renamed")
                + http(new, ":new")
                + http(taken.getsockname()[1], ":taken")
            )
            with pytest.raises(SettingsError, match=r"maint.conf: \[sink:http:taken\]: cannot"):
                await scene.open(wanted)
        assert ["textfile", "http"] == scene.names
        assert await is_served_from_outside(old)
        await until_not(lambda: is_served(new))
        await scene.deliver(b"2\n")
        assert b"2\n" == (tmp_path / "a.prom").read_bytes()

    play(story)


async def until_not(condition: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, condition):
        await asyncio.sleep(0.01)


def test_endpoint_is_renamed(play: Any) -> None:
    """An endpoint whose address stays goes on serving under its new name."""

    async def story(scene: Scene) -> None:
        port = free_port()
        await scene.open(http(port))
        await scene.open(http(port, ":scrape"))
        assert await is_served_from_outside(port)
        await scene.deliver(b"1\n")

    assert ["http:scrape"] == play(story).names


def test_removed_endpoint_is_closed(play: Any) -> None:
    """An endpoint that is no longer in the settings listens no more."""

    async def story(scene: Scene) -> None:
        port = free_port()
        await scene.open(http(port))
        await scene.open("")
        await until_not(lambda: is_served(port))

    assert [] == play(story).names


def test_changed_sink_deletes_before_it_writes(play: Any) -> None:
    """A gateway whose options change may delete the group once, before the first new report."""

    async def story(scene: Scene) -> None:
        with FakeGateway() as gateway:
            await scene.open(pushgateway(gateway, delete_on_stop="true"))
            await scene.deliver(b"1\n")
            await scene.open(pushgateway(gateway, timeout="2s"))
            await scene.deliver(b"2\n")
        assert ["PUT", "DELETE", "PUT"] == [push.method for push in gateway.pushes]

    play(story)


def test_removed_sink_leaves_as_it_was_told(play: Any, tmp_path: Path) -> None:
    """With delete_on_stop the file goes with its section; the other one stays."""

    async def story(scene: Scene) -> None:
        await scene.open(
            textfile(tmp_path / "a.prom", delete_on_stop="true")
            + textfile(tmp_path / "b.prom", ":b")
        )
        await scene.deliver(b"1\n")
        await scene.open("")
        await until(lambda: not (tmp_path / "a.prom").exists())

    play(story)

    assert (tmp_path / "b.prom").exists()


def test_random_instance_is_warned_of(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An instance that looks like a container's random name is warned of."""

    async def story(scene: Scene) -> None:
        with FakeGateway() as gateway:
            section = pushgateway(gateway).replace("web01", "0123456789ab")
            await scene.open(section)

    play(story)

    assert "instance '0123456789ab' looks like a random container name" in caplog.text


def test_sink_that_cannot_leave_is_told(
    play: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A sink that fails to close is a line in the log, and keeps nothing else from closing."""

    async def story(scene: Scene) -> None:
        (tmp_path / "a.prom").mkdir()
        await scene.open(textfile(tmp_path / "a.prom", delete_on_stop="true"))

    play(story)

    assert "cannot leave a sink cleanly: cannot remove" in caplog.text
