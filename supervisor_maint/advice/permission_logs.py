"""Advice on permission rules and logrotate, which has a word in what logs are. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from supervisor_maint.advice.logrotate_files import Create
from supervisor_maint.advice.permission_facts import PermissionFacts
from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.errors import SettingsError
from supervisor_maint.permissions.modes import Mode
from supervisor_maint.permissions.policy import Policy, may_overlap
from supervisor_maint.permissions.rules import Rule, log_file
from supervisor_maint.supervisord.configured import Configuration, Group, ListenerPool

_ANY_MODE = Mode.parse("u=rw")


def contradictions(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a rule that undoes what logrotate's ``create`` does, and is undone by it."""
    facts = surroundings.permission_facts
    policy = Policy(known_rules(surroundings))
    for stanza in facts.stanzas:
        if stanza.create is None:
            continue
        for rule in _rules_about(stanza.patterns, policy):
            said = _contradiction(rule, stanza.create, facts)
            if said:
                yield Advice(
                    severity=Severity.WARNING,
                    subject=f"[permissions:{rule.name}]",
                    message=f"it wants {said}, and logrotate makes {' '.join(stanza.patterns)} "
                    f"with {str(stanza.create)!r} ({stanza.file}:{stanza.line}): each undoes the "
                    "other",
                    what_to_do="write the same in both",
                )


def logrotates_files(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of a rule about a file that logrotate reads, which it passes over when it is not right.

    It does so with exit 0 when a group can write the file, or it is not root's (config.c).
    """
    policy = Policy(known_rules(surroundings))
    for path in surroundings.permission_facts.logrotate_files:
        for rule in _rules_about((path,), policy):
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[permissions:{rule.name}]",
                message=f"it may be about {path}, which is logrotate's: that silently passes over "
                "a file of its own that is not root's or that a group can write",
                what_to_do="exclude it",
            )


def known_rules(surroundings: Surroundings) -> tuple[Rule, ...]:
    """Return the rules, those for logs as one for each log that is configured."""
    logs = _configured_logs(surroundings.configuration)
    rules = surroundings.settings.permissions
    return tuple(each for rule in rules for each in rule.for_logs(logs))


def _configured_logs(configuration: Configuration | None) -> list[str]:
    if configuration is None:
        return []
    groups: tuple[Group | ListenerPool, ...] = (*configuration.groups, *configuration.pools)
    processes = [process for group in groups for process in group.processes]
    paths = [path for each in processes for path in (each.stdout_logfile, each.stderr_logfile)]
    files = [log_file(path) for path in paths if path is not None]
    return list(dict.fromkeys(file for file in files if file is not None))


def _rules_about(patterns: Iterable[str], policy: Policy) -> list[Rule]:
    """Return the rules that may govern a file that one of these patterns means, once by name."""
    found: dict[str, Rule] = {}
    for pattern in patterns:
        files = _as_rule(pattern)
        if files is None:
            continue
        for rule in _governing(files, policy):
            found.setdefault(rule.name, rule)
    return list(found.values())


def _as_rule(pattern: str) -> Rule | None:
    """Return a rule about the files that a pattern means, None for no pattern of ours."""
    try:
        return Rule(name="logrotate", path=pattern, file_mode=_ANY_MODE)
    except SettingsError:
        return None


def _governing(files: Rule, policy: Policy) -> Iterator[Rule]:
    if files.is_literal:
        rule = policy.rule_for(files.base, is_directory=False)
        if rule is not None:
            yield rule
        return
    yield from (rule for rule in policy.rules if rule.is_enabled and may_overlap(rule, files))


def _contradiction(rule: Rule, create: Create, facts: PermissionFacts) -> str:
    """Say what the rule wants that ``create`` does not give; nothing when they agree."""
    mode = rule.mode_for(is_directory=False)
    found = []
    if mode is not None and create.mode is not None:
        wanted = mode.apply(create.mode, is_directory=False)
        found += [] if wanted == create.mode else [f"mode {wanted:04o}"]
    if rule.owner and create.owner and facts.uid(rule.owner) != facts.uid(create.owner):
        found.append(f"owner {rule.owner}")
    if rule.group and create.group and facts.gid(rule.group) != facts.gid(create.group):
        found.append(f"group {rule.group}")
    return " and ".join(found)
