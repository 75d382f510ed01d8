"""``supervisor-maint health``: one line and an exit code, for checks that ask all day.

Little is loaded, and everything is bounded: whatever hangs, there is a line in time. The time
runs from ``register`` on, so that what is loaded for the check is part of it.
"""

from __future__ import annotations

import argparse
import gc
import math
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
# What is kept of the time to tell what was found, as a share of it at most; and what is added for
# what hangs elsewhere than in an answer.
_MARGIN_SECONDS = 0.05
_MARGIN_SHARE = 0.1
# What limits how long supervisord may be silent, as people can raise it.
_LIMIT = "--timeout"
# What is left to ask in, if loading took it all.
_LEAST_LEFT_SECONDS = 0.01
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
    parser.set_defaults(began_at=time.monotonic())
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
        help=f"how long it may take, and supervisord be silent (default: {DEFAULT_SECONDS:g})",
    )


def run(args: argparse.Namespace) -> int:
    """Print the line, and return the exit code of the format; problems are UNKNOWN, not raised."""
    gc.freeze()  # what was loaded stays to the end: a tenth of the work was looking through it
    ends_at = args.began_at + args.timeout
    ask_until = ends_at - min(_MARGIN_SECONDS, _MARGIN_SHARE * args.timeout)
    left = ends_at + _MARGIN_SECONDS - time.monotonic()
    answer = _within(max(left, 0.0), lambda: _answer(args, ask_until)) or _too_late(args.timeout)
    gc.freeze()
    if args.format == "probe":
        print(answer.sentence)
        return 0 if answer.passes else 1
    print(answer.line)
    return int(answer.level)


def _page(text: str) -> SplitResult:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # a port that is none, half an IPv6 address
        is_usable = False
    if not is_usable or parts.scheme not in ("http", "https") or " " in text:
        raise argparse.ArgumentTypeError(
            "expected http://HOST:PORT or https://HOST/PATH, without user and password"
        )
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/health") else f"{path}/health")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not LEAST_SECONDS <= seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"expected at least {LEAST_SECONDS:g} seconds")
    return seconds


def _within(seconds: float, find_out: Callable[[], Answer]) -> Answer | None:
    """Find out within the seconds, whatever hangs: a name server and a disk do as well.

    Return None when time is over.
    """
    from supervisor_maint.monitoring.verdict import Answer, unknown

    found: list[Answer] = []
    thread = threading.Thread(target=lambda: found.append(find_out()), daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    if thread.is_alive():
        return None
    # it has printed its traceback
    return Answer.of(unknown("an error of ours, which is on stderr"), seconds)


def _too_late(seconds: float) -> Answer:
    from supervisor_maint.monitoring.verdict import Answer, Level, Verdict

    sentence = f"no answer within {seconds:g} s"
    return Answer.of(Verdict(level=Level.CRITICAL, sentence=sentence), seconds)


def _answer(args: argparse.Namespace, ask_until: float) -> Answer:
    from supervisor_maint.monitoring.verdict import Answer, unknown

    try:
        if args.url is not None:
            return _ask_page(args.url, ask_until)
        verdict = _verdict(find_config(args), ask_until)
    except MaintError as error:
        verdict = unknown(error.msg)
    except OSError as error:
        verdict = unknown(str(error))
    return Answer.of(verdict, time.monotonic() - args.began_at)


def _left(ask_until: float) -> float:
    """Tell how many seconds are left, in hundredths, as people are told them."""
    return max(math.floor(100 * (ask_until - time.monotonic())) / 100, _LEAST_LEFT_SECONDS)


def _verdict(config: Path, ask_until: float) -> Verdict:
    """Ask supervisord, and then read what the listener has published by now. Raises MaintError."""
    from supervisor_maint.monitoring.health import judge
    from supervisor_maint.settings.maint_alone import load_maint
    from supervisor_maint.store.state_dir import StateDir

    maint = load_maint(config, environ=os.environ)
    state = StateDir(maint.state_dir)
    url = maint.serverurl or published_url(_published(state))
    asked = _asked(maint, url, ask_until)
    listener = _listener(maint, state)
    configs = _configs(maint, url, ask_until, asked, listener)
    return judge(asked, listener, now=time.time(), configs=configs)


def _published(state: StateDir) -> Mapping[str, Any]:
    """Return what was published last; nothing when nothing was. Raises StoreError."""
    from supervisor_maint.store.publication import Publication

    try:
        return Publication(state.status).read_document()
    except ListenerAbsent:
        return {}


def _asked(maint: MaintSettings, url: str, ask_until: float) -> Snapshot | SupervisorError:
    try:
        with connect_within(maint, url, _left(ask_until), limited_by=_LIMIT) as supervisor:
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
    ask_until: float,
    asked: Snapshot | SupervisorError,
    listener: Listener | MaintError,
) -> Mapping[Namespec, ProcessConfig] | None:
    """Ask for the configuration where the verdict hangs on it, in what is left of the time."""
    from supervisor_maint.monitoring.health import needs_configs

    if time.monotonic() >= ask_until or not needs_configs(asked, listener):
        return None
    try:
        with connect_within(maint, url, _left(ask_until), limited_by=_LIMIT) as supervisor:
            return supervisor.configs()
    except SupervisorError:
        return None  # then autostart is not known, and what has failed counts


def _ask_page(page: SplitResult, ask_until: float) -> Answer:
    """Ask ``/health`` of a scrape endpoint; who does not answer is down."""
    import http.client

    from supervisor_maint.monitoring.verdict import Answer, Level, Verdict, unknown

    began_at = time.monotonic()
    kind = http.client.HTTPSConnection if page.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(page.hostname), page.port, timeout=_left(ask_until))
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
