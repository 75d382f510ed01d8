"""The faults supervisord answers with. Values only; no I/O here.

Copied rather than imported: ``supervisor.xmlrpc`` brings supervisord's whole web server with it,
several megabytes for a listener. A contract test compares the numbers with the installed one.
"""

from __future__ import annotations

import enum


class FaultCode(enum.IntEnum):
    """A fault's number, as in ``supervisor.xmlrpc.Faults``."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92
