"""Which paths a rule is about: its pattern, what it includes and what it excludes. No I/O here."""

from __future__ import annotations

import re

import attrs

from supervisor_maint.permissions.patterns import Pattern

_AND_BELOW = "(?:/.*)?"
_IN_ANY_FOLDER = "(?:.*/)?"


@attrs.frozen
class Choice:
    """What ``include`` and ``exclude`` leave of the paths below a base folder.

    A pattern without a slash is compared with a name, one with a slash with the path from the
    base. What is excluded is left out with everything below it. What is not included is left
    alone itself, and what lies below it is looked at all the same. The base itself has no name
    here: nothing excludes it, and it is included when everything is.
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    _included: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)
    _excluded: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)

    @_included.default
    def _(self) -> re.Pattern[str]:
        expressions = map(_expression, self.include) if self.include else [".*"]
        return re.compile("|".join(expressions), re.DOTALL)

    @_excluded.default
    def _(self) -> re.Pattern[str]:
        expressions = [_expression(text) + _AND_BELOW for text in self.exclude]
        return re.compile("|".join(expressions) or "(?!)", re.DOTALL)

    def takes(self, relative: str) -> bool:
        """Tell whether a path from the base is left in."""
        return self._included.fullmatch(relative) is not None and not self.passes_over(relative)

    def passes_over(self, relative: str) -> bool:
        """Tell whether a path from the base is excluded, itself or by a folder above it."""
        return self._excluded.fullmatch(relative) is not None


def _expression(text: str) -> str:
    where = "" if "/" in text else _IN_ANY_FOLDER
    return f"{where}(?:{Pattern.parse(text).expression})"


def check_choice(text: str) -> None:
    """Raise ValueError with a sentence for what is no pattern of ``include`` and ``exclude``."""
    pattern = Pattern.parse(text)
    if not pattern.names or text.endswith("/"):
        raise ValueError(f"expected a name or a path from the base, found {text!r}")
    if ".." in text.split("/"):
        raise ValueError(f"expected a path without '..', found {text!r}")


@attrs.frozen
class Scope:
    """The paths that a pattern means, with everything below them when it is recursive."""

    path: str
    is_recursive: bool
    choice: Choice
    pattern: Pattern = attrs.field(init=False, eq=False, repr=False)
    base: str = attrs.field(init=False, eq=False, repr=False)
    _covered: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)

    @pattern.default
    def _(self) -> Pattern:
        return Pattern.parse(self.path)

    @base.default
    def _(self) -> str:
        return "/" + "/".join(self.pattern.fixed)

    @_covered.default
    def _(self) -> re.Pattern[str]:
        below = _AND_BELOW if self.is_recursive else ""
        if not self.pattern.names:
            return re.compile("/.*" if self.is_recursive else "/", re.DOTALL)
        return re.compile(f"/{self.pattern.expression}{below}", re.DOTALL)

    def covers(self, path: str) -> bool:
        """Tell whether an absolute path is in it."""
        return self._covered.fullmatch(path) is not None and self.choice.takes(self.relative(path))

    def relative(self, path: str) -> str:
        """Return the path from the base on of something at or below it; nothing for the base."""
        return path[len(self.base) :].lstrip("/")
