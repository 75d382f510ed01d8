"""How a monitoring server is reached: certificates, credentials, time limit. No I/O here.

The Pushgateway, Alertmanager and Prometheus share it, so that one set of keys means one thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import attrs

_optional_path = attrs.validators.optional(attrs.validators.min_len(1))


def mask_url(url: str) -> str:
    """Return a URL that can be shown: without user and password.

    One that was mistyped may have them without a scheme, or a slash in the password: whatever
    stands before the last ``@`` is left out.
    """
    userinfo, at, shown = url.rpartition("@")
    scheme, mark, _rest = userinfo.partition("://")
    return f"{scheme + mark if mark else ''}***@{shown}" if at else url


def check_url(_instance: object, _attribute: object, url: str) -> None:
    """Refuse, as attrs validators do, what is no http or https URL, or has more than a path."""
    if not _is_plain_http(url):
        raise ValueError(f"expected http://HOST:PORT or https://…, found {mask_url(url)!r}")


def _is_plain_http(url: str) -> bool:
    try:
        parts: SplitResult = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        return False
    known = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in url
    return known and port_is_right and not parts.query and not parts.fragment


@attrs.frozen(kw_only=True)
class HttpAccess:
    """How to be let in, and how long to wait.

    ``timeout_seconds`` holds for the connection and again for each part of the answer. Secrets
    are in files and read at each call. The environment's proxies and ``.netrc`` are not asked: a
    proxy meant for the web would swallow what is meant for loopback and the own network.
    """

    timeout_seconds: float = attrs.field(default=3.0, validator=attrs.validators.gt(0))
    ca_file: str | None = attrs.field(default=None, validator=_optional_path)
    username: str | None = attrs.field(default=None, validator=_optional_path)
    password_file: str | None = attrs.field(default=None, validator=_optional_path)
    bearer_token_file: str | None = attrs.field(default=None, validator=_optional_path)
    client_cert: str | None = attrs.field(default=None, validator=_optional_path)
    client_key: str | None = attrs.field(default=None, validator=_optional_path)

    def __attrs_post_init__(self) -> None:
        for problem in self._contradictions():
            raise ValueError(problem)

    def _contradictions(self) -> Iterator[str]:
        if (self.username is None) is not (self.password_file is None):
            yield "expected username and password_file together, found only one of them"
        if self.username is not None and self.bearer_token_file is not None:
            yield "expected one of username and bearer_token_file, found both"
        if self.client_key is not None and self.client_cert is None:
            yield "expected client_cert with client_key, found only the key"
