"""``supervisor-maint listen``: the event listener that supervisord starts.

READY is said as soon as the settings are known to be good and the lock is ours; most of the
package is loaded after that, and what comes meanwhile is acknowledged and kept.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint.cli.arguments import add_command, add_config, find_config
from supervisor_maint.cli.connecting import server_url
from supervisor_maint.errors import MaintError, ProtocolError

if TYPE_CHECKING:
    from supervisor_maint.cli.composition import Composition
    from supervisor_maint.listener.events import Event
    from supervisor_maint.listener.guard import Pipes
    from supervisor_maint.listener.loop import Listener
    from supervisor_maint.settings import Settings
    from supervisor_maint.store.state_dir import StateDir

logger = logging.getLogger(__name__)

# While a thread parses a snapshot of 1000 processes, the loop gets its turn after 1 ms, not 5:
# an event is to be acknowledged in the meantime.
THREAD_SWITCH_SECONDS = 0.001
LAST_TURN_SECONDS = 0.2
# When all has ended before it began, what was acknowledged is saved if that takes no longer.
LATE_START_SECONDS = 0.2


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "listen",
        run,
        help="listen to supervisord's events; supervisord starts this, people do not",
        example="[eventlistener:maint]\n"
        "  command=supervisor-maint listen --config %(here)s/maint.conf",
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Listen until supervisord ends it; 2 when the listener cannot start as configured."""
    from supervisor_maint.cli import complain
    from supervisor_maint.listener.guard import own_protocol_pipes

    try:
        pipes = own_protocol_pipes()
        settings = _settings(args)
        state = _prepared_state(settings)
        state.lock()  # until the end of the process
    except MaintError as error:
        return complain(error.msg, code=2)
    code = asyncio.run(_listen(pipes, settings, state))
    logging.shutdown()
    sys.stderr.flush()
    # A sink that hangs has a thread that Python would wait for, and supervisord would not.
    os._exit(code)


def _settings(args: argparse.Namespace) -> Settings:
    from supervisor_maint.settings import load

    settings = load(find_config(args), environ=os.environ, now=time.time())
    server_url(settings)
    logging.basicConfig(
        level=settings.maint.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S %z",
        stream=sys.stderr,
    )
    # urllib3 says at warning and debug what the sinks say better
    logging.getLogger("urllib3").setLevel("CRITICAL")
    return settings


def _prepared_state(settings: Settings) -> StateDir:
    from supervisor_maint.store.state_dir import StateDir

    state = StateDir(settings.maint.state_dir)
    state.prepare()
    return state


@attrs.define
class _Reception:
    """Takes what the loop hands on from the first moment, and passes it to the application.

    Nothing that comes before there is one is lost.
    """

    _composition: Composition | None = None
    _early: list[Event] = attrs.field(factory=list)
    _reload_wanted: bool = False

    def open(self, composition: Composition) -> None:
        """Pass on what has come, and what comes."""
        self._composition = composition
        loop = asyncio.get_running_loop()
        for event in self._early:
            loop.call_soon(self.receive, event)  # before whatever is read from now on
        self._early.clear()
        if self._reload_wanted:
            self.reload()

    def receive(self, event: Event) -> None:
        if self._composition is None:
            self._early.append(event)
            return
        self._composition.collector.observe(max(time.time() - event.received_at, 0.0))
        self._composition.application.receive(event)

    def reload(self) -> None:
        if self._composition is None:
            self._reload_wanted = True
        else:
            self._composition.application.reload()

    def survive(self, where: str, error: BaseException) -> None:
        if self._composition is None:
            logger.error("unexpected error in %s, going on", where, exc_info=error)
        else:
            self._composition.application.survive(where, error)

    def survive_callback(self, _loop: object, context: dict[str, Any]) -> None:
        self.survive("callback", context.get("exception") or RuntimeError(context["message"]))


async def _listen(pipes: Pipes, settings: Settings, state: StateDir) -> int:
    from supervisor_maint.cli import complain
    from supervisor_maint.listener.loop import Listener

    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    reception = _Reception()
    asyncio.get_running_loop().set_exception_handler(reception.survive_callback)
    listener = Listener(pipes, reception.receive, reception.survive, reception.reload)
    listening = asyncio.ensure_future(listener.run())
    building = asyncio.ensure_future(_build(settings, state))
    await asyncio.wait({listening, building}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({building}, timeout=LATE_START_SECONDS)
    try:
        if building.done():
            composition = building.result()
            reception.open(composition)
            await _work(composition, listener, listening)
    except MaintError as error:
        return complain(error.msg, code=2)
    try:
        await listening
    except ProtocolError as error:
        return complain(error.msg, code=1)
    return 0


async def _build(settings: Settings, state: StateDir) -> Composition:
    """Load the rest of the package beside the loop, which goes on acknowledging, and build."""
    loading = ThreadPoolExecutor(1, "load")
    kind = await asyncio.get_running_loop().run_in_executor(loading, _composition)
    loading.shutdown(wait=False)
    composition = await kind.build(settings, state)
    # All that is loaded stays: to search it for garbage held up the loop for 19 ms each time.
    gc.freeze()
    return composition


def _composition() -> type[Composition]:
    from supervisor_maint.cli.composition import Composition

    return Composition


async def _work(
    composition: Composition, listener: Listener, listening: asyncio.Future[None]
) -> None:
    """Make turns until supervisord or somebody ends the listener, or is itself shutting down.

    A turn under way gets a moment to end.
    """
    application = composition.application
    turning = asyncio.ensure_future(application.run())
    await asyncio.wait({listening, turning}, return_when=asyncio.FIRST_COMPLETED)
    listener.stop()
    application.stop()
    await asyncio.wait({listening})
    # A second signal would end us in the middle of the last save, which is bounded as it is.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    await asyncio.wait({turning}, timeout=LAST_TURN_SECONDS)
    turning.cancel()
    await composition.close()
