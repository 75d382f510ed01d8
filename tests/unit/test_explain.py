"""The sentences: each says what to change, and none shows a password."""

from __future__ import annotations

import errno
import os

import pytest

from supervisor_maint import errors
from supervisor_maint.supervisord import explain
from supervisor_maint.supervisord.faults import FaultCode
from supervisor_maint.supervisord.server_url import ServerUrl

UNIX = ServerUrl.parse("unix:///run/supervisor.sock")
INET = ServerUrl.parse("http://max:secret@web01:9001")


@pytest.mark.parametrize(
    ("url", "code", "error", "sentence"),
    [
        (UNIX, errno.EACCES, errors.SupervisorUnauthorized, "chmod=0770"),
        (UNIX, errno.EPERM, errors.SupervisorUnauthorized, "does not let user 'nobody' in"),
        (UNIX, errno.ENOENT, errors.SupervisorUnreachable, "no socket /run/supervisor.sock"),
        (UNIX, errno.ECONNREFUSED, errors.SupervisorUnreachable, "nobody listens"),
        (UNIX, errno.EAGAIN, errors.SupervisorTimeout, "it hangs"),
        (INET, errno.ECONNREFUSED, errors.SupervisorUnreachable, "nobody listens at http://web01"),
        (INET, errno.EPERM, errors.SupervisorUnreachable, "cannot reach http://web01:9001"),
        (INET, errno.EHOSTUNREACH, errors.SupervisorUnreachable, os.strerror(errno.EHOSTUNREACH)),
    ],
)
def test_failed_connection_says_what_to_change(
    url: ServerUrl, code: int, error: type[errors.SupervisorError], sentence: str
) -> None:
    """The system's error number becomes a kind of error and a remedy."""
    found = explain.connection_failed(url, OSError(code, os.strerror(code)), "user 'nobody'")

    assert error is type(found)
    assert sentence in found.msg
    assert "secret" not in found.msg


@pytest.mark.parametrize(
    ("username", "sentence"), [(None, "found: none"), ("max", "found: user 'max', refused")]
)
def test_unauthorized_names_both_ways(username: str | None, sentence: str) -> None:
    """The settings and the stanza's environment are named, and the user that was refused."""
    msg = explain.http_status(UNIX, 401, "Unauthorized", username).msg

    assert "username and password_file in [maint]" in msg
    assert "SUPERVISOR_USERNAME and SUPERVISOR_PASSWORD in environment=" in msg
    assert sentence in msg


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(400, "control character"), (500, "traceback"), (404, "own address"), (302, "own address")],
)
def test_status_has_a_remedy(status: int, sentence: str) -> None:
    """Each HTTP status says where to look."""
    msg = explain.http_status(INET, status, "", None).msg

    assert f"HTTP {status} without a reason" in msg
    assert sentence in msg


def test_shutdown_is_no_fault() -> None:
    """SHUTDOWN_STATE is a normal end, with a type of its own."""
    found = explain.fault("supervisor.getState", "", FaultCode.SHUTDOWN_STATE, "SHUTDOWN_STATE")

    assert errors.SupervisorShuttingDown is type(found)


@pytest.mark.parametrize("code", set(FaultCode) - {FaultCode.SHUTDOWN_STATE})
def test_every_fault_names_method_subject_and_text(code: FaultCode) -> None:
    """A fault keeps its number and says what was asked for."""
    found = explain.fault("supervisor.startProcess", "web:web_1", code, f"{code.name}: web_1")

    assert isinstance(found, errors.SupervisorFault)
    assert code == found.code
    assert f"refused supervisor.startProcess web:web_1: {code.name}" in found.msg


def test_unknown_fault_is_shown_as_it_is() -> None:
    """A fault of a plug-in or of a newer supervisor has its own text."""
    found = explain.fault("maint.status", "", 4711, "no status yet")

    assert "supervisord refused maint.status: no status yet" == found.msg


@pytest.mark.parametrize(
    ("limited_by", "expected"),
    [
        ("--timeout", "overloaded; raise --timeout if it is only slow"),
        ("", "it hangs, or the machine is overloaded"),
    ],
)
def test_timeout_names_what_sets_it(limited_by: str, expected: str) -> None:
    """What is to be raised is the limit that held, and nothing where nobody can."""
    assert explain.timed_out(INET, 2.5, limited_by).msg.endswith(expected)


@pytest.mark.parametrize(
    "found",
    [
        explain.timed_out(INET, 2.5, "rpc_timeout in [maint]"),
        explain.not_xmlrpc(INET, "ExpatError"),
        explain.connection_lost(INET, ConnectionResetError()),
    ],
)
def test_sentences_are_one_line_without_a_password(found: errors.SupervisorError) -> None:
    """They name the server, and fit on a line of a log."""
    assert "http://web01:9001" in found.msg
    assert "secret" not in found.msg
    assert "\n" not in found.msg
