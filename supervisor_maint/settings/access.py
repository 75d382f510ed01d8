"""The keys by which a monitoring server lets us in, the same in every section. No I/O here.

Secrets stay in their files: they are read at each call.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import attrs

from supervisor_maint.monitoring.access import HttpAccess, contradictions
from supervisor_maint.settings import words
from supervisor_maint.settings.options import FileUse, option, refuse

_TIMEOUT = partial(words.duration, minimum=0.1, maximum=60.0)


@attrs.frozen(kw_only=True)
class AccessKeys:
    """What a section that names an HTTP server inherits."""

    ca_file: Path | None = option(
        words.path,
        file_use=FileUse.READ,
        default_words="the CAs that come with `requests`",
        help="PEM file of the CAs that the server's certificate is checked against.",
        example="/etc/ssl/certs/internal-ca.pem",
    )
    username: str | None = option(
        words.text, help="User for basic authentication.", example="supervisor"
    )
    password_file: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        help="File with the password on its first line; readable by its owner alone.",
        example="/etc/supervisor/monitoring.password",
    )
    bearer_token_file: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        help="File with a bearer token on its first line, instead of user and password.",
        example="/etc/supervisor/monitoring.token",
    )
    client_cert: Path | None = option(
        words.path,
        file_use=FileUse.READ,
        help="PEM file of our own certificate, when the server asks for one.",
        example="/etc/supervisor/client.pem",
    )
    client_key: Path | None = option(
        words.path,
        file_use=FileUse.SECRET,
        default_words="in `client_cert`",
        help="PEM file of the key of that certificate; readable by its owner alone.",
        example="/etc/supervisor/client.key",
    )
    timeout_seconds: float = option(
        _TIMEOUT,
        key="timeout",
        default="3s",
        help="How long a connection may take, and again an answer.",
        example="5s",
    )

    def __attrs_post_init__(self) -> None:
        refuse(tuple(contradictions(attrs.asdict(self, recurse=False))))

    @property
    def access(self) -> HttpAccess:
        """Return it as the clients take it."""
        return HttpAccess(
            timeout_seconds=self.timeout_seconds,
            ca_file=_text(self.ca_file),
            username=self.username,
            password_file=_text(self.password_file),
            bearer_token_file=_text(self.bearer_token_file),
            client_cert=_text(self.client_cert),
            client_key=_text(self.client_key),
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
