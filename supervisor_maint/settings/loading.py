"""Load the settings from files, and tell when they have changed. The shell of this folder.

Text becomes inputs (``reading``), inputs become values (``interpreting``), and here the files
that keys name are looked at. Either everything holds or a ``SettingsRefused`` has every reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.settings import circumstances as machine
from supervisor_maint.settings import reading, trust
from supervisor_maint.settings.inputs import Expansions, Inputs, Sources, Stamp
from supervisor_maint.settings.interpreting import interpret
from supervisor_maint.settings.kinds import has_family
from supervisor_maint.settings.model import Settings
from supervisor_maint.settings.named_files import FilesOf
from supervisor_maint.settings.one_section import Interpreted
from supervisor_maint.settings.options import Circumstances, declaration_of

_RULES = "permissions"


class SettingsRefused(SettingsError):
    """The configuration cannot be used; ``sources`` tells when it is worth trying again."""

    def __init__(self, problems: Iterable[Problem], *, sources: Sources) -> None:
        super().__init__(tuple(problems))
        self.sources = sources


def load(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str],
    now: float,
    circumstances: Circumstances | None = None,
) -> Settings:
    """Load a configuration file with what it includes.

    ``now`` is in seconds since the epoch; ``circumstances`` replaces a look at the machine.
    Raises ``SettingsRefused``, a SettingsError, with every problem there is.
    """
    seen = circumstances or machine.observe(environ)
    expansions = Expansions(environ=seen.environ, host_node_name=seen.host_name)
    inputs = reading.read(Path(path), expansions)
    sections, problems = interpret(inputs.sections, seen, expansions)
    named = [FilesOf(section, seen) for section in sections]
    stamps = frozenset().union(*(entry.stamps for entry in named))
    sources = attrs.evolve(inputs.sources, stamps=inputs.sources.stamps | stamps)
    everything = [
        *inputs.problems,
        *problems,
        *(problem for section in sections for problem in section.problems),
        *(problem for entry in named for problem in entry.problems),
        *_shared_targets(sections),
        *_incomplete_plans(sections),
        *(_untrusted(inputs) if seen.is_root else ()),
        *(_rules_of_strangers(sections) if seen.is_root else ()),
    ]
    if everything:
        order = {file: index for index, file in enumerate(sources.files)}
        everything.sort(key=lambda problem: (order.get(problem.file or "", -1), problem.line or 0))
        raise SettingsRefused(everything, sources=sources)
    maint, *others = (entry.value for entry in named)
    return Settings(sources=sources, loaded_at=now, maint=maint, sections=tuple(others))


def changed(loaded: Settings | SettingsRefused) -> bool:
    """Tell whether a file, or what the includes match, is not what was read.

    Takes the refusal too, so that a bad file is refused once and not at every look.
    """
    sources = loaded.sources
    if reading.files_of(sources.path, sources.globs) != sources.files:
        return True
    return any(_stamp_now(stamp.path) != stamp for stamp in sources.stamps)


def _stamp_now(file: str) -> Stamp | None:
    try:
        return reading.stamp(file, Path(file).stat())
    except OSError:
        return None


def _shared_targets(sections: Iterable[Interpreted]) -> Iterator[Problem]:
    """Refuse a second sink that writes where another does: each would undo the other."""
    first: dict[tuple[object, ...], Interpreted] = {}
    for entry in sections:
        target = getattr(entry.value, "target", None)
        if target is None:
            continue
        earlier = first.setdefault((entry.kind, *target), entry)
        if earlier is not entry:
            yield entry.section.problem(
                f"expected a target of its own, found that of [{earlier.section.header}]"
            )


def _incomplete_plans(sections: Iterable[Interpreted]) -> Iterator[Problem]:
    """Refuse plans that name steps, or rely on monitoring, that no section describes."""
    of_plan = {id(entry.value): entry for entry in sections}
    values = [entry.value for entry in sections if entry.value is not None]
    if not has_family(values, "maintenance"):
        return
    from supervisor_maint.settings.planning import unasked_blockers, unknown_steps

    for plan, key, message in (*unknown_steps(values), *unasked_blockers(values)):
        interpreted = of_plan[id(plan)]
        yield interpreted.section.problem(message, entry=interpreted.entries[key])


def _untrusted(inputs: Inputs) -> Iterator[Problem]:
    for file in inputs.sources.files:
        try:
            reason = trust.writers(Path(file))
        except OSError:
            continue  # that it cannot be read is a problem already
        if reason is not None:
            yield Problem(
                file=file, message=f"expected that only root and the owner can change it: {reason}"
            )


def _rules_of_strangers(sections: Iterable[Interpreted]) -> Iterator[Problem]:
    """Refuse permissions in a file that is not root's: its owner would give himself any file."""
    rules = (entry.section for entry in sections if declaration_of(entry.kind).family == _RULES)
    for section in {section.file: section for section in rules}.values():
        try:
            owner = trust.stranger(Path(section.file))
        except OSError:
            continue  # that it cannot be read is a problem already
        if owner is not None:
            yield section.problem(
                f"expected a file of root's, for root keeps this rule, and found that {owner} "
                "owns it; give it to root, or do this as that user"
            )
