"""Starting a step's child: no shell, a session of its own, and nobody's rights but its user's."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.errors import MaintError
from supervisor_maint.maintenance.invocation import Invocation


@attrs.frozen(kw_only=True)
class Account:
    """A user that a child runs as. ``groups`` are all it is in, as ``initgroups`` has them."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[int, ...]

    @property
    def is_ours(self) -> bool:
        """Tell whether the listener itself runs as this user."""
        return self.uid == os.geteuid()

    def environment(self) -> dict[str, str]:
        """Return what a login would say of the user."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}


def account_of(user: str) -> Account:
    """Return the account of a user; without a name, the listener's own.

    Raises MaintError for a name nobody has, and for another user when we are not root.
    """
    try:
        entry = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    except KeyError:
        if not user:  # a container may run us as a number that has no name
            number = os.geteuid()
            return Account(name=str(number), uid=number, gid=os.getegid(), home="/", groups=())
        raise MaintError(f"user {user!r}: expected a user of this machine, found none") from None
    if entry.pw_uid != os.geteuid() and os.geteuid() != 0:
        raise MaintError(
            f"user {user!r}: only a listener that runs as root can start a step as somebody "
            f"else, and it runs as uid {os.geteuid()}; leave out user, or run it as root"
        )
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir,
        groups=tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)),
    )


def write_summary(summary: Mapping[str, Any], account: Account) -> Path:
    """Write a JSON file that the account can read, alone in a folder of ours. Raises OSError.

    It is not in the state directory, which is nobody's to enter but ours. The folder stays
    ours: nothing can be put into it.
    """
    folder = Path(tempfile.mkdtemp(prefix="supervisor-maint-"))
    try:
        path = folder / "summary.json"
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        path.chmod(0o400)
        if not account.is_ours:
            os.chown(path, account.uid, account.gid)
            folder.chmod(0o711)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return path


def start(
    invocation: Invocation,
    account: Account,
    environment: Mapping[str, str],
    *,
    lock: int,
    output: int,
) -> subprocess.Popen[bytes]:
    """Start the child of a step; it inherits the locked descriptor.

    Raises MaintError with a sentence when it cannot be started.
    """
    try:
        if not account.is_ours:
            # It may open its own output anew (``>/dev/stderr``), which its permissions decide.
            os.fchown(output, account.uid, account.gid)
        return subprocess.Popen(
            invocation.arguments(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**environment, **account.environment()},
            start_new_session=True,
            pass_fds=(lock,),
            **_identity(account),
        )
    except ValueError as error:  # an open quote, or a NUL among the words
        raise MaintError(
            f"command {invocation.step.command!r}: {str(error)[:1].lower()}{str(error)[1:]}"
        ) from error
    except OSError as error:
        raise MaintError(_not_started(invocation, error)) from error


def _identity(account: Account) -> dict[str, Any]:
    if account.is_ours:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": account.groups}


def _not_started(invocation: Invocation, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"cannot start {invocation.arguments()[0]!r} (from /): {reason}"
