"""Which Pushgateway, under which grouping key, with which credentials. No I/O here."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import SplitResult, quote, urlsplit

import attrs

_optional_path = attrs.validators.optional(attrs.validators.min_len(1))


def mask_url(url: str) -> str:
    """Return a URL that can be shown: without user and password."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    _userinfo, at, host = authority.rpartition("@")
    return f"{scheme}{mark}{'***@' if at else ''}{host}{slash}{path}"


def _key_part(label: str, value: str) -> str:
    """Return one label of the grouping key as the Pushgateway's path has it.

    A slash and the empty value need its base64 form (pushgateway README, "URL"); so do ``.``
    and ``..``, which every HTTP client and server would take for path segments.
    """
    if "/" in value or value in ("", ".", ".."):
        # "=" stands for the empty value: an empty path segment would be dropped
        encoded = base64.urlsafe_b64encode(value.encode()).decode() or "="
        return f"{label}@base64/{encoded}"
    return f"{label}/{quote(value, safe='')}"


@attrs.frozen(kw_only=True)
class PushgatewayTarget:
    """Where to push to and how to be let in.

    ``instance`` and ``supervisor`` (supervisord's identifier, where several share a host) are
    the grouping key with ``job``: one pusher a key. ``timeout_seconds`` holds for the connection
    and again for the answer. Secrets are in files and read at each push. The environment's
    proxies and ``.netrc`` are not asked: a proxy meant for the web would swallow pushes to
    loopback and to the own network.
    """

    url: str = attrs.field(repr=mask_url)
    instance: str
    job: str = attrs.field(default="supervisor", validator=attrs.validators.min_len(1))
    supervisor: str | None = None
    timeout_seconds: float = attrs.field(default=3.0, validator=attrs.validators.gt(0))
    ca_file: str | None = attrs.field(default=None, validator=_optional_path)
    username: str | None = attrs.field(default=None, validator=_optional_path)
    password_file: str | None = attrs.field(default=None, validator=_optional_path)
    bearer_token_file: str | None = attrs.field(default=None, validator=_optional_path)
    client_cert_file: str | None = attrs.field(default=None, validator=_optional_path)
    client_key_file: str | None = attrs.field(default=None, validator=_optional_path)
    delete_on_stop: bool = False

    @url.validator
    def _check_url(self, _attribute: object, url: str) -> None:
        if not _is_plain_http(url):
            raise ValueError(f"expected http://HOST:PORT or https://…, found {mask_url(url)!r}")

    def __attrs_post_init__(self) -> None:
        for problem in self._contradictions():
            raise ValueError(problem)

    @property
    def group_url(self) -> str:
        """The URL of our group, without user and password: what is PUT and DELETEd."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        base = parts._replace(netloc=host, path=parts.path.rstrip("/")).geturl()
        key = [("job", self.job), ("instance", self.instance)]
        if self.supervisor is not None:
            key.append(("supervisor", self.supervisor))
        return "/".join([base, "metrics", *(_key_part(label, value) for label, value in key)])

    @property
    def place(self) -> str:
        """The gateway as it may be shown in a message."""
        return mask_url(self.url)

    @property
    def user_in_url(self) -> tuple[str, str] | None:
        """The user and password that the URL carries, still percent-encoded."""
        parts = urlsplit(self.url)
        if "@" not in parts.netloc:
            return None
        return parts.username or "", parts.password or ""

    def _contradictions(self) -> Iterator[str]:
        if (self.username is None) is not (self.password_file is None):
            yield "expected username and password_file together, found only one of them"
        ways = (self.user_in_url, self.username, self.bearer_token_file)
        if sum(way is not None for way in ways) > 1:
            yield (
                "expected one of a user in the url, username and bearer_token_file, "
                "found more than one"
            )
        if self.client_key_file is not None and self.client_cert_file is None:
            yield "expected client_cert_file with client_key_file, found only the key"


def _is_plain_http(url: str) -> bool:
    try:
        parts: SplitResult = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        return False
    known = parts.scheme in ("http", "https") and bool(parts.hostname)
    return known and port_is_right and not parts.query and not parts.fragment
