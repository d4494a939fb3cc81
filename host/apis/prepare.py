"""An operation and a script's arguments, made into a checked and encoded request."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from host.apis.arguments import bind, signature
from host.apis.catalog import Catalog, Facts, Location, Operation, Param, Schema
from host.apis.check import listed, named_checker, unknown
from host.apis.encode import (
    deep_pairs,
    flat_pairs,
    form_key,
    header_text,
    in_order,
    multipart,
    pair_writer,
    path_text,
    plain,
    scalar_text,
    sorted_json,
)
from host.apis.form_shapes import FormShapes
from host.apis.methods import builder_method, method_names
from host.apis.nearest import short
from host.apis.options import NO_OPTIONS, CallOptions
from host.apis.scalars import Checker, Full
from host.apis.unknown_names import Beyond, other_version
from host.apis.validation_error import ValidationError, shown
from host.errors import InvalidCall
from host.http.message import Request

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

Writer = Callable[[list[str], Any], None]


class _Entry:
    """One parameter of a plan."""

    __slots__ = ("check", "is_text", "is_texts", "key", "name", "opening", "param", "wire", "write")

    def __init__(self, catalog: Catalog, operation: Operation, name: str, param: Param) -> None:
        self.name = name
        self.param = param
        self.wire = param.name
        schema = catalog.resolve(param.schema)
        self.check: Checker = named_checker(catalog, name, param.schema)
        if param.schema.format == "binary" or (schema.items is not None and schema.items.format == "binary"):
            self.check = _files(self.check)
        body = param.location == "body"
        # A string without limits in a form: a string goes on as it is, without asking the checker.
        form = body and operation.body == "form"
        self.is_text = form and _is_plain(schema)
        key = form_key(param.name)
        self.key = f"{key}="
        # The same of a map of such strings (metadata).
        self.is_texts = form and _is_map_of_texts(catalog, schema)
        self.opening = f"{key}["
        nested = schema.type in ("object", "array") or bool(schema.any_of)
        self.write: Writer = pair_writer(
            param, nested=body and nested and (schema.type != "array" or _brackets(operation))
        )


class _Plan:
    """What is the same for every call of an operation."""

    __slots__ = (
        "common",
        "entries",
        "form",
        "headers",
        "key_header",
        "keyed",
        "label",
        "more",
        "mutation",
        "path",
        "required",
        "shapes",
        "url",
        "wires",
    )

    def __init__(self, catalog: Catalog, operation: Operation) -> None:
        self.entries = {name: _Entry(catalog, operation, name, param) for name, param in operation.params.items()}
        # Parameters are also known by the names the wire has for them, the first of each.
        backwards = reversed(self.entries.values())
        self.wires = {entry.wire: entry for entry in backwards if entry.wire not in self.entries}
        self.required = frozenset(name for name, param in operation.params.items() if param.required)
        self.label = f"{catalog.name}.{operation.id}"
        self.mutation = operation.mutation
        self.path = _path_parts(operation.path)
        self.more = len(self.path) > 1 or operation.body not in (None, "form")  # than a fixed path and a form
        self.form = operation.body == "form"
        self.shapes = FormShapes(self.entries, self.required) if self.form and not self.more else None
        self.url = ("", "")  # the last base URL, and where the operation is below it
        own = operation.security
        self.keyed = bool(catalog.default_security if own is None else own)  # a key goes on it
        result = catalog.resolve(operation.result) if operation.result is not None else None
        other = result is not None and result.type == "string"  # a file or a text
        headers = [("Accept", "*/*" if other else "application/json")]
        if operation.body in ("form", "json", "text", "binary"):
            headers.append(("Content-Type", operation.content_type))
        self.headers = tuple(headers)
        facts = catalog.facts
        self.common = self.headers + _version(facts, None)  # what most calls have, but for the key
        self.key_header = facts.idempotency_header if operation.keyed else None


def _version(facts: Facts, asked: str | None) -> tuple[tuple[str, str], ...]:
    version = asked or facts.asked_version or facts.version
    return ((facts.version_header, version),) if facts.version_header else ()


def _brackets(operation: Operation) -> bool:
    """Whether the body writes lists in brackets (``a[0]=x``); plain OpenAPI forms repeat the name."""
    return any(param.style == "deepObject" for param in operation.params.values() if param.location == "body")


def _path_parts(path: str) -> list[str]:
    """Texts and parameter names in turn: ``["/v1/products/", "id", ""]``."""
    parts = re.split(r"\{([^{}]+)\}", path)
    return [quote(text, safe="/:@!$&'()*+,;=~%") if n % 2 == 0 else text for n, text in enumerate(parts)]


def _is_plain(schema: Schema) -> bool:
    limits = schema.enum or schema.pattern or schema.min_length or schema.max_length is not None
    return schema.type == "string" and not limits and schema.format != "binary"


def _is_map_of_texts(catalog: Catalog, schema: Schema) -> bool:
    if schema.type != "object" or schema.any_of or schema.properties or schema.required or schema.additional is None:
        return False
    return _is_plain(catalog.resolve(schema.additional))


def _plan(catalog: Catalog, operation: Operation) -> _Plan:
    found: _Plan | None = catalog.plans.get(operation.id)
    if found is None:
        found = catalog.plans[operation.id] = _Plan(catalog, operation)
    return found


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
    plan = _plan(catalog, operation)
    if beyond is not None and name not in plan.entries and name not in plan.wires:
        entry = _raw_entry(catalog, operation, name)
    else:
        entry = _entry(plan, operation, name)
    try:
        return _checked(entry, value, beyond or False)
    except ValidationError as fault:
        raise _invalid(fault.at(name).beside({"currency": currency}), operation) from None


def _checked(entry: _Entry, value: Any, full: Full) -> Any:
    param = entry.param
    if param.location == "path":
        if value is None or (type(value) is bytes):
            raise ValidationError("expected an id", value)
        if type(value) is bool:
            raise ValidationError("expected a string or a number", value)
        done = entry.check(value, full)
        path_text(param, done)  # refuses what would change the path
        return done
    try:
        return entry.check(value, full)
    except RecursionError:
        raise ValidationError("", text="tables are nested too deep") from None


def _entry(plan: _Plan, operation: Operation, name: Any) -> _Entry:
    entry = plan.entries.get(name) or plan.wires.get(name)
    if entry is None:
        raise _no_parameter(operation, name, plan.entries)
    return entry


def _no_parameter(operation: Operation, name: Any, valid: Any) -> InvalidCall:
    if not isinstance(name, str):
        return InvalidCall(
            f"{operation.resource}: expected parameters by name, found the key {shown(name)}",
            operation=operation.id,
        )
    from host.apis.legacy_names import missing_param  # where an error is made only

    hint = missing_param(name, valid)
    if not hint:
        names = sorted(valid)
        listing = f"{', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
        hint = f"; it has {listing}" if names else "; it has none"
    return InvalidCall(
        f'{operation.resource} has no parameter "{short(name)}"{hint}',
        operation=operation.id,
        param=short(name),
    )


def _invalid(fault: ValidationError, operation: Operation) -> InvalidCall:
    message = f"{operation.resource}: {fault.message()}" if operation.resource else fault.message()
    return InvalidCall(message, operation=operation.id, param=fault.where() or None)


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
) -> Request:
    """The request of a call. Checks everything, whatever was checked before.

    ``key`` is the idempotency key of a mutation whose options have none. ``beyond`` (of :func:`beyond_catalog`) is
    filled with what was sent past the catalog.
    Raises ``InvalidCall`` for the first bad argument, or naming all required ones that are missing.
    """
    plan = catalog.plans.get(operation.id) or _plan(catalog, operation)
    options = options or NO_OPTIONS
    if options is NO_OPTIONS and plan.shapes is not None and not catalog.facts.asked_version:
        content = plan.shapes.body(arguments)
        if content is not None:
            return _prepared(catalog, operation, plan, base_url, content, key)
    if key is not None and plan.mutation and options.idempotency_key is None:
        options = options.keyed(key)
    entries = plan.entries
    body: list[str] = []
    query: list[str] = []
    others: list[tuple[_Entry, Any]] = []
    missing = plan.required
    if missing:
        missing = missing.difference(arguments)
    form = plan.form
    full: Full = True
    if options.extra or options.api_version is not None or catalog.facts.asked_version:
        beyond = beyond or beyond_catalog(catalog, options)
        if beyond is not None:
            full = beyond
            raw = _raw_arguments(catalog, operation, plan, arguments, options, beyond)
            arguments = {name: value for name, value in arguments.items() if name not in raw}
            missing = missing.difference(raw)
            if beyond.lenient:
                missing = missing.intersection(operation.path_params)
            for each, done in raw.values():
                _put(each, done, query, body if form else None, others)
    for name, value in arguments.items():
        entry = entries.get(name)
        if entry is None:
            entry = plan.wires.get(name)
            if entry is None:
                if operation.extra is None or type(name) is not str:
                    raise _no_parameter(operation, name, entries)
                entry = _extra(catalog, operation, name)
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
        location = entry.param.location
        try:
            done = _checked(entry, value, full)
        except ValidationError as fault:
            raise _invalid(fault.at(name).beside(arguments), operation) from None
        if location == "query":
            entry.write(query, done)
        elif form and location == "body":
            entry.write(body, done)
        else:
            others.append((entry, done))
    if missing:
        names = [name for name in entries if name in missing]
        raise InvalidCall(
            f"{operation.resource}: {listed(names)} missing; give {', '.join(f'{name} = …' for name in names[:4])}"
            f" (of a builder :{names[0]}(…))",
            operation=operation.id,
            param=names[0],
        )
    return _request(catalog, operation, plan, options, base_url, body, query, others, boundary)


def beyond_catalog(catalog: Catalog, options: CallOptions) -> Beyond | None:
    """Where to note what a call with these options sends past its catalog; None where it may send nothing so."""
    lenient = other_version(catalog.facts, options.api_version)
    return Beyond(lenient) if lenient or options.extra else None


def unknown_names(catalog: Catalog, operation: Operation, params: dict[str, Any]) -> tuple[str, ...]:
    """Names among ``params``, at any depth, that the catalog does not know, or knows for another kind of value."""
    plan, found = _plan(catalog, operation), Beyond(lenient=True)
    for name, value in params.items():
        entry = plan.entries.get(name) or plan.wires.get(name)
        try:
            if entry is None:
                found.note(name, value)
            else:
                entry.check(value, found)
        except ValidationError:
            found.note(name, value)
    return tuple(found.names)


def _raw_arguments(
    catalog: Catalog,
    operation: Operation,
    plan: _Plan,
    arguments: dict[str, Any],
    options: CallOptions,
    beyond: Beyond,
) -> dict[str, tuple[_Entry, Any]]:
    """What is sent as it is: ``extra``, and for another version the arguments nobody knows."""
    found: dict[str, tuple[_Entry, Any]] = {}
    known = {name: entry.wire for name, entry in plan.entries.items()}
    given = {known.get(name, name) for name in arguments}
    for name, value in (options.extra or {}).items():
        if known.get(name, name).partition("[")[0] in given:
            raise InvalidCall(
                f"option extra: {short(name)} is among the parameters already",
                operation=operation.id,
                param=short(name),
            )
        found[name] = (_raw_entry(catalog, operation, name), value)
    if beyond.lenient and operation.extra is None:
        for name, value in arguments.items():
            if type(name) is str and name not in plan.entries and name not in plan.wires:
                found[name] = (_raw_entry(catalog, operation, name), value)
    for name, (entry, value) in found.items():
        try:
            beyond.note(name, value)
            found[name] = (entry, entry.check(value, True))
        except ValidationError as fault:
            raise _invalid(fault.at(name).beside(arguments), operation) from None
        except RecursionError:
            raise _invalid(ValidationError("", text="tables are nested too deep").at(name), operation) from None
    return found


def _raw_entry(catalog: Catalog, operation: Operation, name: str) -> _Entry:
    """A parameter that is sent as it is, whatever the catalog says of it: in the body, or in the query without one."""
    known = operation.params.get(name)
    if known is not None and known.location not in ("query", "body"):
        raise InvalidCall(
            f"option extra: {short(name)} is no part of the body or query; give it as a parameter",
            operation=operation.id,
            param=short(name),
        )
    location: Location = "body" if operation.body else "query"
    if known is not None:
        location, name = known.location, known.name
    if operation.whole_body or operation.body in ("text", "binary"):
        raise InvalidCall(
            f"{operation.id}: its body is one value, so there is no place for {short(name)}", operation=operation.id
        )
    nested = any(param.style == "deepObject" for param in operation.params.values()) or operation.body == "form"
    style = "deepObject" if nested else "form"
    return _Entry(catalog, operation, name, Param(name=name, location=location, schema=Schema(), style=style))


def _put(
    entry: _Entry,
    value: Any,
    query: list[str],
    form: list[str] | None,
    others: list[tuple[_Entry, Any]],
) -> None:
    """Where a checked value goes: the query, a form's body, or what is put together later."""
    if entry.param.location == "query":
        entry.write(query, value)
    elif form is not None and entry.param.location == "body":
        entry.write(form, value)
    else:
        others.append((entry, value))


