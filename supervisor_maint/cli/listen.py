"""``supervisor-maint listen``: the event listener that supervisord starts."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, find_config
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from supervisor_maint.app.application import Application
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
        lock = state.lock()
    except MaintError as error:
        return complain(error.msg, code=2)
    with lock:
        code = asyncio.run(_listen(pipes, settings, state))
    logging.shutdown()
    sys.stderr.flush()
    # A sink that hangs has a thread that Python would wait for, and supervisord would not.
    os._exit(code)


def _settings(args: argparse.Namespace) -> Settings:
    from supervisor_maint.settings import load

    settings = load(find_config(args), environ=os.environ, now=time.time())
    logging.basicConfig(
        level=settings.maint.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
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


async def _listen(pipes: Pipes, settings: Settings, state: StateDir) -> int:
    from supervisor_maint.cli import complain
    from supervisor_maint.cli.composition import Composition
    from supervisor_maint.listener.loop import Listener
    from supervisor_maint.store.wake import Bell

    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    bell = Bell(state.wake)
    try:
        composition = await Composition.build(settings, state)
        bell.open()
    except MaintError as error:
        return complain(error.msg, code=2)
    app = composition.application
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _, context: app.survive(
            "callback", context.get("exception") or RuntimeError(context["message"])
        )
    )

    def ring() -> None:
        bell.drain()
        app.clerk.look_in_mailbox = True
        app.wake()

    def receive(event: Event) -> None:
        began = time.perf_counter()
        app.receive(event)
        composition.observe_duration(time.perf_counter() - began)

    def ask_for_reload() -> None:
        app.clerk.reload_wanted = True
        app.wake()

    loop.add_reader(bell.fileno(), ring)
    listener = Listener(pipes, receive, app.survive, ask_for_reload)
    try:
        await _until_ended(listener, app)
    except MaintError as error:
        return complain(error.msg, code=1)
    finally:
        await composition.close()
    return 0


async def _until_ended(listener: Listener, app: Application) -> None:
    """Run both until supervisord or somebody else ends the listener, or is itself shutting down.

    A turn under way gets a moment to end. Raises ProtocolError when the stream is broken.
    """
    listening = asyncio.ensure_future(listener.run())
    turning = asyncio.ensure_future(app.run())
    await asyncio.wait({listening, turning}, return_when=asyncio.FIRST_COMPLETED)
    app.stop()
    listener.stop()
    await asyncio.wait({turning}, timeout=LAST_TURN_SECONDS)
    turning.cancel()
    await listening
