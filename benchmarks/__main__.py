"""Measure the listener beside its peers, and print Markdown tables."""

from __future__ import annotations

import argparse
import importlib

from benchmarks import machine

# Each is a module with ``measure()``, which yields tables.
MEASURES = (
    "acknowledgement",
    "throughput",
    "storm",
    "footprint",
    "ready",
    "families",
    "report",
    "restarts",
    "permissions",
    "health",
    "monitoring",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(MEASURES))
    names = parser.parse_args().names or MEASURES
    unknown = sorted({*names} - {*MEASURES})
    if unknown:
        parser.error(f"expected some of {', '.join(MEASURES)}, found {', '.join(unknown)}")
    print(machine.description(), end="\n\n", flush=True)
    for name in names:
        for table in importlib.import_module(f"benchmarks.{name}").measure():
            print(table.markdown(), flush=True)


if __name__ == "__main__":
    main()
