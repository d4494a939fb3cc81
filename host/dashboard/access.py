"""Who may see the pages and act on them.

A page elsewhere must not reach them from the browser that shows it: under a name of its own that points here (DNS
rebinding), by a form that is sent here (CSRF), or in a frame. Who is not on this machine needs the token as well.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from host.errors import ConfigError
from host.secret import Secret
from host.serve.allowed_hosts import OwnNames, host_of_header

__all__ = ["COOKIE", "Access", "AccessGuard", "is_loopback"]

COOKIE: Final = "luahost_dashboard"
SHORTEST: Final = 16  # characters of a token, which nobody can guess by asking then
SESSION: Final = 12 * 3600.0  # seconds a login holds
MOST_SESSIONS: Final = 1000
OPEN: Final = ("/login", "/style.css")  # what is shown before the token is given

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would send forms with the Origin null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(address: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Access:
    """The token, and who has given it. Without a token whoever reaches the port may do all.

    Raises :class:`ConfigError` for a token that could be guessed, and for none where others reach the port.
    """

    def __init__(self, token: Secret | None, address: str, names: Iterable[str] = ()) -> None:
        if token is None and not is_loopback(address):
            raise ConfigError(
                f"--listen {address} lets other machines in, which needs a token",
                hint=f"set HOST_DASHBOARD_TOKEN to a random text of at least {SHORTEST} characters, such as "
                "python -c 'import secrets; print(secrets.token_urlsafe())' prints",
            )
        if token is not None and len(token.reveal()) < SHORTEST:
            raise ConfigError(f"HOST_DASHBOARD_TOKEN has fewer than {SHORTEST} characters, and could be guessed")
        self.names = OwnNames([address, *names])
        self._token = None if token is None else token.reveal().encode()
        self._key = secrets.token_bytes(32)  # of this process: forms of an earlier one are refused
        self._sessions: dict[str, float] = {}  # session → when it ends, the oldest first
        self._lock = Lock()

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._token is None

    def login(self, given: str) -> str | None:
        """A new session for whoever knows the token."""
        if self._token is None or not hmac.compare_digest(given.encode(), self._token):
            return None
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[session] = monotonic() + SESSION
            while len(self._sessions) > MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return session

    def logout(self, session: str) -> None:
        """Forget a session."""
        with self._lock:
            self._sessions.pop(session, None)

    def admits(self, session: str) -> bool:
        """Whether a request with this session may see the pages."""
        if self._token is None:
            return True
        with self._lock:
            return self._sessions.get(session, 0.0) > monotonic()

    def form_token(self, session: str) -> str:
        """What a form of this session must carry: no other page can know it."""
        return hmac.digest(self._key, session.encode(), "sha256").hex()

    def may_send(self, session: str, given: str) -> bool:
        """Whether a form came from a page of ours, shown to this session."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode())


class AccessGuard:
    """In front of all pages: refuses names that are not ours and whoever has not given the token; adds the headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await (self._refusal(scope) or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        request = Request(scope)
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or host_of_header(hosts[0]) not in self._access.names:
            return PlainTextResponse("This server does not go by that name; --allow-host NAME adds one.\n", 421)
        if scope["method"] == "POST" and not _is_ours(request.headers, hosts[0]):
            return PlainTextResponse("This form was sent by another site.\n", 403)
        if scope["path"] in OPEN or self._access.admits(request.cookies.get(COOKIE, "")):
            return None
        if scope["method"] in ("GET", "HEAD"):
            return RedirectResponse("/login", 303)
        return PlainTextResponse("Log in first.\n", 401)


def _is_ours(headers: Headers, host: str) -> bool:
    """Whether a form was sent by a page of this server, as far as the browser says."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return False
    return headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
