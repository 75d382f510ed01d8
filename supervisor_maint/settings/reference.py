"""The reference page of the configuration, from what the sections declare. No I/O here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from supervisor_maint.settings.kinds import every_kind
from supervisor_maint.settings.options import Naming, Option, declaration_of, options_of

_INTRODUCTION = """\
supervisord ignores the sections below, so they may stand in its own file, beside the
`[eventlistener:maint]` stanza, or in a file of their own. The file is read as supervisord reads
its own:

- `;` or `#` begins a comment, after white space too; a value goes on in indented lines.
- `[include] files = conf.d/*.conf` is followed from the file that is named, not from included
  ones; patterns start at the folder of that file.
- `%(here)s` is the folder of the file it stands in, `%(host_node_name)s` the host's name,
  `%(ENV_X)s` the environment variable `X`, `%%` a percent sign. At the end of a word one is
  enough: `25%`.
- Booleans are `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`; sizes are bytes or have
  `KB`, `MB`, `GB` of 1024 each; durations are seconds or have `s`, `m`, `h`, `d`, `w`.
- Paths are absolute.
- A section, and a key within it, may come once.

Every problem is shown at once, with its file, line, section and key; `supervisor-maint
check-config FILE` shows them without starting anything. A running listener looks at the files
every five seconds, on SIGHUP and on `supervisor-maint reload`; what cannot be used is refused
whole, and the old settings hold.

Under root, a file that others than root and its owner can change is refused, and so is a secret
that others than its owner can read. There is no key for a password, only for a file that holds
it.
"""


def markdown(note: str) -> str:
    """Return the whole page; ``note`` says how it is made."""
    sections = (line for kind in every_kind() for line in _section(kind))
    return "\n".join(["# Configuration\n", f"{note}\n", _INTRODUCTION, *sections])


def _section(kind: type[Any]) -> Iterator[str]:
    declared = declaration_of(kind)
    yield f"## `{declared.header}`"
    yield ""
    yield inspect.getdoc(kind) or ""
    if declared.naming is Naming.OPTIONAL:
        yield ""
        yield f"A second one has a name of its own: `[{declared.head}:backup]`."
    yield ""
    yield "| key | default | meaning | example |"
    yield "|---|---|---|---|"
    for option in options_of(kind).values():
        yield f"| `{option.key}` | {_default(option)} | {option.help} | `{option.example}` |"
    yield ""


def _default(option: Option) -> str:
    if option.required:
        return "**required**"
    if isinstance(option.default, str):
        return f"`{option.default}`"
    return option.default_words or "none"
