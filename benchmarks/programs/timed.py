"""Runs a program, and prints how many seconds it took and how many bytes it had at its peak.

A process of its own, and a small one: the peak that wait4(2) tells begins with that of whoever
forked.
"""

import os
import sys
import time

began_at = time.monotonic()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - began_at, usage.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
