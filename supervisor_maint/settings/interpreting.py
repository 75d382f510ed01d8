"""Understand what was read: sections of text become sections of values. No I/O here.

Nothing stops at the first problem: every section and every key is looked at, and what is wrong
is collected with its file, line, section and key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from supervisor_maint.errors import Problem
from supervisor_maint.settings.inputs import Expansions, Section
from supervisor_maint.settings.kinds import kind_of
from supervisor_maint.settings.maint import NO_SECTION, MaintSettings
from supervisor_maint.settings.one_section import Interpreted, interpret_section
from supervisor_maint.settings.options import Circumstances


def interpret(
    sections: Iterable[Section], circumstances: Circumstances, expansions: Expansions
) -> tuple[tuple[Interpreted, ...], tuple[Problem, ...]]:
    """Understand every section that is ours; ``[maint]`` comes first and is always there.

    The problems returned are those of sections that could not be told or came twice; each
    Interpreted has its own as well.
    """
    ours, problems = _ours(sections)
    mains = [section for section, kind in ours if kind is MaintSettings]
    section = mains[0] if mains else NO_SECTION
    maint = interpret_section(section, MaintSettings, circumstances, expansions)
    if maint.value is not None:
        circumstances = attrs.evolve(
            circumstances, instance=maint.value.instance, zone_name=maint.value.timezone.key
        )
    others = tuple(
        interpret_section(section, kind, circumstances, expansions)
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
