"""The head of a request: its origin, its first lines, its headers."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from host.http.message import is_line, origin_of
from host.http.transport_errors import TransportError

__all__ = ["HeaderLines", "Origin", "RequestHeads"]

MOST = 256  # requests, and names of headers, that are remembered
MOST_VALUES = 8  # of one header that are remembered: an idempotency key comes once
_IN_URL = "!#$%&'()*+,/:;=?@[]~"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


class HeaderLines(dict[tuple[str, str], str]):
    """Headers as they are sent, by name and value: most are the same in each request."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}  # how many of a name are remembered

    def __missing__(self, header: tuple[str, str]) -> str:
        name, value = header
        known = self._values.get(name, 0)
        if not known and not _TOKEN.match(name):
            raise TransportError("invalid", "a header's name is not one word of ASCII")
        if not is_line(value):
            raise TransportError("invalid", f"its header {name!r} is not one line of ASCII text")
        line = f"{name}: {value}\r\n"
        if known < MOST_VALUES and len(line) < 512:
            if len(self) >= MOST:
                self.clear()
                self._values.clear()
            self._values[name] = known + 1
            self[header] = line
        return line


class Origin(NamedTuple):
    """Where requests to an origin are sent."""

    host: str
    port: int
    secure: bool
    name: str  # as the header ``Host`` has it


class RequestHeads:
    """Heads of requests up to their own headers, which end in ``common``."""

    def __init__(self, common: str) -> None:
        self._common = common
        self._origins: dict[str, Origin] = {}
        self.known: dict[tuple[str, str], tuple[str, str]] = {}

    def begin(self, method: str, url: str) -> tuple[str, str]:
        """A request's origin and its head up to its own headers, ``known`` from then on."""
        origin = origin_of(url)
        target = url[len(origin) :].partition("#")[0]
        if not target.startswith("/"):
            target = f"/{target}"
        if not target.isascii():
            target = quote(target, safe=_IN_URL)
        begin = f"{method} {target} HTTP/1.1\r\nHost: {self.origin(origin).name}\r\n{self._common}"
        if len(self.known) < MOST and len(url) < 256:
            self.known[method, url] = origin, begin
        return origin, begin

    def origin(self, text: str) -> Origin:
        """The address of an origin such as ``https://api.stripe.com``. Raises :class:`TransportError` for a name
        that cannot be looked up.
        """
        return self._origins.get(text) or self._learn(text)

    def _learn(self, text: str) -> Origin:
        parts = urlsplit(text)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        try:
            ascii_host = host if host.isascii() else host.encode("idna").decode()
        except UnicodeError:
            raise TransportError("dns", "the name is not one that can be looked up") from None
        usual = 443 if secure else 80
        port = parts.port or usual
        shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
        if len(self._origins) > 1000:
            self._origins.clear()
        found = self._origins[text] = Origin(ascii_host, port, secure, shown if port == usual else f"{shown}:{port}")
        return found
