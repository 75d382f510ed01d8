"""How monitoring servers let us in, as the files that are deployed say it. No I/O here.

Secrets are named by their files, which nobody here makes or reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from supervisor_maint.deployment.plain import field

# What Prometheus needs beside its own configuration: it takes names relative to that. The secrets
# of the listener are no other user's to read.
_COPIES: Mapping[str, str] = {
    "ca_file": "pushgateway-ca.pem",
    "password_file": "pushgateway.password",
    "bearer_token_file": "pushgateway.token",
    "client_cert": "pushgateway-client.pem",
    "client_key": "pushgateway-client.key",
}
_MEANINGS: Mapping[str, str] = {
    "ca_file": "the CAs, as PEM",
    "password_file": "the password on its first line",
    "bearer_token_file": "the token on its first line",
    "client_cert": "our certificate, as PEM",
    "client_key": "its key, as PEM",
}


@attrs.frozen(kw_only=True)
class Access:
    """Keys of a section that names a server, as the settings know them; None for those not given.

    Without ``client_key`` the key is in ``client_cert``.
    """

    ca_file: str | None = field(None)
    username: str | None = field(None)
    password_file: str | None = field(None)
    bearer_token_file: str | None = field(None)
    client_cert: str | None = field(None)
    client_key: str | None = field(None)

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that were given, with their values."""
        return {key: value for key, value in attrs.asdict(self).items() if value is not None}

    @property
    def lines(self) -> str:
        """The keys as they follow the URL of a section."""
        return "".join(f"\n{key}={value}" for key, value in self.keys.items())

    @property
    def scrape(self) -> str:
        """The lines of a job of Prometheus that scrapes the same server."""
        given = {key: name for key, name in _COPIES.items() if key in self.keys}
        tls = {
            "ca_file": given.get("ca_file"),
            "cert_file": given.get("client_cert"),
            "key_file": given.get("client_key", given.get("client_cert")),
        }
        basic = {"username": self.username, "password_file": given.get("password_file")}
        bearer = {"credentials_file": given.get("bearer_token_file")}
        return (
            _yaml("tls_config", tls) + _yaml("basic_auth", basic) + _yaml("authorization", bearer)
        )

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the path of every file."""
        return ((key, path) for key, path in self.keys.items() if key in _MEANINGS)

    def is_secret(self, key: str) -> bool:
        """Tell whether a file is its owner's alone."""
        return key != "ca_file" and not (key == "client_cert" and self.client_key is not None)


def _yaml(name: str, values: Mapping[str, str | None]) -> str:
    given = {key: value for key, value in values.items() if value is not None}
    lines = (f"      {key}: {value}\n" for key, value in given.items())
    return "".join((f"    {name}:\n", *lines)) if given else ""


def needed(access: Access, owner: str) -> Iterator[str]:
    """Say of each file that the listener of this owner reads what it is to be."""
    for key, path in access.files():
        yield f"{path}: {_MEANINGS[key]}; {_protection(access, key, owner)}"


def needed_by_prometheus(access: Access) -> Iterator[str]:
    """Say of each file that Prometheus reads, to scrape the same server, what it is to be."""
    for key, path in access.files():
        protection = _protection(access, key, "whom Prometheus runs as")
        yield f"{_COPIES[key]} beside prometheus.yml: a copy of {path}; {protection}"


def _protection(access: Access, key: str, owner: str) -> str:
    if access.is_secret(key):
        return f"owner {owner}, mode 0600"
    return f"readable for {owner}, mode 0644"
