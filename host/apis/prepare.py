"""An operation and a script's arguments, made into a checked and encoded request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from host.apis.arguments import bind, signature
from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.check import listed
from host.apis.encode import flat_pairs, header_text, path_text, plain, sorted_json
from host.apis.methods import builder_method, method_names
from host.apis.nearest import short
from host.apis.options import NO_OPTIONS, CallOptions
from host.apis.past_catalog import beyond_catalog, raw_arguments, raw_entry, unknown_names
from host.apis.plan import Entry, RequestPlan, invalid, no_parameter, plan_of
from host.apis.request_headers import asks_for, option_headers, version_header
from host.apis.scalars import Full
from host.apis.unknown_names import Beyond, other_version
from host.apis.validation_error import ValidationError
from host.errors import InvalidCall
from host.http.message import Request

if TYPE_CHECKING:
    from host.apis.files import ReadFile

__all__ = [
    "CallOptions",
    "beyond_catalog",
    "bind",
    "builder_method",
    "check_value",
    "method_names",
    "prepare",
    "signature",
    "unknown_names",
]


def check_value(
    catalog: Catalog,
    operation: Operation,
    name: str,
    value: Any,
    currency: str | None = None,
    version: str | None = None,
) -> Any:
    """``value`` in the form it is sent for the parameter ``name``; required members may still be missing.

    ``currency`` is what the builder was given already, for the message, ``version`` the API's version it asks for.
    Raises ``InvalidCall`` naming the path (``recurring.interval``), the value and what was expected.
    """
    beyond = Beyond(lenient=True) if other_version(catalog.facts, version) else None
    plan = plan_of(catalog, operation)
    entry = plan.find(operation, name)
    if entry is None:
        if beyond is None:
            raise no_parameter(operation, name, plan.entries)
        entry = raw_entry(catalog, operation, name)
    try:
        return _checked(entry, value, beyond or False)
    except ValidationError as fault:
        raise invalid(fault.at(name).beside({"currency": currency}), operation) from None


def _checked(entry: Entry, value: Any, full: Full) -> Any:
    param = entry.param
    if param.location == "path":
        if value is None or (type(value) is bytes):
            raise ValidationError("expected an id", value)
        if type(value) is bool and param.schema.type != "boolean":
            raise ValidationError("expected a string or a number", value)
        done = entry.check(value, full)
        path_text(param, done)  # refuses what would change the path
        return done
    try:
        return entry.check(value, full)
    except RecursionError:
        raise ValidationError("", text="tables are nested too deep") from None


def prepare(
    catalog: Catalog,
    operation: Operation,
    arguments: dict[str, Any],
    options: CallOptions | None = None,
    *,
    base_url: str,
    boundary: str | None = None,
    beyond: Beyond | None = None,
    key: str | None = None,
    read_file: ReadFile | None = None,
) -> Request:
    """The request of a call. Checks everything, whatever was checked before.

    ``key`` is the idempotency key of a mutation whose options have none. ``beyond`` (of :func:`beyond_catalog`) is
    filled with what was sent past the catalog. ``read_file`` reads the files that are given by their path, as far as
    granted.
    Raises ``InvalidCall`` for the first bad argument, or naming all required ones that are missing.
    """
    plan = catalog.plans.get(operation.id) or plan_of(catalog, operation)
    options = options or NO_OPTIONS
    if options is NO_OPTIONS and plan.shapes is not None and not catalog.facts.asked_version:
        content = plan.shapes.body(arguments)
        if content is not None:
            return _prepared(catalog, operation, plan, base_url, content, key)
    if key is not None and plan.mutation and options.idempotency_key is None:
        options = options.keyed(key)
    if plan.bodies or options.content_type is not None:
        from host.apis.body_choice import chosen  # for operations that have a choice only

        operation, plan = chosen(catalog, operation, plan, arguments, options)
    if plan.ordered:
        arguments = _ordered(plan, operation, arguments)
    entries = plan.entries
    body: list[str] = []
    query: list[str] = []
    others: list[tuple[Entry, Any]] = []
    missing = plan.required
    if missing:
        missing = missing.difference(arguments)
    form = plan.form
    full: Full = True
    if options.extra or options.api_version is not None or catalog.facts.asked_version:
        beyond = beyond or beyond_catalog(catalog, options)
        if beyond is not None:
            full = beyond
            raw = raw_arguments(catalog, operation, plan, arguments, options, beyond)
            arguments = {name: value for name, value in arguments.items() if name not in raw}
            missing = missing.difference(raw)
            if beyond.lenient:
                missing = missing.intersection(operation.path_params)
            for each, done in raw.values():
                _put(each, done, query, body if form else None, others)
    for name, value in arguments.items():
        entry = entries.get(name)
        if entry is None:
            entry = plan.find(operation, name)
            if entry is None:
                if operation.extra is None or type(name) is not str:
                    raise no_parameter(operation, name, entries)
                entry = _extra(catalog, operation, name)
            elif sum(plan.find(operation, other) is entry for other in arguments) > 1:
                raise _twice(operation, name, entry)
            elif missing:
                missing = missing - {entry.name}
        kind = type(value)
        if kind is str and entry.is_text:
            if plain(value):
                body.append(entry.key + value.replace(" ", "+"))
            else:
                entry.write(body, value)
            continue
        if kind is dict and entry.is_texts and flat_pairs(body, entry.opening, value):
            continue
        location = entry.location
        try:
            done = _checked(entry, value, full)
            if location == "query":
                entry.write(query, done)
            elif form and location == "body":
                entry.write(body, done)
            else:
                others.append((entry, done))
        except ValidationError as fault:
            raise invalid(fault.at(name).beside(arguments), operation) from None
    if missing:
        names = [name for name in entries if name in missing]
        raise InvalidCall(
            f"{operation.resource}: {listed(names)} missing; give {', '.join(f'{name} = …' for name in names[:4])}"
            f" (of a builder :{names[0]}(…))",
            operation=operation.id,
            param=names[0],
        )
    return _request(catalog, operation, plan, options, base_url, body, query, others, boundary, read_file)


def _put(
    entry: Entry,
    value: Any,
    query: list[str],
    form: list[str] | None,
    others: list[tuple[Entry, Any]],
) -> None:
    """Where a checked value goes: the query, a form's body, or what is put together later."""
    if entry.param.location == "query":
        entry.write(query, value)
    elif form is not None and entry.param.location == "body":
        entry.write(form, value)
    else:
        others.append((entry, value))


