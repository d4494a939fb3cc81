"""The reference text of an API: its resources, operations, parameters and builders."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from host.apis.arguments import signature
from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.descriptions import Descriptions
from host.apis.methods import method_names
from host.apis.nearest import meant
from host.apis.parameter_reference import plain_text
from host.errors import UsageError

__all__ = ["api_lines", "operation_named", "overview_lines", "resource_lines", "type_text"]

MOST_VALUES = 8  # of an enum
NO_TEXTS = Descriptions()


def overview_lines(catalogs: Iterable[Catalog]) -> list[str]:
    """One line per API: name, number of operations and builders, title and version."""
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
    """The API's resources with their operations, then builders, events and the warnings of its compilation."""
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
    if catalog.webhook_ids():
        lines += ["", "Events it sends:", *(f'  on("{id}", …)' for id in catalog.webhook_ids())]
    if catalog.warnings:
        lines += ["", "Left out or guessed:", *(f"  {warning}" for warning in catalog.warnings)]
    return lines


def resource_lines(catalog: Catalog, resource: str, texts: Descriptions = NO_TEXTS) -> list[str]:
    """The operations of a resource (``prices``), or one operation (``prices.create``, ``new_price``).

    Raises ``UsageError`` if there is neither.
    """
    wanted = resource.removesuffix("()")
    single = _single(catalog, wanted)
    if single is not None:
        return _operation_lines(catalog, single, texts)
    operations = [id for id in catalog.operation_ids() if id.startswith(f"{wanted}.")]
    if not operations:
        raise UsageError(f"{catalog.name} has no resource {resource!r}{meant(wanted, _resources(catalog))}")
    lines: list[str] = []
    for id in operations:
        operation = catalog.operation(id)
        assert operation is not None
        lines += [*_operation_lines(catalog, operation, texts), ""]
    return lines[:-1]


def operation_named(catalog: Catalog, name: str) -> Operation:
    """The operation with that name (``prices.create``, ``new_price``). Raises ``UsageError`` if there is none."""
    found = _single(catalog, name.removesuffix("()"))
    if found is None:
        below = [id for id in catalog.operation_ids() if id.startswith(f"{name}.")]
        if below:
            raise UsageError(f"{name} is a resource; name one of its operations, such as {', '.join(below[:5])}")
        raise UsageError(f"{catalog.name} has no operation {name!r}{meant(name, _resources(catalog))}")
    return found


def _single(catalog: Catalog, name: str) -> Operation | None:
    builder = catalog.builder(name.removeprefix("new_")) if name.startswith("new_") else None
    return builder or catalog.operation(name)


def _resources(catalog: Catalog) -> list[str]:
    ids = catalog.operation_ids()
    return list(dict.fromkeys([*(id.rpartition(".")[0] for id in ids), *ids]))


def _operation_lines(catalog: Catalog, operation: Operation, texts: Descriptions) -> list[str]:
    said = texts.operation(operation.id)
    lines = [f"{catalog.name}.{signature(operation)}", f"    {operation.method} {operation.path}"]
    if text := said.summary or said.text:
        lines += textwrap.wrap(plain_text(text), 100, initial_indent="    ", subsequent_indent="    ", max_lines=3)
    if said.name and said.name not in (operation.id, *_aliases(catalog, operation)):
        lines.append(f"    the document calls it {said.name!r}")
    if also := _aliases(catalog, operation):
        lines.append(f"    also as {', '.join(also)}")
    if operation.unusable:
        lines.append(f"    cannot be called: {operation.unusable}")
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


def _aliases(catalog: Catalog, operation: Operation) -> list[str]:
    return [alias for alias, id in catalog.aliases().items() if id == operation.id]


def _param_row(catalog: Catalog, name: str, param: Param) -> tuple[str, str, str]:
    place = "" if param.location == "body" else param.location
    known = name if param.location != "header" else param.name.lower()
    sent = "" if param.name in (name, known) else f"sent as {param.name!r}"
    words = [word for word in (place, "required" if param.required else "", sent) if word]
    return f"  {name}", ", ".join(words), type_text(catalog, param.schema)


def type_text(catalog: Catalog, schema: Schema, depth: int = 0) -> str:
    """A short form of a schema: ``integer``, ``"day" | "month"``, ``list of string``, ``{interval, …}``."""
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
