"""``http``: requests to any granted address. The client is shared with ``graphql``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from host.apis.api import origin_of
from host.apis.encode import scalar_text
from host.errors import CallError, DeniedError, InvalidCall, UnexpectedAnswer
from host.http.chain import chain
from host.http.guarded_client import CheckedClient, WebRequest
from host.http.message import Response, Send
from host.http.message import origin_of as origin_as_given
from host.http.outcome import IDEMPOTENT, refusal
from host.http.settings import HttpSettings
from host.libraries.fs.downloads import DownloadFile
from host.libraries.http.options import METHODS, Options, checked_url, resolved
from host.libraries.library import BuiltinParts, Effect, LibraryCall, LibraryFunction, Provider, SecretOf
from host.policy.redaction import Redactor

__all__ = ["Web", "WebClient", "provider"]

# Headers that a redirect may take to another origin.
_HARMLESS = frozenset(("accept", "accept-language", "user-agent", "range", "if-none-match", "if-modified-since"))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


def provider(parts: BuiltinParts) -> Provider:
    """The library of a host."""
    return Web(WebClient.of(parts))


class WebClient(msgspec.Struct, frozen=True):
    """Makes a client for addresses other than those of the host's APIs, with the usual retries and limits."""

    settings: HttpSettings
    secret_of: SecretOf
    redactor: Redactor
    through: Callable[[Send], Send]

    @classmethod
    def of(cls, parts: BuiltinParts) -> WebClient:
        """The client of a host's parts."""
        return cls(parts.http, parts.secret_of, parts.redactor, parts.through)

    def open(self) -> tuple[CheckedClient, Send]:
        client = CheckedClient(self.settings)
        return client, self.through(chain(client.send))


class Web:
    """The functions of ``http``."""

    def __init__(self, web: WebClient) -> None:
        self._client, self._send = web.open()
        self._secret_of = web.secret_of
        self._redactor = web.redactor
        self.functions = {
            f"http.{name}": LibraryFunction(self._request, _effect, _seconds, _key, _repeatable)
            for name in ("request", *(method.lower() for method in METHODS))
        }

    def ended(self, run_id: str) -> None:
        return None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _request(self, asked: LibraryCall, deadline: float) -> Any:
        given = _given(asked)
        if "multipart" in given:  # which may read files
            options = await asyncio.to_thread(Options.parse, asked.name, given, asked.permissions)
        else:
            options = Options.parse(asked.name, given, asked.permissions)
        file = None
        if options.download is not None:
            file = DownloadFile.granted(asked.permissions, options.download, options.max_size)
        start = monotonic()
        try:
            answer = await self._follow(asked, options, deadline, file)
            if file is not None:
                answer = await file.finish(answer)
        finally:
            if file is not None:
                await asyncio.shield(file.discard())
        found: dict[str, Any] = {
            "status": answer.status,
            "headers": self._redactor.value(answer.headers),
            "body": self._redactor.body(answer.body),  # a key that a server echoes does not reach the script
            "url": self._redactor(answer.url),
            "elapsed": monotonic() - start,
            "attempts": answer.attempts,
        }
        if answer.status >= 400 and options.mutation:
            found["outcome"] = refusal(answer)
        if file is not None and file.kept:
            found.update(file.facts)
        return found

    async def _follow(
        self, asked: LibraryCall, options: Options, deadline: float, file: DownloadFile | None
    ) -> Response:
        """The answer at the end of the redirects. Each target is checked as if the script had requested it."""
        method, url, content = options.method, options.url, options.content
        pairs, left = options.headers, options.redirects
        while True:
            origin = check_address(asked, url)
            sent = tuple((name, resolved(value, self._resolver(origin))) for name, value in pairs)
            request = WebRequest(
                method=method,
                url=url,
                headers=asked.with_own(sent) if url == options.url else sent,
                content=content,
                operation=asked.name,
                run_id=asked.run_id,
                mutation=method not in ("GET", "HEAD", "OPTIONS"),
                idempotency_key=_idempotency_key(pairs),
                timeout=options.timeout if options.timeout is not None else max(0.001, deadline - monotonic()),
                retries=options.retries,
                check=asked.permissions.check_net,
                group=asked.permissions,
                largest=options.max_size,
                sink=file,
            )
            answer = await self._send(request, deadline)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location or not options.redirects:
                return answer
            if left == 0:
                raise UnexpectedAnswer(
                    f"{asked.name}: more than {options.redirects} redirects, the last to {location[:200]}",
                    status=answer.status,
                )
            left -= 1
            url = _target(url, location, answer.status)
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, content = ("HEAD" if method == "HEAD" else "GET"), b""
                pairs = tuple(pair for pair in pairs if not pair[0].lower().startswith("content-"))
            if _origin(url) != origin:
                pairs = tuple(pair for pair in pairs if pair[0].lower() in _HARMLESS and isinstance(pair[1], str))
                if content:
                    raise DeniedError(f"{asked.name}: a redirect would take the request's body to {_origin(url)}")

    def _resolver(self, origin: str) -> Callable[[str], str]:
        return lambda name: reveal(self._secret_of, name, origin)


