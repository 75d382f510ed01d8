"""The reference page of the commands, from their parsers. No I/O here.

What ``--help`` prints differs from one Python to the next; the parsers' actions do not.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator

_INTRODUCTION = """\
`supervisor-maint COMMAND --help` prints the same. `python -m supervisor_maint` is the same
program.

Every command with `--config FILE` finds the file without it, when it is at a usual place.

## Exit codes

| code | meaning |
|---|---|
| 0 | done, or nothing to do |
| 1 | failed; or something was found, with `--check` |
| 2 | wrong usage, or settings that cannot be used |
| 130 | ended by Ctrl-C |

`health` has codes of its own, for those who ask it.
"""

_EXAMPLE = "example:\n"


def markdown(note: str, parser: argparse.ArgumentParser) -> str:
    """Return the page of every command of a parser; ``note`` says how it is made."""
    sections = (_section(name, command) for name, command in _commands(parser))
    return "\n".join(["# Commands\n", f"{note}\n", _INTRODUCTION, *sections])


def _commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    parts = [f"## {name}", parser.description or "", _code(_usage(parser))]
    rows = [_row(action) for action in _actions(parser)]
    if rows:
        parts.append("\n".join(["| argument | meaning |", "|---|---|", *rows]))
    example = (parser.epilog or "").partition(_EXAMPLE)[2]
    return "\n\n".join([*parts, "Example:", _code(textwrap.dedent(example))]) + "\n"


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [each for each in parser._actions if not isinstance(each, argparse._HelpAction)]


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the line after "usage:", options first; what excludes each other has a bar between."""
    rivals = {
        each: group for group in parser._mutually_exclusive_groups for each in _members(group)
    }
    options: dict[object, list[str]] = {}
    for action in _actions(parser):
        if action.option_strings:
            options.setdefault(rivals.get(action, action), []).append(_spelt(action)[0])
    positionals = [_positional(each) for each in _actions(parser) if not each.option_strings]
    return " ".join(
        [parser.prog, *(f"[{' | '.join(each)}]" for each in options.values()), *positionals]
    )


def _members(group: argparse._MutuallyExclusiveGroup) -> list[argparse.Action]:
    return group._group_actions


def _positional(action: argparse.Action) -> str:
    name = _value(action) + ("…" if action.nargs in ("*", "+") else "")
    return f"[{name}]" if action.nargs in ("?", "*") else name


def _row(action: argparse.Action) -> str:
    spellings = _spelt(action) if action.option_strings else [_value(action)]
    shown = ", ".join(f"`{each}`" for each in spellings)
    meaning = (action.help or "") % {**vars(action), "prog": "supervisor-maint"}
    return f"| {shown} | {meaning} |"


def _spelt(action: argparse.Action) -> list[str]:
    """Return every spelling of an option, with its value."""
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return [option + value for option in action.option_strings]


def _value(action: argparse.Action) -> str:
    if action.metavar is not None:
        return str(action.metavar)
    if action.choices is not None:
        return "{" + ",".join(action.choices) + "}"
    return action.dest.upper()
