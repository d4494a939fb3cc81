"""Classifies IP addresses, to decide whether a script may connect to them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

AddressClass = Literal[
    "public",
    "private",
    "loopback",
    "shared",
    "link-local",
    "metadata",
    "multicast",
    "unspecified",
    "reserved",
]

# Addresses at which clouds hand out credentials: AWS, GCP, Azure, DigitalOcean, Oracle, OpenStack (169.254.169.254),
# AWS ECS and EKS, Alibaba, Oracle's older one, Azure's wire server (a public address), AWS and GCP over IPv6.
METADATA = frozenset(
    {
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    }
)
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48")
_SHARED = ("100.64.0.0/10",)  # carrier-grade NAT, RFC 6598
_UNSPECIFIED = ("0.0.0.0/8", "::/128")  # connects to this machine on many systems


def address_class(ip: str) -> AddressClass:
    """The class of an IPv4 or IPv6 address. A scope (``%eth0``) is ignored.

    An IPv6 address that leads to an IPv4 one (IPv4-mapped, IPv4-compatible, NAT64, 6to4) has the class of that one.
    An address that no list calls public is ``"reserved"``. Raises ``ValueError`` unless ``ip`` is an address.
    Source: the IANA special-purpose address registries (RFC 6890), the clouds' own documents for metadata.
    """
    address = ip_address(ip.partition("%")[0].strip("[]"))
    return _class(address)


def _class(address: IPv4Address | IPv6Address) -> AddressClass:
    if str(address) in METADATA:
        return "metadata"
    inner = _embedded(address)
    if inner is not None:
        return _class(inner)
    if _within(address, _UNSPECIFIED):
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if _within(address, _PRIVATE):
        return "private"
    if _within(address, _SHARED):
        return "shared"
    # Of IPv6 only 2000::/3 is allocated for global use.
    allotted = address.version == 4 or int(address) >> 125 == 1
    return "public" if allotted and address.is_global and not address.is_reserved else "reserved"


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address reach, if it embeds one."""
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    compatible = number >> 32 == 0 and number > 0xFFFF  # ::a.b.c.d
    if compatible or number >> 32 == 0x0064_FF9B << 64:  # 64:ff9b::/96, NAT64
        return IPv4Address(number & 0xFFFF_FFFF)
    return None


def _within(address: IPv4Address | IPv6Address, ranges: tuple[str, ...]) -> bool:
    return any(address in ip_network(each) for each in ranges)
