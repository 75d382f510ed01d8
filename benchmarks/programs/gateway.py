"""A Pushgateway's stand-in: it takes every push (``accept``), or answers none (``hang``).

It prints its URL, then a line for each push, and ends at the end of stdin.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ended = threading.Event()


class Push(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms apart otherwise

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        print(time.monotonic(), flush=True)
        if sys.argv[1] == "hang":
            ended.wait()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a listener that ends drops its connections."""


def main() -> None:
    server = Server(("127.0.0.1", 0), Push)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    ended.set()


main()
