"""Finds the member of an answer that has the items of a list, by the answer's schema."""

from __future__ import annotations

import re

from host.apis.catalog import Catalog, Operation, Schema

__all__ = ["find_items", "list_member", "lists_inside", "one_shape", "page_words", "scalar"]

ITEM_MEMBERS = ("data", "items", "results", "value", "values", "entries", "records", "content")
# Lists of metadata rather than items.
ASIDE = frozenset(
    {
        "errors",
        "warnings",
        "links",
        "link",
        "included",
        "facets",
        "aggregations",
        "messages_errors",
        "actions",
        "expand",
        "order",
        "sort",
        "sorts",
        "parameters",
        "columns",
        "fields",
        "headers",
        "scopes",
        "notices",
        "metadata",
        "meta",
        "debug",
        "timings",
    }
)
DEPTH = 3
UNKNOWN_ITEMS = "?"  # stands for the member with the items if it is unknown


def find_items(operation: Operation, result: Schema, lookup: Catalog) -> tuple[str | None, Schema]:
    """The dotted path of the list in an answer, and the schema of its items.

    The path is "" if the answer itself is the list, and ``None`` if there is no list, or more than one possible list.
    """
    result = one_shape(result, lookup)
    if result.type == "array":
        return "", _item(result, lookup)
    path, found = _below(operation, result, lookup, 1)
    return path, _item(found, lookup)


def one_shape(schema: Schema, lookup: Catalog) -> Schema:
    """The resolved schema, or the first of its alternatives that is a list or an object."""
    full = lookup.resolve(schema)
    if full.any_of and not full.properties and full.type != "array":
        shapes = [lookup.resolve(each) for each in full.any_of]
        return next((each for each in shapes if each.type in ("array", "object") or each.properties), full)
    return full


def _item(schema: Schema, lookup: Catalog) -> Schema:
    return one_shape(schema.items, lookup) if schema.items else Schema()


def _below(operation: Operation, shape: Schema, lookup: Catalog, depth: int) -> tuple[str | None, Schema]:
    members = {name: one_shape(each, lookup) for name, each in shape.properties.items()}
    lists = {name: full for name, full in members.items() if full.type == "array"}
    chosen = _chosen(operation, lists, lookup)
    if chosen is not None:
        return chosen, lists[chosen]
    if lists or depth == DEPTH:  # several lists are ambiguous
        return None, Schema()
    found: list[tuple[str, Schema]] = []
    for name, full in members.items():
        if full.properties and name.lower() not in ASIDE:
            inner, schema = _below(operation, full, lookup, depth + 1)
            if inner is not None:
                found.append((f"{name}.{inner}", schema))
    return found[0] if len(found) == 1 else (None, Schema())


def _chosen(operation: Operation, lists: dict[str, Schema], lookup: Catalog) -> str | None:
    """The list of items in an object: the only list, one with a usual name, or one named like the path."""
    real = [name for name in lists if name.lower().lstrip("_") not in ASIDE] or list(lists)
    objects = [name for name in real if _of_objects(lists[name], lookup)]
    for names in (objects, real):
        if len(names) == 1:
            return names[0]
        for usual in ITEM_MEMBERS:
            if usual in names:
                return usual
        for part in reversed([part for part in re.split(r"[/.]", operation.path) if part and "{" not in part]):
            same = [name for name in names if _same(name, part)]
            if len(same) == 1:
                return same[0]
    return None


def _of_objects(schema: Schema, lookup: Catalog) -> bool:
    item = _item(schema, lookup)
    return item.type in ("object", "") or bool(item.properties)


def _same(name: str, segment: str) -> bool:
    a, b = (re.sub(r"[^a-z0-9]", "", each.lower()).removesuffix("s") for each in (name, segment))
    return a == b or (len(b) > 4 and a.endswith(b))


def lists_inside(result: Schema, lookup: Catalog) -> list[str]:
    """The members of an answer that are lists."""
    return [name for name, each in result.properties.items() if lookup.resolve(each).type == "array"]


def scalar(schema: Schema, lookup: Catalog, types: tuple[str, ...]) -> bool:
    """Whether values of ``schema``, or of each of its alternatives, are of one of ``types``."""
    full = lookup.resolve(schema)
    if full.any_of:
        return any(scalar(each, lookup, types) for each in full.any_of)
    return full.type in types and not full.properties


def list_member(result: Schema) -> str | None:
    """The member with the items: a list with a usual name, or the only member."""
    lists = [name for name, member in result.properties.items() if member.type == "array"]
    usual = [name for name in ITEM_MEMBERS if name in lists]
    if usual:
        return usual[0]
    counts = ("count", "total", "next", "previous", "has_more", "next_page_url", "next_cursor", "cursor")
    others = [name for name in result.properties if name not in lists and name not in counts]
    return lists[0] if len(lists) == 1 and not others else None


def page_words(catalog: Catalog, operation: Operation) -> str | None:
    """The pagination of a list operation as the Lua side receives it; None if the operation returns no list.

    Three texts separated by zero bytes: the style (``none`` if the document describes none), the member that holds
    the items, and the member of an item that holds its id.
    """
    style, member = operation.paging or "none", operation.page_items
    if style == "none":
        found = _only_a_list(catalog, operation)
        if found is None:
            return None
        member = found
    return "\0".join((style, member, operation.page_id or catalog.id_field))


def _only_a_list(catalog: Catalog, operation: Operation) -> str | None:
    """The member that holds the items of a plain list ("": the answer itself).

    :data:`UNKNOWN_ITEMS` if the answer has several lists or an unknown shape; None if it is an object.
    """
    if operation.method != "GET" or operation.result is None:
        return None
    result = one_shape(operation.result, catalog)
    if result.type == "array":
        return ""
    if result.type == "string" or catalog.id_field in result.properties or operation.path.endswith("}"):
        return None
    member = list_member(result)
    if member is not None:
        others = (catalog.resolve(each) for name, each in result.properties.items() if name != member)
        if all(each.type in ("string", "integer", "number", "boolean") for each in others):
            return member
    return UNKNOWN_ITEMS if lists_inside(result, catalog) or not result.properties else None
