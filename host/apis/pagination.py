"""How an operation's pages follow each other, read from its parameters and the shape of its answer."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Operation, Schema

URL_MEMBERS = ("next_page_url", "next_url", "next", "links.next", "_links.next.href", "@odata.nextLink")
TOKENS = (  # member of the answer -> parameters it may go to
    ("next_page", ("page", "page_token", "next_page", "cursor")),
    ("next_page_token", ("page_token", "next_page_token")),
    ("nextPageToken", ("pageToken", "nextPageToken")),
    ("next_cursor", ("cursor", "next_cursor", "start_cursor")),
    ("nextCursor", ("cursor", "nextCursor")),
    ("next_token", ("next_token", "token")),
    ("NextToken", ("NextToken",)),
    ("continuation_token", ("continuation_token",)),
    ("cursor", ("cursor",)),
    ("meta.next_cursor", ("cursor",)),
    ("response_metadata.next_cursor", ("cursor",)),
    ("after", ("after",)),
)
ITEM_MEMBERS = ("data", "items", "results", "value", "values", "entries", "records", "content")


def detect_paging(operation: Operation, result: Schema | None) -> dict[str, Any]:
    """The fields ``paging``, ``page_items``, ``page_next``, ``page_param`` of ``operation``, as changes."""
    if operation.method != "GET" or result is None:
        return {}
    wire = {param.name: name for name, param in operation.params.items()}
    if result.type == "array":
        if number := _numbered(operation):
            return {"paging": "number", "page_items": "", "page_param": number}
        return {}
    items = list_member(result)
    if items is None:
        return {}
    found: dict[str, Any] = {"page_items": items}
    if "starting_after" in wire and "has_more" in result.properties:
        return {**found, "paging": "cursor", "page_param": wire["starting_after"]}
    for member, targets in TOKENS:
        target = next((wire[name] for name in targets if name in wire), None)
        if target and _has(result, member) and operation.params[target].schema.type != "integer":
            return {**found, "paging": "search", "page_next": member, "page_param": target}
    for member in URL_MEMBERS:
        if _has(result, member):
            return {**found, "paging": "url", "page_next": member}
    if number := _numbered(operation):
        return {**found, "paging": "number", "page_param": number}
    return {}


def _numbered(operation: Operation) -> str:
    param = operation.params.get("page")
    return "page" if param is not None and param.schema.type in ("integer", "number") else ""


def list_member(result: Schema) -> str | None:
    """The member that holds the items: a list of one of the usual names, or the only member there is."""
    lists = [name for name, member in result.properties.items() if member.type == "array"]
    usual = [name for name in ITEM_MEMBERS if name in lists]
    if usual:
        return usual[0]
    counts = ("count", "total", "next", "previous", "has_more", "next_page_url", "next_cursor", "cursor")
    others = [name for name in result.properties if name not in lists and name not in counts]
    return lists[0] if len(lists) == 1 and not others else None


def _has(result: Schema, member: str) -> bool:
    shape: Schema | None = result
    for step in member.split("."):
        if shape is None or step not in shape.properties:
            return False
        shape = shape.properties[step]
        if shape.ref:  # taken at its word; the answer decides
            return True
    return True
