"""What conf.d holds for Prometheus and Alertmanager, read as YAML, and the tools that judge it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests import servers

REPOSITORY = Path(__file__).resolve().parents[2]
PROMETHEUS = REPOSITORY / "conf.d" / "prometheus"
RULES = PROMETHEUS / "supervisor-maint.rules.yml"
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.test.yml"))
SCRAPES = sorted(PROMETHEUS.glob("scrape-*.yml"))
ALERTMANAGER = REPOSITORY / "conf.d" / "alertmanager" / "supervisor-maint.yml"
CHAPTER = REPOSITORY / "docs" / "monitoring.md"

Rule = Mapping[str, Any]


def load(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[Rule]:
    """Return every rule of ours, in its order."""
    return [rule for group in load(RULES)["groups"] for rule in group["rules"]]


def alerts() -> dict[str, Rule]:
    """Return the alerts by name, in their order."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def is_muted(alert: Rule) -> bool:
    """Tell whether a window mutes an alert."""
    return alert["labels"].get("maintenance") == "inhibit"


def prometheus_configuration(jobs: Sequence[Any], alertmanager_port: int) -> str:
    """Return one with our rules beside it, quick, that tells the Alertmanager at a port."""
    targets = [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [RULES.name],
            "scrape_configs": list(jobs),
            "alerting": {"alertmanagers": [{"static_configs": targets}]},
        }
    )


def run_tool(
    name: str, *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run promtool or amtool to its end."""
    return subprocess.run(
        [servers.path_of(name), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
        cwd=cwd,
    )
