"""Lists as well-known APIs page them: for each style the document, and a server that answers as it does.

A server takes what is in its list at the moment, refuses what its document does not have, and a request without the
filter that the first one had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

TEXT, WHOLE, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
THING = {"type": "object", "properties": {"id": TEXT, "colour": TEXT}}
THINGS = {"type": "array", "items": THING}
USUAL = 3  # items of a page unless it is asked for another number

Things = list[dict[str, str]]
Asked = dict[str, Any]


class Style(NamedTuple):
    """``params``: those that page, by schema or (schema, description); ``size``: the one for a page's size; ``answer``:
    members beside the items, None for a bare list; ``serve``: (things, asked, URL without query) → (answer, headers).
    """

    params: dict[str, Any]
    size: str
    items: str
    answer: dict[str, Any] | None
    serve: Callable[[Things, Asked, str], tuple[Any, dict[str, str]]]
    method: str = "get"
    headers: tuple[str, ...] = ()
    keyed: bool = False  # what is added or deleted between two pages moves nothing


def number(thing: dict[str, str]) -> int:
    return int(thing["id"][1:])


def part(things: Things, start: int, size: int) -> tuple[Things, int | None]:
    return things[start : start + size], start + size if start + size < len(things) else None


def after(things: Things, mark: str, size: int) -> tuple[Things, str | None]:
    """By a mark that stands for the last id given out, whether that is there or not."""
    left = [each for each in things if not mark or number(each) > int(mark[1:])]
    return left[:size], left[size - 1]["id"] if len(left) > size else None


def token(param: str, size: str, answer: Callable[[str | None], dict[str, Any]], items: str = "data") -> Any:
    def serve(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
        found, mark = after(things, asked.get(param, ""), int(asked.get(size, USUAL)))
        return nested({items: found}, answer(mark)), {}

    return serve


def nested(items: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    (path, found) = next(iter(items.items()))
    *above, leaf = path.split(".")
    inner: dict[str, Any] = {leaf: found}
    for step in reversed(above):
        inner = {step: inner}
    return {**inner, **more}


def last_id(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
    found, mark = after(things, asked.get("after", ""), int(asked.get("limit", USUAL)))
    return {"data": found, "has_more": mark is not None}, {}


def last_id_told(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
    found, mark = after(things, asked.get("after", ""), int(asked.get("limit", USUAL)))
    return {"data": found, "has_more": mark is not None, "last_id": found[-1]["id"] if found else None}, {}


def bare_after(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
    return after(things, asked.get("after", ""), int(asked.get("limit", USUAL)))[0], {}


def iterated(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
    found, mark = after(things, asked.get("iterator", ""), int(asked.get("limit", USUAL)))
    return {"data": found, "iterator": found[-1]["id"] if found else "t0", "done": mark is None}, {}


def by_url(answer: Callable[[str | None], dict[str, Any]], *, whole: bool = True) -> Any:
    def serve(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
        found, link = linked(things, asked, here if whole else "/things")
        return {"results": found, **answer(link)}, {}

    return serve


def linked(things: Things, asked: Asked, here: str) -> tuple[Things, str | None]:
    size = int(asked.get("limit", USUAL))
    found, mark = after(things, asked.get("since", ""), size)
    kept = {name: value for name, value in asked.items() if name != "since"}
    return found, mark and f"{here}?{urlencode({**kept, 'since': mark})}"


def link_header(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
    found, link = linked(things, asked, here)
    links = [f'<{here}?limit=1>; rel="first"', *([f'<{link}>; title="a, b"; rel="next last"'] if link else [])]
    return found, {"Link": ", ".join(reversed(links))}


def offset(param: str, size: str, first: int, answer: Callable[[int, bool], dict[str, Any]] | None) -> Any:
    def serve(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
        found, more = part(things, int(asked.get(param, first)) - first, int(asked.get(size, USUAL)))
        return found if answer is None else {"entries": found, **answer(len(things), more is not None)}, {}

    return serve


def paged(param: str, size: str, first: int, answer: Callable[[int, int, bool], dict[str, Any]] | None) -> Any:
    def serve(things: Things, asked: Asked, here: str) -> tuple[Any, dict[str, str]]:
        most, page = int(asked.get(size, USUAL)), int(asked.get(param, first))
        found, more = part(things, (page - first) * most, most)
        return found if answer is None else {
            "items": found,
            **answer(page, -(-len(things) // most), more is not None),
        }, {}

    return serve


def an(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members}


STYLES: dict[str, Style] = {
    "token": Style(
        {"pageToken": TEXT, "maxResults": WHOLE},
        "maxResults",
        "messages",
        {"nextPageToken": TEXT, "estimate": WHOLE},
        token("pageToken", "maxResults", lambda m: {"nextPageToken": m, "estimate": 9} if m else {}, "messages"),
        keyed=True,
    ),
    "cursor": Style(
        {"cursor": TEXT, "limit": WHOLE},
        "limit",
        "things",
        {"errors": {"type": "array", "items": an(code=TEXT)}, "cursor": TEXT},
        token("cursor", "limit", lambda m: {"cursor": m} if m else {}, "things"),
        keyed=True,
    ),
    "meta.next": Style(
        {"cursor": TEXT, "page_size": WHOLE},
        "page_size",
        "data",
        {"meta": an(next=TEXT, previous=TEXT)},
        token("cursor", "page_size", lambda m: {"meta": {"next": m, "previous": "t1"}}),
        keyed=True,
    ),
    "paging.cursors.after": Style(
        {"after": TEXT, "before": TEXT, "limit": WHOLE},
        "limit",
        "data",
        {"paging": an(cursors=an(before=TEXT, after=TEXT))},
        token("after", "limit", lambda m: {"paging": {"cursors": {"before": "t1", "after": m}}}),
        keyed=True,
    ),
    "response_metadata": Style(
        {"cursor": TEXT, "limit": WHOLE},
        "limit",
        "members",
        {"ok": FLAG, "response_metadata": an(next_cursor=TEXT)},
        token("cursor", "limit", lambda m: {"ok": True, "response_metadata": {"next_cursor": m or ""}}, "members"),
        keyed=True,
    ),
    "next_page.offset": Style(
        {"offset": TEXT, "limit": WHOLE},
        "limit",
        "data",
        {"next_page": an(offset=TEXT, uri=TEXT)},
        token("offset", "limit", lambda m: {"next_page": m and {"offset": m, "uri": "/elsewhere"}}),
        keyed=True,
    ),
    "page[cursor]": Style(
        {"page[cursor]": TEXT, "page[limit]": WHOLE},
        "page_limit",
        "data",
        {"meta": an(page=an(after=TEXT))},
        token("page[cursor]", "page[limit]", lambda m: {"meta": {"page": {"after": m}}}),
        keyed=True,
    ),
    "items inside": Style(
        {"marker": TEXT, "limit": WHOLE},
        "limit",
        "response.items",
        {"response": an(items=THINGS), "nextMarker": TEXT},
        token("marker", "limit", lambda m: {"nextMarker": m}, "response.items"),
        keyed=True,
    ),
    "iterator, done": Style(
        {"iterator": TEXT, "limit": WHOLE},
        "limit",
        "data",
        {"iterator": TEXT, "prevIterator": TEXT, "done": FLAG},
        iterated,
        keyed=True,
    ),
    "last id, has_more": Style(
        {"after": TEXT, "limit": WHOLE}, "limit", "data", {"object": TEXT, "has_more": FLAG}, last_id, keyed=True
    ),
    "last_id, has_more": Style(
        {"after": TEXT, "limit": WHOLE},
        "limit",
        "data",
        {"first_id": TEXT, "last_id": TEXT, "has_more": FLAG},
        last_id_told,
        keyed=True,
    ),
    "last id of a bare list": Style(
        {"after": (TEXT, "The highest id of the page before"), "limit": {**WHOLE, "maximum": 100}},
        "limit",
        "",
        None,
        bare_after,
        keyed=True,
    ),
    "cursor in a body": Style(
        {"cursor": TEXT, "limit": WHOLE},
        "limit",
        "payments",
        {"errors": {"type": "array", "items": an(code=TEXT)}, "cursor": TEXT},
        token("cursor", "limit", lambda m: {"cursor": m} if m else {}, "payments"),
        "post",
        keyed=True,
    ),
    "next": Style(
        {"since": TEXT, "limit": WHOLE},
        "limit",
        "results",
        {"count": WHOLE, "next": TEXT},
        by_url(lambda u: {"next": u}),
        keyed=True,
    ),
    "next, relative": Style(
        {"since": TEXT, "limit": WHOLE},
        "limit",
        "results",
        {"next_page_uri": TEXT, "uri": TEXT},
        by_url(lambda u: {"next_page_uri": u, "uri": "/things"}, whole=False),
        keyed=True,
    ),
    "_links.next.href": Style(
        {"since": TEXT, "limit": WHOLE},
        "limit",
        "results",
        {"_links": an(self=an(href=TEXT), next=an(href=TEXT))},
        by_url(lambda u: {"_links": {"self": {"href": "/"}, **({"next": {"href": u}} if u else {})}}),
        keyed=True,
    ),
    "links of relations": Style(
        {"since": TEXT, "limit": WHOLE},
        "limit",
        "results",
        {"links": {"type": "array", "items": an(rel=TEXT, href=TEXT)}},
        by_url(lambda u: {"links": [{"rel": "self", "href": "/"}, *([{"rel": "next", "href": u}] if u else [])]}),
        keyed=True,
    ),
    "Link": Style({"since": TEXT, "limit": WHOLE}, "limit", "", None, link_header, headers=("Link",), keyed=True),
    "Link, not described": Style(
        {"page": WHOLE, "since": TEXT, "limit": WHOLE}, "limit", "", None, link_header, keyed=True
    ),
    "offset, total": Style(
        {"offset": WHOLE, "limit": WHOLE},
        "limit",
        "entries",
        {"total_count": WHOLE, "offset": WHOLE, "limit": WHOLE},
        offset("offset", "limit", 0, lambda total, more: {"total_count": total}),
    ),
    "offset, more": Style(
        {"offset": WHOLE, "limit": WHOLE},
        "limit",
        "entries",
        {"more": FLAG, "total": WHOLE},
        offset("offset", "limit", 0, lambda total, more: {"more": more, "total": None}),
    ),
    "skip": Style({"skip": WHOLE, "take": WHOLE}, "take", "", None, offset("skip", "take", 0, None)),
    "startIndex": Style(
        {"startIndex": {**WHOLE, "minimum": 1, "default": 1}, "count": WHOLE},
        "count",
        "entries",
        {"totalResults": WHOLE},
        offset("startIndex", "count", 1, lambda total, more: {"totalResults": total}),
    ),
    "page": Style({"page": WHOLE, "per_page": WHOLE}, "per_page", "", None, paged("page", "per_page", 1, None)),
    "page, total_pages": Style(
        {"page": WHOLE, "per_page": WHOLE},
        "per_page",
        "items",
        {"meta": an(total_pages=WHOLE, page=WHOLE)},
        paged("page", "per_page", 1, lambda page, pages, more: {"meta": {"total_pages": pages, "page": page}}),
    ),
    "page from 0": Style(
        {"page": (WHOLE, "Zero-based page index"), "size": WHOLE},
        "size",
        "items",
        {"last": FLAG},
        paged("page", "size", 0, lambda page, pages, more: {"last": not more}),
    ),
    "page from 0, told": Style(
        {"page": WHOLE, "size": WHOLE},
        "size",
        "items",
        {"number": WHOLE, "totalPages": WHOLE},
        paged("page", "size", 0, lambda page, pages, more: {"number": page}),
    ),
}


def document(style: Style, server: str | None) -> dict[str, Any]:
    """An API with a list in that style, at which things can also be made."""
    paging = []
    for name, schema in style.params.items():
        schema, text = schema if isinstance(schema, tuple) else (schema, "")
        paging.append({"name": name, "in": "query", "schema": schema, "description": text})
    colour = {"name": "colour", "in": "query", "schema": TEXT}
    items = {} if "." in style.items else {style.items: THINGS}
    answer = THINGS if style.answer is None else {"type": "object", "properties": {**items, **style.answer}}
    described = {"200": {"description": "", **content(answer)}}
    if style.headers:
        described["200"]["headers"] = {name: {"schema": TEXT} for name in style.headers}
    listing: dict[str, Any] = {"operationId": "things.list", "responses": described}
    if style.method == "post":
        members = {each["name"]: each["schema"] for each in (*paging, colour)}
        listing["requestBody"] = content({"type": "object", "properties": members})
    else:
        listing["parameters"] = [*paging, colour]
    make = {
        "operationId": "things.make",
        "requestBody": content({"type": "object", "properties": {"colour": TEXT}}),
        "responses": {"201": {"description": "", **content(THING)}},
    }
    one = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}]}
    gone = {"operationId": "things.remove", "responses": {"204": {"description": ""}}}
    paths: dict[str, Any] = {"/things": {"post": make}, "/things/{id}": {**one, "delete": gone}}
    paths["/things/search" if style.method == "post" else "/things"] = {
        **(paths["/things"] if style.method == "get" else {}),
        style.method: listing,
    }
    found = {"openapi": "3.0.3", "info": {"title": "Things", "version": "1"}, "paths": paths}
    return {**found, "servers": [{"url": server}]} if server else found


def content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
