"""Which names a server answers for: a web page must not reach a local one under a name of its own (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["OwnNames", "host_of_header"]


class OwnNames:
    """Names a server is asked for by right: ``localhost``, the names it was given, and addresses, which no web page can
    make point here.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost", *(host_of_header(name) for name in names)}

    def __contains__(self, name: object) -> bool:
        return name in self._names or _is_address(str(name))


def host_of_header(header: str) -> str:
    """The name in a Host header, without its port, lower case: ``[::1]:80`` → ``::1``."""
    name, bracket, _ = header.strip().lower().removeprefix("[").partition("]")
    return name if bracket else name.rpartition(":")[0] or name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