def _extra(catalog: Catalog, operation: Operation, name: str) -> Entry:
    """A body member the document does not name but allows."""
    schema = operation.extra or Schema()
    return Entry(catalog, operation, name, Param(name=name, location="body", schema=schema))


def _request(
    catalog: Catalog,
    operation: Operation,
    plan: RequestPlan,
    options: CallOptions,
    base_url: str,
    body: list[str],
    query: list[str],
    others: list[tuple[Entry, Any]],
    boundary: str | None,
    read_file: ReadFile | None,
) -> Request:
    path = plan.path[0]
    content = b""
    more: tuple[tuple[str, str], ...] = ()
    if others or plan.more:
        path, more, content = _others(catalog, operation, plan, others, boundary, read_file)
    if body:
        content = "&".join(body).encode("ascii")
    url = _base(catalog, operation, base_url) + path
    if query:
        url = f"{url}{plan.joint}{'&'.join(query)}"
    facts = catalog.facts
    key = options.idempotency_key
    if more or options.account is not None or options.api_version is not None or options.headers:
        asked = option_headers(catalog, operation, options)
        headers = plan.headers if not asks_for(asked) else plan.headers[1:]  # for another type than the document's
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
    """What an operation's path is below."""
    if operation.server and base_url.rstrip("/") == catalog.base_url:
        base_url = operation.server
    return base_url.removesuffix("/")


def _prepared(
    catalog: Catalog, operation: Operation, plan: RequestPlan, base_url: str, content: bytes, key: str | None
) -> Request:
    """The request of a call whose body is all that its arguments decide."""
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
    plan: RequestPlan,
    others: list[tuple[Entry, Any]],
    boundary: str | None,
    read_file: ReadFile | None,
) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """The path, further headers, and the body where it is not a form."""
    values: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    cookies: list[str] = []
    members: list[tuple[Entry, Any]] = []
    for entry, value in others:
        location = entry.location
        try:
            if location == "path":
                values[entry.wire] = path_text(entry.param, value)
            elif location == "header":
                headers.append((entry.wire, header_text(entry.param, value)))
            elif location == "cookie":
                cookies.append(f"{entry.wire}={quote(header_text(entry.param, value), safe='')}")
            else:
                members.append((entry, value))
        except ValidationError as fault:
            raise invalid(fault.at(entry.name), operation) from None
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    path = "".join(values[part] if n % 2 else part for n, part in enumerate(plan.path))
    content = b""
    if operation.body == "json":
        if members or not plan.bare:
            content = _json_body(operation, members)
        if content and plan.bare:
            headers.append(("Content-Type", operation.content_type))
    elif operation.body is not None and (members or operation.body == "multipart"):
        content, kind = _written(catalog, operation, members, boundary, read_file)
        if kind:
            headers.append(("Content-Type", kind))
    return path, tuple(headers), content


def _written(
    catalog: Catalog,
    operation: Operation,
    members: list[tuple[Entry, Any]],
    boundary: str | None,
    read_file: ReadFile | None,
) -> tuple[bytes, str]:
    """A body that is neither JSON nor a form of named members, and its content type; "" where the plan has it."""
    from host.apis.written_bodies import form_body, multipart_body, whole_body  # for such operations only

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
    return sorted_json({entry.wire: value for entry, value in members})


def _ordered(plan: RequestPlan, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments in the document's order, those it does not name behind the others and in their own."""
    places = {name: place for place, name in enumerate(plan.entries)}

    def place(item: tuple[Any, Any]) -> tuple[int, str]:
        entry = plan.find(operation, item[0])
        return (len(places), str(item[0])) if entry is None else (places[entry.name], "")

    return dict(sorted(arguments.items(), key=place))


def _twice(operation: Operation, name: str, entry: Entry) -> InvalidCall:
    return InvalidCall(
        f"{operation.resource}: {entry.name} is given twice, also as {short(name)}",
        operation=operation.id,
        param=entry.name,
    )
