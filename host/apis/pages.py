"""Finds the next page of a list, by its operation's pagination style (:mod:`host.apis.page_styles`)."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from host.apis.catalog import Catalog, Operation
from host.apis.list_items import list_member, lists_inside, one_shape
from host.apis.options import CallOptions
from host.apis.page_styles import STYLES, Place, Turn, dig, own_url
from host.apis.prepare import prepare
from host.http.message import Request, Response

UNKNOWN_ITEMS = "?"  # stands for the member with the items if it is unknown
__all__ = ["Shown", "link_of", "next_page", "own_url", "page_items", "page_request", "page_words"]


def page_items(operation: Operation, page: Any) -> list[Any]:
    """The items of a page; an empty list if ``page`` holds none."""
    found = dig(page, operation.page_items) if operation.page_items else page
    return found if isinstance(found, list) else []


class Shown(NamedTuple):
    """A received page. ``number`` is its item count (None: as in ``answer``, which may otherwise hold only the first
    and last item), ``most`` the first page's item count (None for the first page), ``link`` its ``Link`` header."""

    answer: Any
    number: int | None = None
    most: int | None = None
    link: str | None = None


def next_page(
    catalog: Catalog,
    operation: Operation,
    arguments: dict[str, Any],
    shown: Shown,
    *,
    base_url: str = "",
    options: CallOptions | None = None,
    first: Request | None = None,
) -> Place:
    """The place of the page after ``shown``: arguments for :func:`prepare`, an absolute URL for :func:`page_request`,
    or None after the last page.

    ``arguments`` are those of the call that returned ``shown``; ``first`` is the first page's request, if it differs
    from the operation's own. Raises ``UnexpectedAnswer`` if the next page cannot be derived: the answer promises more
    but no item has an id, the cursor does not change, or the URL belongs to another operation.
    """
    style = STYLES.get(operation.paging or "")
    if style is None:
        return None
    items = page_items(operation, shown.answer)

    def own() -> Request:
        return first or prepare(catalog, operation, arguments, options, base_url=base_url or catalog.base_url)

    number = len(items) if shown.number is None else shown.number
    return style(Turn(catalog, operation, arguments, shown.answer, items, number, shown.most, shown.link, own))


def link_of(operation: Operation | None, answer: Any) -> str | None:
    """The ``Link`` header of a page's answer; None if there is none or the operation's style does not use it."""
    if operation is None or type(answer) is not Response or operation.paging not in ("link", "number", "offset"):
        return None
    return answer.headers.get("link")


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


def page_request(
    catalog: Catalog,
    operation: Operation,
    url: str,
    options: CallOptions | None = None,
    *,
    arguments: dict[str, Any],
    base_url: str,
) -> Request:
    """The request of a page given by its URL: the first page's request with that URL.

    Raises ``UnexpectedAnswer`` if the URL is not one of the same operation.
    """
    first = prepare(catalog, operation, arguments, options, base_url=base_url)
    return replace(first, url=own_url(first, url))
