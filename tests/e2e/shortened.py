"""What conf.d ships for Prometheus and Alertmanager, with its durations divided.

So a test takes a minute where a night would take a quarter of an hour. It is mechanical, and all
that is changed is this: of a rule ``for``, ``keep_firing_for``, and every age of five minutes and
more that its expression compares with; of a route ``group_wait`` and ``group_interval``. What a
range remembers, what mutes what, and how many of something are too many stay as they are shipped.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.e2e.monitoring_files import ALERTMANAGER, RULES, load

DIVISOR = 12

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OF_A_RULE = ("for", "keep_firing_for")
_OF_A_ROUTE = ("group_wait", "group_interval")
_LEAST_AGE_SECONDS = 300
_COMPARED = re.compile(r"(?<=[<>] )\d+\b")


def rules() -> str:
    """Return the shipped rules, shortened."""
    shipped = load(RULES)
    for rule in (rule for group in shipped["groups"] for rule in group["rules"]):
        rule["expr"] = _COMPARED.sub(_divide_age, rule["expr"])
        _divide(rule, _OF_A_RULE)
    return yaml.safe_dump(shipped)


def alertmanager(receiver_url: str) -> str:
    """Return the shipped Alertmanager file, shortened; it tells ``URL/NAME-OF-THE-RECEIVER``."""
    shipped = load(ALERTMANAGER)
    for receiver in shipped["receivers"]:
        for webhook in receiver.get("webhook_configs", []):
            webhook["url"] = f"{receiver_url}/{receiver['name']}"
    _divide_route(shipped["route"])
    return yaml.safe_dump(shipped)


def _divide_route(route: dict[str, Any]) -> None:
    _divide(route, _OF_A_ROUTE)
    for child in route.get("routes", []):
        _divide_route(child)


def _divide(section: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in section:
            number, unit = int(section[key][:-1]), section[key][-1]
            section[key] = f"{number * _UNIT_SECONDS[unit] * 1000 // DIVISOR}ms"


def _divide_age(match: re.Match[str]) -> str:
    seconds = int(match[0])
    return str(seconds // DIVISOR) if seconds >= _LEAST_AGE_SECONDS else match[0]
