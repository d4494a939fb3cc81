"""From one page of a list to the next.

Understood: Stripe's cursors (``starting_after``, ``ending_before``), tokens (Stripe's search, ``next_cursor``
…), URLs (Stripe v2, ``next``), and page numbers. A ``Link`` header is not: pages are made from values alone.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from host.apis.catalog import Catalog, Operation
from host.apis.options import CallOptions
from host.apis.pagination import list_member
from host.apis.prepare import prepare
from host.errors import UnexpectedAnswer
from host.http.message import Request

__all__ = ["next_page", "page_items", "page_request", "page_words"]


def page_items(operation: Operation, page: Any) -> list[Any]:
    """The items a page holds; empty where it is not a page."""
    found = _dig(page, operation.page_items) if operation.page_items else page
    return found if isinstance(found, list) else []


def next_page(
    catalog: Catalog,
    operation: Operation,
    arguments: dict[str, Any],
    page: Any,
    *,
    base_url: str = "",
    count: int | None = None,
    options: CallOptions | None = None,
    first: Request | None = None,
) -> dict[str, Any] | str | None:
    """What asks for the page after ``page``: arguments for :func:`prepare`, or an absolute URL for
    :func:`page_request`, or None after the last.

    ``arguments`` are those that gave ``page``, which may have its first and last item only, of ``count``; ``first`` is
    its request, where that is not the operation's own.
    Raises ``UnexpectedAnswer`` for a page that leads nowhere:
    more is promised but no item has an id, the cursor stays the same, the URL is not this operation's.
    """
    items = page_items(operation, page)
    match operation.paging:
        case "cursor":
            return _after_cursor(catalog, operation, arguments, page, items)
        case "search":
            return _after_token(catalog, operation, arguments, page)
        case "url":
            if first is None:
                first = prepare(catalog, operation, arguments, options, base_url=base_url or catalog.base_url)
            return _after_url(catalog, operation, page, first)
        case "number":
            return _after_number(operation, arguments, len(items) if count is None else count)
    return None


def page_words(catalog: Catalog, operation: Operation) -> str | None:
    """What the Lua side is told of an operation that answers with a list: its style of paging (``none`` where the
    document tells none), the member with the items and the one with an item's id, each after a zero byte. None of
    other operations.
    """
    style, member = operation.paging or "none", operation.page_items
    if style == "none":
        found = _only_a_list(catalog, operation)
        if found is None:
            return None
        member = found
    return "\0".join((style, member, catalog.id_field))


def _only_a_list(catalog: Catalog, operation: Operation) -> str | None:
    """The member of an answer that is nothing but a list ("": the answer itself); None where it is more."""
    if operation.method != "GET" or operation.result is None:
        return None
    result = catalog.resolve(operation.result)
    if result.type == "array":
        return ""
    member = list_member(result)
    if member is None or operation.path.endswith("}") or catalog.id_field in result.properties:
        return None
    others = (catalog.resolve(each) for name, each in result.properties.items() if name != member)
    return member if all(each.type in ("string", "integer", "number", "boolean") for each in others) else None


def page_request(
    catalog: Catalog,
    operation: Operation,
    url: str,
    options: CallOptions | None = None,
    *,
    arguments: dict[str, Any],
    base_url: str,
) -> Request:
    """The request of a page known by its URL: as the first one's, checked to be the same operation's."""
    first = prepare(catalog, operation, arguments, options, base_url=base_url)
    return replace(first, url=own_url(first, url))


def _after_cursor(
    catalog: Catalog, operation: Operation, arguments: dict[str, Any], page: Any, items: list[Any]
) -> dict[str, Any] | None:
    if not items or not page.get("has_more"):
        return None
    backwards = arguments.get("ending_before") is not None
    name = "ending_before" if backwards else operation.page_param
    edge = items[0] if backwards else items[-1]
    id = edge.get(catalog.id_field) if isinstance(edge, dict) else None
    if not isinstance(id, str) or not id:
        _stuck(catalog, operation, f"the page promises more, but its last item has no {catalog.id_field}")
    return _moved(catalog, operation, arguments, name, id)


def _after_token(catalog: Catalog, operation: Operation, arguments: dict[str, Any], page: Any) -> dict[str, Any] | None:
    token = _dig(page, operation.page_next)
    if not token or (isinstance(page, dict) and page.get("has_more") is False):
        return None
    return _moved(catalog, operation, arguments, operation.page_param, token)


def _moved(catalog: Catalog, operation: Operation, arguments: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if arguments.get(name) == value:
        _stuck(catalog, operation, f"the page after {name}={value} says it comes before itself")
    return {**arguments, name: value}


def _after_number(operation: Operation, arguments: dict[str, Any], count: int) -> dict[str, Any] | None:
    size = next((arguments[name] for name in ("per_page", "page_size", "limit") if name in arguments), None)
    if not count or (isinstance(size, int | float) and count < size):
        return None
    at = arguments.get(operation.page_param)
    if at is None:
        default = operation.params[operation.page_param].schema.default
        at = default if isinstance(default, int) else 1
    return {**arguments, operation.page_param: int(at) + 1}


def _after_url(catalog: Catalog, operation: Operation, page: Any, first: Request) -> str | None:
    link = _dig(page, operation.page_next)
    if not link:
        return None
    if not isinstance(link, str):
        _stuck(catalog, operation, f"{operation.page_next} is not a URL")
    return own_url(first, link)


def own_url(first: Request, link: str) -> str:
    """``link`` made absolute; it must have the origin and the path of the first page's request, so that
    neither the key nor the permission for one operation leads anywhere else."""
    url = urljoin(first.url, link)
    want, got = urlsplit(first.url), urlsplit(url)
    same = (want.scheme, want.netloc, want.path.rstrip("/")) == (got.scheme, got.netloc, got.path.rstrip("/"))
    if not same or re.search(r"[\x00-\x20\x7f]", url):
        raise UnexpectedAnswer(
            f"{first.operation}: the next page's URL leads to {got.scheme}://{got.netloc}{got.path}, "
            f"expected {want.scheme}://{want.netloc}{want.path}",
            operation=first.operation,
        )
    return url


def _stuck(catalog: Catalog, operation: Operation, fault: str) -> NoReturn:
    name = f"{catalog.name}.{operation.id}"
    raise UnexpectedAnswer(f"{name}: {fault}", operation=name)


def _dig(value: Any, dotted: str) -> Any:
    if isinstance(value, dict) and dotted in value:
        return value[dotted]
    for step in dotted.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
