"""The host names a server answers for, so that no web page reaches a local server through DNS rebinding."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["OwnNames", "host_of_header"]


class OwnNames:
    """The host names a server accepts: ``localhost``, the given names, and every IP address.

    A web page can have its own name resolve to this machine, but an address in the Host header cannot be rebound.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost", *(host_of_header(name) for name in names)}

    def __contains__(self, name: object) -> bool:
        return name in self._names or _is_address(str(name))


def host_of_header(header: str) -> str:
    """The name in a Host header, in lower case and without its port: ``[::1]:80`` → ``::1``."""
    name, bracket, _ = header.strip().lower().removeprefix("[").partition("]")
    return name if bracket else name.rpartition(":")[0] or name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
