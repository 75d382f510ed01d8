"""Matchers of Alertmanager: which alerts are meant, by their labels. No I/O here.

They are written as Alertmanager's own: ``severity="critical"``, ``instance=~"web01(:.*)?"``;
several, parted by commas or lines, must all match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from supervisor_maint.monitoring import placeholders

_SEPARATOR = re.compile(r"[\s,]*")
_MATCHER = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*"
    r"(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^\s,\"{}=~][^\s,\"{}]*))(?=[\s,]|$)"
)
_ESCAPED = re.compile(r"\\([\"\\n])")
# What Alertmanager's expressions have not, though Python's have.
# Source: https://github.com/google/re2/wiki/Syntax
_NOT_RE2 = re.compile(r"(?:^|[^\\])(?:\\\\)*(?:\(\?(?:<?[=!]|P=|\()|\\[1-9])")
# What nobody names: an expression that fits all of these was written to fit everything.
_STRANGERS = ("-", "0", "zz.stranger.invalid:65535")


@attrs.frozen
class Matcher:
    """One matcher, as API v2 has it."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __attrs_post_init__(self) -> None:
        if self.is_regex:
            try:
                re.compile(self.value)
            except re.error as error:
                raise ValueError(
                    f"expected a regular expression for {self.name}, found {self.value!r}: {error}"
                ) from None
            if _NOT_RE2.search(self.value):
                raise ValueError(
                    "expected a regular expression as Alertmanager has them, with no look-around "
                    f"or back-reference, for {self.name}, found {self.value!r}"
                )

    def __str__(self) -> str:
        operator = f"{'=' if self.is_equal else '!'}{'~' if self.is_regex else '='}"
        shown = "=" if operator == "==" else operator
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{shown}"{value}"'

    def of(self, instance: str) -> Matcher:
        """Return it with the instance in its place."""
        put = re.escape(instance) if self.is_regex else instance
        return attrs.evolve(self, value=placeholders.fill(self.value, put))

    def fits(self, value: str) -> bool:
        """Tell whether a label value matches; a label that is not there has the empty one."""
        if self.is_regex:
            return (re.fullmatch(self.value, value) is not None) is self.is_equal
        return (value == self.value) is self.is_equal

    @property
    def is_narrow(self) -> bool:
        """Tell whether it names something: it is positive, and does not fit just anything."""
        is_open = self.fits("") or all(self.fits(stranger) for stranger in _STRANGERS)
        return self.is_equal and not is_open

    def to_document(self) -> dict[str, object]:
        """Return it as API v2 takes it."""
        return {
            "name": self.name,
            "value": self.value,
            "isRegex": self.is_regex,
            "isEqual": self.is_equal,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Matcher:
        """Read what API v2 returns. Raises KeyError or ValueError for nonsense."""
        return cls(
            name=str(document["name"]),
            value=str(document["value"]),
            is_regex=bool(document["isRegex"]),
            is_equal=bool(document.get("isEqual", True)),
        )


Matchers = tuple[Matcher, ...]


def parse(text: str) -> Matchers:
    """Read matchers. Raises ValueError, also for a name in braces that stands for nothing."""
    inside = text.strip()
    if inside.startswith("{") and inside.endswith("}"):
        inside = inside[1:-1].strip()
    found: list[Matcher] = []
    place = _skip(inside, 0)
    while place < len(inside):
        match = _MATCHER.match(inside, place)
        if match is None:
            raise ValueError(
                'expected matchers such as severity="critical", instance=~"web01(:.*)?", found '
                f"{inside[place:]!r}"
            )
        found.append(_matcher(match))
        place = _skip(inside, match.end())
    if not found:
        raise ValueError(f'expected matchers such as severity="critical", found {text!r}')
    return tuple(found)


def _skip(text: str, place: int) -> int:
    separator = _SEPARATOR.match(text, place)
    return place if separator is None else separator.end()


def _matcher(match: re.Match[str]) -> Matcher:
    quoted, operator = match["quoted"], match["operator"]
    value = match["bare"] if quoted is None else _ESCAPED.sub(_unescaped, quoted)
    placeholders.check(value)
    return Matcher(match["name"], value, operator.endswith("~"), not operator.startswith("!"))


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def check_narrow(matchers: Sequence[Matcher]) -> None:
    """Refuse matchers that would mute the rest of the world. Raises ValueError.

    Alertmanager takes negative ones alone, and ``.+`` too.
    """
    if not any(matcher.is_narrow for matcher in matchers):
        shown = ", ".join(map(str, matchers))
        raise ValueError(
            "expected a matcher with = or =~ that names what is muted, such as "
            f'instance=~"{placeholders.INSTANCE}(:.*)?", found {shown!r}, which mutes everything '
            "else"
        )


def of_instance(matchers: Sequence[Matcher], instance: str) -> Matchers:
    """Return matchers with the instance in its place."""
    return tuple(matcher.of(instance) for matcher in matchers)
