"""Pushes to a Prometheus Pushgateway: one PUT of the whole registry a report.

PUT replaces everything under our grouping key, which also clears processes that are gone.
``requests`` is imported here and nowhere else, and only when there is such a sink: it costs
several MB.
"""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.sinks.pushgateway_target import PushgatewayTarget, mask_url

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Answers that say no to this report, whatever is tried: malformed, too large, another format.
_REJECTIONS = frozenset({400, 413, 415, 422})
_SUCCESSES = range(200, 300)
_REDIRECTIONS = range(300, 400)
_UNAUTHORIZED = frozenset({401, 403})
_ANSWER_BYTES = 4096
_REASON_CHARACTERS = 300


class PushgatewaySink:
    """Keeps our group in the gateway as the newest report says.

    Not thread-safe: one write at a time, as the delivery does it. ``name`` labels its metrics.
    """

    def __init__(self, target: PushgatewayTarget, *, name: str = "pushgateway") -> None:
        import requests

        self.name = name
        self._target = target
        self._url = target.group_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = target.ca_file or True
        if target.client_cert_file is not None:
            key = target.client_key_file
            certificate = target.client_cert_file
            self._session.cert = certificate if key is None else (certificate, key)

    def write(self, exposition: bytes) -> None:
        """Replace our group by the report. Raises SinkError."""
        self._request("PUT", exposition)

    def delete(self) -> None:
        """Delete our group; it is no error when there is none. Raises SinkError."""
        self._request("DELETE", b"")

    def close(self) -> None:
        """Delete our group if asked to, and hang up. Raises SinkError."""
        try:
            if self._target.delete_on_stop:
                self.delete()
        finally:
            self._session.close()

    def _request(self, method: str, body: bytes) -> None:
        """Send one request and raise SinkError unless the gateway took it."""
        import requests

        authorization = _authorization(self._target)
        headers = {"Content-Type": _CONTENT_TYPE}
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            with self._session.request(
                method,
                self._url,
                data=body,
                headers=headers,
                timeout=self._target.timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                # at most this much, also of an endless answer; it frees the connection
                answer = next(response.iter_content(_ANSWER_BYTES), b"")
        except (requests.RequestException, OSError) as failure:
            # an OSError that is no RequestException is a certificate file that cannot be read;
            # "from None", for the foreign text may hold what we do not show
            raise SinkError(self._explain(failure)) from None
        if response.status_code not in _SUCCESSES:
            location = response.headers.get("Location", "nowhere")
            reason = _reason(answer, authorization)
            raise self._judge(response.status_code, location, reason)

    def _judge(self, status: int, location: str, reason: str) -> SinkError:
        """Return what is wrong with an answer that is no success."""
        place = f"the Pushgateway at {self._target.place}"
        if status in _UNAUTHORIZED:
            return SinkError(
                f"{place} does not let us in (HTTP {status}); check username, password_file, "
                "bearer_token_file and client_cert_file"
            )
        if status in _REDIRECTIONS:
            return SinkError(
                f"{place} redirects to {mask_url(location)} (HTTP {status}), which is not "
                "followed; set url to where the gateway is"
            )
        is_rejected = status in _REJECTIONS
        verb = "rejects the report" if is_rejected else "fails"
        return SinkError(f"{place} {verb} (HTTP {status}): {reason}", rejected=is_rejected)

    def _explain(self, failure: OSError) -> str:
        """Say in a sentence why no answer came. No foreign text that may hold a secret."""
        import requests

        place = f"the Pushgateway at {self._target.place}"
        if isinstance(failure, requests.Timeout):
            seconds = self._target.timeout_seconds
            return f"{place} did not answer within {seconds:g} s; check that it is well"
        if isinstance(failure, requests.exceptions.SSLError):
            return f"no TLS with {place}: {_root(failure)}; check url, ca_file and client_cert_file"
        if isinstance(failure, requests.ConnectionError):
            return f"no connection to {place}: {_root(failure)}; check url and that it runs"
        if isinstance(failure, requests.RequestException):
            return f"{place} answered with something that is no HTTP: {type(failure).__name__}"
        return f"no connection to {place}: {failure}; check ca_file and client_cert_file"


def _authorization(target: PushgatewayTarget) -> str | None:
    """Return the Authorization header; files are read now, for secrets are rotated.

    Raises SinkError when a file cannot be read or holds no secret.
    """
    if target.bearer_token_file is not None:
        token = _secret(target.bearer_token_file)
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise SinkError(f"expected one bearer token in {target.bearer_token_file!r}")
        return f"Bearer {token}"
    if target.username is not None and target.password_file is not None:
        return _basic(target.username, _secret(target.password_file))
    if target.user_in_url is not None:
        user, password = target.user_in_url
        return _basic(unquote(user), unquote(password))
    return None


def _basic(user: str, password: str) -> str:
    """Return a Basic header in UTF-8 (RFC 7617); the library would take Latin-1."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _secret(path: str) -> str:
    """Read a secret: the first line of the file."""
    try:
        secret = Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise SinkError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        # "from None": the error carries the bytes
        raise SinkError(f"expected UTF-8 text in {path!r}, found something else") from None
    if not secret:
        raise SinkError(f"expected a secret in {path!r}, found it empty")
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
