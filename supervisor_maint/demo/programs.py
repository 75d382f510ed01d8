"""The programs that the demonstration keeps running: ``python -m … NAME [ARGUMENT]``.

Each does what its like does in production, in a few lines: serves, works, leaks, or breaks.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Callable

_LEAK_BYTES_A_SECOND = 1024 * 1024


class _Page(BaseHTTPRequestHandler):
    """Answers every GET with one line."""

    def do_GET(self) -> None:
        """Serve the page."""
        body = b"served by the demo\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def web(port: str) -> None:
    """Serve HTTP on a loopback port."""
    HTTPServer(("127.0.0.1", int(port)), _Page).serve_forever()


def worker() -> None:
    """Work quietly for ever."""
    while True:
        time.sleep(1)


def leaky() -> None:
    """Take a little more memory every second, up to a limit that does no harm."""
    held: list[bytearray] = []
    while len(held) < 64:  # noqa: PLR2004 - 64 MiB at the most
        held.append(bytearray(b"x" * _LEAK_BYTES_A_SECOND))
        time.sleep(1)
    worker()


def fragile(flag: str) -> None:
    """Run until the flag file appears; with it there, fail at once, as a bad deploy does."""
    while not Path(flag).exists():
        time.sleep(0.1)
    sys.exit("cannot read the configuration")


def migrate() -> None:
    """Do one thing and finish."""


def main(name: str, *arguments: str) -> None:
    """Run the program of that name."""
    programs: dict[str, Callable[..., None]] = {
        "web": web,
        "worker": worker,
        "leaky": leaky,
        "fragile": fragile,
        "migrate": migrate,
    }
    programs[name](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
