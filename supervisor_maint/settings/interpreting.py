"""Understand what was read: sections of text become sections of values. No I/O here.

Nothing stops at the first problem: every section and every key is looked at, and what is wrong
is collected with its file, line, section and key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.settings.inputs import Entry, Expansions, Section
from supervisor_maint.settings.kinds import kind_of, name_in
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.settings.options import (
    Circumstances,
    Naming,
    Option,
    declaration_of,
    options_of,
)

_NO_SECTION = Section(header="maint", file="", line=0)


@attrs.frozen(kw_only=True)
class Interpreted:
    """A section understood: ``value`` is None when ``problems`` say why it could not be.

    ``entries`` has the places of the keys that were given.
    """

    section: Section
    kind: type[Any]
    value: Any = None
    entries: Mapping[str, Entry] = attrs.field(factory=dict)
    problems: tuple[Problem, ...] = ()


def interpret(
    sections: Iterable[Section], circumstances: Circumstances, expansions: Expansions
) -> tuple[tuple[Interpreted, ...], tuple[Problem, ...]]:
    """Understand every section that is ours; ``[maint]`` comes first and is always there.

    The problems returned are those of sections that could not be told or came twice; each
    Interpreted has its own as well.
    """
    ours, problems = _ours(sections)
    mains = [section for section, kind in ours if kind is MaintSettings]
    maint = _section(mains[0] if mains else _NO_SECTION, MaintSettings, circumstances, expansions)
    if maint.value is not None:
        circumstances = attrs.evolve(
            circumstances, instance=maint.value.instance, zone_name=maint.value.timezone.key
        )
    others = tuple(
        _section(section, kind, circumstances, expansions)
        for section, kind in ours
        if kind is not MaintSettings
    )
    return (maint, *others), tuple(problems)


def _ours(
    sections: Iterable[Section],
) -> tuple[list[tuple[Section, type[Any]]], list[Problem]]:
    found: list[tuple[Section, type[Any]]] = []
    problems: list[Problem] = []
    first: dict[str, Section] = {}
    for section in sections:
        try:
            kind = kind_of(section.header)
        except ValueError as error:
            problems.append(section.problem(str(error)))
            continue
        if kind is None:
            continue
        earlier = first.setdefault(section.header, section)
        if earlier is section:
            found.append((section, kind))
        else:
            place = f"{earlier.file}:{earlier.line}"
            problems.append(section.problem(f"expected the section once, found it at {place} too"))
    return found, problems


def _section(
    section: Section, kind: type[Any], circumstances: Circumstances, expansions: Expansions
) -> Interpreted:
    options = options_of(kind)
    entries, problems = _known_entries(section, options)
    values: dict[str, Any] = {}
    for key, option in options.items():
        try:
            text = _text(entries.get(key), option, section, circumstances, expansions)
            values[option.attribute] = None if text is None else option.convert(text)
        except ValueError as error:
            problems.append(_explained(section, entries.get(key), key, str(error)))
    if declaration_of(kind).naming is not Naming.NEVER:
        values["name"] = name_in(section.header)
    value = None if problems else _built(section, kind, values, entries, problems)
    return Interpreted(
        section=section, kind=kind, value=value, entries=entries, problems=tuple(problems)
    )


def _known_entries(
    section: Section, options: Mapping[str, Option]
) -> tuple[dict[str, Entry], list[Problem]]:
    entries: dict[str, Entry] = {}
    problems = []
    for entry in section.entries:
        if entry.key not in options:
            close = nearest(entry.key, options)
            hint = f"did you mean {close!r}?" if close else "known are " + ", ".join(options)
            problems.append(section.problem(f"unknown key, {hint}", entry=entry))
        elif entry.key in entries:
            line = entries[entry.key].line
            message = f"expected the key once, found it in line {line} too"
            problems.append(section.problem(message, entry=entry))
        else:
            entries[entry.key] = entry
    return entries, problems


def _text(
    entry: Entry | None,
    option: Option,
    section: Section,
    circumstances: Circumstances,
    expansions: Expansions,
) -> str | None:
    if entry is not None:
        return expansions.expand(entry.text, here=section.here)
    if option.required:
        raise ValueError(f"expected a value such as {option.example}, found none")
    return option.default_text(circumstances)


def _explained(section: Section, entry: Entry | None, key: str, message: str) -> Problem:
    """Place a problem at the key, or at the header when the key is not there."""
    if entry is not None:
        return section.problem(message, entry=entry)
    if not section.file:  # a default that came from the environment
        return Problem(section=section.header, key=key, message=message)
    return attrs.evolve(section.problem(message), key=key)


def _built(
    section: Section,
    kind: type[Any],
    values: Mapping[str, Any],
    entries: Mapping[str, Entry],
    problems: list[Problem],
) -> Any:
    try:
        return kind(**values)
    except SettingsError as error:
        problems.extend(
            _explained(section, entries.get(problem.key or ""), problem.key or "", problem.message)
            for problem in error.problems
        )
        return None
