"""Assembles the request from the checked arguments of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from host.apis.catalog import Catalog, Operation
from host.apis.encode import header_text, path_text, sorted_json
from host.apis.options import NO_OPTIONS, CallOptions
from host.apis.plan import Entry, RequestPlan, invalid
from host.apis.request_headers import asks_for, option_headers, version_header
from host.apis.validation_error import ValidationError
from host.http.message import Request

if TYPE_CHECKING:
    from host.apis.files import ReadFile

__all__ = ["RequestParts", "assembled", "request_of_body"]


class RequestParts:
    """The checked arguments of a call, by destination.

    ``query`` and ``body`` hold encoded ``name=value`` pairs of the query and of a form body; ``others`` holds the
    remaining entries with their values.
    """

    __slots__ = ("body", "others", "plan", "query")

    def __init__(self, plan: RequestPlan) -> None:
        self.plan = plan
        self.body: list[str] = []
        self.query: list[str] = []
        self.others: list[tuple[Entry, Any]] = []

    def put(self, entry: Entry, value: Any) -> None:
        """Add a checked value. Raises ``ValidationError`` if its parameter's style cannot represent it."""
        location = entry.location
        if location == "query":
            entry.write(self.query, value)
        elif location == "body" and self.plan.form:
            entry.write(self.body, value)
        else:
            self.others.append((entry, value))


def assembled(
    catalog: Catalog,
    operation: Operation,
    options: CallOptions,
    base_url: str,
    parts: RequestParts,
    boundary: str | None,
    read_file: ReadFile | None,
) -> Request:
    """The request of a call with checked arguments. Raises ``InvalidCall`` for a value that cannot be encoded."""
    plan, body, query = parts.plan, parts.body, parts.query
    path = plan.path[0]
    content = b""
    more: tuple[tuple[str, str], ...] = ()
    if parts.others or plan.more:
        path, more, content = _others(catalog, operation, parts, boundary, read_file)
    if body:
        content = "&".join(body).encode("ascii")
    url = _base(catalog, operation, base_url) + path
    if query:
        url = f"{url}{plan.joint}{'&'.join(query)}"
    facts = catalog.facts
    key = options.idempotency_key
    if more or options.account is not None or options.api_version is not None or options.headers:
        asked = option_headers(catalog, operation, options)
        headers = plan.headers if not asks_for(asked) else plan.headers[1:]  # the call's own Accept replaces the plan's
        headers += more + version_header(facts, options.api_version) + asked
    elif key is None:
        headers = plan.common
    elif plan.key_header:
        headers = (*plan.common, (plan.key_header, key))
    else:
        headers = plan.common + option_headers(catalog, operation, options)
    return Request(
        operation.method,
        url,
        headers,
        content,
        plan.label,
        plan.mutation,
        facts.name if plan.keyed else None,
        key if operation.keyed else None,
        options.timeout,
        options.retries,
    )


def _base(catalog: Catalog, operation: Operation, base_url: str) -> str:
    """The URL that an operation's path is appended to: its own server's, unless the host set another base URL."""
    if operation.server and base_url.rstrip("/") == catalog.base_url:
        base_url = operation.server
    return base_url.removesuffix("/")


def request_of_body(
    catalog: Catalog, operation: Operation, plan: RequestPlan, base_url: str, content: bytes, key: str | None
) -> Request:
    """The request of a call whose arguments are all in the encoded body ``content``; ``key`` is its idempotency key."""
    base, url = plan.url
    if base != base_url:
        url = _base(catalog, operation, base_url) + plan.path[0]
        plan.url = base_url, url
    if key is None or not plan.mutation:
        key, headers = None, plan.common
    elif plan.key_header:
        headers = (*plan.common, (plan.key_header, key))
    else:
        headers = plan.common + option_headers(catalog, operation, NO_OPTIONS.keyed(key))
    return Request(
        operation.method,
        url,
        headers,
        content,
        plan.label,
        plan.mutation,
        catalog.facts.name if plan.keyed else None,
        key if operation.keyed else None,
    )


def _others(
    catalog: Catalog,
    operation: Operation,
    parts: RequestParts,
    boundary: str | None,
    read_file: ReadFile | None,
) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """The path, additional headers, and the body unless it is a form of named members (then empty)."""
    plan = parts.plan
    values, headers, members = _by_location(operation, parts.others)
    path = "".join(values[part] if n % 2 else part for n, part in enumerate(plan.path))
    content, kind = b"", ""
    if operation.body == "json":
        if members or not plan.bare:
            content = _json_body(operation, members)
        if content and plan.bare:
            kind = operation.content_type
    elif operation.body is not None and (members or operation.body == "multipart"):
        content, kind = _written(catalog, operation, members, boundary, read_file)
    if kind:
        headers.append(("Content-Type", kind))
    return path, tuple(headers), content


def _by_location(
    operation: Operation, others: list[tuple[Entry, Any]]
) -> tuple[dict[str, str], list[tuple[str, str]], list[tuple[Entry, Any]]]:
    """Path values by wire name, headers including ``Cookie``, and body members. Raises ``InvalidCall``."""
    values: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    cookies: list[str] = []
    members: list[tuple[Entry, Any]] = []
    for entry, value in others:
        location = entry.location
        try:
            if location == "path":
                values[entry.wire_name] = path_text(entry.param, value)
            elif location == "header":
                headers.append((entry.wire_name, header_text(entry.param, value)))
            elif location == "cookie":
                cookies.append(f"{entry.wire_name}={quote(header_text(entry.param, value), safe='')}")
            else:
                members.append((entry, value))
        except ValidationError as fault:
            raise invalid(fault.at(entry.name), operation) from None
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    return values, headers, members


def _written(
    catalog: Catalog,
    operation: Operation,
    members: list[tuple[Entry, Any]],
    boundary: str | None,
    read_file: ReadFile | None,
) -> tuple[bytes, str]:
    """A body that is neither JSON nor a form of named members, and its content type ("" if the plan's headers have it).

    Raises ``InvalidCall`` for a value that cannot be written.
    """
    from host.apis.written_bodies import form_body, multipart_body, whole_body  # imported only for these body types

    if operation.body == "form":
        return form_body(catalog, members[0][1]), ""
    try:
        if operation.body == "multipart":
            return multipart_body(catalog, operation, members, boundary, read_file)
        return whole_body(operation, members[0][1], read_file)
    except ValidationError as fault:
        raise invalid(fault, operation) from None


def _json_body(operation: Operation, members: list[tuple[Entry, Any]]) -> bytes:
    if operation.whole_body:
        return sorted_json(members[0][1]) if members else b""
    return sorted_json({entry.wire_name: value for entry, value in members})
