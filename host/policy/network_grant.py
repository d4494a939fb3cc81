"""Network grants: parses a string such as ``api.example.com:443``, and decides what it covers."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import msgspec

from host.errors import DeniedError, UsageError
from host.policy.addresses import AddressClass, address_class

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

PRIVATE: tuple[AddressClass, ...] = ("private", "shared", "loopback")  # what the grant ``private`` covers


class NetGrant(msgspec.Struct, frozen=True):
    """A grant of a host name or pattern (``host``), of a range of addresses, or of ``private``; at one port or any."""

    host: str = ""
    port: int | None = None
    range: IPv4Network | IPv6Network | None = None
    private: bool = False

    def names(self, host: str, port: int) -> bool:
        """Whether a script may connect to ``host``, a name or an address as the script wrote it."""
        if self.port is not None and self.port != port:
            return False
        if self.range is not None:
            address = _address(host)
            return address is not None and address in self.range
        if self.private:
            return host == "localhost" or (_address(host) is not None and address_class(host) in PRIVATE)
        if self.host.startswith("*."):
            return host.endswith(self.host[1:]) and _address(host) is None
        return self.host in ("*", host)

    def covers(self, address: str, kind: AddressClass, port: int, name: str) -> bool:
        """Whether a connection to ``address`` is granted, which is not public and to which ``name`` resolves."""
        if self.port is not None and self.port != port:
            return False
        if self.private:
            return kind in PRIVATE
        if self.range is not None:
            found = _address(address)
            return found is not None and found in self.range
        return kind == "loopback" and name == self.host == "localhost"


@lru_cache(maxsize=256)
def net_grant(text: str) -> NetGrant:
    """Parse a grant. Raises ``UsageError``."""
    wrong = UsageError(
        f"{text!r} is not a network grant: expected host, host:port, *.domain, *, an address, "
        "a range such as 10.0.0.0/8, or private"
    )
    rest, digits = text.strip(), ""
    if rest.startswith("["):
        rest, closing, tail = rest[1:].partition("]")
        digits = tail.removeprefix(":")
        if not closing or (tail and not tail.startswith(":")):
            raise wrong
    elif rest.count(":") == 1:
        rest, _, digits = rest.partition(":")
        if not digits:
            raise wrong
    port = None
    if digits:
        port = int(digits) if digits.isascii() and digits.isdigit() else 0
        if not 0 < port < 65536:
            raise wrong
    if rest == "private":
        return NetGrant(port=port, private=True)
    try:
        return NetGrant(port=port, range=ip_network(rest, strict=False))
    except ValueError:
        pass
    name = rest.removeprefix("*.") if rest != "*" else ""
    if rest != "*" and (not name or any(c in "*/?#@:%[]\\" or c.isspace() for c in name)):
        raise wrong
    return NetGrant(rest if rest == "*" else rest[: len(rest) - len(name)] + host_name(name), port)


def host_name(host: str) -> str:
    """Normalise a host name for comparison: lower case, without brackets or a final dot, and in IDNA's ASCII form."""
    name = host.strip("[]").rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise DeniedError(f"{host!r} is not a host name") from None
    return name


def place(host: str, port: int) -> str:
    """``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Parse an address, an IPv4-mapped one as IPv4. Returns ``None`` for a name."""
    try:
        address = ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
