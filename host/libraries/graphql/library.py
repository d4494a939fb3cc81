"""``graphql``: queries to the configured endpoint, or to one a script names (GraphQL over HTTP, from 2021)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from host.apis.answers import body_of
from host.apis.encode import sorted_json
from host.apis.error_body import page_text, read_error
from host.apis.json_values import decode_json
from host.apis.nearest import meant, short
from host.errors import ApiError, DeniedError, InvalidCall, LimitError, Outcome, UnexpectedAnswer
from host.http.guarded_client import WebRequest
from host.http.message import Response
from host.http.outcome import refusal
from host.libraries.fs.paths import failure, open_file
from host.libraries.http.library import WebClient, check_address, reveal
from host.libraries.http.options import MOST_SECONDS, check_json, checked_url, header_pairs, resolved
from host.libraries.library import BuiltinParts, Effect, LibraryCall, LibraryFunction, Provider
from host.secret import Secret

if TYPE_CHECKING:
    from host.libraries.graphql.schema import SchemaCheck

__all__ = ["Endpoint", "Graphql", "GraphqlError", "operation_kind", "provider"]

INTROSPECT = "introspect"
_OPTIONS = ("url", "headers", "schema", "timeout", "operation")
_LARGEST_SCHEMA = 64 << 20


def provider(parts: BuiltinParts) -> Provider:
    """The library of a host, with the endpoint of its settings."""
    settings = parts.settings
    url = settings.graphql_endpoint
    endpoint = Endpoint(url, settings.graphql_token, settings.graphql_schema) if url else None
    return Graphql(WebClient.of(parts), endpoint)


class Endpoint(msgspec.Struct, frozen=True):
    """The endpoint of ``graphql_query``, configured by the host's owner.

    ``schema`` is the path of an SDL file, ``"introspect"``, or ``None``, with which queries are sent unchecked.
    """

    url: str
    token: Secret | None = None
    schema: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


class GraphqlError(ApiError):
    """An answer without data. ``errors`` are those the server sent."""

    @property
    def errors(self) -> list[Any] | None:
        found = self.members.get("errors")
        return found if isinstance(found, list) else None


class _Target(msgspec.Struct, frozen=True):
    """The target of a query. ``own`` is true for the configured endpoint, which needs no grant."""

    url: str
    headers: tuple[tuple[str, str], ...]
    schema: str | None
    own: bool


class Graphql:
    """The functions of ``graphql``: ``query(query, variables, options)``, ``mutate(…)``, and ``any`` for both."""

    def __init__(self, web: WebClient, endpoint: Endpoint | None) -> None:
        self._client, self._send = web.open()
        self._secret_of = web.secret_of
        self._redactor = web.redactor
        self._endpoint = endpoint
        self._checks: dict[Hashable, asyncio.Task[SchemaCheck]] = {}
        self.functions = {
            "graphql.any": LibraryFunction(self._run, _effect),
            "graphql.query": LibraryFunction(self._run, _effect),
            "graphql.mutate": LibraryFunction(self._run, _effect),
        }

    def ended(self, run_id: str) -> None:
        return None

    async def aclose(self) -> None:
        for task in self._checks.values():
            task.cancel()
        await self._client.aclose()

    async def _run(self, asked: LibraryCall, deadline: float) -> Any:
        """Returns ``{data=…, errors=…}``; one of the two may be missing."""
        query, variables, options = _arguments(asked)
        target = self._target(asked, options)
        if target.schema is not None:
            check = await self._check_for(asked, target, deadline)
            # In a thread, since checking a large query against a large schema is slow.
            await asyncio.to_thread(check.check, query, variables, options.get("operation"))
        body: dict[str, Any] = {"query": query}
        if variables:
            body["variables"] = variables
        if options.get("operation"):
            body["operationName"] = options["operation"]
        mutation = _effect(asked) == "write"
        answer = await self._post(asked, target, body, deadline, mutation, options.get("timeout"))
        return _read(asked.name, answer, mutation)

    async def _post(
        self,
        asked: LibraryCall,
        target: _Target,
        body: dict[str, Any],
        deadline: float,
        mutation: bool,
        seconds: float | None = None,
    ) -> Response:
        accept = "application/graphql-response+json, application/json;q=0.9"
        own = target.own
        request = WebRequest(
            method="POST",
            url=target.url,
            headers=asked.with_own((("Content-Type", "application/json"), ("Accept", accept), *target.headers)),
            content=sorted_json(body),
            operation=asked.name,
            run_id=asked.run_id,
            mutation=mutation,
            timeout=seconds or MOST_SECONDS,  # the call's deadline applies
            check=None if own else asked.permissions.check_net,
            group=None if own else asked.permissions,
        )
        answer = await self._send(request, deadline)
        return msgspec.structs.replace(answer, body=self._redactor.body(answer.body))

    def _target(self, asked: LibraryCall, options: dict[str, Any]) -> _Target:
        if "url" not in options:
            endpoint = self._endpoint
            if endpoint is None:
                raise DeniedError(
                    "no GraphQL endpoint is configured",
                    hint="Set GRAPHQL_ENDPOINT, or use graphql{url=…} with --allow-net HOST.",
                )
            headers = [*endpoint.headers.items()]
            if endpoint.token is not None:
                headers.append(("Authorization", f"Bearer {endpoint.token.reveal()}"))
            return _Target(endpoint.url, tuple(headers), endpoint.schema, True)
        url = checked_url(options["url"])
        origin = check_address(asked, url)
        pairs = header_pairs(options.get("headers"), asked.name)
        given = tuple(
            (name, resolved(value, lambda secret: reveal(self._secret_of, secret, origin))) for name, value in pairs
        )
        schema = options.get("schema")
        if schema is True:
            schema = INTROSPECT
        if schema is not None and not isinstance(schema, str):
            raise InvalidCall("schema is the path of a schema file, or true to get the schema from the server")
        return _Target(url, given, schema, False)

    async def _check_for(self, asked: LibraryCall, target: _Target, deadline: float) -> SchemaCheck:
        """The schema check for a target, shared by all runs with the same permissions."""
        group = None if target.own else asked.permissions
        key = (target.url, target.schema, target.headers, group)
        task = self._checks.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._checks[key] = asyncio.ensure_future(self._load(asked, target, deadline))
        return await asyncio.shield(task)

    async def _load(self, asked: LibraryCall, target: _Target, deadline: float) -> SchemaCheck:
        from host.libraries.graphql.schema import INTROSPECTION, SchemaCheck  # an extra: graphql-core

        assert target.schema is not None
        if target.schema != INTROSPECT:
            real = target.schema if target.own else asked.permissions.check_read(target.schema)
            text = await asyncio.to_thread(_file, real)
            return await asyncio.to_thread(SchemaCheck.of_sdl, text, target.schema)
        answer = await self._post(asked, target, {"query": INTROSPECTION()}, deadline, False)
        found = _read(asked.name, answer, False)
        return await asyncio.to_thread(SchemaCheck.of_introspection, found.get("data"), target.url)


def _arguments(asked: LibraryCall) -> tuple[str, dict[str, Any], dict[str, Any]]:
    query, variables, options = asked.argument(0), asked.argument(1, {}), asked.argument(2, {})
    if not isinstance(query, str) or not query.strip():
        raise InvalidCall("a GraphQL query is a string such as '{ viewer { login } }'")
    if not isinstance(variables, dict):
        raise InvalidCall("the variables of a GraphQL query are a table of names and values")
    check_json(variables, "variables")
    if not isinstance(options, dict):
        raise InvalidCall("the options of a GraphQL query are a table")
    for name in options:
        if name not in _OPTIONS:
            hint = meant(str(name), _OPTIONS) or f"; expected one of {', '.join(_OPTIONS)}"
            raise InvalidCall(f"a GraphQL query has no option {short(str(name))!r}{hint}")
    seconds = options.get("timeout")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 < seconds <= MOST_SECONDS):
        raise InvalidCall(f"timeout is {seconds!r}; expected seconds above 0 and at most {MOST_SECONDS:g}")
    operation = options.get("operation")
    if operation is not None and not isinstance(operation, str):
        raise InvalidCall("operation is the name of one of the query's operations")
    return query, variables, options


def _effect(asked: LibraryCall) -> Effect:
    """The effect of a query. Raises ``InvalidCall`` for a document of a kind that the function does not send."""
    query, _, options = _arguments(asked)
    kind = operation_kind(query, options.get("operation"))
    if kind == "subscription":
        raise InvalidCall("a GraphQL subscription cannot be sent over HTTP")
    if asked.name == "graphql.query" and kind == "mutation":
        raise InvalidCall("the document has a mutation; send it with :mutate(…)")
    if asked.name == "graphql.mutate" and kind == "query":
        raise InvalidCall("the document has no mutation; send it with :query(…)")
    return "write" if kind == "mutation" else "read"


# Strings, comments (which may contain any word), brackets and names (GraphQL 2021, 2.1).
_TOKENS = re.compile(r'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*"|\#[^\n\r]*|[{}()\[\]]|\$?[A-Za-z_]\w*', re.DOTALL)


def operation_kind(query: str, operation: str | None = None) -> str:
    """``query``, ``mutation`` or ``subscription``. Of several operations without a name given, the strongest kind."""
    kinds = []
    depth, word = 0, ""
    for mark in _TOKENS.findall(query):
        if mark in ("{", "(", "["):
            if depth == 0 and mark == "{" and not word:
                kinds.append(("query", None))
            depth += 1
        elif mark in ("}", ")", "]"):
            depth -= 1
            word = "" if mark == "}" and depth == 0 else word
        elif depth == 0 and mark[0] not in '"#$':
            if not word:
                word = mark
                if mark in ("query", "mutation", "subscription"):
                    kinds.append((mark, None))
            elif kinds and kinds[-1] == (word, None):
                kinds[-1] = (word, mark)
    if operation is not None:
        kinds = [each for each in kinds if each[1] == operation] or kinds
    found = {kind for kind, _ in kinds}
    return "subscription" if "subscription" in found else "mutation" if "mutation" in found else "query"


def _read(name: str, answer: Response, mutation: bool) -> dict[str, Any]:
    """The data and errors of an answer. Raises ``CallError`` for an answer without data."""
    outcome: Outcome | None = refusal(answer) if mutation else None
    try:
        body = decode_json(answer.body)
    except LimitError as error:
        raise LimitError(
            f"{name}: the server answered with {error.message}", hint=error.hint, status=answer.status, outcome=outcome
        ) from None
    except (ValueError, RecursionError):
        body = None
    good = isinstance(body, dict) and ("data" in body or isinstance(body.get("errors"), list))
    if not good:
        kind = answer.headers.get("content-type", "no content type")
        said = read_error(body) if answer.status >= 400 else None
        words = said.message if said is not None else page_text(answer.body[:4096].decode("utf-8", "replace"))
        raise UnexpectedAnswer(
            f"{name}: status {answer.status} with {kind}, which is not a GraphQL answer: {words[:100]!r}",
            status=answer.status,
            outcome=outcome,
            retryable=answer.status in (429, 502, 503, 504) or None,
            body=body_of(answer),
            members=said.members if said is not None else None,
        )
    assert isinstance(body, dict)
    errors = body.get("errors") or None
    data = body.get("data")
    if data is None:
        if mutation:  # without ``data`` it was refused before it was executed (GraphQL 2021, 7.1)
            outcome = "unknown" if "data" in body or answer.status >= 500 else "rejected"
        raise _no_data(answer, body, errors or [], outcome)
    return {"data": data} if errors is None else {"data": data, "errors": errors}


def _no_data(answer: Response, body: dict[str, Any], errors: list[Any], outcome: Outcome | None) -> GraphqlError:
    first = errors[0] if errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions") if isinstance(first.get("extensions"), dict) else {}
    message = str(first.get("message") or "the server returned neither data nor an error")
    path = first.get("path")
    if isinstance(path, list) and path:
        message = f"{message} (at {'.'.join(str(step) for step in path)})"
    if len(errors) > 1:
        message = f"{message}, and {len(errors) - 1} more errors"
    code = (extensions or {}).get("code") or first.get("type")
    return GraphqlError(
        message,
        status=answer.status,
        code=str(code) if code is not None else None,
        type="graphql",
        attempts=answer.attempts,
        outcome=outcome,
        body=body,
        members={**first, "errors": errors or None},
    )


def _file(path: str) -> str:
    try:
        with os.fdopen(open_file(os.path.realpath(path), os.O_RDONLY), "rb") as file:
            return file.read(_LARGEST_SCHEMA).decode()
    except OSError as error:
        raise failure(f"the schema {path}", error) from error
    except UnicodeDecodeError:
        raise InvalidCall(f"the schema {path} is not UTF-8 text") from None
