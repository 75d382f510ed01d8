"""A supervisord's XML-RPC with one running process for each PID given; nothing ever changes.

It prints its URL, then the monotonic time of each getAllProcessInfo asked for, and ends at the
end of stdin. Answers are made once for each question, so a snapshot comes as fast as it can be
read: the hardest for whoever parses it. supervisord itself takes 420 ms for 1000 processes.
"""

import functools
import sys
import threading
import time
import xmlrpc.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STARTED_AT = int(time.time()) - 3600
PIDS = [int(pid) for pid in sys.argv[1:]]


def process_info(number: int, pid: int) -> dict[str, Any]:
    name = f"worker_{number:04}"
    return {
        "name": name,
        "group": f"group_{number // 10:03}",
        "description": f"pid {pid}, uptime 1:00:00",
        "start": STARTED_AT,
        "stop": 0,
        "now": STARTED_AT + 3600,
        "state": 20,
        "statename": "RUNNING",
        "spawnerr": "",
        "exitstatus": 0,
        "logfile": f"/var/log/supervisor/{name}-stdout.log",
        "stdout_logfile": f"/var/log/supervisor/{name}-stdout.log",
        "stderr_logfile": f"/var/log/supervisor/{name}-stderr.log",
        "pid": pid,
    }


def config_info(number: int) -> dict[str, Any]:
    name = f"worker_{number:04}"
    return {
        "name": name,
        "group": f"group_{number // 10:03}",
        "inuse": True,
        "autostart": True,
        "process_prio": 999,
        "group_prio": 999,
        "startsecs": 1,
        "stopwaitsecs": 10,
        "exitcodes": [0],
        "command": f"/usr/local/bin/{name}",
        "stdout_logfile": f"/var/log/supervisor/{name}-stdout.log",
        "stderr_logfile": f"/var/log/supervisor/{name}-stderr.log",
    }


VALUES: dict[str, Any] = {
    "supervisor.getPID": 1,
    "supervisor.getState": {"statecode": 1, "statename": "RUNNING"},
    "supervisor.getIdentification": "supervisor",
    "supervisor.getSupervisorVersion": "4.3.0",
    "supervisor.getAllProcessInfo": [process_info(*each) for each in enumerate(PIDS)],
    "supervisor.getAllConfigInfo": [config_info(number) for number in range(len(PIDS))],
    "supervisor.getVersion": "3.0",
    "supervisor.readLog": "",
}


@functools.cache
def answer(question: bytes) -> bytes:
    params, method = xmlrpc.client.loads(question)
    if method == "system.multicall":
        value = [VALUES[call["methodName"]] for call in params[0]]  # bare, as supervisord answers
    else:
        value = VALUES[str(method)]
    return xmlrpc.client.dumps((value,), methodresponse=True).encode()


class Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms apart otherwise

    def do_POST(self) -> None:
        question = self.rfile.read(int(self.headers["Content-Length"]))
        body = answer(question)
        if b"getAllProcessInfo" in question:
            print(time.monotonic(), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a listener that ends drops its connections."""


def main() -> None:
    server = Server(("127.0.0.1", 0), Call)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


main()
