"""The address of a supervisord. Text to value; no I/O here."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import attrs

_DEFAULT_PORTS = {"http": 80, "https": 443}
_XMLRPC_PATH = "/RPC2"


@attrs.frozen(kw_only=True)
class ServerUrl:
    """Where supervisord listens; ``text`` is what to show and never holds a password.

    A unix socket has a ``socket_path``, anything else a ``host`` and a ``port``. ``path`` is
    where XML-RPC is served, behind the URL's own path for a supervisord behind a proxy.
    """

    text: str
    scheme: str
    host: str = "localhost"
    port: int | None = None
    path: str = _XMLRPC_PATH
    socket_path: str = ""
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> ServerUrl:
        """Read ``unix:///path/to.sock``, ``http://host:port`` or ``https://host:port/path``.

        Raises ValueError with a sentence that says what is expected.
        """
        if text.startswith("unix://"):
            return cls._unix(text)
        try:
            parts = urlsplit(text)
            return cls._inet(parts, parts.port)
        except ValueError as error:
            shown = text.rpartition("@")[2]  # a malformed one may hold a password as well
            raise ValueError(
                f"expected unix:///path/to/supervisor.sock or http://host:port as the address of"
                f" supervisord, found {shown!r}: {error}"
            ) from None

    @classmethod
    def _unix(cls, text: str) -> ServerUrl:
        socket_path = text[len("unix://") :]
        if not socket_path.startswith("/") or not socket_path.isprintable():
            raise ValueError(f"expected an absolute path after unix://, found {text!r}")
        return cls(text=text, scheme="unix", socket_path=socket_path)

    @classmethod
    def _inet(cls, parts: SplitResult, port: int | None) -> ServerUrl:
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"unknown scheme {parts.scheme!r}")
        if not parts.hostname:
            raise ValueError("no host")
        place = parts.netloc.rpartition("@")[2]
        prefix = parts.path.rstrip("/")
        return cls(
            text=f"{parts.scheme}://{place}{prefix}",
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            path=prefix if prefix.endswith(_XMLRPC_PATH) else prefix + _XMLRPC_PATH,
            username=parts.username,
            password=parts.password,
        )

    @property
    def is_local(self) -> bool:
        """Tell whether supervisord must run on this machine: a unix socket or loopback."""
        if self.scheme == "unix" or self.host == "localhost":
            return True
        import ipaddress  # only here: a third of a megabyte that a unix socket does without

        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a host name
            return False
