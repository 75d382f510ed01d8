"""Write the dashboard anew."""

from __future__ import annotations

from pathlib import Path

from dashboard.content import text

FILE = Path(__file__).resolve().parents[1] / "conf.d" / "grafana" / "supervisor-maint.json"

if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
