"""How a client asks the listener for something and learns what became of it. No I/O here.

Leave the request, ring, wait for the answer; without one the request is taken back, so that
"nothing was changed" is true and stays true.
"""

from __future__ import annotations

from typing import Callable, Protocol

from supervisor_maint.errors import ListenerAbsent
from supervisor_maint.store.requests import Answer, Request


class Post(Protocol):
    """Where a request is left, and taken back."""

    def post(self, request: Request) -> None:
        """Leave a request."""
        ...

    def withdraw(self, request_id: str) -> bool:
        """Take a request back; False when the listener has it already."""
        ...


def ask(
    request: Request,
    *,
    mailbox: Post,
    ring: Callable[[], None],
    wait_for: Callable[[str], Answer],
) -> Answer:
    """Ask the listener and return its answer.

    Raises ListenerAbsent when there is none, or when it does not answer: the sentence says
    whether the request was taken back or may still be carried out.
    """
    mailbox.post(request)
    try:
        ring()
        return wait_for(request.id)
    except ListenerAbsent as absent:
        if mailbox.withdraw(request.id):
            raise
        raise ListenerAbsent(
            "the listener has taken the request and not answered yet; it may still be carried "
            "out: look with supervisor-maint status"
        ) from absent
    except BaseException:  # Ctrl-C too: what nobody waits for should not happen
        mailbox.withdraw(request.id)
        raise
