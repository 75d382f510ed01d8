"""Gather what advice is given on: supervisord's configuration, modes of files, users, Pythons."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Callable

from supervisor_maint.advice import permission_files, plan_files
from supervisor_maint.advice.pythons import python_of
from supervisor_maint.advice.values import PythonVersion, Surroundings
from supervisor_maint.errors import Problem, SettingsError
from supervisor_maint.settings import Settings, reading, trust
from supervisor_maint.settings.inputs import Expansions, Section
from supervisor_maint.supervisord.configured import Configuration
from supervisor_maint.supervisord.server_url import ServerUrl

# What supervisord's children look programs up in when the environment has no PATH (os.defpath).
_DEFAULT_PATH = "/bin:/usr/bin"


def survey(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    read_configuration: Callable[[str], Configuration],
    supervisord_config: str | None = None,
) -> Surroundings:
    """Look at everything that a rule may ask about.

    supervisord's configuration is the file given, else ``supervisord_config`` of ``[maint]``,
    else the settings' own file when it has ``[supervisord]``. ``read_configuration`` raises
    SettingsError, which becomes the problems of the surroundings.
    """
    path = supervisord_config or _configuration_of(settings, environ)
    configuration, problems = _read(path, read_configuration)
    files = (*settings.files, *(configuration.files if configuration else ()))
    return Surroundings(
        settings=settings,
        configuration=configuration,
        problems=problems,
        writers=_found(trust.writers, files),
        exposed=_found(trust.readers, _with_password(settings, environ)),
        pythons=_pythons(configuration, environ.get("PATH", _DEFAULT_PATH)),
        users=plan_files.users(settings),
        plan_files=plan_files.problems(settings),
        permission_facts=permission_files.look(settings, files=files),
    )


def _configuration_of(settings: Settings, environ: Mapping[str, str]) -> str | None:
    if settings.maint.supervisord_config is not None:
        return str(settings.maint.supervisord_config)
    has_supervisord = any(
        section.header == "supervisord" and section.file == settings.path
        for section in _sections(settings, environ)
    )
    return settings.path if has_supervisord else None


def _sections(settings: Settings, environ: Mapping[str, str]) -> tuple[Section, ...]:
    expansions = Expansions(environ=environ, host_node_name=platform.node())
    return reading.read(Path(settings.path), expansions).sections


def _with_password(settings: Settings, environ: Mapping[str, str]) -> set[str]:
    """Return the files with a password as it is in ``serverurl``, not one of the environment."""
    return {
        section.file
        for section in _sections(settings, environ)
        for entry in section.entries
        if (section.header, entry.key) == ("maint", "serverurl") and _has_password(entry.text)
    }


def _has_password(url: str) -> bool:
    try:
        password = ServerUrl.parse(url).password
    except ValueError:  # it is no URL before it is expanded
        return False
    return bool(password) and "%(" not in str(password)


def _read(
    path: str | None, read_configuration: Callable[[str], Configuration]
) -> tuple[Configuration | None, tuple[Problem, ...]]:
    if path is None:
        return None, ()
    try:
        return read_configuration(path), ()
    except SettingsError as error:
        return None, error.problems


def _found(look: Callable[[Path], str | None], files: Iterable[str]) -> Mapping[str, str]:
    """Return what a look at each file finds, where it finds anything."""
    found = {}
    for file in {str(Path(file).absolute()) for file in files}:
        try:
            reason = look(Path(file))
        except OSError:
            continue  # it went away, or we may not look; whoever reads it will say so
        if reason is not None:
            found[file] = reason
    return found


def _pythons(configuration: Configuration | None, search_path: str) -> Mapping[str, PythonVersion]:
    commands = {pool.command for pool in configuration.pools} if configuration else set()
    versions = {command: python_of(command, search_path) for command in commands}
    return {command: version for command, version in versions.items() if version is not None}
