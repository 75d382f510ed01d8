"""Restarts a group, so many at once, with the fewest calls that do: URL GROUP AT_ONCE STARTSECS.

The floor for any client of supervisord. It stops a batch in one call, starts what has died in
one call as soon as the kernel tells, and stops the next as soon as one of them is RUNNING. It
looks at nobody else, writes nothing down, and would be of no use on a bad day.
"""

import os
import select
import sys
import time

from supervisor_maint.supervisord.rpc import Call, SupervisorClient

url, group, at_once, startsecs = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
RETRY_SECONDS = 0.01
client = SupervisorClient(url, timeout_seconds=60)
dying: dict[int, str] = {}
due: dict[str, float] = {}
poller = select.poll()


def ask(method: str, names: list[str], *params: object) -> list[object]:
    return client.multicall([Call(f"supervisor.{method}", (name, *params)) for name in names])


def stop(names: list[str]) -> None:
    for name in names:
        descriptor = os.pidfd_open(pids[name])
        dying[descriptor] = name
        poller.register(descriptor, select.POLLIN)
    ask("stopProcess", names, False)


def start(names: list[str]) -> None:
    client.nudge()  # supervisord reaps what has died
    while names:
        asked_at = time.monotonic()
        answers = ask("startProcess", names, False)
        each = (time.monotonic() - asked_at) / len(names)
        started = [name for name, answer in zip(names, answers) if answer is True]
        for place, name in enumerate(started, start=1):
            due[name] = asked_at + each * place + startsecs
        names = [name for name in names if name not in due]


def buried() -> list[str]:
    """Wait until something dies or is due, and return what has died."""
    now = time.monotonic()
    seconds = max(0.0, min(due.values(), default=now + 1) - now)
    names = []
    for descriptor, _ in poller.poll(seconds * 1000):
        poller.unregister(descriptor)
        os.close(descriptor)
        names.append(dying.pop(descriptor))
    return names


def returned() -> list[str]:
    """Return what is RUNNING of what is due."""
    names = [name for name, due_at in due.items() if due_at <= time.monotonic()]
    if not names:
        return []
    client.nudge()  # supervisord says RUNNING
    up = []
    for name, answer in zip(names, ask("getProcessInfo", names)):
        if answer["statename"] == "RUNNING":
            up.append(name)
            del due[name]
        else:
            due[name] = time.monotonic() + RETRY_SECONDS
    return up


members = [each for each in client.call("supervisor.getAllProcessInfo") if each["group"] == group]
pids = {f"{group}:{each['name']}": each["pid"] for each in members}
waiting = list(pids)
stop(waiting[:at_once])
del waiting[:at_once]
while dying or due:
    dead = buried()
    if dead:
        start(dead)
    count = len(returned())
    if count and waiting:
        stop(waiting[:count])
        del waiting[:count]
