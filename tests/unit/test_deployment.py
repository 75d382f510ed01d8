"""What is filled in where, what would change, and how it is checked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.deployment.access import Access
from supervisor_maint.deployment.changes import Change, Kind
from supervisor_maint.deployment.checks import CHECKS
from supervisor_maint.deployment.files import shipped
from supervisor_maint.deployment.substitutions import TABLE, Substitution, fill_in, left_open
from supervisor_maint.deployment.values import Values

SHIPPED = shipped()
LEAST = Values(instance="db7", host="db7.test", command="/opt/x/supervisor-maint", timezone="UTC")
# Nothing here is what a shipped file has, so what is left of those is seen.
FULL = attrs.evolve(
    LEAST,
    timezone="Europe/Paris",
    owner="maint",
    group="maint",
    port=19910,
    state_dir="/srv/state",
    log_dir="/srv/log/programs",
    textfile="/srv/textfile/maint.prom",
    pushgateway_url="http://gateway.test:19091",
    prometheus_url="http://prometheus.test:19090",
    alertmanager_url="http://alertmanager.test:19093",
    runbook_url="https://docs.test/runbook.md",
    pager_url="http://pager.test/",
    tickets_url="http://tickets.test/",
)
ACCESS = Access(
    ca_file="/etc/ca.pem", username="me", password_file="/etc/x.password", client_cert="/etc/us.pem"
)
# The examples that the shipped files have where machines differ.
PLACEHOLDER = re.compile(
    r"web01|\w+\.example\b|:9910\b|localhost:9090|/var/lib/supervisor-maint|/var/log/supervisor"
    r"|^;user=root|shown\.\n;timezone|^command=supervisor-maint|#su |^;\[sink:",
    re.MULTILINE,
)
# The story of the rules' own tests is told of web01, wherever they are run.
STORIES = "prometheus/tests/"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.file}: {row.needs}")
def test_row_has_its_places(row: Substitution) -> None:
    """Each row is about files that are shipped, and about texts that are in them."""
    files = [file for file in SHIPPED if row in of_file(file)]

    assert files
    for file in files:
        assert row.text in SHIPPED[file]


def of_file(file: str) -> list[Substitution]:
    from supervisor_maint.deployment import substitutions

    return list(substitutions.of_file(file))


@pytest.mark.parametrize("file", sorted(SHIPPED))
def test_every_placeholder_is_filled_in(file: str) -> None:
    """With everything given no example of a shipped file is left, in its comments neither."""
    filled = fill_in(file, SHIPPED[file], FULL)
    left = [] if file.startswith(STORIES) else PLACEHOLDER.findall(filled)

    assert [] == left
    assert () == left_open(file, FULL)


def test_example_stays_where_nothing_was_given() -> None:
    """What nobody gave leaves the example, behind its comment sign, and is named."""
    maint = fill_in("supervisor/maint.conf", SHIPPED["supervisor/maint.conf"], LEAST)

    assert ";[sink:pushgateway]\n;url=http://pushgateway.example:9091\n" in maint
    assert ";user=root\n" in maint
    assert "pushgateway_url" in left_open("supervisor/maint.conf", LEAST)
    assert "user" not in left_open("supervisor/maint.conf", LEAST)


@pytest.mark.parametrize(
    "line",
    [
        "command=/opt/x/supervisor-maint listen --config",
        "user=maint\n",
        "stderr_logfile=/srv/log/supervisor-maint.log\n",
        "\nstate_dir=/srv/state\n",
        "\ninstance=db7\n",
        "\ntimezone=Europe/Paris\n",
        "\n[sink:http]\nlisten=127.0.0.1:19910\n",
        "\n[sink:pushgateway]\nurl=http://gateway.test:19091\n",
        "\n[sink:textfile]\npath=/srv/textfile/maint.prom\n",
    ],
)
def test_stanza_is_filled_in(line: str) -> None:
    """What is filled in counts: it stands behind no comment sign."""
    assert line in fill_in("supervisor/maint.conf", SHIPPED["supervisor/maint.conf"], FULL)


def test_row_without_its_place_is_refused() -> None:
    """A shipped file that has lost a place is noticed, not left with the example."""
    with pytest.raises(LookupError, match=r"in supervisor/maint\.conf, found no such text"):
        fill_in("supervisor/maint.conf", "[maint]\n", FULL)


@pytest.mark.parametrize(
    ("url", "target", "options"),
    [
        ("http://gateway.test:9091", "gateway.test:9091", ""),
        ("http://gateway.test:9091/", "gateway.test:9091", ""),
        ("https://gateway.test", "gateway.test", "    scheme: https\n"),
        (
            "https://proxy.test/push/",
            "proxy.test",
            "    scheme: https\n    metrics_path: /push/metrics\n",
        ),
    ],
)
def test_gateway_as_a_target(url: str, target: str, options: str) -> None:
    """The URL that is pushed to is scraped, with TLS and behind its path."""
    values = attrs.evolve(LEAST, pushgateway_url=url)

    assert (target, options) == (values.pushgateway_target, values.pushgateway_scrape)


@pytest.mark.parametrize("server", ["pushgateway", "prometheus", "alertmanager"])
def test_access_follows_the_url(server: str) -> None:
    """What a server behind TLS and a password asks for stands in its section."""
    values = attrs.evolve(FULL, **{f"{server}_access": ACCESS})
    filled = fill_in("supervisor/maint.conf", SHIPPED["supervisor/maint.conf"], values)

    before, keys, _after = filled.partition(ACCESS.lines + "\n")

    assert getattr(values, f"{server}_url") == before.rpartition("=")[2]
    assert "\nca_file=/etc/ca.pem\nusername=me\npassword_file=/etc/x.password" in keys


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (
            ACCESS,
            "    tls_config:\n"
            "      ca_file: pushgateway-ca.pem\n"
            "      cert_file: pushgateway-client.pem\n"
            "      key_file: pushgateway-client.pem\n"
            "    basic_auth:\n"
            "      username: me\n"
            "      password_file: pushgateway.password\n",
        ),
        (
            Access(bearer_token_file="/t", client_cert="/c", client_key="/k"),
            "    tls_config:\n"
            "      cert_file: pushgateway-client.pem\n"
            "      key_file: pushgateway-client.key\n"
            "    authorization:\n"
            "      credentials_file: pushgateway.token\n",
        ),
        (Access(), ""),
    ],
)
def test_gateway_is_scraped_as_it_is_pushed_to(access: Access, expected: str) -> None:
    """With the same credentials, in files of Prometheus' own beside its configuration."""
    assert expected == access.scrape


