"""The reference page of the metrics, from the table that they are made of. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from supervisor_maint.monitoring.facts import PATH_RESULTS
from supervisor_maint.monitoring.maint_families import (
    DIFFERENCE_KINDS,
    EVENT_NAMES,
    OTHER_EVENTS,
    RUN_RESULTS,
    STORES,
)
from supervisor_maint.monitoring.metrics import Description, describe
from supervisor_maint.processes import ProcessState
from supervisor_maint.snapshots.tallies import Cause

_OURS = "supervisor_maint_"

_INTRODUCTION = """\
The same metrics go to every sink, from one registry that holds nothing else.

- Counters are kept in the history and go on after a restart of the listener. Every label
  combination begins at 0, so that `increase()` sees the first event too.
- What is not known is left out, and so is what is not configured: there is no 0 that looks like
  a time in 1970. The series of a process go with the process.
- There are no timestamps in a report, and no pid, path or description in a label.
- `job` and `instance` are not listed: they come from the grouping key at a Pushgateway, and from
  Prometheus at a scrape.
"""

_LABELS = """\
## Labels

| label | values |
|---|---|
"""


def markdown(note: str) -> str:
    """Return the whole page; ``note`` says how it is made."""
    rows = describe()
    about_processes = [row for row in rows if not row.name.startswith(_OURS)]
    about_ourselves = [row for row in rows if row.name.startswith(_OURS)]
    return "\n".join(
        (
            "# Metrics\n",
            f"{note}\n",
            _INTRODUCTION,
            _table("supervisord and its processes", about_processes),
            _table("supervisor-maint itself", about_ourselves),
            _LABELS + "\n".join(_label_rows()) + "\n",
        )
    )


def _table(title: str, rows: Iterable[Description]) -> str:
    lines = [f"## {title}", "", "| metric | type | labels | meaning |", "|---|---|---|---|"]
    lines += (f"| `{row.name}` | {row.type} | {_words(row.labels)} | {row.help} |" for row in rows)
    return "\n".join(lines) + "\n"


def _label_rows() -> Iterator[str]:
    words = {
        "`name`, `group`": "the process and its group, as in `supervisorctl status group:name`",
        "`state`": _words(state.name for state in ProcessState),
        "`expected`": _words(("true", "false")) + ": by `exitcodes` of the program",
        "`cause`": _words(cause.value for cause in Cause),
        "`kind`": _words(DIFFERENCE_KINDS),
        "`event`": _words((*EVENT_NAMES, OTHER_EVENTS)),
        "`plan`": "the name of a `[maintenance:NAME]`",
        "`rule`": "the name of a `[permissions:NAME]`",
        "`where`": "the part of the listener that survived the exception",
        "`store`": _words(STORES) + ", `status`",
        "`sink`": "what follows `sink:` in its section: `pushgateway`, `pushgateway:backup`, …",
        "`server`": "who was asked: `alertmanager`, `prometheus`",
        "`result` of a sink, of a server": _words(("ok", "failed", "rejected")),
        "`result` of a run": _words(RUN_RESULTS),
        "`result` of a path": _words(PATH_RESULTS),
    }
    return (f"| {label} | {values} |" for label, values in words.items())


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)