def _extra(catalog: Catalog, operation: Operation, name: str) -> _Entry:
    """A body member the document does not name but allows."""
    schema = operation.extra or Schema()
    return _Entry(catalog, operation, name, Param(name=name, location="body", schema=schema))


def _request(
    catalog: Catalog,
    operation: Operation,
    plan: _Plan,
    options: CallOptions,
    base_url: str,
    body: list[str],
    query: list[str],
    others: list[tuple[_Entry, Any]],
    boundary: str | None,
) -> Request:
    path = plan.path[0]
    content = b""
    more: tuple[tuple[str, str], ...] = ()
    if others or plan.more:
        path, more, content = _others(operation, plan, others, boundary)
    if body:
        content = "&".join(body).encode("ascii")
    url = _base(catalog, operation, base_url) + path
    if query:
        url = f"{url}?{'&'.join(query)}"
    facts = catalog.facts
    key = options.idempotency_key
    if more or options.account is not None or options.api_version is not None or options.headers:
        headers = plan.headers + more + _version(facts, options.api_version)
        headers += option_headers(catalog, operation, options)
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
    catalog: Catalog, operation: Operation, plan: _Plan, base_url: str, content: bytes, key: str | None
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
    operation: Operation, plan: _Plan, others: list[tuple[_Entry, Any]], boundary: str | None
) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """The path, further headers, and the body where it is not a form."""
    values: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    cookies: list[str] = []
    members: list[tuple[_Entry, Any]] = []
    for entry, value in others:
        location = entry.param.location
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
            raise _invalid(fault.at(entry.name), operation) from None
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    path = "".join(values[part] if n % 2 else part for n, part in enumerate(plan.path))
    content = b""
    if operation.body == "json":
        content = _json_body(operation, members)
    elif operation.body == "multipart":
        content, kind = multipart([(entry.param, value) for entry, value in members], boundary)
        headers.append(("Content-Type", kind))
    elif operation.body in ("text", "binary") and members:
        value = members[0][1]
        content = value if isinstance(value, bytes) else scalar_text(value).encode()
    elif operation.body == "form" and members:  # a map as the whole body
        pairs: list[str] = []
        for name, each in in_order(members[0][1] or {}):
            deep_pairs(pairs, form_key(name), each)
        content = "&".join(pairs).encode("ascii")
    return path, tuple(headers), content


