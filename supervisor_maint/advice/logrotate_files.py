"""What logrotate's configuration says of the files it makes anew. Text in, values out; no I/O here.

Read is what decides about ``create``: the patterns of each stanza, the directive itself with the
defaults before it, ``copy`` and ``copytruncate``, under which nothing is made anew, and
``include``. Scripts are passed over. A line may hold several directives and the braces too, as
logrotate reads it, whatever logrotate.conf(5) says of lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import attrs

_PATTERNS_BEGIN = ("/", '"', "'")
_SCRIPTS = frozenset({"postrotate", "prerotate", "firstaction", "lastaction", "preremove"})
# Of readConfigFile in logrotate's config.c: each of these takes what is left of its line.
_WITH_ARGUMENTS = _SCRIPTS | {
    *("addextension", "compresscmd", "compressext", "compressoptions", "create", "createolddir"),
    *("dateformat", "extension", "include", "mail", "maxage", "maxsize", "minage", "minsize"),
    *("olddir", "rotate", "shredcycles", "size", "start", "su", "tabooext", "taboopat"),
    "uncompresscmd",
}
_SETS_COPYING = {"copy": True, "copytruncate": True, "nocopy": False, "nocopytruncate": False}
_MODE = re.compile(r"[0-7]{3,4}")


@attrs.frozen(kw_only=True)
class Create:
    """What a log has that logrotate makes anew; None is taken from the log before."""

    mode: int | None = None
    owner: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        mode = None if self.mode is None else f"{self.mode:04o}"
        return " ".join(["create", *filter(None, (mode, self.owner, self.group))])


@attrs.frozen(kw_only=True)
class Stanza:
    """The logs that some patterns mean, at a line of a file; ``create`` None makes none anew."""

    file: str
    line: int
    patterns: tuple[str, ...]
    create: Create | None


@attrs.frozen(kw_only=True)
class Include:
    """A file or folder to be read here: what it sets holds for what comes after, too."""

    path: str


@attrs.frozen(kw_only=True)
class Defaults:
    """What holds for a stanza before it says anything itself."""

    create: Create | None = None
    is_copied: bool = False

    def after(self, words: list[str]) -> Defaults:
        """Return what holds after a directive."""
        directive, *arguments = words
        if directive in _SETS_COPYING:
            return attrs.evolve(self, is_copied=_SETS_COPYING[directive])
        if directive == "nocreate":
            return attrs.evolve(self, create=None)
        if directive == "create":
            return attrs.evolve(self, create=_create(arguments))
        return self


@attrs.define
class Reader:
    """Reads a file line by line. ``defaults`` are those that hold at the line it is at."""

    file: str
    defaults: Defaults
    _line: int = attrs.field(init=False, default=0)
    _patterns: list[str] = attrs.field(init=False, factory=list)
    _own: Defaults | None = attrs.field(init=False, default=None)
    _is_in_script: bool = attrs.field(init=False, default=False)

    def read(self, text: str) -> Iterator[Stanza | Include]:
        """Yield the stanzas and includes in their order.

        Whoever reads an include sets ``defaults`` before going on.
        """
        for number, line in enumerate(text.splitlines(), start=1):
            yield from self._read_line(number, line.strip())

    def _read_line(self, number: int, line: str) -> Iterator[Stanza | Include]:
        if self._is_in_script:
            self._is_in_script = line.split()[:1] != ["endscript"]
            line = "" if self._is_in_script else line[len("endscript") :].strip()
        if line and not line.startswith("#"):
            yield from self._stanza_line(line) if self._own else self._outer_line(number, line)

    def _outer_line(self, number: int, line: str) -> Iterator[Stanza | Include]:
        if not self._patterns and not line.startswith(_PATTERNS_BEGIN):
            yield from self._default_line(line)
            return
        before, brace, after = line.partition("{")
        self._line = self._line if self._patterns else number
        self._patterns += _words(before)
        if brace:
            self._own = self.defaults
            yield from self._stanza_line(after)

    def _default_line(self, line: str) -> Iterator[Include]:
        for words in _directives(line):
            if words[0] == "include" and len(words) > 1:
                yield Include(path=words[1])
            self.defaults = self.defaults.after(words)

    def _stanza_line(self, line: str) -> Iterator[Stanza]:
        for words in _directives(line):
            if words[0].startswith("}"):
                yield self._stanza()
                return
            self._is_in_script = words[0] in _SCRIPTS
            self._own = (self._own or self.defaults).after(words)

    def _stanza(self) -> Stanza:
        own = self._own or self.defaults
        stanza = Stanza(
            file=self.file,
            line=self._line,
            patterns=tuple(self._patterns),
            create=None if own.is_copied else own.create,
        )
        self._patterns, self._own = [], None
        return stanza


def _directives(line: str) -> Iterator[list[str]]:
    """Yield each directive of a line, with its arguments, up to a comment."""
    words = _words(line)
    for place, word in enumerate(words):
        if word.startswith("#"):
            return
        if word in _WITH_ARGUMENTS:
            yield words[place:]
            return
        yield [word]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote that is not closed
        return line.split()


def _create(arguments: list[str]) -> Create:
    mode = int(arguments.pop(0), 8) if arguments and _MODE.fullmatch(arguments[0]) else None
    owner, group, *_ = [*arguments, None, None]
    return Create(mode=mode, owner=owner, group=group)
