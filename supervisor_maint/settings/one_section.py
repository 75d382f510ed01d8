"""Understand one section: its text becomes the values of its class. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.settings.inputs import Entry, Expansions, Section
from supervisor_maint.settings.nearest import nearest
from supervisor_maint.settings.options import (
    Circumstances,
    Naming,
    Option,
    declaration_of,
    options_of,
)


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


def interpret_section(
    section: Section, kind: type[Any], circumstances: Circumstances, expansions: Expansions
) -> Interpreted:
    """Understand a section as one of a class. What is wrong is in its problems, never raised."""
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
        values["name"] = section.header.partition(":")[2]
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