def test_files_that_are_needed_are_named() -> None:
    """Whose they are to be and with which mode; one that two servers share is named once."""
    values = attrs.evolve(
        FULL,
        pushgateway_access=Access(bearer_token_file="/t", client_cert="/c", client_key="/k"),
        alertmanager_access=Access(bearer_token_file="/t", ca_file="/ca"),
        prometheus_access=Access(client_cert="/both"),
    )
    prometheus = "owner whom Prometheus runs as, mode 0600"

    assert values.files_needed() == (
        "/t: the token on its first line; owner maint, mode 0600",
        "/c: our certificate, as PEM; readable for maint, mode 0644",
        "/k: its key, as PEM; owner maint, mode 0600",
        "/both: our certificate, as PEM; owner maint, mode 0600",
        "/ca: the CAs, as PEM; readable for maint, mode 0644",
        f"pushgateway.token beside prometheus.yml: a copy of /t; {prometheus}",
        "pushgateway-client.pem beside prometheus.yml: a copy of /c; readable for whom Prometheus "
        "runs as, mode 0644",
        f"pushgateway-client.key beside prometheus.yml: a copy of /k; {prometheus}",
        "grafana/datasource.yaml: how Prometheus lets Grafana in, say it there",
    )
    assert () == FULL.files_needed()


@given(st.text(min_size=1))
def test_value_means_itself_in_every_file(text: str) -> None:
    """A value that an ini file, YAML or JSON would read as something else is refused."""
    try:
        found = attrs.evolve(LEAST, instance=text).instance
    except ValueError as error:
        assert "instance: expected letters" in str(error)
        return

    assert set(found).isdisjoint("\"'\\%;#{}\n\r\t $`")


@pytest.mark.parametrize(
    ("present", "kind", "diff"),
    [
        (None, Kind.NEW, "--- /dev/null\n+++ a/b\n@@ -0,0 +1,2 @@\n+one\n+two\n"),
        ("one\ntwo\n", Kind.SAME, ""),
        (
            "one\nthree\n",
            Kind.DIFFERENT,
            "--- a/b\n+++ a/b\n@@ -1,2 +1,2 @@\n one\n-three\n+two\n",
        ),
        (
            "one",
            Kind.DIFFERENT,
            "--- a/b\n+++ a/b\n@@ -1 +1,2 @@\n-one\n\\ No newline at end of file\n+one\n+two\n",
        ),
    ],
)
def test_change(present: str | None, kind: Kind, diff: str) -> None:
    """A file is new, the same, or differs, which is shown as ``diff -u`` would."""
    change = Change("a/b", present, "one\ntwo\n")

    assert (kind, diff) == (change.kind, change.diff())


def test_diff_can_be_patched_with(tmp_path: Path) -> None:
    """What is shown of a stanza is what ``patch`` takes."""
    file = "supervisor/maint.conf"
    before, after = (fill_in(file, SHIPPED[file], values) for values in (LEAST, FULL))
    (tmp_path / "maint.conf").write_text(before, encoding="utf-8")
    subprocess.run(
        ["patch", str(tmp_path / "maint.conf")],
        input=Change(file, before, after).diff(),
        text=True,
        check=True,
        capture_output=True,
    )

    assert after == (tmp_path / "maint.conf").read_text(encoding="utf-8")


def test_every_kind_of_file_is_checked() -> None:
    """Each tool is called once, with its files in the folder; what is not there is left out."""
    files = [
        "supervisor/maint.conf",
        "prometheus/scrape-http.yml",
        "prometheus/scrape-textfile.yml",
        "prometheus/a.rules.yml",
        "logrotate/supervisor",
    ]
    commands = {check.name: check.command(Path("/etc/x"), files) for check in CHECKS}

    assert {
        "supervisor-maint check-config": (
            "supervisor-maint",
            "check-config",
            "/etc/x/supervisor/maint.conf",
        ),
        "promtool check config --syntax-only": (
            "promtool",
            "check",
            "config",
            "--syntax-only",
            "/etc/x/prometheus/scrape-http.yml",
            "/etc/x/prometheus/scrape-textfile.yml",
        ),
        "promtool check rules": ("promtool", "check", "rules", "/etc/x/prometheus/a.rules.yml"),
        "amtool check-config": (),
        "logrotate -d": ("logrotate", "-d", "/etc/x/logrotate/supervisor"),
    } == commands
