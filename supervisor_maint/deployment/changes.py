"""What laying a file out would change. No I/O here."""

from __future__ import annotations

import difflib
import enum

import attrs


class Kind(enum.Enum):
    """What a file is to the one that is there."""

    NEW = "new"
    SAME = "same"
    DIFFERENT = "differs"


@attrs.frozen
class Change:
    """A file as it is, None when there is none, and as it should be."""

    file: str
    present: str | None
    wanted: str

    @property
    def kind(self) -> Kind:
        """Tell what would happen to it."""
        if self.present is None:
            return Kind.NEW
        return Kind.SAME if self.present == self.wanted else Kind.DIFFERENT

    def diff(self) -> str:
        """Return the difference as ``diff -u`` shows it, to be read and to be patched with."""
        before = "/dev/null" if self.present is None else self.file
        lines = difflib.unified_diff(
            (self.present or "").splitlines(keepends=True),
            self.wanted.splitlines(keepends=True),
            before,
            self.file,
        )
        return "".join(_whole(line) for line in lines)


def _whole(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
