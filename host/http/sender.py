"""The way out for a host's requests: its client, with limits and retries around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from host.http.client import Credentials, HttpClient
from host.http.message import Request, Response, Send
from host.http.settings import HttpSettings
from host.settings import Settings

if TYPE_CHECKING:
    import httpx

__all__ = ["USER_AGENT", "HttpxParts", "Sender", "http_client"]

USER_AGENT = "luahost/0.1.0"


class HttpxParts(msgspec.Struct, frozen=True):
    """httpx objects given by the program, as ``httpx.AsyncClient`` takes them."""

    transport: httpx.AsyncBaseTransport | None = None
    mounts: Mapping[str, Any] | None = None
    event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None
    auth: Any = None

    def first(self) -> str | None:
        """The name of the first that is given."""
        return next((name for name in self.__struct_fields__ if getattr(self, name) is not None), None)


class Sender:
    """``client`` is an :class:`HttpClient` or behaves like one; ``wrapped`` puts limits and retries around a send."""

    def __init__(self, client: Any, wrapped: Callable[[Send], Send]) -> None:
        self._wrapped = wrapped
        self.use(client)

    def use(self, client: Any) -> None:
        """Send through ``client`` from now on."""
        self.client = client
        self.send_through(client.send)

    def send_through(self, send: Send) -> None:
        """Send through ``send``, which ends in the client."""
        self._send = self._wrapped(send)

    def send(self, request: Request, deadline: float) -> Awaitable[Response]:
        """The answer, after as many tries as it takes. Awaiting it raises a ``CallError``."""
        return self._send(request, deadline)


def http_client(settings: Settings, credentials: Credentials, parts: HttpxParts) -> HttpClient:
    """The client of a host that is not simulated."""
    http = HttpSettings(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.http_timeout,
        transport=settings.transport,
        user_agent=USER_AGENT,
    )
    return HttpClient(
        http,
        credentials=credentials,
        transport=parts.transport,
        mounts=parts.mounts,
        event_hooks=parts.event_hooks,
        auth=parts.auth,
    )
