"""The patterns of paths that rules are written in. Strings in, answers out; no I/O here.

``*``, ``?`` and ``[...]`` (``[!...]``) stand for characters of one name and never for a ``/``;
``**`` alone between slashes stands for any number of folders, none too, and at the end for
everything below. A dot at the beginning of a name is a character like any other: a policy that
passed over hidden files would be a hole. ``[*]`` is a star.

Names are what ``os.fsdecode`` makes of them: a byte that is not UTF-8 is one character, and so
is a line feed.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Callable, TypeVar, Union

import attrs

T = TypeVar("T")

_TOKEN = re.compile(
    r"(?P<star>\*+)|(?P<any>\?)|\[(?P<not>!?)(?P<set>\]?[^\]]*)\]|(?P<char>.)", re.S
)
_SPECIAL_IN_A_SET = re.compile(r"([\\^\[\]&~|])")
_ANY_FOLDERS = r"(?:[^/]+/)*"
_ANY_CHARACTERS = "[^/]*"
# Of the groups of an expression, which may be put together from several patterns.
_numbers = itertools.count()


class _Many:
    """Stands for any number of characters of a name, or of names of a path."""


MANY = _Many()


@attrs.frozen
class _One:
    """Stands for one character; ``literal`` when it can only be that one."""

    expression: str
    literal: str = ""

    def meets(self, other: _One) -> bool:
        """Tell whether some character is meant by both; of two sets it is taken for granted."""
        if self.literal:
            return re.fullmatch(other.expression, self.literal) is not None
        return not other.literal or other.meets(self)


_ANY = _One("[^/]")
_Name = tuple[Union[_Many, _One], ...]


def _name(text: str) -> _Name:
    """Read the pattern of one name. Raises ValueError with a sentence."""
    return tuple(_token(match, text) for match in _TOKEN.finditer(text))


def _token(match: re.Match[str], text: str) -> _Many | _One:
    if match["star"]:
        return MANY
    if match["any"]:
        return _ANY
    if match["set"] is not None:
        return _set(match["set"], bool(match["not"]), text)
    if match["char"] == "[":
        raise ValueError(f"expected ] after each [ ([[] is the character), found {text!r}")
    return _One(re.escape(match["char"]), literal=match["char"])


def _set(characters: str, is_negated: bool, text: str) -> _One:
    if not characters:
        raise ValueError(f"expected characters between [ and ], found {text!r}")
    if len(characters) == 1 and not is_negated:
        return _One(re.escape(characters), literal=characters)
    escaped = _SPECIAL_IN_A_SET.sub(r"\\\1", characters)
    expression = f"(?!/)[{'^' if is_negated else ''}{escaped}]"
    if "--" in characters or not _compiles(expression):
        raise ValueError(f"expected a set such as [a-z], found {text!r}")
    return _One(expression)


def _compiles(expression: str) -> bool:
    try:
        re.compile(expression)
    except re.error:  # a range whose end comes before its beginning
        return False
    return True


@attrs.frozen(eq=False)
class Pattern:
    """A pattern of paths, absolute or relative: names between slashes."""

    names: tuple[_Name | _Many, ...]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern. Raises ValueError with a sentence."""
        parts = [part for part in text.split("/") if part]
        names: list[_Name | _Many] = []
        for part in parts:
            if "**" in part and part != "**":
                raise ValueError(f"expected ** alone between slashes, found {part!r}")
            names.append(MANY if part == "**" else _name(part))
        if parts and parts[-1] == "**":
            names.append((MANY,))  # everything below is not the folder itself
        return cls(tuple(names))

    @property
    def is_literal(self) -> bool:
        """Tell whether it can only mean one path."""
        return len(self.fixed) == len(self.names)

    @property
    def is_deep(self) -> bool:
        """Tell whether it reaches any depth."""
        return any(isinstance(name, _Many) for name in self.names)

    @property
    def fixed(self) -> tuple[str, ...]:
        """The names at its beginning that can only be those."""
        found: list[str] = []
        for name in self.names:
            if isinstance(name, _Many):
                break
            letters = [one.literal for one in name if isinstance(one, _One)]
            if len(letters) < len(name) or not all(letters):
                break
            found.append("".join(letters))
        return tuple(found)

    @property
    def before_depth(self) -> Pattern:
        """The pattern of the folders from which on any depth is reached."""
        depth = next(i for i, name in enumerate(self.names) if isinstance(name, _Many))
        return Pattern(self.names[:depth])

    @property
    def before_any_name(self) -> Pattern:
        """The pattern without the names at its end that may be any: ``/etc`` of ``/etc/*``."""
        end = len(self.names)
        while end and _is_any(self.names[end - 1]):
            end -= 1
        return Pattern(self.names[:end])

    @property
    def with_all_below(self) -> Pattern:
        """The pattern of what this one means and of everything below that."""
        return Pattern((*self.names, MANY))

    @property
    def expression(self) -> str:
        """The regular expression of the whole, without a slash at the beginning."""
        parts = [
            None if isinstance(name, _Many) else _expression(name) + "/" for name in self.names
        ]
        return _joined(parts, _ANY_FOLDERS).removesuffix("/")

    def meets(self, other: Pattern) -> bool:
        """Tell whether some path may be meant by both."""
        return _meet(self.names, other.names, _names_meet)


def _is_any(name: _Name | _Many) -> bool:
    """Tell whether a name may be any, save for too short a one: ``*``, ``?*``, ``**``."""
    return isinstance(name, _Many) or (MANY in name and set(name) <= {MANY, _ANY})


def _expression(name: _Name) -> str:
    if name == (MANY,):
        return "[^/]+"
    parts = [one.expression if isinstance(one, _One) else None for one in name]
    return _joined(parts, _ANY_CHARACTERS)


def _joined(parts: Iterable[str | None], many: str) -> str:
    """Join the expressions of a sequence in which None stands for ``many``.

    What stands between two of them is taken where it comes first, and for good: a later place
    leaves less for the rest. So no name that somebody thinks of takes long to be compared. (Python
    3.9 has no atomic groups; fnmatch.translate does the same by a group and a look ahead.)
    """
    first, *chunks = _chunks(parts)
    if not chunks:
        return first
    *middle, last = chunks
    groups = [(f"g{next(_numbers)}", chunk) for chunk in middle]
    taken = "".join(f"(?=(?P<{name}>{many}?{chunk}))(?P={name})" for name, chunk in groups)
    return f"{first}{taken}{many}{last}"


def _chunks(parts: Iterable[str | None]) -> list[str]:
    """Return what stands before, between and after each None."""
    chunks = [""]
    for part in parts:
        if part is None:
            chunks.append("")
        else:
            chunks[-1] += part
    return chunks


def _names_meet(one: _Name, other: _Name) -> bool:
    return _meet(one, other, _One.meets)


def _meet(
    one: Sequence[_Many | T], other: Sequence[_Many | T], meet: Callable[[T, T], bool]
) -> bool:
    """Tell whether some sequence is meant by both, where MANY stands for any number of items."""

    @functools.cache
    def rest(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        first = one[i] if i < len(one) else None
        second = other[j] if j < len(other) else None
        if isinstance(first, _Many):
            return rest(i + 1, j) or (second is not None and rest(i, j + 1))
        if isinstance(second, _Many):
            return rest(i, j + 1) or (first is not None and rest(i + 1, j))
        if first is None or second is None:
            return False
        return meet(first, second) and rest(i + 1, j + 1)

    return rest(0, 0)


def literally(path: str) -> str:
    """Return the pattern that means this path and no other."""
    return re.sub(r"[*?[]", r"[\g<0>]", path)
