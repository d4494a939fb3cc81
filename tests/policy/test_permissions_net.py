"""The network: names before they are resolved, addresses before they are connected to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import DeniedError
from host.policy.addresses import address_class
from host.policy.permissions import Permissions


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", "public"),
        ("2606:4700::1111", "public"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.1", "public"),
        ("192.168.1.1", "private"),
        ("fd12::1", "private"),
        ("64:ff9b:1::a00:1", "private"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("100.64.0.1", "shared"),
        ("169.254.1.1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("169.254.169.254", "metadata"),
        ("169.254.170.2", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("192.0.2.1", "reserved"),
        ("198.18.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("2001:db8::1", "reserved"),
        ("2001:0:4136:e378::1", "reserved"),
        ("4000::1", "reserved"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:8.8.8.8", "public"),
        ("::127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("64:ff9b::a00:1", "private"),
        ("[::1]", "loopback"),
    ],
)
def test_the_class_of_an_address(address: str, kind: str) -> None:
    """Each range of the registries, and IPv4 addresses in IPv6 clothes."""
    assert address_class(address) == kind


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.2.3.4.5", "::g"])
def test_what_is_no_address_has_no_class(text: str) -> None:
    """Spellings that only some resolvers read are no addresses here."""
    with pytest.raises(ValueError, match="address"):
        address_class(text)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_what_it_is_inside_ipv6(address: object) -> None:
    """Whatever the address, mapping it does not make it more public."""
    assert address_class(f"::ffff:{address}") == address_class(str(address))


@pytest.mark.parametrize(
    ("grant", "host", "port", "address", "granted"),
    [
        ("api.example.com", "api.example.com", 443, "93.184.216.34", True),
        ("api.example.com", "API.example.com.", 8443, "93.184.216.34", True),
        ("api.example.com:443", "api.example.com", 80, None, False),
        ("api.example.com", "xapi.example.com", 443, None, False),
        ("api.example.com", "api.example.com.evil.net", 443, None, False),
        ("*.example.com", "a.b.example.com", 443, "93.184.216.34", True),
        ("*.example.com", "example.com", 443, None, False),
        ("*.example.com", "evilexample.com", 443, None, False),
        ("*", "anything.net", 1, "93.184.216.34", True),
        ("bücher.example", "xn--bcher-kva.example", 443, "93.184.216.34", True),
        # a granted name that leads somewhere else
        ("api.example.com", "api.example.com", 443, "127.0.0.1", False),
        ("api.example.com:443", "api.example.com", 443, "10.0.0.1", False),
        ("*", "rebound.net", 80, "169.254.169.254", False),
        ("*", "rebound.net", 80, "::ffff:10.0.0.1", False),
        ("*", "10.0.0.1", 80, "10.0.0.1", False),
        ("private", "10.0.0.1", 80, "10.0.0.1", True),
        ("private", "169.254.169.254", 80, "169.254.169.254", False),
        ("private", "example.com", 80, None, False),
        ("127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1", True),
        ("127.0.0.1:8000", "127.0.0.1", 8001, None, False),
        ("127.0.0.1", "localhost", 80, None, False),
        ("localhost:8000", "localhost", 8000, "127.0.0.1", True),
        ("localhost:8000", "localhost", 8000, "::1", True),
        ("localhost", "localhost", 8000, "10.0.0.1", False),
        ("10.0.0.0/8", "10.200.0.1", 80, "10.200.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", 80, None, False),
        ("[::1]:9000", "::1", 9000, "::1", True),
        ("fd00::/8", "fd00::1", 443, "fd00::1", True),
        ("169.254.169.254:80", "169.254.169.254", 80, "169.254.169.254", True),
        ("api.example.com", "api.example.com", 443, "not an address", False),
    ],
)
def test_what_a_grant_covers(grant: str, host: str, port: int, address: str | None, granted: bool) -> None:
    """A name is granted by itself; an address that is not public only by itself, wherever a name led."""
    permissions = Permissions(net=[grant])
    if granted:
        permissions.check_net(host, port)
        permissions.check_net(host, port, address)
        return
    with pytest.raises(DeniedError) as found:
        permissions.check_net(host, port, address)
    assert found.value.kind == "denied"


def test_a_name_inside_needs_both_its_grants() -> None:
    """An internal service by its name: the name, and the addresses it may have."""
    granted = Permissions(net=["db.internal:8080", "10.0.0.0/8"])
    granted.check_net("db.internal", 8080, "10.1.2.3")
    with pytest.raises(DeniedError) as found:
        granted.check_net("db.internal", 8080, "192.168.0.1")
    assert "at 192.168.0.1 (private)" in found.value.message
    assert "--allow-net '192.168.0.1:8080'" in (found.value.hint or "")
