"""Checks a script's arguments against their operation and builds the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host.apis.arguments import bind, signature
from host.apis.catalog import Catalog, Operation, Param
from host.apis.check import listed
from host.apis.encode import flat_pairs, path_text, plain
from host.apis.methods import builder_method, method_names
from host.apis.nearest import short
from host.apis.options import NO_OPTIONS, CallOptions
from host.apis.past_catalog import beyond_catalog, raw_arguments, raw_entry, unknown_names
from host.apis.plan import Entry, RequestPlan, invalid, no_parameter, plan_of
from host.apis.request_assembly import RequestParts, assembled, request_of_body
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
    """The checked ``value`` of the parameter ``name``, in the form it is sent; required members may still be missing.

    ``currency`` is the currency set on the builder so far, used in error messages; ``version`` is the API version the
    builder requests. Raises ``InvalidCall`` naming the path (``recurring.interval``), the value and what was expected.
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
        path_text(param, done)  # raises for values that would change the path
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
    """The request of a call. Checks all arguments, including those that were checked before.

    ``boundary`` separates the parts of a multipart body (None: derived from its content). ``key`` is the idempotency
    key of a mutation whose options have none. ``beyond`` (from :func:`beyond_catalog`) receives the names sent that are
    not in the catalog. ``read_file`` reads files given by path, if the script has permission.

    Raises ``InvalidCall`` for the first invalid argument, or naming all required ones that are missing.
    """
    plan = catalog.plans.get(operation.id) or plan_of(catalog, operation)
    options = options or NO_OPTIONS
    if options is NO_OPTIONS and plan.shapes is not None and not catalog.facts.asked_version:
        content = plan.shapes.body(arguments)
        if content is not None:
            return request_of_body(catalog, operation, plan, base_url, content, key)
    if key is not None and plan.mutation and options.idempotency_key is None:
        options = options.keyed(key)
    if plan.bodies or options.content_type is not None:
        from host.apis.body_choice import chosen  # imported only for operations with several body types

        operation, plan = chosen(catalog, operation, plan, arguments, options)
    if plan.ordered:
        arguments = _ordered(plan, operation, arguments)
    parts = RequestParts(plan)
    missing = plan.required.difference(arguments)
    full: Full = True
    if options.extra or options.api_version is not None or catalog.facts.asked_version:
        beyond = beyond or beyond_catalog(catalog, options)
        if beyond is not None:
            full = beyond
            raw = raw_arguments(catalog, operation, plan, arguments, options, beyond)
            arguments = {name: value for name, value in arguments.items() if name not in raw}
            missing = _still_missing(operation, missing.difference(raw), beyond)
            for each, done in raw.values():
                parts.put(each, done)
    missing = _check(catalog, operation, arguments, missing, full, parts)
    if missing:
        raise _missing(operation, [name for name in plan.entries if name in missing])
    return assembled(catalog, operation, options, base_url, parts, boundary, read_file)


def _check(
    catalog: Catalog,
    operation: Operation,
    arguments: dict[str, Any],
    missing: frozenset[str],
    full: Full,
    parts: RequestParts,
) -> frozenset[str]:
    """Check each argument and add it to ``parts``; returns the names of required ones that are still missing."""
    entries, body = parts.plan.entries, parts.body
    for name, value in arguments.items():
        entry = entries.get(name)
        if entry is None:
            entry = _by_another_name(catalog, operation, parts.plan, arguments, name)
            missing -= {entry.name}
        kind = type(value)
        if kind is str and entry.is_text:
            if plain(value):
                body.append(entry.key + value.replace(" ", "+"))
            else:
                entry.write(body, value)
            continue
        if kind is dict and entry.is_texts and flat_pairs(body, entry.opening, value):
            continue
        try:
            parts.put(entry, _checked(entry, value, full))
        except ValidationError as fault:
            raise invalid(fault.at(name).beside(arguments), operation) from None
    return missing


def _by_another_name(
    catalog: Catalog, operation: Operation, plan: RequestPlan, arguments: dict[str, Any], name: str
) -> Entry:
    """The parameter with the wire name ``name``, or a new one if the document permits additional members.

    Raises ``InvalidCall`` for an unknown name, or for a parameter given under both names.
    """
    entry = plan.find(operation, name)
    if entry is None:
        if operation.extra is None or type(name) is not str:
            raise no_parameter(operation, name, plan.entries)
        return Entry(catalog, operation, name, Param(name=name, location="body", schema=operation.extra))
    if sum(plan.find(operation, other) is entry for other in arguments) > 1:
        raise _twice(operation, name, entry)
    return entry


def _still_missing(operation: Operation, missing: frozenset[str], beyond: Beyond) -> frozenset[str]:
    """The missing parameters that must be given: for another API version, only those in the path are known to be."""
    return missing.intersection(operation.path_params) if beyond.lenient else missing


def _missing(operation: Operation, names: list[str]) -> InvalidCall:
    return InvalidCall(
        f"{operation.resource}: {listed(names)} missing; give {', '.join(f'{name} = …' for name in names[:4])}"
        f" (of a builder :{names[0]}(…))",
        operation=operation.id,
        param=names[0],
    )


def _ordered(plan: RequestPlan, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments in the document's order; unknown ones last, sorted by name."""

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
