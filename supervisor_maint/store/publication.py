"""What the listener tells everybody who may read its state directory: one JSON file.

The listener replaces it whole; a client or a plug-in reads it and never writes. It outlives a
listener that was killed, so ``heartbeat_at`` and the lock say whether it is still true.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import attrs

from supervisor_maint.errors import ListenerAbsent, StoreError
from supervisor_maint.store import documents, files

if TYPE_CHECKING:
    from supervisor_maint.store.requests import Answer

T = TypeVar("T")

ANSWER_SECONDS = 5.0
# A listener holds the state a second or two before it has anything to tell.
_START_SECONDS = 5.0
# 20 Hz: an answer is seen within 50 ms and costs a client's processor next to nothing.
_POLL_SECONDS = 0.05
_SIZE_LIMIT = 32 * 1024 * 1024


@attrs.frozen(kw_only=True, hash=False)
class Published:
    """What the listener last published; ``document`` is all of it, the rest what clients use."""

    document: Mapping[str, Any] = attrs.field(converter=documents.read_only)
    answers: Mapping[str, Answer] = attrs.field(converter=documents.read_only, factory=dict)
    pid: int | None = None
    version: str | None = None
    started_at: float | None = None
    published_at: float | None = None
    heartbeat_at: float | None = None

    @classmethod
    def parse(cls, text: str) -> Published:
        """Read the JSON text. Raises ValueError."""
        from supervisor_maint.store.requests import Answer

        document = documents.decode_document(text)
        answers = document.get("answers", {})
        try:
            known = {key: Answer(**answer) for key, answer in answers.items()}
        except (AttributeError, TypeError) as error:
            raise ValueError(f"expected answers with done, sentence and at: {error}") from error
        plain = ("pid", "version", "started_at", "published_at", "heartbeat_at")
        return cls(document=document, answers=known, **{name: document.get(name) for name in plain})


@attrs.frozen
class Publication:
    """The file, for both sides."""

    path: Path

    def publish(self, status: Mapping[str, Any]) -> None:
        """Replace what was published. Raises StoreError.

        ``answers`` maps a request's id to ``{"done": …, "sentence": …, "at": …}``.
        """
        content = documents.encode(status).encode("ascii")
        try:
            files.replace(self.path, content)
        except OSError as error:
            raise files.refusal(self.path, error) from error

    def read(self) -> Published:
        """Read what was published. Raises ListenerAbsent when nothing was, and StoreError."""
        return self._read(Published.parse)

    def read_document(self) -> Mapping[str, Any]:
        """Read it for a look at what the listener knows, without the answers to requests.

        Raises as ``read`` does.
        """
        return self._read(documents.decode_document)

    def _read(self, parse: Callable[[str], T]) -> T:
        try:
            with files.opened_directory(self.path.parent) as directory:
                content, _ = files.read(self.path.name, directory, size_limit=_SIZE_LIMIT)
        except FileNotFoundError as error:
            raise ListenerAbsent(
                f"no listener has published anything in {self.path.parent}"
            ) from error
        except OSError as error:
            raise files.refusal(self.path, error) from error
        try:
            return parse(content.decode("utf-8"))
        except ValueError as error:
            raise StoreError(f"{self.path}: expected a published status: {error}") from error

    def of_listener(
        self,
        pid: int,
        *,
        timeout_seconds: float = _START_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Published:
        """Read what the listener with this pid published; one that has just begun is waited for.

        Returns what an earlier one told when it takes longer. Raises as ``read`` does.
        """
        deadline = monotonic() + timeout_seconds
        while not self._is_of(pid) and monotonic() < deadline:
            sleep(_POLL_SECONDS)
        return self.read()

    def _is_of(self, pid: int) -> bool:
        try:
            return pid == self.read_document().get("pid")
        except ListenerAbsent:
            return False  # the very first one

    def wait_for(
        self,
        request_id: str,
        *,
        timeout_seconds: float = ANSWER_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Answer:
        """Wait until the listener has answered a request.

        Raises ListenerAbsent when it does not in time. The request should then be withdrawn.
        """
        deadline = monotonic() + timeout_seconds
        while True:
            answer = self._answer(request_id)
            if answer is not None:
                return answer
            if monotonic() >= deadline:
                raise ListenerAbsent(
                    f"the listener did not answer in {timeout_seconds:g} s; nothing was changed"
                )
            sleep(_POLL_SECONDS)

    def _answer(self, request_id: str) -> Answer | None:
        try:
            return self.read().answers.get(request_id)
        except ListenerAbsent:
            return None  # it starts, and has not published yet