def check_address(asked: LibraryCall, url: str) -> str:
    """The origin of a URL. Raises ``DeniedError`` if requests to it are not granted."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    asked.permissions.check_net(parts.hostname or "", port)
    return _origin(url)


def reveal(secret_of: SecretOf, name: str, origin: str) -> str:
    """The value of a secret. Raises ``DeniedError`` unless ``origin`` is the one it belongs to."""
    found = secret_of(name)
    secret, home = found or (None, "")
    if secret is None:
        raise InvalidCall(f"this host has no key for {name}", hint="A simulated host has none.")
    if _origin(home) != origin:
        raise DeniedError(f"the key of {name} goes to {home} only, not to {origin}", outcome="not_sent")
    return secret.reveal()


def _origin(url: str) -> str:
    """Scheme, host and port of a URL, with the port always written."""
    parts = urlsplit(origin_of(url))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{port}"


def _target(url: str, location: str, status: int) -> str:
    try:
        return checked_url(urljoin(url, location))
    except (CallError, ValueError):
        raise UnexpectedAnswer(f"a redirect to {location[:200]!r}, which is not a URL", status=status) from None


def _idempotency_key(pairs: Any) -> str | None:
    for name, value in pairs:
        if str(name).lower() == "idempotency-key" and isinstance(value, str | int | float):
            return scalar_text(value).strip() or None  # an empty key has no effect
    return None


def _given(asked: LibraryCall) -> dict[str, Any]:
    """The URL, method and options of a call in one table."""
    method = asked.name.rpartition(".")[2]
    first, options = asked.argument(0), asked.argument(1)
    if method == "request":
        if not isinstance(first, dict) or len(asked.args) > 1:
            raise InvalidCall('http.request expects one table: {method="GET", url="https://…", …}')
        return first
    if options is not None and not isinstance(options, dict):
        raise InvalidCall(f"{asked.name} expects a URL and a table of options")
    if isinstance(options, Mapping) and ("url" in options or "method" in options):
        raise InvalidCall(f"{asked.name}: url and method are options of http.request only")
    return {**(options or {}), "url": first, "method": method.upper()}


def _effect(asked: LibraryCall) -> Effect:
    method = _given(asked).get("method", "GET")
    return "read" if isinstance(method, str) and method.upper() in ("GET", "HEAD", "OPTIONS") else "write"


def _key(asked: LibraryCall) -> tuple[str, str] | None:
    given = _given(asked)
    headers, url = given.get("headers"), given.get("url")
    key = _idempotency_key(headers.items()) if isinstance(headers, dict) else None
    return None if key is None or not isinstance(url, str) else (origin_as_given(url), key)


def _repeatable(asked: LibraryCall) -> bool:
    return str(_given(asked).get("method", "GET")).upper() in IDEMPOTENT


def _seconds(asked: LibraryCall) -> float | None:
    timeout = _given(asked).get("timeout")
    return float(timeout) if isinstance(timeout, int | float) and 0 < timeout <= 86_400 else None
