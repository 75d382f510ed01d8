"""What the configuration says: what runs, and what was only read. Pure.

``getAllConfigInfo`` shows the file last read (``reread``), not what runs. It is taken for what
runs when supervisord has begun anew, and for a group that was added since the last reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.processes import Namespec, ProcessConfig

# Our field → Supervisor's word for it in the file.
_KEYS = {
    "command": "command",
    "group_priority": "group priority",
    "process_priority": "priority",
    "autostart": "autostart",
    "start_seconds": "startsecs",
    "stop_wait_seconds": "stopwaitsecs",
    "exit_codes": "exitcodes",
    "stdout_logfile": "stdout_logfile",
    "stderr_logfile": "stderr_logfile",
}


def changed_keys(before: ProcessConfig, after: ProcessConfig) -> tuple[str, ...]:
    """Return what differs, as the keys that an operator writes in the file."""
    return tuple(
        key for field, key in _KEYS.items() if getattr(before, field) != getattr(after, field)
    )


def config_document(config: ProcessConfig) -> dict[str, Any]:
    """Return a configuration JSON-able, without the name."""
    return {field: getattr(config, field) for field in _KEYS} | {
        "exit_codes": list(config.exit_codes)
    }


def config_from(namespec: Namespec, document: Mapping[str, Any]) -> ProcessConfig:
    """Read what ``config_document`` wrote; unknown keys are ignored."""
    values = {field: document[field] for field in _KEYS}
    values["exit_codes"] = tuple(values["exit_codes"])
    return ProcessConfig(namespec=namespec, **values)


@attrs.define
class Configurations:
    """The configuration of each process: ``running`` and, where it differs, ``read``."""

    running: dict[Namespec, ProcessConfig] = attrs.field(factory=dict)
    read: dict[Namespec, ProcessConfig] = attrs.field(factory=dict)
    changed: set[Namespec] = attrs.field(factory=set)
    _all_due: bool = True
    _groups_due: set[str] = attrs.field(factory=set)

    @property
    def newest(self) -> Mapping[Namespec, ProcessConfig]:
        """What was read last, applied or not."""
        return {**self.running, **self.read}

    def begin_epoch(self) -> None:
        """Take the next reading for what runs: supervisord has begun anew."""
        self._all_due = True

    def group_changed(self, group: str, *, added: bool) -> None:
        """Take the next reading of a group that was added for what runs."""
        if added:
            self._groups_due.add(group)
            return
        for namespec in [each for each in self.running if each.group == group]:
            del self.running[namespec]
            self.changed.add(namespec)

    def take(self, configs: Mapping[Namespec, ProcessConfig], *, applied: bool) -> None:
        """Take a reading; ``applied`` when the caller knows that all of it runs."""
        used = {namespec: config for namespec, config in configs.items() if config.in_use}
        everything = applied or self._all_due
        for namespec, config in used.items():
            due = everything or namespec.group in self._groups_due or namespec not in self.running
            if due and self.running.get(namespec) != config:
                self.running[namespec] = config
                self.changed.add(namespec)
        self.read = {
            namespec: config
            for namespec, config in used.items()
            if self.running[namespec] != config
        }
        self._all_due = False
        self._groups_due.clear()

    def save(self) -> dict[str, Any]:
        """Return which readings are due, JSON-able."""
        return {"all_due": self._all_due, "groups_due": sorted(self._groups_due)}

    @classmethod
    def restore(
        cls, saved: Mapping[str, Any], running: Mapping[Namespec, Mapping[str, Any]]
    ) -> Configurations:
        """Go on where ``save`` was, with the configurations that ran."""
        configs = {namespec: config_from(namespec, each) for namespec, each in running.items()}
        return cls(configs, all_due=saved["all_due"], groups_due=set(saved["groups_due"]))
