"""The compatible transport: an ``httpx.AsyncClient``. With ``transport.py`` the only file that imports httpx."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import Any
from urllib.request import getproxies

import httpx

from host.http.body_reading import read_body
from host.http.content_coding import CodingError, accepted
from host.http.message import BodySink
from host.http.settings import HttpSettings
from host.http.transport_errors import OversizedError, TransportFault

__all__ = ["HttpxTransport", "build_client", "fault_of"]


class HttpxTransport:
    """Requests through an ``AsyncClient``, whatever transport, mounts, hooks or auth it has."""

    connected = 0.0  # httpx does not report it

    def __init__(self, client: httpx.AsyncClient, settings: HttpSettings) -> None:
        self.client = client
        self._limit = settings.max_answer_bytes

    async def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        deadline: float,
        sink: BodySink | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send and read the answer to its end: status, headers by lower-case name, decoded body.

        The body of a 2xx answer goes to ``sink``, if there is one.
        """
        client = self.client
        if sink is not None and not any(name.lower() == "accept-encoding" for name, _ in headers):
            headers = [*headers, ("Accept-Encoding", accepted())]  # what is undone piece by piece
        request = client.build_request(method, url, headers=list(headers), content=content or None)
        async with asyncio.timeout(max(0.0, deadline - monotonic())):
            response = await client.send(request, stream=True)
            try:
                body = await self._read(response, sink)
            except httpx.ReadError as error:
                error.fault = "truncated"  # type: ignore[attr-defined]  # the answer had begun
                raise
            finally:
                await response.aclose()
        return response.status_code, {k.lower(): v for k, v in response.headers.items()}, body

    async def _read(self, response: httpx.Response, sink: BodySink | None) -> bytes:
        if sink is not None:
            return await read_body(response, self._limit, sink if 200 <= response.status_code < 300 else None)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._limit:
                raise OversizedError(f"more than {self._limit} bytes")
        return bytes(body)

    def fault_of(self, error: Exception) -> tuple[TransportFault, str] | None:
        return fault_of(error)

    async def aclose(self) -> None:
        await self.client.aclose()


def build_client(
    settings: HttpSettings,
    *,
    transport: httpx.AsyncBaseTransport | None,
    roots: bytes | None,
    mounts: Mapping[str, httpx.AsyncBaseTransport | None] | None = None,
    **options: Any,
) -> httpx.AsyncClient:
    """``roots`` are further trusted certificates, PEM. ``options``: ``event_hooks``, ``auth`` of the user."""
    if transport is None:
        transport, proxies = own_transports(settings, roots)
        mounts = {**proxies, **(mounts or {})}
    return httpx.AsyncClient(
        transport=transport,
        mounts=mounts,
        # The whole exchange has its own time limit above; httpx only has to name the connect phase.
        timeout=httpx.Timeout(None, connect=settings.connect_timeout),
        headers={"User-Agent": settings.user_agent},
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept for the next call
        trust_env=False,  # proxies are mounted above, and a .netrc must not add a key
        **options,
    )


def own_transports(
    settings: HttpSettings, roots: bytes | None
) -> tuple[httpx.AsyncBaseTransport, dict[str, httpx.AsyncBaseTransport | None]]:
    """httpx's transport, and those of the environment's proxies by URL pattern (``None``: no proxy)."""
    context = httpx.create_ssl_context(verify=settings.verify, trust_env=False)
    if roots and settings.verify:
        context.load_verify_locations(cadata=roots.decode("ascii", "replace"))
    # Connections are not limited here: what waits should wait where it can be seen, in the queue.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=1000, keepalive_expiry=settings.idle)
    options = keepalive_options(settings.keepalive)

    def make(proxy: str | None) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=context, limits=limits, proxy=proxy, socket_options=options, trust_env=False
        )

    if not settings.trust_env:
        return make(None), {}
    return make(None), {
        pattern: None if proxy is None else make(proxy) for pattern, proxy in environment_proxies().items()
    }


def environment_proxies() -> dict[str, str | None]:
    """URL patterns of httpx to proxies, from ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``."""
    proxies = getproxies()
    found: dict[str, str | None] = {}
    for scheme in ("http", "https", "all"):
        if proxy := proxies.get(scheme):
            found[f"{scheme}://"] = proxy if "://" in proxy else f"http://{proxy}"
    for entry in proxies.get("no", "").split(","):
        name = entry.strip().lstrip(".")
        if name == "*":
            return {}
        if "://" in name:
            found[name] = None
        elif name:
            literal = name == "localhost" or name.replace(".", "").isdigit() or ":" in name
            found[f"all://{name}" if literal else f"all://*{name}"] = None
    return found


def keepalive_options(seconds: float) -> list[tuple[int, int, int]]:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    idle = getattr(socket, "TCP_KEEPIDLE", None)  # not on every platform
    if idle is not None:
        options.append((socket.IPPROTO_TCP, idle, max(1, int(seconds))))
    return options


# In this order: the first class that fits says the fault.
FAULTS: tuple[tuple[type[Exception], TransportFault], ...] = (
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.PoolTimeout, "pool"),
    (httpx.TimeoutException, "response_timeout"),
    (TimeoutError, "response_timeout"),
    (httpx.ConnectError, "connect"),
    (httpx.ProxyError, "proxy"),
    (httpx.ReadError, "reset"),
    (httpx.NetworkError, "reset"),
    (httpx.UnsupportedProtocol, "invalid"),
    (httpx.LocalProtocolError, "invalid"),
    (httpx.RemoteProtocolError, "malformed"),
    (httpx.TransportError, "reset"),
    (httpx.DecodingError, "coding"),
    (httpx.TooManyRedirects, "malformed"),
    (httpx.RequestError, "reset"),
    (httpx.InvalidURL, "invalid"),
    (UnicodeError, "invalid"),
)


def fault_of(error: Exception) -> tuple[TransportFault, str] | None:
    """Which fault an exception of httpx is, and its own words; ``None`` for a foreign one."""
    known = getattr(error, "fault", None)  # from our own transport, which knows more
    if known is not None:
        return known, str(error)
    if isinstance(error, CodingError):
        return "coding", str(error)
    for kind, fault in FAULTS:
        if isinstance(error, kind):
            detail = "" if fault == "invalid" else str(error)  # it may quote a header's value
            if fault == "connect":
                fault = _connect_fault(error)
            elif fault == "malformed":
                fault = _protocol_fault(detail)
            return fault, detail
    return None


def _connect_fault(error: BaseException) -> TransportFault:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "connect"


def _protocol_fault(detail: str) -> TransportFault:
    if "disconnected without sending" in detail:
        return "reset"
    if "without sending complete message" in detail:
        return "truncated"
    return "malformed"
