"""What a pass over the policy did, as a value and as a JSON document. No I/O here.

Everything is counted, and ``PATHS_LISTED`` paths are listed, the first of each rule, so that a
pass over a million drifted files needs no more memory than one over a thousand.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

VERSION = 1
PATHS_LISTED = 1000
# A path may have 4095 bytes, and be sixteen thousand characters when it is escaped.
_SHOWN_AT_EACH_END = 500


class Result(enum.Enum):
    """What became of a path that was not as it should be, in the words of the report."""

    FIXED = "fixed"
    WOULD_FIX = "would fix"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen(kw_only=True)
class PathResult:
    """One path that was not as it should be: ``had`` and ``wanted`` are ``0644 root:root``.

    ``path`` is safe to print (``printable``). ``reason`` is empty for what was fixed.
    """

    rule: str
    path: str
    had: str
    wanted: str
    result: Result
    reason: str = ""


@attrs.frozen(kw_only=True)
class RuleResult:
    """What a rule met. ``problem`` is a sentence about the rule as a whole.

    ``failed`` and ``skipped`` differ in who should act: what failed is drift that stays. Of the
    skipped, ``links`` are symbolic links that were met on the way: no drift, and not listed.
    ``fixed_digest`` is equal for two passes that mended the same paths, in whatever order, and
    empty when nothing was mended. (A checksum: it tells churn, and proves nothing.)
    """

    rule: str
    ok: int = 0
    fixed: int = 0
    would_fix: int = 0
    failed: int = 0
    skipped: int = 0
    links: int = 0
    problem: str | None = None
    fixed_digest: str = ""

    @property
    def seen(self) -> int:
        """How many paths the rule decided about."""
        return self.ok + self.fixed + self.would_fix + self.failed + self.skipped


@attrs.frozen(kw_only=True)
class PassReport:
    """A pass from its start to its end, in seconds since the epoch; rules in the policy's order."""

    started_at: float
    ended_at: float
    is_dry_run: bool
    is_root: bool
    rules: tuple[RuleResult, ...]
    paths: tuple[PathResult, ...] = ()
    paths_left_out: int = 0

    @property
    def has_drift(self) -> bool:
        """Tell whether anything was, or still is, not as the policy wants it."""
        return any(
            rule.fixed or rule.would_fix or rule.failed or rule.problem for rule in self.rules
        )

    @property
    def has_trouble(self) -> bool:
        """Tell whether something could not be done."""
        return any(rule.failed or rule.problem for rule in self.rules)

    def as_document(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        document = attrs.asdict(self, value_serializer=_plain)
        return {"version": VERSION, **document}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PassReport:
        """Read what ``as_document`` wrote. Raises ValueError with a sentence.

        What a later release has added is passed over: between an upgrade and its next start a
        listener is older than the passes it begins. What means something else has another version.
        """
        version = document.get("version")
        if version != VERSION:
            raise ValueError(f"expected version {VERSION} of a pass report, found {version!r}")
        fields = _known(cls, document)
        try:
            fields["rules"] = tuple(
                RuleResult(**_known(RuleResult, rule)) for rule in fields["rules"]
            )
            fields["paths"] = tuple(_path_result(path) for path in fields["paths"])
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"expected a pass report, found another document: {error}") from None


def _plain(_instance: object, _field: object, value: Any) -> Any:
    return value.value if isinstance(value, Result) else value


def _path_result(document: Mapping[str, Any]) -> PathResult:
    return PathResult(**{**_known(PathResult, document), "result": Result(document["result"])})


