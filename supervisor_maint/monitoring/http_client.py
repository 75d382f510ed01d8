"""HTTP to monitoring servers: one session, secrets read at each call, every answer bounded.

``requests`` is imported here and nowhere else, and only at the first call: it costs several MB,
and the time of the thread that makes the call. Whatever goes wrong is a ``MonitoringError`` whose
sentence holds no secret.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from supervisor_maint.errors import MonitoringError
from supervisor_maint.monitoring.access import HttpAccess, mask_url

if TYPE_CHECKING:
    from requests import Response, Session

# Answers that say no to this request, whatever is tried: malformed, too large, another format.
_REJECTIONS = frozenset({400, 413, 415, 422})
_SUCCESSES = range(200, 300)
_REDIRECTIONS = range(300, 400)
_UNAUTHORIZED = frozenset({401, 403})
_NOT_FOUND = 404
# How much is read of an answer that says no, and how much of its reason is shown.
_REASON_BYTES = 4096
_REASON_CHARACTERS = 300
_CHUNK_BYTES = 65536


@attrs.frozen
class Server:
    """Who is asked: the name for people (``the Pushgateway``), the URL, and what it is sent."""

    name: str
    url: str
    sent: str = "request"

    @property
    def place(self) -> str:
        """The server as it may be shown in a message."""
        return f"{self.name} at {mask_url(self.url)}"


class HttpClient:
    """A session with the servers that one access is for. Not thread-safe: one call at a time."""

    def __init__(self, access: HttpAccess) -> None:
        self._access = access

    @cached_property
    def _session(self) -> Session:
        import requests

        session = requests.Session()
        session.trust_env = False
        session.verify = self._access.ca_file or True
        if self._access.client_cert is not None:
            key, certificate = self._access.client_key, self._access.client_cert
            session.cert = certificate if key is None else (certificate, key)
        return session

    def close(self) -> None:
        """Hang up, if anything was ever asked."""
        session: Session | None = vars(self).get("_session")
        if session is not None:
            session.close()

    def call(
        self,
        server: Server,
        method: str,
        path: str = "",
        *,
        query: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        most_bytes: int = 0,
    ) -> bytes:
        """Send one request and return the answer. Raises MonitoringError unless it is a success.

        An answer of more than ``most_bytes``, or that takes ten times the time limit, is an
        error; with 0 nobody wants it, and nothing is returned.
        """
        import requests

        authorization = _authorization(self._access)
        headers = {"Authorization": authorization} if authorization is not None else {}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            with self._session.request(
                method,
                server.url.rstrip("/") + path,
                params=query,
                data=body,
                headers=headers,
                timeout=self._access.timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(server, response, authorization, most_bytes)
        except (requests.RequestException, OSError) as failure:
            # an OSError that is no RequestException is a certificate file that cannot be read;
            # "from None", for the foreign text may hold what we do not show
            raise MonitoringError(self._explain(server, failure)) from None

    def _read(
        self, server: Server, response: Response, authorization: str | None, most_bytes: int
    ) -> bytes:
        if response.status_code not in _SUCCESSES:
            beginning = next(response.iter_content(_REASON_BYTES), b"")
            raise _judged(server, response.status_code, response.headers, beginning, authorization)
        if most_bytes:
            return self._whole(server, response, most_bytes)
        # at most this much, also of an endless answer; it frees the connection
        next(response.iter_content(_REASON_BYTES), b"")
        return b""

    def _whole(self, server: Server, response: Response, most_bytes: int) -> bytes:
        """Read an answer to its end, unless it is too much or comes too slowly."""
        deadline = time.monotonic() + 10 * self._access.timeout_seconds
        read = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            read += chunk
            if len(read) > most_bytes:
                raise MonitoringError(
                    f"{server.place} answered with more than {most_bytes // 1024} KB, which is not "
                    "read; check that url is that of the server"
                )
            if time.monotonic() > deadline:
                raise MonitoringError(f"{server.place} answers too slowly; check that it is well")
        return bytes(read)

    def _explain(self, server: Server, failure: OSError) -> str:
        """Say in a sentence why no answer came. No foreign text that may hold a secret."""
        import requests

        place = server.place
        if isinstance(failure, requests.Timeout):
            seconds = self._access.timeout_seconds
            return f"{place} did not answer within {seconds:g} s; check that it is well"
        if isinstance(failure, requests.exceptions.SSLError):
            return f"no TLS with {place}: {_root(failure)}; check url, ca_file and client_cert"
        if isinstance(failure, requests.ConnectionError):
            return f"no connection to {place}: {_root(failure)}; check url and that it runs"
        if isinstance(failure, requests.RequestException):
            return f"{place} answered with something that is no HTTP: {type(failure).__name__}"
        return f"no connection to {place}: {failure}; check ca_file and client_cert"


def _judged(
    server: Server,
    status: int,
    headers: Mapping[str, str],
    beginning: bytes,
    authorization: str | None,
) -> MonitoringError:
    """Return what is wrong with an answer that is no success."""
    if status in _UNAUTHORIZED:
        return MonitoringError(
            f"{server.place} does not let us in (HTTP {status}); check username, password_file, "
            "bearer_token_file and client_cert"
        )
    if status in _REDIRECTIONS:
        location = mask_url(headers.get("Location", "nowhere"))
        return MonitoringError(
            f"{server.place} redirects to {location} (HTTP {status}), which is not "
            f"followed; set url to where {server.name} is"
        )
    is_rejected = status in _REJECTIONS
    verb = f"rejects the {server.sent}" if is_rejected else "fails"
    reason = _reason(beginning, authorization)
    return MonitoringError(
        f"{server.place} {verb} (HTTP {status}): {reason}",
        rejected=is_rejected,
        absent=status == _NOT_FOUND,
    )


def _authorization(access: HttpAccess) -> str | None:
    """Return the Authorization header; files are read now, for secrets are rotated.

    Raises MonitoringError when a file cannot be read or holds no secret.
    """
    if access.bearer_token_file is not None:
        token = _secret(access.bearer_token_file)
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise MonitoringError(f"expected one bearer token in {access.bearer_token_file!r}")
        return f"Bearer {token}"
    if access.username is not None and access.password_file is not None:
        return _basic(access.username, _secret(access.password_file))
    return None


def _basic(user: str, password: str) -> str:
    """Return a Basic header in UTF-8 (RFC 7617); the library would take Latin-1."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _secret(path: str) -> str:
    """Read a secret: the first line of the file."""
    try:
        secret = Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise MonitoringError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        # "from None": the error carries the bytes
        raise MonitoringError(f"expected UTF-8 text in {path!r}, found something else") from None
    if not secret:
        raise MonitoringError(f"expected a secret in {path!r}, found it empty")
    return secret


def _reason(answer: bytes, authorization: str | None) -> str:
    """Return the beginning of an answer as one line, without what we were let in by."""
    text = answer.decode("utf-8", "replace")
    if authorization is not None:
        text = text.replace(authorization.partition(" ")[2], "***")
    printable = "".join(c if c.isprintable() else " " for c in text)
    reason = " ".join(printable.split())
    if len(reason) > _REASON_CHARACTERS:
        reason = reason[:_REASON_CHARACTERS] + "…"
    return reason or "no reason given"


def _root(failure: BaseException) -> str:
    """Return what the operating system or TLS said, at the bottom of the library's errors."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        reasons = [arg for arg in seen.args if isinstance(arg, BaseException)]
        reason = getattr(seen, "reason", None)
        nested = reason if isinstance(reason, BaseException) else None
        seen = nested or (reasons[-1] if reasons else seen.__cause__ or seen.__context__)
    return "the connection broke"
