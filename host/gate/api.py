"""One API as a host has it: the catalog, where it is, and the key that goes with it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from host.apis.catalog import Auth, Catalog
from host.errors import ConfigError
from host.settings import Secret, key_mode


@dataclass(frozen=True, slots=True)
class Api:
    """``base_url`` has no slash at its end. ``key`` goes on a request the way ``auth`` says."""

    catalog: Catalog
    base_url: str
    key: Secret | None = None
    auth: Auth = field(default_factory=lambda: Auth(kind="bearer"))
    function: str = "api"  # the registered function that answers its requests

    @property
    def name(self) -> str:
        return self.catalog.name

    @property
    def origin(self) -> str:
        """Scheme, host and port of the base URL: the only place the key goes to."""
        return origin_of(self.base_url)

    @property
    def is_live(self) -> bool:
        """Whether there is a key that may act on real things: for Stripe each that is not plainly a test key."""
        if self.key is None:
            return False
        mode = key_mode(self.key)
        return mode == "live" or (mode is None and self.name == "stripe")

    @property
    def account(self) -> str:
        """What tells this key from others without telling the key; "" without one."""
        if self.key is None:
            return ""
        from hashlib import sha256  # loads OpenSSL, and only budgets of a day ask

        return sha256(self.key.reveal().encode()).hexdigest()[:24]

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that carry the key."""
        if self.key is None:
            return ()
        value = self.key.reveal()
        if self.auth.kind == "bearer":
            return (("Authorization", f"Bearer {value}"),)
        if self.auth.kind == "basic":
            pair = value if ":" in value else f"{value}:"
            return (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)
        if self.auth.kind == "header":
            return ((self.auth.name, value),)
        if self.auth.kind == "cookie":
            return (("Cookie", f"{self.auth.name}={value}"),)
        return ()

    def query(self) -> tuple[tuple[str, str], ...]:
        """The query parameter that carries the key."""
        if self.key is None or self.auth.kind != "query":
            return ()
        return ((self.auth.name, self.key.reveal()),)


def origin_of(url: str) -> str:
    """``https://api.stripe.com`` of ``https://api.stripe.com/v1``, lower case."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ConfigError(f"the base URL {url!r} has a wrong port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"the base URL {url!r} is no http:// or https:// address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
