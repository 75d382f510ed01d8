"""Asking the listener for something, as the commands do."""

from __future__ import annotations

import functools
import getpass
import os
import secrets
import socket
import time
from typing import Any

from supervisor_maint.settings import Settings
from supervisor_maint.store import asking
from supervisor_maint.store.mailbox import Mailbox
from supervisor_maint.store.publication import Publication
from supervisor_maint.store.requests import Answer, Request, Verb
from supervisor_maint.store.state_dir import StateDir
from supervisor_maint.store.wake import ring

# What the listener has not seen by then is dropped: nobody waits for it any more.
EXPIRES_AFTER_SECONDS = 30.0


def request(settings: Settings, verb: Verb, **arguments: Any) -> int:
    """Ask, print the answer, and return 0 when it was carried out, else 1."""
    answer = ask(settings, verb, **arguments)
    print(answer.sentence)
    return 0 if answer.done else 1


def ask(settings: Settings, verb: Verb, **arguments: Any) -> Answer:
    """Ask the listener and return its answer. Raises ListenerAbsent."""
    state = StateDir(settings.maint.state_dir)
    return asking.ask(
        Request(
            id=secrets.token_hex(8),
            verb=verb,
            args=arguments,
            asked_by=f"{_user()}@{socket.gethostname()}",
            expires_at=time.time() + EXPIRES_AFTER_SECONDS,
        ),
        mailbox=Mailbox(state.requests),
        ring=functools.partial(ring, state.wake),
        wait_for=Publication(state.status).wait_for,
    )


def _user() -> str:
    """Name who asks: behind sudo, who called it; a uid that has no name in a container."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # which one depends on the Python
        return f"uid {os.getuid()}"
