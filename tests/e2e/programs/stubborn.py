"""A program that does not stop when it is asked to: only SIGKILL ends it."""

import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
