"""What a restarted process is asked, and the number in it."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.maintenance import readiness, templates
from supervisor_maint.maintenance.readiness import Probe, ProbeKind, Readiness
from supervisor_maint.processes import Namespec

WEB = Readiness(
    name="web",
    programs=("web:*",),
    kind=ProbeKind.HTTP,
    address="http://127.0.0.1:{num+8000}/healthz",
)


@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [
        ("no field", "web", "no field"),
        ("{num}", "web_07", "07"),
        ("80{num}", "web_07", "8007"),
        ("{num+8000}", "web_07", "8007"),
        ("{num + 8000}", "web_07", "8007"),
        ("{num*2+1:03d}", "web_3", "007"),
        ("{(num+1)*10}", "web_3", "40"),
        ("{num//2}-{num%2}", "web_5", "2-1"),
        ("{-num+10}", "web_3", "7"),
        ("{num:x}", "web_255", "ff"),
        ("{num:3}", "w1", "  1"),
        ("{{num}}", "web", "{num}"),
        ("{num}{num}", "a2b34", "3434"),
    ],
)
def test_fill(template: str, name: str, expected: str) -> None:
    """The digits that end the name, as they are or calculated with."""
    assert expected == templates.fill(template, name)


@pytest.mark.parametrize(
    "template",
    [
        "{}",
        "{nam}",
        "{num",
        "num}",
        "{num!r}",
        "{num**9}",
        "{num<<9}",
        "{num.real}",
        "{__import__('os')}",
        "{num if num else 1}",
        "{num+1.5}",
        "{True}",
        "{num//0}",
        "{num:s}",
        "{num:9999d}",
        "{num+}",
        "{num:}}",
        "{" + "-" * 100_000 + "num}",
    ],
)
def test_what_is_no_template(template: str) -> None:
    """Whatever is not whole-number arithmetic is refused, and nothing is executed."""
    with pytest.raises(ValueError, match="expected"):
        templates.check(template)


def test_name_without_digits_is_an_error() -> None:
    """Where the number is asked for, the name must end with it."""
    with pytest.raises(ValueError, match=r"ends with digits for \{num\}, found 'web'"):
        templates.fill("{num}", "web")


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (ProbeKind.HTTP, "ftp://x/"),
        (ProbeKind.HTTP, "http://"),
        (ProbeKind.HTTP, "http://h:99999/"),
        (ProbeKind.HTTP, "http://h/a b"),
        (ProbeKind.TCP, "8000"),
        (ProbeKind.TCP, "host:"),
        (ProbeKind.TCP, "host:0"),
        (ProbeKind.TCP, "host:{num+70000}"),
        (ProbeKind.COMMAND, "  "),
    ],
)
def test_what_is_no_address(kind: ProbeKind, address: str) -> None:
    """An address that cannot be asked is refused."""
    with pytest.raises(ValueError, match="expected"):
        Readiness(name="x", programs=("*",), kind=kind, address=address)


@pytest.mark.parametrize(
    ("kind", "address", "expected"),
    [
        (ProbeKind.HTTP, "https://[::1]:{num+8000}/", "https://[::1]:8007/"),
        (ProbeKind.TCP, "localhost:80{num}", "localhost:8007"),
        (ProbeKind.TCP, "[::1]:8000", "[::1]:8000"),
        (ProbeKind.COMMAND, "check-web {num}", "check-web 07"),
    ],
)
def test_probe(kind: ProbeKind, address: str, expected: str) -> None:
    """The question for one process."""
    check = Readiness(name="x", programs=("*",), kind=kind, address=address)

    assert Probe(kind=kind, address=expected) == check.probe(Namespec("web", "web_07"))


@pytest.mark.parametrize(
    "change",
    [
        {"timeout_seconds": 0},
        {"interval_seconds": 0},
        {"successes": 0},
        {"programs": ()},
        {"programs": ("",)},
        {"name": ""},
    ],
)
def test_invalid_check_cannot_exist(change: dict[str, Any]) -> None:
    """The value itself refuses nonsense."""
    settings = {"name": "x", "programs": ("*",), "kind": ProbeKind.TCP, "address": "h:1"}
    with pytest.raises(ValueError, match=r"must be|Length"):
        Readiness(**{**settings, **change})


def test_first_check_that_covers_counts() -> None:
    """A process without a check is ready once RUNNING."""
    rest = Readiness(name="rest", programs=("*",), kind=ProbeKind.TCP, address="h:1")

    assert WEB == readiness.find((WEB, rest), Namespec("web", "a1"))
    assert rest == readiness.find((WEB, rest), Namespec("db", "db"))
    assert None is readiness.find((WEB,), Namespec("db", "db"))


def test_problems_name_the_processes() -> None:
    """A check that needs a number says which processes have none."""
    names = [Namespec("web", "web1"), Namespec("web", "admin"), Namespec("db", "db")]
    found = readiness.problems((WEB,), names)

    assert 1 == len(found)
    assert found[0].startswith("[readiness:web] web:admin: expected a process name that ends")
