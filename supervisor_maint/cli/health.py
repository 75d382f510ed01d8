"""``supervisor-maint health``: one line and an exit code, for checks that ask all day.

Little is loaded, and everything is bounded: whatever hangs, there is a line in time.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from supervisor_maint.cli.arguments import add_command, add_config, find_config
from supervisor_maint.cli.connecting import connect_within, published_url
from supervisor_maint.errors import ListenerAbsent, MaintError, StoreError, SupervisorError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from supervisor_maint.monitoring.health import Listener
    from supervisor_maint.monitoring.verdict import Answer, Verdict
    from supervisor_maint.processes import Namespec, ProcessConfig, Snapshot
    from supervisor_maint.settings.maint import MaintSettings
    from supervisor_maint.store.state_dir import StateDir

DEFAULT_SECONDS = 2.0
LEAST_SECONDS = 0.1
# What it takes to tell that time is over.
_MARGIN_SECONDS = 0.05
_PAGE_BYTES = 64 * 1024


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "health",
        run,
        help="tell in one line whether all is well, for Nagios, Docker and Kubernetes",
        example="supervisor-maint health --format probe",
    )
    add_config(parser)
    parser.add_argument(
        "--format",
        choices=("nagios", "probe"),
        default="nagios",
        help="nagios: exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, with performance data; "
        "probe: exit 0 when all is well or down as planned, else 1 (default: nagios)",
    )
    parser.add_argument(
        "--url",
        metavar="URL",
        type=_page,
        help="ask the /health of a scrape endpoint, such as http://127.0.0.1:9910, when the "
        "listener's state may not be read, or from elsewhere",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_SECONDS,
        help=f"how long supervisord may be silent (default: {DEFAULT_SECONDS:g})",
    )


def run(args: argparse.Namespace) -> int:
    """Print the line, and return the exit code of the format; problems are UNKNOWN, not raised."""
    answer = _within(args.timeout + _MARGIN_SECONDS, lambda: _answer(args))
    if args.format == "probe":
        print(answer.sentence)
        return 0 if answer.passes else 1
    print(answer.line)
    return int(answer.level)


def _page(text: str) -> SplitResult:
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise argparse.ArgumentTypeError(
            "expected http://HOST:PORT or https://HOST/PATH, without user and password"
        )
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/health") else f"{path}/health")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not LEAST_SECONDS <= seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"expected at least {LEAST_SECONDS:g} seconds")
    return seconds


def _within(seconds: float, find_out: Callable[[], Answer]) -> Answer:
    """Find out within the seconds, whatever hangs: a name server and a disk do as well."""
    from supervisor_maint.monitoring.verdict import Answer, Level, Verdict

    found: list[Answer] = []
    thread = threading.Thread(target=lambda: found.append(find_out()), daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    if thread.is_alive():
        verdict = Verdict(level=Level.CRITICAL, sentence=f"no answer within {seconds:g} s")
    else:  # the thread has printed its traceback
        verdict = Verdict(level=Level.UNKNOWN, sentence="an error of ours, which is on stderr")
    return Answer.of(verdict, seconds)


def _answer(args: argparse.Namespace) -> Answer:
    from supervisor_maint.monitoring.verdict import Answer, unknown

    began_at = time.monotonic()
    try:
        if args.url is not None:
            return _ask_page(args.url, args.timeout)
        verdict = _verdict(find_config(args), args.timeout)
    except MaintError as error:
        verdict = unknown(error.msg)
    except OSError as error:
        verdict = unknown(str(error))
    return Answer.of(verdict, time.monotonic() - began_at)


def _verdict(config: Path, seconds: float) -> Verdict:
    """Ask supervisord, and then read what the listener has published by now. Raises MaintError."""
    from supervisor_maint.monitoring.health import judge
    from supervisor_maint.settings.maint_alone import load_maint
    from supervisor_maint.store.state_dir import StateDir

    maint = load_maint(config, environ=os.environ)
    state = StateDir(maint.state_dir)
    url = maint.serverurl or published_url(_published(state))
    ends_at = time.monotonic() + seconds
    asked = _asked(maint, url, seconds)
    listener = _listener(maint, state)
    configs = _configs(maint, url, ends_at - time.monotonic(), asked, listener)
    return judge(asked, listener, now=time.time(), configs=configs)


def _published(state: StateDir) -> Mapping[str, Any]:
    """Return what was published last; nothing when nothing was. Raises StoreError."""
    from supervisor_maint.store.publication import Publication

    try:
        return Publication(state.status).read().document
    except ListenerAbsent:
        return {}


def _asked(maint: MaintSettings, url: str, seconds: float) -> Snapshot | SupervisorError:
    try:
        with connect_within(maint, url, seconds) as supervisor:
            return supervisor.snapshot()
    except SupervisorError as error:
        return error


def _listener(maint: MaintSettings, state: StateDir) -> Listener | MaintError:
    """Read what the listener knows; it publishes each ``push_interval``, and with every change."""
    from supervisor_maint.monitoring.health import QUIET_SECONDS, Listener

    try:
        return Listener.from_document(
            _published(state),
            is_alive=state.is_held(),
            quiet_seconds=QUIET_SECONDS + maint.push_interval_seconds,
        )
    except StoreError as error:
        return StoreError(f"{error.msg}; or ask the page of the listener with --url")
    except ValueError as error:
        return StoreError(f"{state.status}: {error}")


def _configs(
    maint: MaintSettings,
    url: str,
    seconds: float,
    asked: Snapshot | SupervisorError,
    listener: Listener | MaintError,
) -> Mapping[Namespec, ProcessConfig] | None:
    """Ask for the configuration where the verdict hangs on it, in what is left of the time."""
    from supervisor_maint.monitoring.health import needs_configs

    if seconds <= 0 or not needs_configs(asked, listener):
        return None
    try:
        with connect_within(maint, url, seconds) as supervisor:
            return supervisor.configs()
    except SupervisorError:
        return None  # then autostart is not known, and what has failed counts


def _ask_page(page: SplitResult, seconds: float) -> Answer:
    """Ask ``/health`` of a scrape endpoint; who does not answer is down."""
    import http.client

    from supervisor_maint.monitoring.verdict import Answer, Level, Verdict, unknown

    began_at = time.monotonic()
    kind = http.client.HTTPSConnection if page.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(page.hostname), page.port, timeout=seconds)
    try:
        connection.request("GET", page._replace(scheme="", netloc="").geturl())
        response = connection.getresponse()
        return Answer.from_page(response.status, response.read(_PAGE_BYTES).decode("utf-8"))
    except ValueError as error:
        verdict = unknown(f"{page.geturl()}: {error}; is it the page of supervisor-maint?")
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        sentence = f"nobody answers at {page.geturl()} ({reason}): is the listener running?"
        verdict = Verdict(level=Level.CRITICAL, sentence=sentence)
    finally:
        connection.close()
    return Answer.of(verdict, time.monotonic() - began_at)
