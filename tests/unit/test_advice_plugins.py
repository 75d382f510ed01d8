"""The rules about our plug-ins for Supervisor: facts in, advice out."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from supervisor_maint.advice import PluginTrial, Severity, Surroundings
from supervisor_maint.advice.plugins import (
    importable,
    shared_state,
    supervisorctls,
    unexpanded_here,
)
from supervisor_maint.settings import Settings
from supervisor_maint.settings.inputs import Sources
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.words import zone
from supervisor_maint.supervisord.configured import Configuration, PluginSection

MAIN = "/etc/supervisor/supervisord.conf"
INCLUDED = "/etc/supervisor/conf.d/maint.conf"
STATE = Path("/var/lib/supervisor-maint")
SETTINGS = Settings(
    sources=Sources(path=INCLUDED),
    loaded_at=0.0,
    maint=MaintSettings(
        instance="web01", timezone=zone("UTC"), serverurl=None, username=None, state_dir=STATE
    ),
)
INTERFACE = PluginSection(
    header="rpcinterface:maint",
    file=INCLUDED,
    is_included=True,
    values={
        "supervisor.rpcinterface_factory": (
            "supervisor_maint.supervisord.rpcinterface:make_interface"
        ),
        "state_dir": str(STATE),
    },
)
CTL = PluginSection(
    header="ctlplugin:maint",
    file=MAIN,
    is_included=False,
    values={"supervisor.ctl_factory": "supervisor_maint.supervisord.ctlplugin:make_plugin"},
)
OTHERS = (
    PluginSection(
        header="rpcinterface:supervisor",
        file=MAIN,
        is_included=False,
        values={
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    ),
    PluginSection(
        header="ctlplugin:other",
        file=INCLUDED,
        is_included=True,
        values={"supervisor.ctl_factory": "other.ctl:make"},
    ),
)
YES = PluginTrial(True)
NO = PluginTrial(False, "no module")
UNKNOWN = PluginTrial(None, "supervisord does not answer")


def around(*plugins: PluginSection, trial: PluginTrial = YES) -> Surroundings:
    configuration = Configuration(
        files=(MAIN, INCLUDED),
        identifier="supervisor",
        logfile="/var/log/supervisord.log",
        groups=(),
        pools=(),
        unix_servers=(),
        inet_servers=(),
        rpcinterfaces=(),
        plugins=(*OTHERS, *plugins),
    )
    return Surroundings(settings=SETTINGS, configuration=configuration, plugin_trial=trial)


@pytest.mark.parametrize(
    ("plugins", "trial", "expected"),
    [
        ((INTERFACE,), YES, []),
        ((INTERFACE,), NO, [(Severity.ERROR, "supervisord would not start again")]),
        ((INTERFACE,), UNKNOWN, [(Severity.NOTE, "it was not tried")]),
        ((), YES, [(Severity.NOTE, "it adds supervisorctl reopen and maint")]),
        ((), NO, []),
        ((), UNKNOWN, []),
    ],
)
def test_import_is_tried_before_the_stanza_is_recommended(
    plugins: tuple[PluginSection, ...], trial: PluginTrial, expected: list[tuple[Severity, str]]
) -> None:
    """What cannot be imported is an error where it is configured, and is not recommended."""
    found = list(importable(around(*plugins, trial=trial)))

    assert [severity for severity, _ in expected] == [advice.severity for advice in found]
    for (_, message), advice in zip(expected, found):
        assert message in advice.message
        assert trial.reason in advice.message


def test_unknown_configuration_gets_no_advice() -> None:
    """Where it is not known what is configured, nothing is recommended."""
    surroundings = Surroundings(settings=SETTINGS, plugin_trial=YES)
    rules = (importable, shared_state, supervisorctls, unexpanded_here)

    assert [] == [advice for rule in rules for advice in rule(surroundings)]


@pytest.mark.parametrize(
    ("state_dir", "expected"),
    [
        (str(STATE), []),
        (f"{STATE}/", []),
        ("/var/lib/other", ["state_dir is /var/lib/other, and the listener's is "]),
        (None, ["state_dir is missing, and the listener's is "]),
    ],
)
def test_plugin_reads_where_the_listener_writes(state_dir: str | None, expected: list[str]) -> None:
    """Another state_dir than the listener's is an error."""
    values = {**INTERFACE.values, "state_dir": state_dir}
    known = {key: value for key, value in values.items() if value is not None}
    found = list(shared_state(around(attrs.evolve(INTERFACE, values=known))))

    assert [Severity.ERROR] * len(expected) == [advice.severity for advice in found]
    for message, advice in zip(expected, found):
        assert message in advice.message
        assert f"set state_dir = {STATE}" == advice.what_to_do


@pytest.mark.parametrize(
    ("section", "who"),
    [
        (attrs.evolve(INTERFACE, file=MAIN, is_included=False, uses_here=True), "supervisord"),
        (attrs.evolve(CTL, uses_here=True), "supervisorctl"),
        (INTERFACE, None),
        (CTL, None),
    ],
)
def test_here_that_is_not_replaced_is_an_error(section: PluginSection, who: str | None) -> None:
    """``%(here)s`` that is not replaced keeps one or the other from starting."""
    found = list(unexpanded_here(around(section)))

    assert (who is not None) is bool(found)
    for advice in found:
        assert Severity.ERROR is advice.severity
        assert advice.message.startswith(f"{who} does not know %(here)s")


@pytest.mark.parametrize(
    ("plugins", "trial", "expected"),
    [
        ((INTERFACE, CTL), YES, []),
        ((CTL,), YES, ["which is not there"]),
        ((INTERFACE, CTL), NO, ["ends with an error at every command"]),
        (
            (INTERFACE, attrs.evolve(CTL, file=INCLUDED, is_included=True)),
            YES,
            ["ignores it in " + INCLUDED],
        ),
        ((INTERFACE,), YES, []),
    ],
)
def test_supervisorctl_reads_its_plugin_and_can_use_it(
    plugins: tuple[PluginSection, ...], trial: PluginTrial, expected: list[str]
) -> None:
    """A section that supervisorctl ignores, cannot import or cannot use is warned of."""
    found = list(supervisorctls(around(*plugins, trial=trial)))

    assert [Severity.WARNING] * len(expected) == [advice.severity for advice in found]
    for message, advice in zip(expected, found):
        assert message in advice.message
