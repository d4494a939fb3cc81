"""The reqwest-backed transport of the host's ``httpx.AsyncClient``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

from host.http.faults import Fault
from host.http.reqwest import Settling, build_client, fault_of, header_items
from host.http.settings import HttpSettings

__all__ = ["ReqwestTransport"]

# What a user's hook or auth sees for a fault. The fault itself goes along as ``error.fault``.
HTTPX_ERRORS: dict[Fault, type[httpx.RequestError]] = {
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


class ReqwestTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over pyreqwest.

    Decoding is left to reqwest, so an answer's ``Content-Encoding`` is gone when httpx sees it. Unlike
    pyreqwest's own httpx layer it tells a late answer from a late connect: after the first, a mutation may
    have happened.
    """

    def __init__(self, settings: HttpSettings, roots: bytes | None) -> None:
        self._client = build_client(settings, roots)
        self._settling = Settling()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # httpx has put its own Accept-Encoding; reqwest sends one for what it decodes itself.
        headers = [(k, v) for k, v in request.headers.multi_items() if k not in HOP_HEADERS]
        try:
            builder = self._client.request(request.method, str(request.url)).headers(headers)
            try:
                content = request.content
            except httpx.RequestNotRead:
                builder = builder.body_stream(request.stream)
            else:
                if content:
                    builder = builder.body_bytes(content)
                elif request.headers.get("content-length") == "0":
                    builder = builder.header("Content-Length", "0")
            sending = builder.build_streamed()
            response = await sending.__aenter__()
        except asyncio.CancelledError:
            self._settling.given_up()
            raise
        except Exception as error:
            raise _as_httpx(error, request) from error
        return httpx.Response(
            response.status,
            headers=header_items(response),
            stream=_Body(sending, response, request),
            extensions={"http_version": response.version.encode("ascii")},
        )

    async def aclose(self) -> None:
        await self._settling.wait()
        await self._client.close()


HOP_HEADERS = frozenset({"accept-encoding", "connection", "content-length", "transfer-encoding", "host"})


class _Body(httpx.AsyncByteStream):
    def __init__(self, sending: Any, response: Any, request: httpx.Request) -> None:
        self._sending = sending
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = self._response.body_reader
        try:
            while (chunk := await reader.read_chunk()) is not None:
                yield bytes(chunk)
        except Exception as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        await self._sending.__aexit__(None, None, None)


def _as_httpx(error: Exception, request: httpx.Request) -> Exception:
    found = fault_of(error)
    if found is None:
        return error
    fault, detail = found
    translated = HTTPX_ERRORS[fault](detail, request=request)
    translated.fault = fault  # type: ignore[attr-defined]
    return translated
