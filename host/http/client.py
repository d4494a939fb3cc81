"""HttpClient: one request on the wire, one answer back, every failure one of the host's errors.

No retry, no limit, no waiting here: those are wrappers of the same signature (``chain.py``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec

from host.errors import CallError, ConfigError, DeniedError
from host.http.answer_head import Head
from host.http.message import BodySink, Request, Response, is_line, origin_of
from host.http.settings import EARLY, HttpSettings
from host.http.transport_errors import OversizedError, TransportFault, call_error
from host.transports import TransportName

if TYPE_CHECKING:
    import httpx

__all__ = ["Credential", "Credentials", "HttpClient"]

MOST_KNOWN, LONGEST_KNOWN = 1000, 256  # URLs that are remembered as checked, and the characters of one


class Credential(msgspec.Struct, frozen=True):
    """What a key adds to a request, and the only origin (``https://api.stripe.com``) it may go to.

    An operation that the API has elsewhere (Stripe's files) has its own, by ``origin_for``.
    """

    origin: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    origin_for: Callable[[str], str] | None = None  # of an operation by its name, where that may be another

    def __repr__(self) -> str:
        names = [name for name, _ in (*self.headers, *self.query)]
        return f"Credential(origin={self.origin!r}, names={names})"


Credentials = Callable[[Request], Credential | None]
"""Gives the credential for a request whose ``credential`` is set. Called for each attempt."""


class Transport(Protocol):
    """One exchange, from connecting to the end of the body, until ``deadline`` on :func:`time.monotonic`.

    ``connected`` is how long the connection of the last exchange took to open, 0 if it was open already
    or that is not known; to be read before anything is awaited.
    """

    connected: float

    async def exchange(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], content: bytes, deadline: float
    ) -> tuple[int, dict[str, str] | Head, bytes]: ...

    def fault_of(self, error: Exception) -> tuple[TransportFault, str] | None: ...

    async def aclose(self) -> None: ...


def _connection_pool(settings: HttpSettings, roots: bytes | None) -> Transport:
    # Imported with the first request: a script without calls does not pay for it.
    from host.http.connection_pool import ConnectionPool

    return ConnectionPool(settings, roots)


OWN_TRANSPORTS: Mapping[TransportName, Callable[[HttpSettings, bytes | None], Transport]] = {"auto": _connection_pool}
"""Constructors of those ``host.transports`` that plain requests use directly; the others go through httpx."""


class HttpClient:
    """The host's client, on the worker's loop. ``await send(request, deadline)``, ``await aclose()``.

    ``transport``, ``mounts``, ``event_hooks`` and ``auth`` are httpx's own; with any of them each request
    goes through :attr:`client`, an ``httpx.AsyncClient``. Without them plain requests go straight over the host's
    own connection pool, which is also that client's transport. Where the settings say ``httpx``, or the environment
    names a proxy, the client has httpx's own transport and all requests go through it. Redirects are
    not followed: a 3xx is an answer, so no key can be led to another host.
    """

    mocked: ClassVar[bool] = False
    """Whether all clients without a user's transport use httpx's own, which a test has replaced."""

    def __init__(
        self,
        settings: HttpSettings | None = None,
        *,
        credentials: Credentials | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        mounts: Mapping[str, httpx.AsyncBaseTransport | None] | None = None,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        auth: Any = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings or HttpSettings()
        self._credentials = credentials
        self._transport = transport
        self._options: dict[str, Any] = {
            name: value
            for name, value in (("mounts", mounts), ("event_hooks", event_hooks), ("auth", auth))
            if value is not None
        }
        self._environ = os.environ if environ is None else environ
        self._origins: dict[str, _Origin] = {}  # by URL, for those that were checked
        self._fast: Transport | None = None
        self._transports: dict[str, Any] = {}  # HttpxTransport by name, made when needed
        self._default = "user" if transport is not None else self._choose()
        self._lean = self._default == "pool" and not self._options

    @property
    def is_own(self) -> bool:
        """Whether an exchange runs only the host's code: nothing given by a program and nothing of httpx."""
        return self._lean

    @property
    def is_direct(self) -> bool:
        """Whether a request sent now needs no task: as :attr:`is_own`, unless a test mocks it."""
        return self._lean and not HttpClient.mocked

    @property
    def client(self) -> httpx.AsyncClient:
        """The ``httpx.AsyncClient``, for what httpx itself offers; made on first use."""
        client: httpx.AsyncClient = self._compatible(self._default).client
        return client

    async def send(self, request: Request, deadline: float) -> Response:
        """The answer to one request, sent once. ``deadline`` is on :func:`time.monotonic`.

        Raises ``NetworkError``, ``CallTimeout``, ``UnexpectedAnswer``, ``InvalidCall``, ``DeniedError``, with
        ``outcome`` for a mutation. Any status is an answer, also 3xx, 4xx and 5xx.
        """
        sink = request.sink
        direct = self._lean and not HttpClient.mocked and sink is None
        transport: Any = (self._fast or self._open_fast()) if direct else self._other_transport(sink)
        start = monotonic()
        url, headers = request.url, request.headers
        origin = self._origins.get(url) or self._learn(request)
        if request.credential is not None and self._credentials is not None:
            credential = self._credentials(request)
            if credential is not None:
                if credential.origin != origin.text:
                    _check_origin(request, origin, credential)
                headers = headers + credential.headers
                url = _with_query(url, credential.query) if credential.query else url
        seconds = deadline - start
        limit = request.timeout
        if limit is None and not request.mutation and sink is None:
            limit = self.settings.read_timeout
        if seconds <= 0:
            raise call_error("connect_timeout", request, origin.host, "the deadline had passed", 0.0)
        if limit is not None and limit < seconds:
            seconds, until = limit, start + limit
        else:
            until = deadline - EARLY
        if not direct:
            _check_headers(request, headers)
        try:
            method, content = request.method, request.content
            if sink is None:
                status, fields, body = await transport.exchange(method, url, headers, content, until)
            else:
                status, fields, body = await transport.exchange(method, url, headers, content, until, sink)
        except Exception as error:
            failure = self._translate(error, transport, request, origin.host, seconds)
            failure.began, failure.elapsed = start, monotonic() - start
            raise failure from error
        return Response(
            status, fields, body, monotonic() - start, 1, request.url, 0.0, 0.0, False, start, transport.connected
        )

    async def aclose(self) -> None:
        """Close all connections. A request after it opens new ones."""
        transports = [*self._transports.values(), *([self._fast] if self._fast else [])]
        self._transports.clear()
        self._fast = None
        for transport in transports:
            await transport.aclose()

    # -- which transport is used

    def _choose(self) -> str:
        proxied = self.settings.trust_env and _proxied(self._environ)  # only httpx's own knows how
        return "pool" if self.settings.transport in OWN_TRANSPORTS and not proxied else "httpx"

    def _roots(self) -> str | None:
        return self.settings.ssl_cert_file or self._environ.get("SSL_CERT_FILE") or None

    def _open_fast(self) -> Transport:
        self._fast = own = OWN_TRANSPORTS[self.settings.transport](self.settings, read_roots(self._roots()))
        return own

    def _other_transport(self, sink: BodySink | None) -> Any:
        # On the host's own connections an answer is in memory as a whole.
        others = (sink is not None or HttpClient.mocked) and self._default == "pool"
        return self._compatible("httpx" if others else self._default)

    def _compatible(self, name: str) -> Any:
        transport = self._transports.get(name)
        if transport is None:
            # httpx is slow to import: only who needs it pays for it.
            from host.http.httpx_transport import HttpxTransport, build_client

            transport = self._transport
            roots = read_roots(self._roots())
            if name == "pool":
                from host.http.transport import PoolTransport

                transport = PoolTransport(self.settings, roots)
            client = build_client(self.settings, transport=transport, roots=roots, **self._options)
            transport = self._transports[name] = HttpxTransport(client, self.settings)
        return transport

    def _learn(self, request: Request) -> _Origin:
        url = request.url
        origin = _parse_origin(origin_of(url), request)
        if not url.isprintable():
            raise call_error("invalid", request, origin.host, "its URL has a control character")
        if len(url) < LONGEST_KNOWN:
            if len(self._origins) >= MOST_KNOWN:
                self._origins.clear()
            self._origins[url] = origin
        return origin

    def _translate(
        self, error: Exception, transport: Transport, request: Request, host: str, seconds: float
    ) -> CallError:
        if isinstance(error, CallError):
            return error
        if isinstance(error, OversizedError):
            return call_error("oversized", request, host, str(error))
        found = transport.fault_of(error)
        if found is None:
            # A hook, auth or transport of the user failed: theirs to see, by the worker's own wrapping.
            raise error
        fault, detail = found
        if fault == "connect_timeout":
            seconds = min(seconds, self.settings.connect_timeout)
        return call_error(fault, request, host, detail, seconds)


def _check_origin(request: Request, origin: _Origin, credential: Credential) -> None:
    """Raise ``DeniedError`` unless the key goes to that origin for the request's operation."""
    elsewhere = credential.origin_for
    if elsewhere is None or elsewhere(request.operation) != origin.text:
        raise DeniedError(
            f"the key of {request.credential} goes to {credential.origin} only, not to {origin.text}",
            operation=request.operation or None,
            outcome="not_sent" if request.mutation else None,
        )


def _with_query(url: str, query: tuple[tuple[str, str], ...]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


class _Origin(msgspec.Struct, frozen=True):
    text: str  # scheme://host[:port] as the URL has it, lower case
    host: str  # for messages, never with user or password


def _parse_origin(text: str, request: Request) -> _Origin:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise call_error("invalid", request, "", f"its URL is wrong: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", text):
        raise call_error("invalid", request, "", "its URL is no absolute http:// or https:// address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    if "@" in parts.netloc:
        # Not an origin: a key goes nowhere such an address points to.
        return _Origin(f"{parts.scheme}://…@{netloc}", netloc)
    return _Origin(f"{parts.scheme}://{netloc}", netloc)


def _check_headers(request: Request, headers: Sequence[tuple[str, str]]) -> None:
    names, values = zip(*headers, strict=True) if headers else ((), ())
    if is_line("".join(values)) and "" not in names:  # all at once
        return
    for name, value in headers:
        if not is_line(value) or not name:
            raise call_error("invalid", request, "", f"its header {name!r} is not one line of ASCII text")


def read_roots(path: str | None) -> bytes | None:
    """The certificates of a PEM file; ``ConfigError`` if it cannot be read."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"SSL_CERT_FILE: cannot read {path}: {error.strerror}") from error


def _proxied(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a proxy."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    return any(environ.get(name) or environ.get(name.upper()) for name in names)
