"""Pages of objects: lists with cursors, search results, and the page URLs of API v2."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator

import msgspec

from host.simulator.api_error import invalid, missing
from host.simulator.checks import at_least, at_most
from host.simulator.context import Object, RequestContext, Test
from host.simulator.list_filters import defaults, properties_of, tests_of
from host.simulator.references import noun
from host.simulator.resources import owner_field
from host.simulator.search import parse
from host.simulator.store import StoredObject

_decode = msgspec.json.Decoder().decode


def page(call: RequestContext) -> bytes:
    """The requested page, as JSON."""
    if call.plan.action == "search":
        return _search_page(call)
    if call.path.startswith("/v2/"):
        return _url_page(call)
    return _cursor_page(call)


def page_of(call: RequestContext, show: Callable[[RequestContext, Object], Object]) -> Object:
    """The requested page of objects that answers show in another form than they are stored in."""
    found: Object = msgspec.json.decode(page(call))
    return {**found, "data": [show(call, each) for each in found["data"]]}


def limit_of(call: RequestContext) -> int:
    """How many objects the page may have, from 1 to 100; 10 unless ``limit`` is given."""
    limit = call.params.get("limit")
    if limit is None:
        return 10
    if limit < 1:
        raise at_least("limit", "1")
    if limit > 100:
        raise at_most("limit", "100")
    return int(limit)


def cursors(call: RequestContext) -> tuple[str | None, str | None]:
    """The values of ``starting_after`` and ``ending_before``. Raises :class:`SimulatedError` if both are given."""
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after is not None and before is not None:
        raise invalid(
            "You cannot use both the starting_after and ending_before parameters.", None, "parameters_exclusive"
        )
    return after, before


def _cursor_page(call: RequestContext) -> bytes:
    """https://docs.stripe.com/api/pagination"""
    limit, store, kind = limit_of(call), call.backend.store, call.plan.kind
    after, before = cursors(call)
    source: Iterator[tuple[str, StoredObject]]
    if before is not None:
        source = store.oldest(kind, _place(call, before, "ending_before"))
    elif after is not None:
        source = store.newest(kind, _place(call, after, "starting_after"))
    else:
        source = store.newest(kind)
    if call.plan.parents and not owner_field(call.plan.parents[-1], properties_of(call)):
        source = (item for item in source if item[1].under == call.path)
    bodies = _take(source, tests_of(call), limit + 1)
    more = len(bodies) > limit
    bodies = bodies[:limit]
    if before is not None:
        bodies.reverse()
    head = msgspec.json.encode({"object": "list", "url": call.path, "has_more": more})
    return head[:-1] + b',"data":[' + b",".join(bodies) + b"]}"


def _place(call: RequestContext, id: str, param: str) -> int:
    """The position of a cursor's object, which must be one that the list can have: a deleted object or a canceled
    subscription is refused as missing.
    """
    record = call.backend.store.record(call.plan.kind, id)
    if record is None or record.deleted or not all(test(_decode(record.body)) for test in defaults(call)):
        raise missing(noun(call.plan.kind), id, param, 400)
    return record.place


def _take(source: Iterator[tuple[str, StoredObject]], tests: list[Test], most: int) -> list[bytes]:
    found: list[bytes] = []
    for _, record in source:
        if tests:
            value = _decode(record.body)
            if not all(test(value) for test in tests):
                continue
        found.append(record.body)
        if len(found) == most:
            break
    return found


def _search_page(call: RequestContext) -> bytes:
    """https://docs.stripe.com/search"""
    limit, store, kind = limit_of(call), call.backend.store, call.plan.kind
    test = parse(str(call.params.get("query", "")), kind)
    start = _token(call.params["page"], call) if call.params.get("page") else None
    found: list[tuple[int, bytes]] = []
    counted = "total_count" in (call.params.get("expand") or ())
    for _, record in store.newest(kind, start):
        if test(_decode(record.body)):
            found.append((record.place, record.body))
            if len(found) > limit:
                break
    more = len(found) > limit
    found = found[:limit]
    head: Object = {"object": "search_result", "url": call.path, "has_more": more, "next_page": None}
    if more:
        head["next_page"] = _as_token(found[-1][0])
    if counted:  # the total of all pages
        call.params["expand"] = [path for path in call.params["expand"] if path != "total_count"]
        head["total_count"] = sum(test(_decode(record.body)) for _, record in store.newest(kind, None))
    return msgspec.json.encode(head)[:-1] + b',"data":[' + b",".join(body for _, body in found) + b"]}"


def _as_token(place: int) -> str:
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode().rstrip("=")


def _token(text: str, call: RequestContext) -> int:
    try:
        raw = base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4)).decode()
        return int(raw.removeprefix("place:"))
    except (ValueError, binascii.Error) as error:
        raise invalid(f"Invalid page: {str(text)[:40]}", "page") from error


def _url_page(call: RequestContext) -> bytes:
    """A page of API v2, with the URL of the next. https://docs.stripe.com/api-v2-overview#list-pagination"""
    limit, store, kind = limit_of(call), call.backend.store, call.plan.kind
    token = call.params.get("page")
    tests, found = tests_of(call), list[StoredObject]()
    for _, record in store.newest(kind, _token(token, call) if token else None):
        if all(test(_decode(record.body)) for test in tests):
            found.append(record)
            if len(found) > limit:
                break
    url = None
    if len(found) > limit:
        kept = [pair for pair in call.query.split("&") if pair and pair.partition("=")[0] != "page"]
        url = f"{call.path}?{'&'.join([*kept, 'page=' + _as_token(found[limit - 1].place)])}"
    head = msgspec.json.encode({"next_page_url": url, "previous_page_url": None})
    return head[:-1] + b',"data":[' + b",".join(record.body for record in found[:limit]) + b"]}"
