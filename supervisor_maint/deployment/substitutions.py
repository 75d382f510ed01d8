"""What is filled in where: one table for all files that are deployed. No I/O here.

Every file is valid as it is shipped, with an example or a default in each place. A row names such
a place by its text, and what stands there instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import attrs

from supervisor_maint.deployment.values import Values


@attrs.frozen
class Substitution:
    """In a file (a pattern), a text becomes another one, in which ``{NAME}`` is a value.

    ``needs`` is the value without which the text stays.
    """

    file: str
    text: str
    needs: str
    becomes: str

    def apply(self, text: str, values: Values) -> str:
        """Return a file's text with every such place filled in; as it is without the value.

        Raises LookupError when there is no such place.
        """
        if self.text not in text:
            raise LookupError(f"expected {self.text!r} in {self.file}, found no such text")
        words = values.words()
        return (
            text.replace(self.text, self.becomes.format_map(words)) if self.needs in words else text
        )


_MAINT = "supervisor/maint.conf"
_LOGROTATE = "logrotate/supervisor"
_ALERTMANAGER = "alertmanager/supervisor-maint.yml"
_RUNBOOK = "https://docs.example/supervisor-maint/runbook.md"

TABLE: tuple[Substitution, ...] = (
    Substitution(
        _MAINT,
        "\ncommand=supervisor-maint listen",
        "command",
        "\ncommand={command} listen",
    ),
    Substitution(_MAINT, ";user=root", "user", "user={user}"),
    Substitution(_MAINT, "/var/log/supervisor-maint.log", "listener_log", "{listener_log}"),
    Substitution(_MAINT, "/var/lib/supervisor-maint", "state_dir", "{state_dir}"),
    Substitution(_MAINT, ";instance=web01", "instance", "instance={instance}"),
    Substitution(
        _MAINT,
        "are shown.\n;timezone=Asia/Tokyo",
        "timezone",
        "are shown.\ntimezone={timezone}",
    ),
    Substitution(_MAINT, "127.0.0.1:9910", "port", "127.0.0.1:{port}"),
    Substitution(
        _MAINT,
        ";[sink:pushgateway]\n;url=http://pushgateway.example:9091",
        "pushgateway_url",
        "[sink:pushgateway]\nurl={pushgateway_url}{pushgateway_keys}",
    ),
    Substitution(
        _MAINT,
        ";[sink:textfile]\n;path=/var/lib/prometheus/node-exporter/supervisor.prom",
        "textfile",
        "[sink:textfile]\npath={textfile}",
    ),
    Substitution(
        _MAINT,
        ";[alertmanager]\n;urls=http://alertmanager.example:9093",
        "alertmanager_url",
        "[alertmanager]\nurls={alertmanager_url}{alertmanager_keys}",
    ),
    Substitution(
        _MAINT,
        ";[prometheus]\n;url=http://prometheus.example:9090",
        "prometheus_url",
        "[prometheus]\nurl={prometheus_url}{prometheus_keys}",
    ),
    Substitution(_MAINT, "/var/log/supervisor/restart.log", "log_dir", "{log_dir}/restart.log"),
    Substitution(_MAINT, ";path=/var/log/supervisor\n", "log_dir", ";path={log_dir}\n"),
    Substitution(
        _MAINT,
        ";owner=supervisor\n;group=supervisor",
        "owner",
        ";owner={owner}\n;group={group}",
    ),
    Substitution(
        "supervisor/plugins.conf", "/var/lib/supervisor-maint", "state_dir", "{state_dir}"
    ),
    Substitution("supervisor/superlance.conf", "-o web01", "instance", "-o {instance}"),
    Substitution(_LOGROTATE, "/var/log/supervisor/*.log", "log_dir", "{log_dir}/*.log"),
    Substitution(_LOGROTATE, "#su www-data adm", "user", "su {owner} {group}"),
    Substitution("prometheus/scrape-http.yml", "web01.example:9910", "host", "{host}:{port}"),
    Substitution("prometheus/scrape-http.yml", "web01.example:9911", "host", "{host}:9911"),
    Substitution("prometheus/scrape-textfile.yml", "web01.example:9100", "host", "{host}:9100"),
    Substitution(
        "prometheus/scrape-pushgateway.yml",
        "    static_configs:\n      - targets:\n          - pushgateway.example:9091",
        "pushgateway_url",
        "{pushgateway_scrape}    static_configs:\n      - targets:\n"
        "          - {pushgateway_target}",
    ),
    # The rules, and the tests that expect the links.
    Substitution("prometheus/supervisor-maint.rules.yml", _RUNBOOK, "runbook_url", "{runbook_url}"),
    Substitution("prometheus/tests/*.test.yml", _RUNBOOK, "runbook_url", "{runbook_url}"),
    Substitution(_ALERTMANAGER, "instance=web01", "instance", "instance={instance}"),
    Substitution(
        _ALERTMANAGER, "http://pager.example/supervisor-maint", "pager_url", "{pager_url}"
    ),
    Substitution(
        _ALERTMANAGER, "http://tickets.example/supervisor-maint", "tickets_url", "{tickets_url}"
    ),
    Substitution("grafana/supervisor-maint.json", _RUNBOOK, "runbook_url", "{runbook_url}"),
    Substitution(
        "grafana/datasource.yaml", "http://localhost:9090", "prometheus_url", "{prometheus_url}"
    ),
)


def of_file(file: str, table: Iterable[Substitution] = TABLE) -> Iterator[Substitution]:
    """Yield the rows that are about a file, by its path below ``conf.d``."""
    return (row for row in table if fnmatchcase(file, row.file))


def fill_in(file: str, text: str, values: Values) -> str:
    """Return a file's text with the values in their places. Raises LookupError."""
    for row in of_file(file):
        text = row.apply(text, values)
    return text


def left_open(file: str, values: Values) -> tuple[str, ...]:
    """Name the values that would have a place in a file, and were not given."""
    options, words = attrs.fields_dict(Values), values.words()
    needed = (row.needs for row in of_file(file))
    return tuple(dict.fromkeys(name for name in needed if name in options and name not in words))
