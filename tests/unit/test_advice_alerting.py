"""Advice on silences, leads, and secrets on their way to monitoring."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor_maint.advice import alerting
from supervisor_maint.advice.rules import RULES
from supervisor_maint.advice.values import Surroundings
from supervisor_maint.settings import load

PLAN = "[maintenance:nightly]\nmax_duration = 5h\n"


def advice(folder: Path, text: str) -> list[str]:
    """What our rules say of these sections."""
    (folder / "secret").write_text("x", encoding="ascii")
    (folder / "secret").chmod(0o600)
    path = folder / "maint.conf"
    path.write_text(f"[maint]\ninstance = web01\n{text}", encoding="utf-8")
    surroundings = Surroundings(settings=load(path, environ={}, now=0.0))
    rules = [rule for rule in RULES if rule.__module__ == alerting.__name__]
    return [str(each) for rule in rules for each in rule(surroundings)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("[alertmanager]\nurls = http://am:9093\n", []),
        (
            "[alertmanager]\nurls = http://am:9093\nbearer_token_file = %(here)s/secret\n",
            [
                "warning: [alertmanager]: http://am:9093 sends the secret over the network in the "
                "clear; use an https URL, with ca_file for a CA of your own"
            ],
        ),
        ("[prometheus]\nurl = http://[::1]:1\nbearer_token_file = %(here)s/secret\n", []),
        ("[prometheus]\nurl = https://p:1\nbearer_token_file = %(here)s/secret\n", []),
        (
            "[sink:pushgateway]\nurl = http://10.0.0.1:9091\nusername = me\n"
            "password_file = %(here)s/secret\n",
            [
                "warning: [sink:pushgateway]: http://10.0.0.1:9091 sends the secret over the "
                "network in the clear; use an https URL, with ca_file for a CA of your own"
            ],
        ),
        (
            PLAN + "[alertmanager]\nurls = http://am:9093\n",
            [
                "warning: [maintenance:nightly]: max_duration (18000s) is longer than a silence "
                "may last: alerts page after 14400s; raise cap in [alertmanager], or lower "
                "max_duration"
            ],
        ),
        (PLAN + "[alertmanager]\nurls = http://am:9093\nsilence = none\n", []),
        (
            PLAN + "lead = 30s\n",
            [
                "note: [maintenance:nightly]: lead = 30s is waited for nobody: there is neither a "
                "sink nor [alertmanager]; remove lead, or add the one that is to be told"
            ],
        ),
        (PLAN + "lead = 30s\n[sink:http]\n", []),
        (
            "[alertmanager]\nurls = http://am:9093\nsilence = team=web\n",
            [
                "warning: [alertmanager]: silence names no instance, so a run of this host mutes "
                'alerts of others; add instance=~"{instance}(:.*)?" to it'
            ],
        ),
        ("[alertmanager]\nurls = http://am:9093\nsilence = host=web01.example\n", []),
    ],
)
def test_advice(tmp_path: Path, text: str, sentences: list[str]) -> None:
    """Each is one sentence, and none is given of what is well."""
    assert sentences == advice(tmp_path, text)
