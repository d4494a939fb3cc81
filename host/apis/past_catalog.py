"""Arguments that are not in the catalog: the option ``extra``, and parameters of another API version."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog, Location, Operation, Param, Schema
from host.apis.nearest import short
from host.apis.options import CallOptions
from host.apis.plan import Entry, RequestPlan, invalid, plan_of
from host.apis.unknown_names import Beyond, other_version
from host.apis.validation_error import ValidationError
from host.errors import InvalidCall

__all__ = ["beyond_catalog", "raw_arguments", "raw_entry", "unknown_names"]


def beyond_catalog(catalog: Catalog, options: CallOptions) -> Beyond | None:
    """A collector for the names a call sends that are not in the catalog; None if its options permit no such names."""
    lenient = other_version(catalog.facts, options.api_version)
    return Beyond(lenient) if lenient or options.extra else None


def unknown_names(catalog: Catalog, operation: Operation, params: dict[str, Any]) -> tuple[str, ...]:
    """The names in ``params``, at any depth, that are not in the catalog or whose values do not fit it."""
    plan, found = plan_of(catalog, operation), Beyond(lenient=True)
    for name, value in params.items():
        entry = plan.entries.get(name) or plan.by_wire_name.get(name)
        try:
            if entry is None:
                found.note(name, value)
            else:
                entry.check(value, found)
        except ValidationError:
            found.note(name, value)
    return tuple(found.names)


def raw_arguments(
    catalog: Catalog,
    operation: Operation,
    plan: RequestPlan,
    arguments: dict[str, Any],
    options: CallOptions,
    beyond: Beyond,
) -> dict[str, tuple[Entry, Any]]:
    """The arguments sent without being checked against the catalog, as (entry, value) by name.

    These are ``extra`` and, for another API version, the unknown ``arguments``; their names are added to ``beyond``.
    Raises ``InvalidCall`` for a name that is given twice or is malformed.
    """
    found: dict[str, tuple[Entry, Any]] = {}
    known = {name: entry.wire_name for name, entry in plan.entries.items()}
    given = {known.get(name, name) for name in arguments}
    for name, value in (options.extra or {}).items():
        if known.get(name, name).partition("[")[0] in given:
            raise InvalidCall(
                f"option extra: {short(name)} is among the parameters already",
                operation=operation.id,
                param=short(name),
            )
        found[name] = (raw_entry(catalog, operation, name), value)
    if beyond.lenient and operation.extra is None:
        for name, value in arguments.items():
            if type(name) is str and name not in plan.entries and name not in plan.by_wire_name:
                found[name] = (raw_entry(catalog, operation, name), value)
    for name, (entry, value) in found.items():
        try:
            beyond.note(name, value)
            found[name] = (entry, entry.check(value, True))
        except ValidationError as fault:
            raise invalid(fault.at(name).beside(arguments), operation) from None
        except RecursionError:
            raise invalid(ValidationError("", text="tables are nested too deep").at(name), operation) from None
    return found


def raw_entry(catalog: Catalog, operation: Operation, name: str) -> Entry:
    """A parameter that accepts any value, sent in the body, or in the query if the operation has no body.

    Raises ``InvalidCall`` for a path or header parameter, and for an operation whose body is a single value.
    """
    known = operation.params.get(name)
    if known is not None and known.location not in ("query", "body"):
        raise InvalidCall(
            f"option extra: {short(name)} is not part of the body or query; give it as a parameter",
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
    nested = catalog.facts.brackets or any(
        param.style == "deepObject" and param.location == location for param in operation.params.values()
    )
    style = "deepObject" if nested else "form" if location == "query" else ""
    return Entry(catalog, operation, name, Param(name=name, location=location, schema=Schema(), style=style))