def _json_body(operation: Operation, members: list[tuple[_Entry, Any]]) -> bytes:
    if operation.whole_body:
        return sorted_json(members[0][1]) if members else b""
    return sorted_json({entry.wire: value for entry, value in members})


def option_headers(catalog: Catalog, operation: Operation, options: CallOptions) -> tuple[tuple[str, str], ...]:
    """The headers that request options ask for, besides the version's. Raises ``InvalidCall``."""
    facts, found = catalog.facts, list(options.headers)
    own = _own_headers(catalog) if found else {}
    for header, _ in found:
        if header.lower() in own:
            use = own[header.lower()]
            hint = f"; use the option {use}" if use else ""
            raise InvalidCall(
                f"option headers: {header} is set by the host{hint}", operation=operation.id, param="headers"
            )
    for name, value, header in (
        ("account", options.account, facts.account_header),
        ("api_version", options.api_version, facts.version_header),
        ("idempotency_key", options.idempotency_key, facts.idempotency_header or ""),
    ):
        if value is None:
            continue
        if not header:
            raise InvalidCall(f"{catalog.name} has no request option {name}", operation=operation.id, param=name)
        if name == "account" or (name == "idempotency_key" and operation.keyed):
            found.append((header, value))
    return tuple(found)


def _own_headers(catalog: Catalog) -> dict[str, str]:
    """Headers of the API that are not a script's to write, with the option that sets each if any."""
    facts = catalog.facts
    found = {auth.name.lower(): "" for auth in catalog.auth.values() if auth.kind == "header"}
    options = {
        facts.version_header: "api_version",
        facts.account_header: "account",
        facts.idempotency_header or "": "idempotency_key",
    }
    return found | {header.lower(): option for header, option in options.items() if header}


def _files(check: Checker) -> Checker:
    """A file may also be a table ``{content=, name=, type=}``."""

    def check_file(value: Any, full: Full) -> Any:
        if isinstance(value, dict) and value:
            for name in value:
                if name not in ("content", "name", "type"):
                    raise ValidationError("", text=unknown(str(name), ("content", "name", "type"))).at(str(name))
            content = value.get("content")
            if content is None:
                raise ValidationError("", text="content is missing")
            return {**value, "content": check(content, full)}
        return check(value, full)

    return check_file
