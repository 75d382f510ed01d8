"""The smallest listener that Supervisor's documentation shows: it acknowledges, and no more."""

from supervisor import childutils

while True:
    childutils.listener.wait()
    childutils.listener.ok()
