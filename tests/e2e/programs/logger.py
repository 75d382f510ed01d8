"""A program that writes numbered lines to its output: lines a second, and how many in all.

The numbers tell afterwards whether a rotation lost a line. It stays when it has written all.
"""

import itertools
import signal
import sys
import time

rate, count = float(sys.argv[1]), int(sys.argv[2])
started = time.monotonic()
for number in itertools.islice(itertools.count(), count):
    ahead = started + number / rate - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)
    sys.stdout.write(f"line {number}\n")
    sys.stdout.flush()
signal.pause()
