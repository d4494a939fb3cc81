"""The host's own connection pool as a transport of ``httpx.AsyncClient``."""

from __future__ import annotations

from time import monotonic
from typing import NoReturn

import httpx

from host.http.connection_pool import ConnectionPool
from host.http.message import origin_of
from host.http.settings import HttpSettings
from host.http.transport_errors import OversizedError, TransportFault

__all__ = ["HTTPX_ERRORS", "PoolTransport"]

# What a user's hook or auth sees for a fault. The fault itself is attached as ``error.fault``.
HTTPX_ERRORS: dict[TransportFault, type[httpx.RequestError]] = {
    "dns": httpx.ConnectError,
    "connect": httpx.ConnectError,
    "tls": httpx.ConnectError,
    "proxy": httpx.ProxyError,
    "pool": httpx.PoolTimeout,
    "connect_timeout": httpx.ConnectTimeout,
    "response_timeout": httpx.ReadTimeout,
    "reset": httpx.ReadError,
    "truncated": httpx.RemoteProtocolError,
    "malformed": httpx.RemoteProtocolError,
    "coding": httpx.DecodingError,
    "invalid": httpx.LocalProtocolError,
    "closed": httpx.ReadError,
}

# Written by the pool itself: the codings it decodes, and the length of the body.
POOLS_OWN = frozenset({b"accept-encoding", b"connection", b"content-length", b"transfer-encoding"})
NO_LIMIT = 86_400.0  # seconds, where the client sets none


class PoolTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over the same HTTP/1.1 connections as plain calls.

    Request and response bodies are in memory as a whole; a response's size is bounded by
    ``HttpSettings.max_answer_bytes``. Content codings are undone here, so that they are bounded too: httpx
    sees neither ``Content-Encoding`` nor the encoded length.
    """

    def __init__(self, settings: HttpSettings, roots: bytes | None) -> None:
        self._pool = ConnectionPool(settings, roots)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response, its body read to its end. Raises what httpx's own transport raises for the same fault."""
        content = await request.aread()
        url = str(request.url.copy_with(fragment=None))
        target = request.url.raw_path.decode("ascii")
        start = f"{request.method} {target} HTTP/1.1\r\n{self._pool.codings}"
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if name.lower() not in POOLS_OWN
        ]
        seconds = request.extensions.get("timeout", {}).get("read") or NO_LIMIT
        try:
            status, fields, body = await self._pool.exchange(
                request.method, url, headers, content, monotonic() + seconds, (origin_of(url), start)
            )
        except OversizedError:
            raise
        except Exception as error:
            self._raise(error, request)
        return httpx.Response(
            status, headers=fields, stream=httpx.ByteStream(body), extensions={"http_version": b"HTTP/1.1"}
        )

    def _raise(self, error: Exception, request: httpx.Request) -> NoReturn:
        found = self._pool.fault_of(error)
        if found is None:
            raise error
        fault, detail = found
        translated = HTTPX_ERRORS[fault](detail, request=request)
        translated.fault = fault  # type: ignore[attr-defined]  # so that a late connect and a late answer can be told apart
        raise translated from error

    async def aclose(self) -> None:
        await self._pool.aclose()
