"""When a restarted process counts as back: what to ask it, and what the answer has to be.

No I/O here: asking is the shell's work, one question at a time (``actions.CheckReady``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import attrs
from attrs.validators import and_, deep_iterable, ge, gt, instance_of, min_len

from supervisor_maint.maintenance import patterns, templates
from supervisor_maint.maintenance.documents import revived_by
from supervisor_maint.processes import Namespec

# How long one question may take: less than a process needs to be called not ready, and more
# than an answer takes from a busy one.
PROBE_SECONDS = 5.0
_HOST_PORT = re.compile(r"\[?[^\s\[\]]+\]?:\d{1,5}")
_PORTS = range(1, 65536)


class ProbeKind(enum.Enum):
    """How a process is asked."""

    HTTP = "http"
    TCP = "tcp"
    COMMAND = "command"


@attrs.frozen(kw_only=True)
class Probe:
    """One question: a URL to GET (2xx is yes), HOST:PORT to connect to, or a command (exit 0)."""

    kind: ProbeKind
    address: str


def _check_address(readiness: Readiness, _: object, address: str) -> None:
    templates.check(address)
    _check_filled(readiness.kind, templates.fill(address, "name1"))


def _check_filled(kind: ProbeKind, address: str) -> None:
    if kind is ProbeKind.HTTP and not _is_url(address):
        raise ValueError(f"expected a URL such as http://127.0.0.1:8000/healthz, found {address!r}")
    if kind is ProbeKind.TCP and not _is_host_port(address):
        raise ValueError(f"expected HOST:PORT such as 127.0.0.1:8000, found {address!r}")
    if not address.strip():
        raise ValueError("expected a command, found none")


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number or too big, a broken IPv6 address
        return False
    return usable and parts.scheme in ("http", "https") and not re.search(r"\s", address)


def _is_host_port(address: str) -> bool:
    port = address.rpartition(":")[2]
    return _HOST_PORT.fullmatch(address) is not None and int(port) in _PORTS


@attrs.frozen(kw_only=True)
class Readiness:
    """A readiness check for the processes that ``programs`` mean (see ``patterns``).

    A process is ready after ``successes`` good answers in a row, ``interval_seconds`` apart. It
    has ``timeout_seconds`` from RUNNING on. ``address`` is a template (see ``templates``).
    """

    name: str = attrs.field(validator=min_len(1))
    programs: tuple[str, ...] = attrs.field(
        validator=deep_iterable(min_len(1), and_(instance_of(tuple), min_len(1)))
    )
    kind: ProbeKind = attrs.field(metadata=revived_by(ProbeKind))
    address: str = attrs.field(validator=_check_address)
    timeout_seconds: float = attrs.field(default=60.0, validator=gt(0))
    # A quarter of a second: what a process is waited for needlessly is an eighth on average.
    interval_seconds: float = attrs.field(default=0.25, validator=gt(0))
    successes: int = attrs.field(default=1, validator=ge(1))

    def covers(self, namespec: Namespec) -> bool:
        """Tell whether the check is meant for a process."""
        return patterns.first_match(self.programs, namespec) is not None

    def probe(self, namespec: Namespec) -> Probe:
        """Return the question for a process. Raises ValueError when its name has no digits."""
        address = templates.fill(self.address, namespec.name)
        _check_filled(self.kind, address)
        return Probe(kind=self.kind, address=address)


def find(checks: Iterable[Readiness], namespec: Namespec) -> Readiness | None:
    """Return the first check that is meant for a process, or None."""
    return next((check for check in checks if check.covers(namespec)), None)


def problems(checks: Iterable[Readiness], namespecs: Iterable[Namespec]) -> tuple[str, ...]:
    """Return a sentence for every process that its check cannot be filled for."""
    found = []
    known = tuple(checks)
    for namespec in namespecs:
        check = find(known, namespec)
        try:
            if check is not None:
                check.probe(namespec)
        except ValueError as error:
            found.append(f"[readiness:{check.name if check else ''}] {namespec}: {error}")
    return tuple(found)