def _known(kind: type[attrs.AttrsInstance], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a document are fields of this kind."""
    names = {field.name for field in attrs.fields(kind)}
    return {name: value for name, value in document.items() if name in names}


def printable(path: str) -> str:
    r"""Write a path so that a terminal and a log line can show it, and so that it stays one path.

    What does not print is escaped as Python and ``ls --escape`` do: a line feed is ``\n``, a byte
    that is no UTF-8 is ``\xff``, a backslash is doubled. Of a path that is very long the beginning
    and the end are written, with ``…`` between.
    """
    if len(path) > 2 * _SHOWN_AT_EACH_END:
        path = f"{path[:_SHOWN_AT_EACH_END]}…{path[-_SHOWN_AT_EACH_END:]}"
    if path.isprintable() and "\\" not in path:
        return path
    return "".join(_printable(char) for char in path)


def _printable(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # what os.fsdecode makes of a byte that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    if char.isprintable() and char != "\\":
        return char
    return char.encode("unicode_escape").decode("ascii")


@attrs.define
class Tally:
    """Counts what a rule meets, and lists the first paths of it.

    ``is_missing`` when the path itself is not there, and ``is_there`` when something is that the
    rule is about, though it be a later rule's.
    ``lacking`` counts by who could mend it what could not be mended for want of rights.
    """

    rule: str
    ok: int = 0
    counts: dict[Result, int] = attrs.field(factory=lambda: dict.fromkeys(Result, 0))
    links: int = 0
    problem: str | None = None
    is_missing: bool = False
    is_there: bool = False
    lacking: dict[str, int] = attrs.field(factory=dict)
    paths: list[PathResult] = attrs.field(factory=list)
    checksum: int = 0

    @property
    def has_room(self) -> bool:
        """Tell whether a further path can be listed."""
        return len(self.paths) < PATHS_LISTED

    def count(self, result: Result, path: str) -> None:
        """Count a path that was not as it should be."""
        self.counts[result] += 1
        if result is Result.FIXED:
            self.checksum += zlib.crc32(path.encode("utf-8"))

    def count_link(self) -> None:
        """Count a symbolic link that is left alone, and is not to be listed."""
        self.counts[Result.SKIPPED] += 1
        self.links += 1

    @property
    def to_list(self) -> int:
        """How many paths would be listed if there were room for all."""
        return sum(self.counts.values()) - self.links

    def lack(self, who: str | None) -> None:
        """Count a path that only somebody else can mend; None for one that we could."""
        if who is not None:
            self.lacking[who] = self.lacking.get(who, 0) + 1

    def add_all(self, other: Mapping[str, Any]) -> None:
        """Add what another tally of the same rule counted, as its ``as_document`` told."""
        self.ok += other["ok"]
        for result in Result:
            self.counts[result] += other["counts"][result.value]
        self.links += other["links"]
        self.problem = self.problem or other["problem"]
        self.is_there = self.is_there or other["is_there"]
        for who, count in other["lacking"].items():
            self.lacking[who] = self.lacking.get(who, 0) + count
        self.paths += [_path_result(path) for path in other["paths"]]
        self.checksum += other["checksum"]

    def as_document(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        return {
            "ok": self.ok,
            "counts": {result.value: count for result, count in self.counts.items()},
            "links": self.links,
            "problem": self.problem,
            "is_there": self.is_there,
            "lacking": self.lacking,
            "paths": [attrs.asdict(path, value_serializer=_plain) for path in self.paths],
            "checksum": self.checksum,
        }

    @property
    def result(self) -> RuleResult:
        """What the rule met until now."""
        return RuleResult(
            rule=self.rule,
            ok=self.ok,
            fixed=self.counts[Result.FIXED],
            would_fix=self.counts[Result.WOULD_FIX],
            failed=self.counts[Result.FAILED],
            skipped=self.counts[Result.SKIPPED],
            links=self.links,
            problem=self.problem or self._what_it_needs,
            fixed_digest=f"{self.checksum:x}" if self.checksum else "",
        )

    @property
    def _what_it_needs(self) -> str | None:
        if not self.lacking:
            return None
        paths = sum(self.lacking.values())
        who = " or ".join(sorted(self.lacking)) if len(self.lacking) == 1 else "root"
        return (
            f"{paths} {'path needs' if paths == 1 else 'paths need'} {who}: "
            "run supervisor-maint permissions as root"
        )


def listed(tallies: Sequence[Tally]) -> tuple[tuple[PathResult, ...], int]:
    """Return the paths to list, sorted within each rule, and how many are left out."""
    found = [path for tally in tallies for path in sorted(tally.paths, key=lambda p: p.path)]
    kept = shortened(found, PATHS_LISTED)
    return kept, sum(tally.to_list for tally in tallies) - len(kept)


def shortened(paths: Iterable[PathResult], most: int) -> tuple[PathResult, ...]:
    """Return at most so many of the paths, the first of each rule, in the order they had.

    Every rule has an equal share, and what one does not need is left to the others: a rule with
    a million drifted files hides no other rule.
    """
    by_rule: dict[str, list[PathResult]] = {}
    for path in paths:
        by_rule.setdefault(path.rule, []).append(path)
    shares = _shares({rule: len(found) for rule, found in by_rule.items()}, most)
    return tuple(path for rule, found in by_rule.items() for path in found[: shares[rule]])


def _shares(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """Divide ``most`` so that nobody has less than another who wants no more than he."""
    shares: dict[str, int] = {}
    for place, rule in enumerate(sorted(wanted, key=wanted.__getitem__)):
        shares[rule] = min(wanted[rule], most // (len(wanted) - place))
        most -= shares[rule]
    return shares
