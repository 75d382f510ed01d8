"""A program whose memory grows: MiB a second, and the MiB at which it stops growing."""

import sys
import time

rate, limit = float(sys.argv[1]), float(sys.argv[2])
held = []
while True:
    if len(held) < limit:
        held.append(b"x" * (1 << 20))
    time.sleep(1.0 / rate)
