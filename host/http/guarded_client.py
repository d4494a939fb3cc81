"""A client for addresses that scripts choose: each address is checked before it is connected to.

The names of a URL are resolved here, and the very addresses that came out are checked and connected to, so
that a name cannot mean one address to the check and another to the connection (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Hashable, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import Any, Protocol

import httpcore
import httpx

from host.errors import CallError, DeniedError
from host.http.body_reading import read_body
from host.http.client import read_roots
from host.http.content_coding import accepted
from host.http.httpx_transport import fault_of, keepalive_options
from host.http.message import Request, Response
from host.http.settings import HttpSettings
from host.http.tls import client_context
from host.http.transport_errors import OversizedError, call_error

__all__ = ["AddressCheck", "CheckedClient", "WebRequest"]

KEPT = 16  # clients of different grants kept open at once


class AddressCheck(Protocol):
    """Raises ``DeniedError`` unless ``host:port`` may be connected to; then the same for each address."""

    def __call__(self, host: str, port: int, address: str | None = None) -> None: ...


class WebRequest(Request, frozen=True, kw_only=True):
    """A request to an address that a script chose.

    ``check`` is ``None`` for addresses given by the host's owner. Connections are shared by requests of the same
    ``group`` only: what one may connect to, another may not. ``largest`` is of the decoded body, in bytes, where there
    is no sink.
    """

    check: AddressCheck | None = None
    group: Hashable = None
    largest: int = 64 << 20


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to what the check lets through, in the order the system gave the addresses."""

    def __init__(self, check: AddressCheck | None) -> None:
        self._check = check
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if self._check is not None:
            self._check(host, port)
        until = None if timeout is None else monotonic() + timeout
        addresses = self._granted(host, port, await _resolve(host, port, timeout))
        for i, address in enumerate(addresses):
            left = None if until is None else max(0.0, until - monotonic())
            # One dead address of several must not use up the time of the others.
            share = None if left is None else left / (len(addresses) - i)
            try:
                return await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if i == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise DeniedError("a local socket is not granted")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _granted(self, host: str, port: int, addresses: list[str]) -> list[str]:
        """Those that may be connected to. Raises the first refusal if there are none."""
        if self._check is None:
            return addresses
        granted, refusal = [], None
        for address in addresses:
            try:
                self._check(host, port, address)
            except DeniedError as error:
                refusal = refusal or error
            else:
                granted.append(address)
        if not granted and refusal is not None:
            raise refusal
        return granted


def _loop_addresses(loop: asyncio.AbstractEventLoop, host: str, port: int) -> Awaitable[Any]:
    return loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _resolve(host: str, port: int, seconds: float | None) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await _loop_addresses(loop, host, port)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from error
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, on a pool whose backend checks."""

    def __init__(self, settings: HttpSettings, roots: bytes | None, check: AddressCheck | None) -> None:
        context = client_context(settings.verify, roots)
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for httpcore's backend; a test holds that this is the pool that is used.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=settings.idle,
            socket_options=keepalive_options(settings.keepalive),
            network_backend=CheckedBackend(check),
        )


class CheckedClient:
    """``await send(request, deadline)`` as the host's own client, for :class:`WebRequest`.

    No proxies: through one, nobody here would know which address is connected to. No redirects, no retries,
    no cookies kept. ``await aclose()``.
    """

    def __init__(self, settings: HttpSettings, *, environ: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._clients: OrderedDict[Hashable, httpx.AsyncClient] = OrderedDict()
        self._under_way: dict[Hashable, int] = {}

    async def send(self, request: Request, deadline: float) -> Response:
        """The answer to one request. Raises as :meth:`host.http.client.HttpClient.send`."""
        assert isinstance(request, WebRequest)
        start = monotonic()
        seconds = min(deadline - start, request.timeout or self._settings.read_timeout)
        host = _place(request.url)
        if seconds <= 0:
            raise call_error("connect_timeout", request, host, "the deadline had passed")
        client = self._client(request)
        self._under_way[request.group] = self._under_way.get(request.group, 0) + 1
        try:
            async with asyncio.timeout(seconds):
                status, headers, body = await self._exchange(client, request)
        except Exception as error:
            raise _translate(error, request, host, seconds, self._settings) from error
        finally:
            self._under_way[request.group] -= 1
            await self._shed()
        return Response(status, headers, body, monotonic() - start, 1, request.url, began=start)

    async def aclose(self) -> None:
        """Close all connections."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.aclose()

    async def _exchange(self, client: httpx.AsyncClient, request: WebRequest) -> tuple[int, dict[str, str], bytes]:
        built = client.build_request(
            request.method, request.url, headers=list(request.headers), content=request.content or None
        )
        response = await client.send(built, stream=True)
        try:
            sink = request.sink if 200 <= response.status_code < 300 else None
            body = await read_body(response, request.largest, sink)
        except httpx.ReadError as error:
            error.fault = "truncated"  # type: ignore[attr-defined]  # the answer had begun
            raise
        finally:
            await response.aclose()
        return response.status_code, _fields(response.headers), body

    def _client(self, request: WebRequest) -> httpx.AsyncClient:
        client = self._clients.get(request.group)
        if client is None:
            roots = read_roots(self._settings.ssl_cert_file or self._environ.get("SSL_CERT_FILE") or None)
            client = self._clients[request.group] = httpx.AsyncClient(
                transport=CheckedTransport(self._settings, roots, request.check),
                timeout=httpx.Timeout(None, connect=self._settings.connect_timeout),
                headers={
                    "User-Agent": self._settings.user_agent,
                    "Accept": "*/*",
                    "Accept-Encoding": accepted(),
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept for the next run
                follow_redirects=False,
                trust_env=False,
            )
        self._clients.move_to_end(request.group)
        return client

    async def _shed(self) -> None:
        """Close the least recently used clients, if there are many."""
        for group in list(self._clients):
            if len(self._clients) <= KEPT:
                return
            if not self._under_way.get(group):
                self._under_way.pop(group, None)
                await self._clients.pop(group).aclose()


def _fields(headers: httpx.Headers) -> dict[str, str]:
    """By lower-case name; repeated ones joined, cookies one on a line."""
    found: dict[str, str] = {}
    for name, value in headers.multi_items():
        key = name.lower()
        mark = "\n" if key == "set-cookie" else ", "
        found[key] = f"{found[key]}{mark}{value}" if key in found else value
    return found


def _place(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        return "that address"
    return parsed.host if parsed.port is None else f"{parsed.host}:{parsed.port}"


def _translate(error: Exception, request: WebRequest, host: str, seconds: float, settings: HttpSettings) -> CallError:
    if isinstance(error, CallError):
        return error
    if isinstance(error, OversizedError):
        return call_error("oversized", request, host, str(error))
    found = fault_of(error)
    if found is None:
        raise error
    fault, detail = found
    if fault == "connect_timeout":
        seconds = min(seconds, settings.connect_timeout)
    return call_error(fault, request, host, detail, seconds)
