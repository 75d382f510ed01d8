"""``[alertmanager]``, ``[prometheus]``, and what plans take from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor_maint.monitoring.access import HttpAccess
from supervisor_maint.monitoring.matchers import Matcher
from supervisor_maint.monitoring.silences import Terms
from supervisor_maint.settings import Settings, SettingsRefused, load
from supervisor_maint.settings.alerting import AlertmanagerSection, PrometheusSection

MAINT = "[maint]\nstate_dir = /var/lib/maint\ninstance = web.1\n"
PLAN = "[maintenance:nightly]\n"
ALERTMANAGER = "[alertmanager]\nurls = http://am:9093\n"
PROMETHEUS = "[prometheus]\nurl = http://prom:9090\n"


def loaded(folder: Path, text: str) -> Settings:
    path = folder / "maint.conf"
    path.write_text(MAINT + text, encoding="utf-8")
    return load(path, environ={}, now=0.0)


def complaints(folder: Path, text: str) -> list[tuple[str | None, str | None, str]]:
    with pytest.raises(SettingsRefused) as caught:
        loaded(folder, text)
    return [(each.section, each.key, each.message) for each in caught.value.problems]


def test_a_url_is_enough(tmp_path: Path) -> None:
    """What is silenced by default is this instance, but for our own alerts."""
    (section,) = loaded(tmp_path, ALERTMANAGER).of(AlertmanagerSection)

    assert section.urls == ("http://am:9093",)
    assert section.access == HttpAccess(timeout_seconds=3.0)
    assert section.terms("web.1") == Terms(
        matchers=(
            Matcher("instance", r"web\.1(:.*)?", is_regex=True),
            Matcher("alertname", "Supervisor.*", is_regex=True, is_equal=False),
        ),
        instance="web.1",
        lease_seconds=1800.0,
        tail_seconds=60.0,
        cap_seconds=14400.0,
    )


def test_everything_can_be_said(tmp_path: Path) -> None:
    """A cluster, matchers in lines, credentials, and how long."""
    password = tmp_path / "password"
    password.write_text("s3cret", encoding="ascii")
    password.chmod(0o600)
    text = f"""[alertmanager]
urls = http://am1:9093, https://am2:9093/prefix
silence = host="{{instance}}"
    team="web"
lease = 10m
tail = 0
cap = 1h
username = me
password_file = {password}
timeout = 5s
"""
    (section,) = loaded(tmp_path, text).of(AlertmanagerSection)
    terms = section.terms("web.1")

    assert section.urls == ("http://am1:9093", "https://am2:9093/prefix")
    assert section.access == HttpAccess(
        timeout_seconds=5.0, username="me", password_file=str(password)
    )
    assert terms is not None
    assert terms.matchers == (Matcher("host", "web.1"), Matcher("team", "web"))
    assert (terms.lease_seconds, terms.tail_seconds, terms.cap_seconds) == (600.0, 0.0, 3600.0)


def test_no_silence(tmp_path: Path) -> None:
    """Who mutes by inhibition rules alone says so."""
    (section,) = loaded(tmp_path, ALERTMANAGER + "silence = none\n").of(AlertmanagerSection)

    assert section.terms("web.1") is None


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("silence", 'team!="web"', "which mutes everything else"),
        ("silence", 'instance=~".*"', "which mutes everything else"),
        ("silence", "web01", "expected matchers such as"),
        ("block_on_alerts", 'severity=~"("', "expected a regular expression for severity"),
        ("silence", 'host="{hostname}"', "other name in braces than {instance}, found {hostname}"),
        ("block_on_alerts", 'host="{hostname}"', "other name in braces than {instance}"),
        ("urls", "am:9093", "expected a URL such as"),
        ("urls", "http://me:pw@am:9093", "expected a URL without user and password"),
        ("lease", "0", "expected a duration of at least 1s"),
        ("username", "me", "expected password_file beside it, found none"),
    ],
)
def test_unusable_value_is_refused(tmp_path: Path, key: str, text: str, message: str) -> None:
    """With the section, the key and a sentence."""
    rest = "" if key == "urls" else "urls = http://am:9093\n"
    (problem,) = complaints(tmp_path, f"[alertmanager]\n{rest}{key} = {text}\n")

    assert ("alertmanager", key) == problem[:2]
    assert message in problem[2]


@pytest.mark.parametrize(
    ("text", "lead_seconds"),
    [
        (PLAN, 0.0),
        (PLAN + "lead = 45s\n", 45.0),
        (PLAN + ALERTMANAGER, 30.0),
        (PLAN + "lead = 0\n" + ALERTMANAGER, 0.0),
    ],
)
def test_lead(tmp_path: Path, text: str, lead_seconds: float) -> None:
    """Nothing is waited for unless somebody is to be told."""
    (plan,) = loaded(tmp_path, text).plans

    assert lead_seconds == plan.lead_seconds


def test_plan_has_blockers_of_the_sections_unless_it_has_its_own(tmp_path: Path) -> None:
    """A key of the plan goes before that of [alertmanager] and [prometheus]."""
    own = "block_on_alerts = team=\"web\", severity=~'x'\nblock_on_query = up == 0\n"
    text = (
        PLAN
        + "[maintenance:own]\n"
        + own.replace("'", '"')
        + ALERTMANAGER
        + "block_on_alerts = severity=critical\n"
        + PROMETHEUS
        + "block_on_query = vector(1)\n"
    )
    first, second = loaded(tmp_path, text).plans

    assert (first.block_on_alerts, first.block_on_query) == ('severity="critical"', "vector(1)")
    assert (second.block_on_alerts, second.block_on_query) == (
        'team="web", severity=~"x"',
        "up == 0",
    )


def test_blocker_needs_somebody_to_ask(tmp_path: Path) -> None:
    """A plan that relies on monitoring names a section that says where it is."""
    text = PLAN + "block_on_alerts = severity=critical\nblock_on_query = up == 0\n"

    assert [
        (
            "maintenance:nightly",
            "block_on_alerts",
            "expected a section [alertmanager] that says whom to ask, found none",
        ),
        (
            "maintenance:nightly",
            "block_on_query",
            "expected a section [prometheus] that says whom to ask, found none",
        ),
    ] == complaints(tmp_path, text)


@pytest.mark.parametrize(
    ("section", "key", "text"),
    [
        ("prometheus", "block_on_query", 'up{instance="{host}"} == 0'),
        ("maintenance:nightly", "block_on_query", 'up{instance="{host}"} == 0'),
        ("maintenance:nightly", "block_on_alerts", 'instance="{host}"'),
    ],
)
def test_unknown_name_in_a_blocker_is_refused(
    tmp_path: Path, section: str, key: str, text: str
) -> None:
    """It would ask about nobody, and let every run begin."""
    headers = dict.fromkeys((ALERTMANAGER, PROMETHEUS, PLAN), "")
    headers[next(each for each in headers if each.startswith(f"[{section}]"))] = f"{key} = {text}\n"
    (problem,) = complaints(tmp_path, "".join(head + line for head, line in headers.items()))

    assert (section, key) == problem[:2]
    assert "other name in braces than {instance}, found {host}" in problem[2]


def test_prometheus_section(tmp_path: Path) -> None:
    """A URL, and the keys that every server shares."""
    (section,) = loaded(tmp_path, PROMETHEUS + "timeout = 10s\n").of(PrometheusSection)

    assert (section.url, section.access) == ("http://prom:9090", HttpAccess(timeout_seconds=10.0))
