"""An API of a host: its catalog, base URL and keys."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from host import arguments
from host.apis.catalog import Catalog
from host.apis.facts import Auth
from host.errors import ConfigError, DeniedError
from host.secret import Secret
from host.stripe_key import key_mode


class Api(msgspec.Struct, frozen=True):
    """``base_url`` has no slash at its end. ``key`` is added to requests as ``auth`` says."""

    catalog: Catalog
    base_url: str
    key: Secret | None = None
    auth: Auth = msgspec.field(default_factory=lambda: Auth(kind="bearer"))
    keys: Mapping[str, Secret | OAuth2] = msgspec.field(default_factory=dict)  # by the catalog's security scheme
    function: str = "api"  # the registered function that answers its requests

    @property
    def name(self) -> str:
        return self.catalog.name

    @property
    def origin(self) -> str:
        """Scheme, host and port of the base URL, the only origin the key is sent to."""
        return origin_of(self.base_url)

    @property
    def is_live(self) -> bool:
        """Whether there is a key that may act on real objects. For Stripe, every key that is not clearly a test key."""
        modes = [key_mode(secret) for secret in self.secrets()]
        return "live" in modes or (self.name == "stripe" and None in modes)

    @property
    def account(self) -> str:
        """A string that identifies the key without revealing it; "" without a key."""
        texts = "\n".join(secret.reveal() for secret in self.secrets())
        if not texts:
            return ""
        from hashlib import sha256  # loads OpenSSL, which only daily budgets need

        return sha256(texts.encode()).hexdigest()[:24]

    def secrets(self) -> list[Secret]:
        """All keys, each once; for OAuth 2 the client's secret."""
        keys = dict.fromkeys(([] if self.key is None else [self.key]) + list(self.keys.values()))
        return [key.client_secret if isinstance(key, OAuth2) else key for key in keys]

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that carry the key."""
        return () if self.key is None else key_headers(self.auth, self.key.reveal())

    def query(self) -> tuple[tuple[str, str], ...]:
        """The query parameter that carries the key."""
        return () if self.key is None else key_query(self.auth, self.key.reveal())

    def schemes(self, label: str) -> tuple[str, ...]:
        """The security schemes whose keys are added to a request such as ``petstore.pets.list``.

        They are those of the first alternative of its requirement for which all keys are there. Raises ``DeniedError``
        naming the missing key.
        """
        operation = self.catalog.operation(label.partition(".")[2])
        own = None if operation is None else operation.security
        ways = self.catalog.default_security if own is None else own
        if not ways:
            return ()
        there = [way for way in ways if way and all(scheme in self.keys for scheme in way)]
        if there:
            return min(there, key=self._is_odd)  # the first plausible one
        if () in ways:
            return ()
        raise DeniedError(
            f"{label} needs a key ({' or '.join(' and '.join(way) for way in ways)}), and {self._lack(ways[0])}",
            hint=f"Set {self._setting(ways[0])}.",
            operation=label,
        )

    def _is_odd(self, way: tuple[str, ...]) -> bool:
        """Whether an alternative would use one key for two schemes, or a single text as user and password."""
        keys = [self.keys[scheme] for scheme in way]
        pairs = [
            key.reveal()
            for scheme, key in zip(way, keys, strict=True)
            if isinstance(key, Secret) and self.catalog.auth[scheme].kind == "basic"
        ]
        return len(set(keys)) < len(keys) or any(":" not in pair for pair in pairs)

    def _lack(self, way: tuple[str, ...]) -> str:
        missing = [scheme for scheme in way if scheme not in self.keys]
        if not self.keys:
            return f"there is none for {self.name}"
        return f"there is none for {' and '.join(missing)}, only for {', '.join(self.keys)}"

    def _setting(self, way: tuple[str, ...]) -> str:
        prefix = f"{self.name.upper()}_API_KEY"
        if not self.keys:
            return prefix
        return " and ".join(setting_of(self.name, scheme) for scheme in way if scheme not in self.keys)

    def origin_for(self, label: str) -> str:
        """The only origin the key is sent to with this request: the API's, or that of the operation's own server."""
        operation = self.catalog.operation(label.partition(".")[2])
        if operation is not None and operation.server and self.base_url == self.catalog.base_url:
            return origin_of(operation.server)
        return self.origin


class OAuth2(msgspec.Struct, frozen=True):
    """OAuth 2 client credentials (RFC 6749, 4.4).

    ``token_url`` and ``scopes`` are taken from the document unless they are given here. ``in_body`` sends the id and
    secret as form fields instead of by basic authentication.
    """

    client_id: str
    client_secret: Secret
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    in_body: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.client_secret, str):
            msgspec.structs.force_setattr(self, "client_secret", Secret(self.client_secret))
        arguments.an_instance("OAuth2.client_secret", self.client_secret, Secret, "a string or a Secret")
        arguments.a_text("OAuth2.client_id", self.client_id)
        if self.token_url != "":
            arguments.a_text("OAuth2.token_url", self.token_url, "a URL")
        msgspec.structs.force_setattr(self, "scopes", arguments.texts("OAuth2.scopes", self.scopes))
        arguments.a_flag("OAuth2.in_body", self.in_body)


def setting_of(name: str, scheme: str) -> str:
    """The variable with the key for a security scheme: ``PETSTORE_API_KEY_APP``."""
    return f"{name.upper()}_API_KEY_{re.sub(r'[^A-Z0-9]+', '_', scheme.upper())}"


def key_headers(auth: Auth, value: str) -> tuple[tuple[str, str], ...]:
    """The headers that carry a key, as ``auth`` says."""
    if auth.kind in ("bearer", "oauth2"):
        return (("Authorization", f"Bearer {value}"),)
    if auth.kind == "basic":
        pair = value if ":" in value else f"{value}:"
        return (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)
    if auth.kind == "header":
        return ((auth.name, value),)
    if auth.kind == "cookie":
        return (("Cookie", f"{auth.name}={value}"),)
    return ()


def key_query(auth: Auth, value: str) -> tuple[tuple[str, str], ...]:
    """The query parameter that carries a key, as ``auth`` says."""
    return ((auth.name, value),) if auth.kind == "query" else ()


def origin_of(url: str) -> str:
    """The origin of a URL, in lower case: ``https://api.stripe.com/v1`` → ``https://api.stripe.com``."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ConfigError(f"the base URL {url!r} has a wrong port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"the base URL {url!r} is not an http:// or https:// address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
