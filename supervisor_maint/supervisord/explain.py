"""What went wrong with supervisord, in one sentence that says what to change. No I/O here.

Each function returns an exception of ``errors``; the caller raises it. A password is never
given to this module, so none can be shown.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http import HTTPStatus

from supervisor_maint import errors
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.server_url import ServerUrl

_IS_IT_RUNNING = "is supervisord running, and is serverurl in [maint] its address?"

_FAULTS: Mapping[int, str] = {
    FaultCode.UNKNOWN_METHOD: "it has no such method; is its plug-in configured, and is it"
    " supervisor 4.2.5 or newer?",
    FaultCode.BAD_NAME: "it knows no such process; run `supervisorctl update` if it was just"
    " configured",
    FaultCode.NO_FILE: "the file does not exist",
    FaultCode.NOT_EXECUTABLE: "its command is not executable for supervisord",
    FaultCode.ABNORMAL_TERMINATION: "it ended before it was RUNNING; its stderr log has the reason",
    FaultCode.SPAWN_ERROR: "it could not be spawned; supervisord's log and its stderr log have"
    " the reason",
    FaultCode.ALREADY_STARTED: "it is started already",
    FaultCode.NOT_RUNNING: "it is not running",
    FaultCode.CANT_REREAD: "the configuration file cannot be read; `supervisorctl reread` shows"
    " the reason",
}

_HTTP_REMEDIES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "it could not read the request; is there a control character in it?",
    HTTPStatus.INTERNAL_SERVER_ERROR: "its own log has the traceback",
}


def unauthorized(url: ServerUrl, username: str | None) -> errors.SupervisorUnauthorized:
    """Explain HTTP 401: a listener is told the server's URL, but not its password."""
    found = "none" if username is None else f"user {username!r}, refused"
    return errors.SupervisorUnauthorized(
        f"supervisord at {url.text} asks for a user and password: set username and password_file"
        f" in [maint], or SUPERVISOR_USERNAME and SUPERVISOR_PASSWORD in environment= of the"
        f" stanza (found: {found})"
    )


def http_status(
    url: ServerUrl, status: int, reason: str, username: str | None
) -> errors.SupervisorError:
    """Explain an HTTP answer other than 200."""
    if status == HTTPStatus.UNAUTHORIZED:
        return unauthorized(url, username)
    remedy = _HTTP_REMEDIES.get(status, "is serverurl in [maint] supervisord's own address?")
    return errors.SupervisorError(
        f"supervisord at {url.text} answered HTTP {status} {reason or 'without a reason'}: {remedy}"
    )


def connection_failed(url: ServerUrl, error: OSError, user: str) -> errors.SupervisorError:
    """Explain why there is no connection; ``user`` is whom we run as."""
    if error.errno in (errno.EACCES, errno.EPERM) and url.socket_path:
        return errors.SupervisorUnauthorized(
            f"the socket {url.text} does not let {user} in (supervisord makes it 0700): set"
            f" chmod=0770 and chown= in [unix_http_server], or run this as supervisord's own user"
        )
    if error.errno == errno.EAGAIN and url.socket_path:
        return errors.SupervisorTimeout(
            f"supervisord at {url.text} accepts no more connections: it hangs, or every caller of"
            f" it does"
        )
    if error.errno == errno.ENOENT and url.socket_path:
        reason = f"there is no socket {url.socket_path}"
    elif error.errno == errno.ECONNREFUSED:
        reason = f"nobody listens at {url.text}"
    else:
        reason = f"cannot reach {url.text} ({error.strerror or error})"
    return errors.SupervisorUnreachable(f"{reason}: {_IS_IT_RUNNING}")


def connection_lost(url: ServerUrl, error: Exception) -> errors.SupervisorUnreachable:
    """Explain a connection that broke before the whole answer had come."""
    return errors.SupervisorUnreachable(
        f"supervisord at {url.text} closed the connection in the middle of a call"
        f" ({type(error).__name__}): it was stopped, or reloads; the next call tries again"
    )


def timed_out(url: ServerUrl, timeout_seconds: float, limited_by: str) -> errors.SupervisorTimeout:
    """Explain a call that took too long; ``limited_by`` is what sets the limit, "" for nothing."""
    remedy = f"; raise {limited_by} if it is only slow" if limited_by else ""
    return errors.SupervisorTimeout(
        f"supervisord at {url.text} did not answer within {timeout_seconds:g} s: it hangs, or the"
        f" machine is overloaded{remedy}"
    )


def not_xmlrpc(url: ServerUrl, reason: str) -> errors.SupervisorError:
    """Explain an answer that cannot be understood."""
    return errors.SupervisorError(
        f"expected XML-RPC from supervisord at {url.text}, found something else ({reason}): is"
        f" serverurl in [maint] the address of supervisord itself?"
    )


def fault(method: str, subject: str, code: int, text: str) -> errors.SupervisorError:
    """Explain a fault; ``subject`` is what the call was about, usually a namespec."""
    if code == FaultCode.SHUTDOWN_STATE:
        return errors.SupervisorShuttingDown(f"supervisord is shutting down; {method} not done")
    about = f"{method} {subject}".rstrip()
    remedy = _FAULTS.get(code)
    detail = f"{text}: {remedy}" if remedy else text
    return errors.SupervisorFault(f"supervisord refused {about}: {detail}", code=code)
