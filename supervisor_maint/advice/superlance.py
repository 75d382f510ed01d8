"""Advice on superlance's listeners, which have faults of their own in 2.0.0. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor_maint.advice.commands import has_option, superlance_arguments
from supervisor_maint.advice.values import Advice, Severity, Surroundings
from supervisor_maint.supervisord.configured import ListenerPool

_WITHOUT_WRAP_SOCKET = (3, 12)  # "What's New In Python 3.12": ssl.wrap_socket() is removed


def httpok_over_tls(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of ``httpok https://``: from Python 3.12 on it takes a healthy server for down."""
    for pool, arguments in _pools_of(surroundings, "httpok"):
        if not any(word.lower().startswith("https://") for word in arguments):
            continue
        python = surroundings.pythons.get(pool.command)
        if python is not None and python < _WITHOUT_WRAP_SOCKET:
            continue
        version = "{}.{}".format(*(python or _WITHOUT_WRAP_SOCKET))
        doubt = "" if python else " and later, which it may run on"
        yield Advice(
            severity=Severity.ERROR if python else Severity.WARNING,
            subject=f"[eventlistener:{pool.name}]",
            message=f"httpok cannot ask https:// on Python {version}{doubt}: it finds every "
            "server down and restarts the program at each tick",
            what_to_do="let it ask http://, or run superlance on Python 3.11",
        )


def memmon_any(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of ``memmon -a``: it counts itself and the other listeners, and stops them."""
    for pool, arguments in _pools_of(surroundings, "memmon"):
        if has_option(arguments, "-a", "--any"):
            yield Advice(
                severity=Severity.WARNING,
                subject=f"[eventlistener:{pool.name}]",
                message="memmon -a watches every process, itself and other listeners too, and "
                "one that stops itself stays stopped",
                what_to_do="name programs with -p and groups with -g",
            )


def crashmail_programs(surroundings: Surroundings) -> Iterator[Advice]:
    """Warn of ``crashmail -p``: it is read and not used."""
    for pool, arguments in _pools_of(surroundings, "crashmail"):
        if has_option(arguments, "-p", "--program"):
            yield Advice(
                severity=Severity.NOTE,
                subject=f"[eventlistener:{pool.name}]",
                message="crashmail ignores -p and mails for every process",
                what_to_do="leave out -p, and filter the mail",
            )


def _pools_of(
    surroundings: Surroundings, program: str
) -> Iterator[tuple[ListenerPool, tuple[str, ...]]]:
    for pool in surroundings.pools:
        arguments = superlance_arguments(pool.command, program)
        if arguments is not None:
            yield pool, arguments
