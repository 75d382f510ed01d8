"""A web server for the restarts: PORT, seconds until it serves, seconds until it has stopped.

It serves no more from the moment of SIGTERM on. Its own outage is both times together.
"""

import select
import signal
import socket
import sys
import time

port, start_seconds, stop_seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
waker, woken = socket.socketpair()
signal.signal(signal.SIGTERM, lambda *_: waker.send(b"stop"))

time.sleep(start_seconds)
listener = socket.create_server(("127.0.0.1", port), backlog=64)
while True:
    readable, _, _ = select.select([listener, woken], [], [])
    if woken in readable:
        break
    client, _address = listener.accept()
    with client:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
listener.close()
time.sleep(stop_seconds)
