"""Make COUNT processes with a child each, print their pids, and end them all at the end of stdin.

Run as ``python -I -S crowd.py COUNT``. Every child waits for the end of a pipe that only the
first process holds: however that one ends, they end too, each reaped by its parent.
"""

import os
import sys


def wait_for_the_end(pipe: int) -> None:
    os.read(pipe, 1)
    os._exit(0)


def be_a_family(reading: int, writing: int) -> None:
    os.close(writing)
    if os.fork() == 0:
        wait_for_the_end(reading)
    os.wait()
    os._exit(0)


def main() -> None:
    reading, writing = os.pipe()
    pids = []
    for _ in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            be_a_family(reading, writing)
        pids.append(pid)
    print(*pids, flush=True)
    sys.stdin.read()
    os.close(writing)
    for pid in pids:
        os.waitpid(pid, 0)


main()
