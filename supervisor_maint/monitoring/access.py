"""How a monitoring server is reached: certificates, credentials, time limit. No I/O here.

The Pushgateway, Alertmanager and Prometheus share it, so that one set of keys means one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

import attrs

_optional_path = attrs.validators.optional(attrs.validators.min_len(1))

_TOGETHER = (
    ("username", "password_file"),
    ("password_file", "username"),
    ("client_key", "client_cert"),
)


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


def contradictions(access: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield what does not go together: a key, as in ``HttpAccess``, and a sentence.

    A key is not given when its value is None.
    """
    given = {key for key, value in access.items() if value is not None}
    if "bearer_token_file" in given and given & {"username", "password_file"}:
        both = "expected either a bearer token or username and password_file, found both"
        yield "bearer_token_file", both
    for key, other in _TOGETHER:
        if key in given and other not in given:
            yield key, f"expected {other} beside it, found none"


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
        for key, problem in contradictions(attrs.asdict(self)):
            raise ValueError(f"{key}: {problem}")
