"""Adds keys and OAuth 2 tokens to the requests of added APIs.

A token is fetched with the same client as other requests, once for all calls that wait for it. It is renewed shortly
before it expires, and after an answer with the status 401. It is never shown or stored.
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

from host.apis.api import Api, OAuth2, key_headers, key_query, origin_of
from host.apis.json_values import decode_json
from host.errors import ApiError, CallError, UnexpectedAnswer
from host.http.message import Request, Response, Send
from host.secret import Secret

__all__ = ["Tokens"]

EARLY = 30.0  # seconds before its expiry from which a token is no longer used
LASTING = 3600.0  # seconds that a token without a stated lifetime is used
MOST_MASKED = 100  # tokens that are redacted everywhere

Parts = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


class _Token:
    __slots__ = ("lock", "until", "value")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.value = ""
        self.until = 0.0


class Tokens:
    """Keys and tokens for ``apis``. ``send`` is the client's; ``learned`` is called with each new token."""

    def __init__(self, apis: Mapping[str, Api], send: Send, learned: Callable[[Secret], None]) -> None:
        self._apis = apis
        self._inner = send
        self._learned = learned
        self._left_to_tell = MOST_MASKED
        self._tokens: dict[tuple[str, str], _Token] = {}

    def parts(self, name: str, request: Request) -> Parts | None:
        """The origin, headers and query parameters with the credential of a request, for the client.

        Raises ``DeniedError`` if there is no key.
        """
        name, _, scheme = name.partition(" ")
        api = self._apis.get(name)
        if api is None:
            return None
        if scheme:  # the request for a token itself
            client = api.keys[scheme]
            assert isinstance(client, OAuth2)
            return origin_of(client.token_url), () if client.in_body else (_basic(client),), ()
        headers: list[tuple[str, str]] = []
        query: list[tuple[str, str]] = []
        for each in _schemes(api, request):
            key = api.keys[each]
            value = self._tokens[name, each].value if isinstance(key, OAuth2) else key.reveal()
            auth = api.catalog.auth[each]
            headers.extend(key_headers(auth, value))
            query.extend(key_query(auth, value))
        cookies = [value for name, value in headers if name == "Cookie"]
        if len(cookies) > 1:  # one header for all: RFC 6265, 5.4
            headers = [each for each in headers if each[0] != "Cookie"] + [("Cookie", "; ".join(cookies))]
        return api.origin_for(request.operation), tuple(headers), tuple(query)

    async def send(self, request: Request, deadline: float) -> Response:
        """Send a request, with a token if the operation needs one."""
        needed = self._needed(request)
        if not needed:
            return await self._inner(request, deadline)
        used = await self._all(needed, [""] * len(needed), request, deadline)
        answer = await self._inner(request, deadline)
        if answer.status != 401:
            return answer
        # The request was refused, so nothing was done. Repeat it with newer tokens.
        await self._all(needed, used, request, deadline)
        return await self._inner(request, deadline)

    async def _all(
        self, needed: list[tuple[str, str, OAuth2]], refused: list[str], request: Request, deadline: float
    ) -> list[str]:
        try:
            return [await self._fresh(*each, deadline, no) for each, no in zip(needed, refused, strict=True)]
        except CallError as error:
            error.outcome = "not_sent" if request.mutation else None
            raise

    def _needed(self, request: Request) -> list[tuple[str, str, OAuth2]]:
        name = request.credential
        api = self._apis.get(name) if name is not None else None
        if name is None or api is None or not api.keys:
            return []
        found = ((scheme, api.keys[scheme]) for scheme in _schemes(api, request))
        return [(name, scheme, key) for scheme, key in found if isinstance(key, OAuth2)]

    async def _fresh(self, name: str, scheme: str, client: OAuth2, deadline: float, refused: str) -> str:
        """A usable token, other than ``refused``."""
        token = self._tokens.get((name, scheme))
        if token is None:
            token = self._tokens[name, scheme] = _Token()
        if monotonic() < token.until and token.value != refused:
            return token.value
        async with token.lock:
            if monotonic() < token.until and token.value != refused:
                return token.value  # fetched by the previous holder of the lock
            answer = await self._fetch(name, scheme, client, deadline)
            token.value, seconds = _read(name, client, answer)
            token.until = monotonic() + max(1.0, seconds - min(EARLY, seconds / 2))
            if self._left_to_tell:
                self._left_to_tell -= 1
                self._learned(Secret(token.value))
            return token.value

    async def _fetch(self, name: str, scheme: str, client: OAuth2, deadline: float) -> Response:
        form = {"grant_type": "client_credentials"}
        if client.scopes:
            form["scope"] = " ".join(client.scopes)
        if client.in_body:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}
        request = Request(
            "POST",
            client.token_url,
            (("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")),
            urlencode(form).encode(),
            f"{name} token",
            False,
            f"{name} {scheme}",
        )
        try:
            return await self._inner(request, deadline)
        except CallError as error:
            error.message = f"no token for {name}: {error.message}"
            error.args = (error.message,)
            raise


def _schemes(api: Api, request: Request) -> tuple[str, ...]:
    try:
        return api.schemes(request.operation)
    except CallError as error:
        error.outcome = "not_sent" if request.mutation else None
        raise


def _basic(client: OAuth2) -> tuple[str, str]:
    # RFC 6749, 2.3.1: both parts are form-encoded first.
    pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret.reveal(), safe='')}"
    return "Authorization", f"Basic {b64encode(pair.encode()).decode()}"


def _read(name: str, client: OAuth2, answer: Response) -> tuple[str, float]:
    """The token and its lifetime in seconds. Nothing else of the answer is shown, since it may be secret."""
    where = f"no token for {name}: {origin_of(client.token_url)}"
    body: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        body = decode_json(answer.body)
    found = body if isinstance(body, dict) else {}
    if answer.status >= 400:
        code = found.get("error")
        text = found.get("error_description")
        said = ", ".join(each for each in (code, text) if isinstance(each, str))
        raise ApiError(
            f"{where} refused ({answer.status}{f', {said}' if said else ''})",
            status=answer.status,
            code=code if isinstance(code, str) else None,
            retryable=answer.status in (429, 500, 502, 503, 504),
        )
    value = found.get("access_token")
    if answer.status >= 300 or not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise UnexpectedAnswer(f"{where} answered without an access_token (status {answer.status})")
    kind = found.get("token_type")
    if isinstance(kind, str) and kind.lower() != "bearer":
        raise UnexpectedAnswer(f"{where} gave a token of type {kind[:20]!r}, expected bearer")
    try:
        seconds = float(found.get("expires_in") or LASTING)
    except (TypeError, ValueError):
        seconds = LASTING
    return value, seconds
