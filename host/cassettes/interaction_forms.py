"""Converts requests and answers to their form in a cassette: readable, without secrets and without varying values.

A request is ``{method, api, path, query, headers, form | json | parts | text | base64}``, so that the address of an API
does not matter. Requests of ``http.*`` and ``graphql`` have ``url`` in place of ``api`` and ``path``. An answer is
``{status, headers, json | text | base64, earlier}``, an error ``{error: {…}, earlier}``; ``earlier`` are the previous
attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from host.apis.api import Api
from host.cassettes.bodies import answered, body_of, fields_of, media_type_of, readable
from host.errors import CallError, kinds
from host.http.message import Attempt, Request, Response
from host.policy.private_members import REDACTED, is_private, without_private, without_private_headers
from host.policy.redaction import Redactor

__all__ = ["InteractionForms", "title_of"]

# Headers that the client adds, or that differ each time, such as the idempotency key.
_CLIENTS: Final = frozenset(
    ("user-agent", "accept-encoding", "connection", "content-length", "host", "x-stripe-client-user-agent")
)
_OF_API: Final = _CLIENTS | {"accept", "idempotency-key"}
_IMPLIED: Final = ("application/x-www-form-urlencoded", "application/json")  # shown by the member with the body

# Headers of encodings that were undone when the answer was read.
_UNDONE: Final = frozenset(("connection", "keep-alive", "transfer-encoding", "content-encoding", "trailer", "upgrade"))
# Headers of an API's answer that the host reads and that do not differ each time. Scripts do not see them.
_IRRELEVANT: Final = _UNDONE | {
    "date", "age", "expires", "server", "via", "alt-svc", "nel", "report-to", "reporting-endpoints", "cf-ray",
    "cf-cache-status", "content-length", "set-cookie", "cache-control", "vary", "x-runtime", "x-served-by", "x-cache",
    "x-timer", "strict-transport-security", "content-security-policy", "content-security-policy-report-only",
    "cross-origin-opener-policy", "access-control-allow-credentials", "access-control-allow-methods",
    "access-control-allow-origin", "access-control-expose-headers", "access-control-max-age", "referrer-policy",
    "x-content-type-options", "x-frame-options", "x-xss-protection", "x-wc", "x-robots-tag", "permissions-policy",
    "server-timing", "x-request-time", "x-response-time", "idempotency-key", "original-request", "stripe-version",
}  # fmt: skip

_BASE: Final = "{base URL of the API}"  # in answers, so that links to further pages lead to the API's address on replay

_FACTS: Final = tuple(name for name in CallError.FACTS if name not in ("attempts", "idempotency_key", "operation"))


def title_of(form: Mapping[str, Any]) -> str:
    """The title of a request: ``POST stripe /v1/products``."""
    place = form.get("url") or f"{form.get('api')} {form.get('path')}"
    return f"{form.get('method')} {place}"


def _replaced(value: Any, old: str, new: str) -> Any:
    """A plain value with ``old`` replaced by ``new`` in its texts."""
    if isinstance(value, dict):
        return {name: _replaced(each, old, new) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return value.replace(old, new) if isinstance(value, str) else value


class InteractionForms:
    """Converts requests and answers. ``apis`` are those of the host, by name; ``redactor`` knows its secrets."""

    def __init__(self, apis: Mapping[str, Api], redactor: Redactor) -> None:
        self._apis = apis
        self._redactor = redactor

    def request(self, request: Request) -> dict[str, Any]:
        """The form of a request, by which requests are compared."""
        url, _, query = request.url.partition("#")[0].partition("?")
        of_api = type(request) is Request  # those of the libraries are of a subclass
        form: dict[str, Any] = {"method": request.method, **self._place(request, url)}
        if query:
            form["query"] = fields_of(query)
        kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
        body = readable(request.content, kind)
        implied = media_type_of(kind) in _IMPLIED and ("form" in body or "json" in body)
        left_out = (_OF_API if of_api else _CLIENTS) | ({"content-type"} if implied or not body else set())
        headers = self._headers(request.headers, left_out)
        if "parts" in body and "content-type" in headers:
            headers["content-type"] = media_type_of(kind)  # the boundary is arbitrary
        if headers:
            form["headers"] = headers
        return self._without_secrets({**form, **body})

    def answer(self, request: Request, outcome: Response | CallError, body: bytes | None = None) -> dict[str, Any]:
        """The form of a response or error. ``body`` is given for a download, whose response has none."""
        if isinstance(outcome, CallError):
            facts = {name: value for name in _FACTS if (value := getattr(outcome, name)) is not None}
            form: dict[str, Any] = {"error": {"kind": outcome.kind, "message": outcome.message, **facts}}
            if outcome.retry_after is not None:
                form["error"]["retry_after"] = outcome.retry_after
        else:
            of_api = type(request) is Request
            headers = self._headers(outcome.headers.items(), _IRRELEVANT if of_api else _UNDONE)
            form = {"status": outcome.status}
            if headers:
                form["headers"] = headers
            content = outcome.body if body is None else body
            form |= answered(content, outcome.headers.get("content-type", ""), exactly=not of_api)
            if outcome.in_doubt:
                form["in_doubt"] = True
            if (api := self._api_of(request)) is not None:
                form = _replaced(form, api.base_url.rstrip("/"), _BASE)
        if outcome.earlier:
            form["earlier"] = [each.status if each.status is not None else each.error for each in outcome.earlier]
        return self._without_secrets(form)

    def outcome(self, form: Mapping[str, Any], request: Request) -> Response | CallError:
        """The response or error of a recorded answer. Raises ``ValueError`` for an invalid form."""
        earlier = tuple(
            Attempt(
                0.0,
                0.0,
                each if isinstance(each, int) else None,
                None if isinstance(each, int) else str(each),
                0.0,
                0.0,
            )
            for each in form.get("earlier", ())
        )
        attempts = len(earlier) + 1
        if "error" in form:
            facts = {"kind": "network", "message": "it failed", **form["error"]}
            kind = kinds().get(str(facts.pop("kind")), CallError)
            known = {name: facts[name] for name in (*_FACTS, "retry_after") if name in facts}
            error = kind(str(facts["message"]), attempts=attempts, operation=request.operation or None, **known)
            error.earlier = earlier
            return error
        if (api := self._api_of(request)) is not None:
            form = _replaced(dict(form), _BASE, api.base_url.rstrip("/"))
        headers = {str(name): str(value) for name, value in form.get("headers", {}).items()}
        in_doubt = bool(form.get("in_doubt"))
        return Response(
            int(form["status"]),
            headers,
            body_of(dict(form)),
            0.0,
            attempts,
            request.url,
            in_doubt=in_doubt,
            earlier=earlier,
        )

    def _place(self, request: Request, url: str) -> dict[str, str]:
        """The API and path of a request, or its URL if it does not go to an API."""
        api = self._api_of(request)
        if api is None:
            origin, slash, rest = url.partition("//")
            return {"url": f"{origin}{slash}{rest.rpartition('@')[2]}" if "@" in rest.partition("/")[0] else url}
        base = api.base_url.rstrip("/")
        path = url[len(base) :] if url == base or url.startswith(f"{base}/") else urlsplit(url).path
        return {"api": api.name, "path": path or "/"}

    def _api_of(self, request: Request) -> Api | None:
        """The API that a request goes to; ``None`` for requests of the libraries."""
        name = request.operation.partition(".")[0] or request.credential or ""
        return self._apis.get(name) if type(request) is Request else None

    def _headers(self, headers: Iterable[tuple[str, str]], left_out: frozenset[str] | set[str]) -> dict[str, str]:
        """Headers by lower-case name, sorted. The values of those that carry credentials are redacted."""
        found: dict[str, str] = {}
        for name, value in headers:
            key = name.lower()
            if key not in left_out:
                found[key] = f"{found[key]}, {value}" if key in found else value
        return dict(without_private_headers(sorted(found.items())))

    def _without_secrets(self, form: dict[str, Any]) -> dict[str, Any]:
        """Redact known secrets, all by the same word, and members whose names are private."""
        for part in form.get("parts", ()):
            if is_private(str(part.get("name", ""))):
                part["text"] = REDACTED
        hidden: dict[str, Any] = without_private(self._redactor.hidden(form, REDACTED))
        return hidden
