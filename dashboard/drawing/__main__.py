"""``python -m dashboard.drawing http://localhost:9090 FOLDER``: the last hour of a Prometheus."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dashboard.drawing.picture import draw
from dashboard.view import View

SHOWN_SECONDS, STEP_SECONDS = 3600, 15


def main() -> None:
    """Draw an SVG for each row."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.drawing", description=__doc__)
    parser.add_argument("url", metavar="URL", help="of a Prometheus")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the SVGs go")
    args = parser.parse_args()
    now = time.time()
    view = View(
        url=args.url,
        begins_at=now - SHOWN_SECONDS,
        ends_at=now,
        step_seconds=STEP_SECONDS,
        scrape_seconds=STEP_SECONDS,
    )
    draw(view, args.folder)


if __name__ == "__main__":
    main()
