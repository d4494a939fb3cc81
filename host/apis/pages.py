"""Finds the next page of a list, in the style of its operation (:mod:`host.apis.page_styles`)."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from host.apis.catalog import Catalog, Operation
from host.apis.list_items import list_member, lists_inside, one_shape
from host.apis.options import CallOptions
from host.apis.page_styles import STYLES, Place, Turn, dig, own_url
from host.apis.prepare import prepare
from host.http.message import Request, Response

UNTOLD = "?"  # in place of the member with the items, if it is not known
__all__ = ["Shown", "link_of", "next_page", "own_url", "page_items", "page_request", "page_words"]


def page_items(operation: Operation, page: Any) -> list[Any]:
    """The items of a page; empty if it is not a page."""
    found = dig(page, operation.page_items) if operation.page_items else page
    return found if isinstance(found, list) else []


class Shown(NamedTuple):
    """A page that came. ``answer`` may have its first and last item only, of ``number``; ``most`` is how many the first
    page had, where this is a later one; ``link`` is its ``Link`` header."""

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
    """What asks for the page after the one ``shown``: arguments for :func:`prepare`, or an absolute URL for
    :func:`page_request`, or None after the last.

    ``arguments`` are those that gave it; ``first`` is the list's request, where that is not the operation's own.
    Raises ``UnexpectedAnswer`` for a page that leads nowhere:
    more is promised but no item has an id, the cursor stays the same, the URL is not this operation's.
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
    """The ``Link`` header of a page's answer, where its style can go by one."""
    if operation is None or type(answer) is not Response or operation.paging not in ("link", "number", "offset"):
        return None
    return answer.headers.get("link")


def page_words(catalog: Catalog, operation: Operation) -> str | None:
    """What the Lua side gets of an operation that answers with a list: its style of paging (``none`` where the
    document names none), the member with the items and the one with an item's id, each after a zero byte. None of
    other operations.
    """
    style, member = operation.paging or "none", operation.page_items
    if style == "none":
        found = _only_a_list(catalog, operation)
        if found is None:
            return None
        member = found
    return "\0".join((style, member, operation.page_id or catalog.id_field))


def _only_a_list(catalog: Catalog, operation: Operation) -> str | None:
    """The member of an answer that is nothing but a list ("": the answer itself); :data:`UNTOLD` where it has several
    lists, or may be anything; None where it is an object.
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
    return UNTOLD if lists_inside(result, catalog) or not result.properties else None


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
