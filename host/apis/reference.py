"""An API's words as text to read: resources, operations, parameters, builders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from host.apis.arguments import signature
from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.methods import method_names
from host.apis.nearest import meant
from host.errors import UsageError

__all__ = ["api_lines", "overview_lines", "resource_lines", "type_text"]

MOST_VALUES = 8  # of an enum


def overview_lines(catalogs: Iterable[Catalog]) -> list[str]:
    """One line for each API."""
    rows = [
        (
            each.name,
            f"{len(each.operation_ids())} operations",
            f"{len(each.builder_names())} builders",
            f"{each.title} {each.version}".strip(),
        )
        for each in catalogs
    ]
    return _columns(rows)


def api_lines(catalog: Catalog) -> list[str]:
    """The API's resources with their operations, then its builders, then what could not be read."""
    groups: dict[str, list[str]] = {}
    for id in catalog.operation_ids():
        above, _, last = id.rpartition(".")
        groups.setdefault(above, []).append(last)
    lines = [f"{catalog.title} {catalog.version}".strip(), catalog.base_url, ""]
    lines += _columns([(f"{catalog.name}.{name}".rstrip("."), ", ".join(ops)) for name, ops in sorted(groups.items())])
    if catalog.operation("request") is None:
        lines += ["", f"Any other request: {catalog.name}.request(method, path, params, options)"]
    builders = sorted(catalog.builder_names())
    if builders:
        prefix = "" if catalog.name == "stripe" else f"{catalog.name}."
        lines += ["", "Builders:", *(f"  {prefix}new_{name}()" for name in builders)]
    if catalog.warnings:
        lines += ["", "Left out or guessed:", *(f"  {warning}" for warning in catalog.warnings)]
    return lines


def resource_lines(catalog: Catalog, resource: str) -> list[str]:
    """The operations of a resource (``prices``), or one by its name (``prices.create``, ``new_price``)."""
    wanted = resource.removesuffix("()")
    single = catalog.builder(wanted.removeprefix("new_")) if wanted.startswith("new_") else None
    single = single or catalog.operation(wanted)
    if single is not None:
        return _operation_lines(catalog, single)
    operations = [id for id in catalog.operation_ids() if id.startswith(f"{wanted}.")]
    if not operations:
        raise UsageError(f"{catalog.name} has no resource {resource!r}{meant(wanted, _resources(catalog))}")
    lines: list[str] = []
    for id in operations:
        operation = catalog.operation(id)
        assert operation is not None
        lines += [*_operation_lines(catalog, operation), ""]
    return lines[:-1]


def _resources(catalog: Catalog) -> list[str]:
    ids = catalog.operation_ids()
    return list(dict.fromkeys([*(id.rpartition(".")[0] for id in ids), *ids]))


def _operation_lines(catalog: Catalog, operation: Operation) -> list[str]:
    lines = [f"{catalog.name}.{signature(operation)}", f"    {operation.method} {operation.path}"]
    if operation.deprecated:
        lines.append("    deprecated")
    if operation.builder:
        prefix = "" if catalog.name == "stripe" else f"{catalog.name}."
        sugar = [name for name in method_names(catalog, operation) if name not in operation.params]
        more = f", also {', '.join(f':{name}' for name in sugar)}" if sugar else ""
        lines.append(f"    {prefix}new_{operation.builder}(){more}")
    if operation.paging:
        lines.append("    gives pages: :each() walks them all, :collect() gives all items")
    rows = [_param_row(catalog, name, param) for name, param in operation.params.items()]
    return [*lines, *(f"  {line}" for line in _columns(rows))]


def _param_row(catalog: Catalog, name: str, param: Param) -> tuple[str, str, str]:
    place = "" if param.location == "body" else param.location
    words = [word for word in (place, "required" if param.required else "") if word]
    return f"  {name}", ", ".join(words), type_text(catalog, param.schema)


def type_text(catalog: Catalog, schema: Schema, depth: int = 0) -> str:
    """A schema in few words: ``integer``, ``"day" | "month"``, ``list of string``, ``{interval, …}``."""
    shape = catalog.resolve(schema)
    if shape.enum:
        values = [f'"{value}"' if isinstance(value, str) else str(value) for value in shape.enum[:MOST_VALUES]]
        return " | ".join([*values, *(["…"] if len(shape.enum) > MOST_VALUES else [])])
    if shape.any_of:
        return " or ".join(dict.fromkeys(type_text(catalog, each, depth + 1) for each in shape.any_of[:4]))
    if shape.type == "array":
        return f"list of {type_text(catalog, shape.items or Schema(), depth + 1)}"
    if shape.type == "object" and shape.properties:
        if depth > 1:
            return "table"
        return f"{{{', '.join([*list(shape.properties)[:6], *(['…'] if len(shape.properties) > 6 else [])])}}}"
    if shape.type == "object":
        inner = type_text(catalog, shape.additional, depth + 1) if shape.additional else "anything"
        return f"map of {inner}"
    return shape.type or "anything"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
