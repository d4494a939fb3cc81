"""``<api>.request(method, path, params, options)``: any request to an API, in its catalog or not.

If the catalog has an operation with that method and path, the request takes its name, so that permissions, budgets and
undo apply as they do to the operation. The parameters are sent unchecked.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from host.apis import media_types
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.check import free
from host.apis.encode import in_order, to_json
from host.apis.endpoint import (
    CONTENT_TYPES,
    IN_QUERY,
    METHODS,
    body_kind,
    endpoint_path,
    full_path,
    known_operation,
    unnamed_writer,
)
from host.apis.list_items import page_words
from host.apis.options import CallOptions
from host.apis.pages import Shown, next_page, own_url
from host.apis.prepare import unknown_names
from host.apis.request_headers import asks_for, option_headers
from host.apis.unknown_names import check_names
from host.apis.validation_error import ValidationError, shown
from host.errors import InvalidCall
from host.http.message import Request

__all__ = ["RawRequest"]


class RawRequest(msgspec.Struct, frozen=True):
    """The parsed and checked arguments of one ``<api>.request`` call.

    ``known``: ``operation`` is in the catalog; otherwise it was made from method and path. ``path`` is the path with
    its parameters filled in. ``place``: where this page of a list is, in the form :meth:`after` takes; None for the
    first.
    """

    label: str
    operation: Operation
    known: bool
    path: str
    params: dict[str, Any] | list[Any]
    options: CallOptions
    place: dict[str, Any] | str | None = None

    @classmethod
    def read(cls, catalog: Catalog, args: list[Any], base_url: str) -> RawRequest:
        """Parse a call's arguments (method, path, params, options). Raises ``InvalidCall`` naming what was expected."""
        name = f"{catalog.name}.request"
        method, endpoint, params, raw = (*args, None, None, None, None)[:4]
        if len(args) > 4 and any(each is not None for each in args[4:]):
            raise _wrong(name, "too many arguments")
        if not isinstance(method, str) or method.upper() not in METHODS:
            raise _wrong(name, f"expected a method ({', '.join(METHODS)}) first, got {shown(method)}")
        if not isinstance(endpoint, str):
            raise _wrong(name, f"expected a path second, got {shown(endpoint)}")
        if params is not None and not isinstance(params, dict | list):
            raise _wrong(name, f"expected a table of parameters, got {shown(params)}")
        if raw is not None and raw != [] and not isinstance(raw, dict):
            raise _wrong(name, f"expected a table of request options, got {shown(raw)}")
        options = CallOptions.parse(raw)
        if options.extra:
            params = {**_named(name, params or {}), **options.extra}
            options = replace(options, extra=None)
        method, path = method.upper(), endpoint_path(endpoint, base_url)
        found = known_operation(catalog, method, path)
        if found is None:
            operation = _made(catalog, method, full_path(catalog, path))
            full = operation.path
        else:
            operation, given = found
            wire_names = {param.name: given.get(script) for script, param in operation.params.items()}
            full = re.sub(r"\{([^{}]+)\}", lambda part: quote(str(wire_names[part[1]]), safe=""), operation.path)
        label = f"{catalog.name}.{operation.id}" if found is not None else name
        return cls(label, operation, found is not None, full, _checked(label, params or {}), options)

    @property
    def keyed(self) -> bool:
        """Whether the request takes an idempotency key."""
        return self.operation.keyed and self.operation.mutation

    def words(self, catalog: Catalog) -> str | None:
        """The pagination of the answer as of :func:`page_words`; None if the answer is not a list."""
        return page_words(catalog, self.operation) if self.operation.method == "GET" else None

    def beyond(self, catalog: Catalog) -> tuple[str, ...]:
        """The parameter names sent that are not in the catalog, at any depth."""
        if isinstance(self.params, list):
            return unknown_names(catalog, self.operation, {"body": self.params})
        return unknown_names(catalog, self.operation, self.params)

    def request(self, catalog: Catalog, options: CallOptions, base_url: str) -> Request:
        """Build the request with the given options. Raises ``InvalidCall`` for a multipart, text or binary body."""
        operation, facts = self.operation, catalog.facts
        params = self.params
        if isinstance(params, dict) and isinstance(self.place, dict):
            params = {**params, **self.place}
        if operation.body in ("multipart", "text", "binary"):
            raise InvalidCall(f"{self.label}: its body is {operation.body}; call {self.label}(…) itself")
        headers, query, content = [("Accept", "application/json" if options.download is None else "*/*")], "", b""
        kind = operation.body or body_kind(catalog, self.path.split("/")[1])
        in_query = operation.method in IN_QUERY and operation.body is None
        if in_query or kind == "form":
            pairs: list[str] = []
            for name, value in in_order(_named(self.label, params)):
                unnamed_writer(catalog, operation, name, in_query=in_query)(pairs, value)
            text = "&".join(pairs)
            query, content = (text, b"") if in_query else ("", text.encode("ascii"))
        elif params or operation.body == "json":
            content = to_json(params)
        if not in_query:
            headers.append(("Content-Type", options.content_type or operation.content_type or CONTENT_TYPES[kind]))
        if options.content_type is not None and (in_query or media_types.body_kind(options.content_type) != kind):
            fault = "it has no body" if in_query else f"its body is {kind}"
            raise InvalidCall(f"{self.label}: option content_type: {fault}", param="content_type")
        if facts.version_header:
            headers.append((facts.version_header, options.api_version or facts.asked_version or facts.version))
        asked = option_headers(catalog, operation, options)
        headers = [each for each in headers if each[0] != "Accept" or not asks_for(asked)]
        headers += asked
        if operation.server and base_url.rstrip("/") == catalog.base_url:
            base_url = operation.server
        request = Request(
            operation.method,
            f"{base_url.removesuffix('/')}{self.path}{f'?{query}' if query else ''}",
            tuple(headers),
            content,
            self.label,
            operation.mutation,
            None if operation.security is not None and not any(operation.security) else facts.name,
            options.idempotency_key if operation.keyed else None,
            options.timeout,
            options.retries,
        )
        return replace(request, url=own_url(request, self.place)) if isinstance(self.place, str) else request

    def after(
        self, catalog: Catalog, shown: Shown, place: Any, base_url: str, *, again: bool = False
    ) -> RawRequest | None:
        """The request for the page after ``shown``, which was at ``place``; or for ``place`` itself with ``again``.

        Returns None after the last page. Raises ``UnexpectedAnswer`` as :func:`next_page` does.
        """
        here = replace(self, place=place)
        if again:
            return here
        params = _named(self.label, self.params)
        arguments = {**params, **place} if isinstance(place, dict) else params
        following = next_page(
            catalog, self.operation, arguments, shown, first=here.request(catalog, self.options, base_url)
        )
        if isinstance(following, dict):
            wire_names = {script: param.name for script, param in self.operation.params.items()}
            following = {wire_names.get(k, k): v for k, v in following.items() if params.get(k) != v}
        return None if following is None else replace(self, place=following)


def _made(catalog: Catalog, method: str, path: str) -> Operation:
    """An operation for a method and path that are not in the catalog."""
    operation = Operation(id="request", method=method, path=path, result=Schema(), resource=path)
    keyed = operation.mutation and catalog.idempotency_header is not None
    listed = method == "GET" and catalog.name == "stripe" and path.startswith("/v1/")
    return replace(
        operation,
        keyed=keyed,
        paging="cursor" if listed else None,
        page_param="starting_after" if listed else "",
    )


def _checked(label: str, params: Any) -> Any:
    try:
        for name, value in params.items() if isinstance(params, dict) else ():
            check_names(str(name), value)
        return free(params)
    except ValidationError as fault:
        raise InvalidCall(f"{label}: {fault.message()}") from None


def _named(label: str, params: Any) -> dict[str, Any]:
    if isinstance(params, dict):
        return params
    if params:
        raise InvalidCall(f"{label}: expected parameters by name, got {shown(params)}")
    return {}


def _wrong(name: str, fault: str) -> InvalidCall:
    return InvalidCall(f"{name}: {fault}; call it as {name}(method, path, params, options)")
