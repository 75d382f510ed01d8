"""An HTTP server that takes its time: PORT, seconds to start, seconds to stop.

It answers every GET with 200 and its pid once it has started, and goes on answering while it
stops. Written on bare sockets, so that dozens of them start at once on a small machine.
"""

import os
import select
import signal
import socket
import sys
import time

port, start_seconds, stop_seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
stops = []  # when each SIGTERM came; only the first counts
signal.signal(signal.SIGTERM, lambda _number, _frame: stops.append(time.monotonic()))


def seconds_left():
    """Tell how long it still serves."""
    return stops[0] + stop_seconds - time.monotonic() if stops else float("inf")


serves_at = time.monotonic() + start_seconds
while (ahead := serves_at - time.monotonic()) > 0 and not stops:
    time.sleep(min(ahead, 0.02))

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(64)
body = b"%d\n" % os.getpid()
answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
while (left := seconds_left()) > 0:
    readable, _, _ = select.select([listener], [], [], min(left, 0.05))
    if not readable:
        continue
    client, _address = listener.accept()
    with client:
        client.settimeout(1.0)
        try:
            client.recv(65536)
            client.sendall(answer + body)
        except OSError:
            continue
