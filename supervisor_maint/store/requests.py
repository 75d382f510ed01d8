"""What people ask of the listener, as values. No I/O here.

A request comes as a small file (``mailbox``) or as the body of a remote communication event.
It expires: an event sent while the listener was stopped is delivered when it comes back, hours
later.
"""

from __future__ import annotations

import contextlib
import enum
import math
import re
from typing import Any

import attrs

from supervisor_maint.store import documents

# An id becomes a file name, so nothing in it may lead anywhere else.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FIELDS = ("id", "verb", "args", "asked_by", "expires_at")


class Verb(enum.Enum):
    """What the listener can be asked to do."""

    RUN = "run"
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    ACCEPT = "accept"
    RELOAD = "reload"


def _check_id(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(
            f"expected as id 1 to 64 letters, digits, '-' and '_', the first no sign, "
            f"found {value!r}"
        )


def _as_verb(value: Any) -> Verb:
    try:
        return Verb(value)
    except ValueError:
        known = ", ".join(verb.value for verb in Verb)
        raise ValueError(f"expected as verb one of {known}, found {value!r}") from None


def _as_args(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    raise ValueError(f"expected as args a JSON object, found {value!r}")


def _check_text(_: object, attribute: attrs.Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected as {attribute.name} a text, found {value!r}")


def _as_instant(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    with contextlib.suppress(OverflowError):  # an integer of 400 digits
        if is_number and math.isfinite(value):
            return float(value)
    raise ValueError(f"expected as expires_at seconds since the epoch, found {value!r:.40}")


@attrs.frozen(kw_only=True)
class Request:
    """One thing somebody asks for; ``expires_at`` is in seconds since the epoch."""

    id: str = attrs.field(validator=_check_id)
    verb: Verb = attrs.field(converter=_as_verb)
    args: dict[str, Any] = attrs.field(converter=_as_args, factory=dict, hash=False)
    asked_by: str = attrs.field(validator=_check_text)
    expires_at: float = attrs.field(converter=_as_instant)

    def expired(self, now: float) -> bool:
        """Tell whether it came too late to be carried out."""
        return now > self.expires_at


@attrs.frozen(kw_only=True)
class Rejected:
    """Something that was no request: where it came from, and the reason as a sentence."""

    source: str
    reason: str


def encode(request: Request) -> str:
    """Return the JSON text of a request. Raises ValueError when its args are not JSON."""
    return documents.encode({**attrs.asdict(request), "verb": request.verb.value})


def decode(text: str, source: str = "event") -> Request | Rejected:
    """Read the JSON text of a request, strictly; what is none comes back as ``Rejected``."""
    try:
        document = documents.decode_document(text)
        _check_fields(document)
        return Request(**document)
    except ValueError as error:
        return Rejected(source=source, reason=f"{source} holds no request: {error}")


def _check_fields(document: documents.Document) -> None:
    missing = [name for name in _FIELDS if name not in document]
    unknown = sorted(set(document) - set(_FIELDS))
    if missing:
        raise ValueError(f"expected the fields {', '.join(_FIELDS)}, missing {', '.join(missing)}")
    if unknown:
        raise ValueError(f"expected the fields {', '.join(_FIELDS)}, found also {unknown[0]!r}")


@attrs.frozen(kw_only=True)
class Answer:
    """What became of a request, as one sentence; ``at`` is in seconds since the epoch.

    ``run_id`` is that of the planned run it was about, if it was about one.
    """

    done: bool = attrs.field(validator=attrs.validators.instance_of(bool))
    sentence: str = attrs.field(validator=attrs.validators.instance_of(str))
    at: float
    run_id: str | None = None
