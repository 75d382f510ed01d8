"""Play any number of seeds by hand: ``python -m tests.simulation --seeds 20000 --start 5000``."""

from __future__ import annotations

import argparse
import collections
import sys
import time

from tests.simulation.simulation import play


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first")
    parser.add_argument("--story", action="store_true", help="tell each story")
    arguments = parser.parse_args()
    began_at = time.monotonic()
    outcomes: collections.Counter[str] = collections.Counter()
    for seed in range(arguments.start, arguments.start + arguments.seeds):
        played = play(seed, tells_story=arguments.story)
        outcomes[played.phase.value if played.phase else "nothing"] += 1
        if played.violations or arguments.story:
            print(played.report())  # noqa: T201
        if played.violations:
            return 1
    print(dict(outcomes), f"in {time.monotonic() - began_at:.1f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
