"""The words of the configuration: text to values. No I/O here.

Every converter takes the text of one value and returns what it means, or raises ValueError with
"expected ..., found ...". Booleans, sizes and addresses are read as Supervisor reads its own, so
that one spelling holds in the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Callable, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import attrs

from supervisor_maint import durations
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.supervisord.server_url import ServerUrl

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
# As supervisor.datatypes has them, which a test holds them against: to load that module takes
# the listener 1.2 MB.
_TRUE = frozenset({"yes", "true", "on", "1"})
_FALSE = frozenset({"no", "false", "off", "0"})
_BYTES = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
_PORTS = range(1, 65536)
_LABEL_MAX = 200  # a grouping value is a part of the Pushgateway's URL path


def refusal(expected: str, found: str) -> ValueError:
    """Make the error of every converter: what was expected and what was found."""
    return ValueError(f"expected {expected}, found {found!r}")


def text(found: str) -> str:
    """Read any text but none."""
    if not found:
        raise refusal("a value", found)
    return found


def boolean(text: str) -> bool:
    """Read Supervisor's booleans: true, yes, on, 1; false, no, off, 0."""
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise refusal("true or false (yes, on, 1; no, off, 0)", text)


def byte_size(text: str, *, minimum: int = 0) -> int:
    """Read bytes with Supervisor's suffixes KB, MB, GB, of 1024 each."""
    unit = _BYTES.get(text[-2:].lower())
    try:
        size = int(text) if unit is None else int(text[:-2]) * unit
    except ValueError:
        size = -1
    if size < minimum:
        least = f" of at least {minimum}" if minimum else ""
        raise refusal(f"a number of bytes{least} such as 512KB, 50MB or 1GB", text)
    return size


def duration(text: str, *, minimum: float = 0.0, maximum: float = float("inf")) -> float:
    """Read seconds: a number with s, m, h, d or w, or bare seconds."""
    seconds = durations.seconds(text)
    if seconds is None:
        raise refusal("a duration such as 10s, 5m, 2h or 90d", text)
    if not minimum <= seconds <= maximum:
        upper = "" if maximum == float("inf") else f" and at most {maximum:g}s"
        raise refusal(f"a duration of at least {minimum:g}s{upper}", text)
    return seconds


def choice(words: Mapping[str, T]) -> Callable[[str], T]:
    """Make a converter that knows these words, in any case."""

    def convert(text: str) -> T:
        try:
            return words[text.lower()]
        except KeyError:
            raise refusal("one of " + ", ".join(words), text) from None

    return convert


def label(text: str) -> str:
    """Read a label value: printable, not empty, and not ``.`` or ``..``.

    The Pushgateway answers those two with a redirect, for they are path segments.
    """
    if not text or not text.isprintable() or text in {".", ".."} or len(text) > _LABEL_MAX:
        raise refusal(f"1 to {_LABEL_MAX} printable characters other than '.' and '..'", text)
    return text


def name(text: str) -> str:
    """Read a name: letters, digits, ``_``, ``-`` and ``.``."""
    if not _NAME.fullmatch(text):
        raise refusal("a name of letters, digits, '_', '-' and '.'", text)
    return text


def path(text: str) -> Path:
    """Read an absolute path."""
    found = Path(text)
    if not found.is_absolute() or "\0" in text:
        raise refusal("an absolute path (%(here)s/NAME for one beside this file)", text)
    return found


def zone(text: str) -> ZoneInfo:
    """Read an IANA time zone."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        # OSError: ZoneInfo opens a folder for "America" on some Pythons (bpo-41530).
        hint = nearest(text, available_timezones())
        known = f" ({hint!r}?)" if hint else ""
        raise refusal(f"an IANA time zone such as Asia/Tokyo{known}", text) from None


def url(text: str) -> str:
    """Read an http or https URL, without user and password and without a query."""
    if "@" in text:  # anywhere: a password may hold a slash, and the scheme be forgotten
        raise ValueError(
            "expected a URL without user and password, found both: use username and password_file"
        )
    if _scheme(text) not in {"http", "https"} or "?" in text or "#" in text:
        raise refusal("a URL such as http://gateway:9091", text)
    return text


def server_url(text: str) -> str:
    """Read where supervisord listens: ``unix:///path`` or ``http://host:port``."""
    ServerUrl.parse(text)
    return text


def _scheme(text: str) -> str | None:
    """Return the scheme of a URL, or None when there is no host or a bad port."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", text)
    except ValueError:  # a port that is no number, a broken IPv6 address
        return None
    return parts.scheme if usable else None


@attrs.frozen
class Address:
    """Where to listen: a host (``0.0.0.0`` for every interface of IPv4) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address(text: str) -> Address:
    """Read ``host:port``; ``*:port`` and ``:port`` mean every interface, as in Supervisor."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    number = int(port) if port.isdecimal() else 0
    if not colon or number not in _PORTS or (":" in host and not bracketed):
        raise refusal("HOST:PORT such as 127.0.0.1:9910", text)
    host = host[1:-1] if bracketed else host.lower()
    return Address("0.0.0.0" if host in {"", "*"} else host, number)  # noqa: S104 - as asked


def patterns(text: str) -> tuple[str, ...]:
    """Read names and globs, parted by commas or white space, without repeats."""
    found = tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))
    if not found:
        raise refusal("names or patterns such as web:*, worker", text)
    return found
