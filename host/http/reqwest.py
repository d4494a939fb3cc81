"""The fast wire: pyreqwest (Rust's reqwest on its own thread). The only file that imports pyreqwest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ClientClosedError,
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    PoolTimeoutError,
    PyreqwestError,
    ReadError,
    ReadTimeoutError,
    RedirectError,
    RequestTimeoutError,
    WriteError,
    WriteTimeoutError,
)

from host.http.faults import Fault, OversizedError
from host.http.settings import HttpSettings

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

__all__ = ["BODILESS", "ReqwestWire", "Settling", "build_client", "fault_of"]


class ReqwestWire:
    """Requests straight through pyreqwest, without httpx's request and response objects."""

    def __init__(self, settings: HttpSettings, roots: bytes | None) -> None:
        self._client = build_client(settings, roots)
        self._limit = settings.max_answer_bytes
        self._settling = Settling()

    async def exchange(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], content: bytes, seconds: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Send and read the answer to its end: status, headers by lower-case name, decoded body."""
        builder = self._client.request(method, url).timeout(timedelta(seconds=seconds))
        if headers:
            builder = builder.headers(headers)
        if content:
            builder = builder.body_bytes(content)
        elif method not in BODILESS:
            builder = builder.header("Content-Length", "0")  # RFC 9110, 8.6; some servers insist
        # Streamed, so that an endless body is not in memory before its size is known.
        sending = builder.build_streamed()
        try:
            response = await sending.__aenter__()
        except (asyncio.CancelledError, RequestTimeoutError):
            self._settling.given_up()
            raise
        try:
            reader = response.body_reader
            chunks: list[bytes] = []
            size = 0
            while (chunk := await reader.read_chunk()) is not None:
                data = bytes(chunk)
                size += len(data)
                if size > self._limit:
                    raise OversizedError(f"more than {self._limit} bytes")
                chunks.append(data)
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            return response.status, header_map(response), body
        finally:
            await sending.__aexit__(None, None, None)

    def fault_of(self, error: Exception) -> tuple[Fault, str] | None:
        return fault_of(error)

    async def aclose(self) -> None:
        await self._settling.wait()
        await self._client.close()


class Settling:
    """Keeps the loop's thread from ending while reqwest's threads for looking up names are just starting.

    In pyreqwest 0.15.1 a thread that starts while one that has used it ends can meet a half-freed heap of
    its allocator (mimalloc): SIGSEGV, in 23 of 75 processes that stopped with lookups just begun. A request
    that was given up before its answer is what leaves such a thread behind; ``SECONDS`` after it, none of
    75 did, as by then the thread has started.
    """

    SECONDS = 0.25

    def __init__(self) -> None:
        self._until = 0.0

    def given_up(self) -> None:
        """A request was given up before its answer."""
        self._until = monotonic() + self.SECONDS

    async def wait(self) -> None:
        left = self._until - monotonic()
        if left > 0:
            await asyncio.sleep(left)


def build_client(settings: HttpSettings, roots: bytes | None) -> Client:
    """``roots`` are further trusted certificates, PEM."""
    builder = (
        ClientBuilder()
        .follow_redirects(False)
        .referer(False)
        .user_agent(settings.user_agent)
        .connect_timeout(timedelta(seconds=settings.connect_timeout))
        .pool_idle_timeout(timedelta(seconds=settings.idle))
        .tcp_keepalive(timedelta(seconds=settings.keepalive))
    )
    if not settings.trust_env:
        builder = builder.no_proxy()
    if not settings.verify:
        builder = builder.danger_accept_invalid_certs(True)
    if roots:
        builder = builder.add_root_certificate_pem(roots)
    return builder.build()


def header_map(response: Any) -> dict[str, str]:
    """Header names in lower case; several of one name joined as RFC 9110, 5.3 has it."""
    found: dict[str, str] = {}
    for name, value in header_items(response):
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def header_items(response: Any) -> list[tuple[str, str]]:
    headers = response.headers
    try:
        return list(headers.items())
    except ValueError:  # a value that is not ASCII: keep the others
        items: list[tuple[str, str]] = []
        for name in set(headers.keys()):
            try:
                items += [(name, value) for value in response.get_header_all(name)]
            except ValueError:
                continue
        return items


# In this order: the first class that fits says the fault, where the causes do not.
FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (PoolTimeoutError, "pool"),
    (ReadTimeoutError, "response_timeout"),
    (WriteTimeoutError, "response_timeout"),
    (ConnectTimeoutError, "response_timeout"),  # pyreqwest's name for every timeout before the body
    (RequestTimeoutError, "response_timeout"),
    (ConnectError, "reset"),  # likewise; what failed to connect has "(Connect)" among its causes
    (ReadError, "truncated"),
    (WriteError, "reset"),
    (DecodeError, "malformed"),
    (RedirectError, "malformed"),
    (ClientClosedError, "closed"),
    (BuilderError, "invalid"),
    (PyreqwestError, "reset"),
    (ValueError, "invalid"),  # a URL or header it cannot parse
    (OverflowError, "invalid"),
)

TLS_WORDS = ("certificate", "tls", "handshake", "corrupt message", "alert")


def fault_of(error: Exception) -> tuple[Fault, str] | None:
    """Which fault an exception of pyreqwest is, and its own words; ``None`` for a foreign one.

    reqwest says by its causes where it was: ``client error (Connect)`` is before anything was sent.
    """
    details = getattr(error, "details", None) or {}
    causes = [str(cause["message"]) for cause in details.get("causes") or ()]
    # The first cause names the URL, which may hold a key.
    detail = causes[-1] if len(causes) > 1 else ""
    if "client error (Connect)" in causes:
        fault = _connect_fault(error, causes)
        return fault, "" if fault == "connect_timeout" else detail
    for kind, fault in FAULTS:
        if isinstance(error, kind):
            if fault == "malformed":
                fault = _body_fault(causes)
            return fault, "" if fault == "response_timeout" else detail
    return None


def _connect_fault(error: Exception, causes: list[str]) -> Fault:
    if isinstance(error, RequestTimeoutError):
        return "connect_timeout"
    if "dns error" in causes:
        return "dns"
    last = causes[-1].lower()
    if "tunnel" in last or "proxy" in last or "socks" in last:
        return "proxy"
    if "tcp connect error" not in causes and any(word in last for word in TLS_WORDS):
        return "tls"
    return "connect"


def _body_fault(causes: list[str]) -> Fault:
    if "client error (SendRequest)" in causes:
        return "malformed"
    if "error reading a body from connection" in causes:
        return "truncated"
    return "coding"
