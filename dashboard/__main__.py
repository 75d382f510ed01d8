"""Write the dashboard anew."""

from __future__ import annotations

from dashboard.content import FILE, text

if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
