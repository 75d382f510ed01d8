"""How a section of the configuration is declared: an attrs class whose fields are its keys.

A new section is a new class decorated with ``section`` and listed in ``kinds``; reading,
problems and the reference page follow from what is declared here. No I/O here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Callable, TypeVar, Union

import attrs

from supervisor_maint.errors import Problem, SettingsError

T = TypeVar("T")
_METADATA = "supervisor_maint.option"
_DECLARATION = "__section__"


@attrs.frozen(kw_only=True)
class Circumstances:
    """What defaults are taken from: the environment and the machine at the time of reading.

    ``instance`` is what the metrics are labelled with: the host's short name, or ``[maint]``'s.
    """

    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    host_name: str = "localhost"
    zone_name: str = "UTC"
    is_root: bool = False
    instance: str = "localhost"


class Naming(enum.Enum):
    """Whether a section carries a name after a last colon."""

    NEVER = "never"
    OPTIONAL = "optional"
    ALWAYS = "always"


class FileUse(enum.Enum):
    """What a path is for, and so what must hold of it."""

    READ = "read"
    SECRET = "secret"  # noqa: S105 - a kind of file, no password


DefaultText = Union[str, Callable[[Circumstances], Union[str, None]], None]


@attrs.frozen(kw_only=True)
class Option:
    """One key: its converter, where its default comes from, and what the reference page says.

    ``default`` is text as one would write it, or a function of the circumstances that returns
    such text or None; ``default_words`` tells people what that function does. ``fills`` is the
    attribute that gets the first line of the file named.
    """

    key: str
    attribute: str
    convert: Callable[[str], Any]
    help: str
    example: str = ""
    default: DefaultText = None
    default_words: str = ""
    required: bool = False
    file_use: FileUse | None = None
    fills: str = ""

    def default_text(self, circumstances: Circumstances) -> str | None:
        """Return the default as text, or None when there is none."""
        return self.default(circumstances) if callable(self.default) else self.default


def option(
    convert: Callable[[str], Any],
    *,
    help: str,  # noqa: A002 - the metadata's own word, as argparse has it
    key: str = "",
    example: str = "",
    default: DefaultText = None,
    default_words: str = "",
    required: bool = False,
    file_use: FileUse | None = None,
    fills: str = "",
) -> Any:
    """Declare a field that is a key of its section; ``key`` is the field's name unless given."""
    described = {
        "key": key,
        "convert": convert,
        "help": help,
        "example": example,
        "default": default,
        "default_words": default_words,
        "required": required,
        "file_use": file_use,
        "fills": fills,
    }
    metadata = {_METADATA: described}
    if required or callable(default):
        return attrs.field(metadata=metadata)
    value = None if default is None else convert(default)
    return attrs.field(default=value, metadata=metadata)


def options_of(kind: type[Any]) -> Mapping[str, Option]:
    """Return the options of a section class by their keys, in the order of declaration.

    Its own come before those that it shares with other sections.
    """
    found = (
        (field.name, field.metadata[_METADATA])
        for field in sorted(attrs.fields(kind), key=lambda field: field.inherited)
        if _METADATA in field.metadata
    )
    described = (
        Option(**{**described, "attribute": attribute, "key": described["key"] or attribute})
        for attribute, described in found
    )
    return {entry.key: entry for entry in described}


@attrs.frozen(kw_only=True)
class Declaration:
    """How a section class is named in the file: ``[head]``, ``[head:NAME]`` or both."""

    head: str
    naming: Naming

    @property
    def family(self) -> str:
        """The first word, which tells our sections from others."""
        return self.head.partition(":")[0]

    @property
    def header(self) -> str:
        """How the section is written, for people."""
        shown = {Naming.NEVER: "", Naming.OPTIONAL: "[:NAME]", Naming.ALWAYS: ":NAME"}
        return f"[{self.head}{shown[self.naming]}]"


def section(head: str, naming: Naming = Naming.NEVER) -> Callable[[type[T]], type[T]]:
    """Declare a frozen attrs class as a section; a named one also has a field ``name``."""

    def declare(kind: type[T]) -> type[T]:
        setattr(kind, _DECLARATION, Declaration(head=head, naming=naming))
        return kind

    return declare


def declaration_of(kind: type[Any]) -> Declaration:
    """Return how a section class is named in the file."""
    declared: Declaration = getattr(kind, _DECLARATION)
    return declared


def refuse(problems: Sequence[tuple[str, str]]) -> None:
    """Raise a SettingsError for what keys say together: the key and the sentence of each."""
    if problems:
        raise SettingsError([Problem(key=key, message=message) for key, message in problems])
