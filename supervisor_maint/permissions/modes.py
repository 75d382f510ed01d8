"""Modes as chmod(1) writes them, octal and symbolic, and what they make of a mode. No I/O here.

The rules are those of GNU chmod (gnulib's ``modechange.c``), with which a test compares every
mode of its tables. Two of them surprise:

- An octal mode leaves setuid and setgid of a folder as they are, unless it sets them. What takes
  them away is symbolic: ``u-s,g-s``.
- A clause without ``u``, ``g``, ``o`` or ``a`` means ``a``. To chmod it means ``a`` less what the
  umask takes away; whose umask that would be here, nobody who writes a policy can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

PERMISSION_BITS = 0o7777
WORLD_WRITE = 0o002
SETUID = 0o4000
SETGID = 0o2000

_OCTAL = re.compile(r"[0-7]{1,4}")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)")
_OPERATION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")

# What each of these letters is about: sticky is in the hands of others, as chmod has it.
_AFFECTED = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": PERMISSION_BITS}
_VALUES = {"r": 0o444, "w": 0o222, "x": 0o111, "s": SETUID | SETGID, "t": 0o1000, "X": 0}
_COPIED = {"u": 0o700, "g": 0o070, "o": 0o007}
_EXECUTE = 0o111
_KINDS_OF_RIGHTS = (0o444, 0o222, 0o111)
_IS_DIRECTORY = PERMISSION_BITS + 1  # the bit above those of the mode, in a key
# Reading, writing and executing never mix, so that all eight combinations can be tried at once.
_EVERY_COMBINATION = (0o000, 0o007, 0o070, 0o077, 0o700, 0o707, 0o770, 0o777)


@attrs.frozen
class _Operation:
    """One operator with what stands around it: ``u+s`` of ``u+s=rw,g=r``.

    ``value`` is what it sets; of a copy it is the class of users copied from.
    """

    operator: str
    affected: int
    value: int
    is_copy: bool = False
    has_conditional_x: bool = False
    mentioned: int = 0

    def apply(self, current: int, *, is_directory: bool) -> int:
        """Return the bits after this operation."""
        kept = (SETUID | SETGID) & ~self.mentioned if is_directory else 0
        value = self._value(current, is_directory) & self.affected & ~kept
        if self.operator == "+":
            return current | value
        if self.operator == "-":
            return current & ~value
        return current & (~self.affected | kept) | value

    def _value(self, current: int, is_directory: bool) -> int:
        if self.is_copy:
            copied = self.value & current
            return sum(kind for kind in _KINDS_OF_RIGHTS if kind & copied)
        if self.has_conditional_x and (is_directory or current & _EXECUTE):
            return self.value | _EXECUTE
        return self.value


@attrs.frozen
class Mode:
    """A mode that is wanted: a function of the mode that is there. Made by ``parse``."""

    text: str
    _operations: tuple[_Operation, ...] = attrs.field(repr=False)
    _known: dict[int, int] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Mode:
        """Read an octal mode of one to four digits, or a symbolic one.

        Raises ValueError with a sentence.
        """
        if _OCTAL.fullmatch(text):
            return cls(text, (_octal(int(text, 8)),))
        clauses = [_CLAUSE.fullmatch(clause) for clause in text.split(",")]
        if not all(clauses):
            raise ValueError(
                "expected a mode such as 0644 (one to four octal digits) or u=rw,g=r,o=, "
                f"found {text!r}"
            )
        operations = (each for clause in clauses if clause for each in _operations(clause))
        return cls(text, tuple(operations))

    def apply(self, current: int, *, is_directory: bool) -> int:
        """Return the twelve permission bits that something with these should have."""
        key = current & PERMISSION_BITS | (_IS_DIRECTORY if is_directory else 0)
        found = self._known.get(key)
        if found is None:
            found = current & PERMISSION_BITS
            for operation in self._operations:
                found = operation.apply(found, is_directory=is_directory)
            self._known[key] = found
        return found

    def could_add(self, *, is_directory: bool) -> int:
        """Return the bits that something could get by this mode which it does not have."""
        gained = 0
        for current in _EVERY_COMBINATION:
            gained |= self.apply(current, is_directory=is_directory) & ~current
        return gained

    @property
    def lets_world_write(self) -> bool:
        """Tell whether something could become writable for everybody by this mode.

        So does ``o=g`` to what a group can write.
        """
        either = self.could_add(is_directory=False) | self.could_add(is_directory=True)
        return bool(either & WORLD_WRITE)

    def __str__(self) -> str:
        return self.text


def _octal(bits: int) -> _Operation:
    # Not its sticky bit: only setuid and setgid of a folder are left alone by octal digits.
    return _Operation("=", PERMISSION_BITS, bits, mentioned=bits)


def _operations(clause: re.Match[str]) -> Iterator[_Operation]:
    affected = 0
    for letter in clause[1] or "a":
        affected |= _AFFECTED[letter]
    for operator, operand in _OPERATION.findall(clause[2]):
        yield _operation(operator, operand, affected)


def _operation(operator: str, operand: str, affected: int) -> _Operation:
    if operand in _COPIED:
        copied = _COPIED[operand]
        return _Operation(operator, affected, copied, is_copy=True, mentioned=affected & copied)
    value = 0
    for letter in operand:
        value |= _VALUES[letter]
    return _Operation(
        operator,
        affected,
        value,
        has_conditional_x="X" in operand,
        mentioned=affected & value,
    )
