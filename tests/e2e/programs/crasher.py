"""A program that ends by itself: seconds it lives, exit status (or -N to die of signal N)."""

import os
import sys
import time

seconds, status = float(sys.argv[1]), int(sys.argv[2])
time.sleep(seconds)
sys.stderr.write(f"leaving with {status}\n")
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
