"""Pages of objects that are stored inside others, or are of several kinds. https://docs.stripe.com/api/pagination"""

from __future__ import annotations

from host.simulator.api_error import missing
from host.simulator.context import Object, RequestContext
from host.simulator.expansion import MOST
from host.simulator.pagination import cursors, limit_of


def page_of(call: RequestContext, items: list[Object], noun: str) -> Object:
    """The requested page of ``items``, in their order; ``noun`` is the name of their kind in messages."""
    limit = limit_of(call)
    after, before = cursors(call)
    if after is not None:
        items = items[_place(items, after, noun, "starting_after") + 1 :]
    elif before is not None:
        end = _place(items, before, noun, "ending_before")
        start = max(0, end - limit)
        return {"object": "list", "data": items[start:end], "has_more": start > 0, "url": call.path}
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": call.path}


def embed(listed: Object, item: Object) -> None:
    """Put a new object first in a list inside another object, which has the newest ten."""
    listed["data"].insert(0, item)
    if len(listed["data"]) > MOST:
        del listed["data"][MOST:]
        listed["has_more"] = True


def renew(call: RequestContext, holder: Object | None, name: str, item: Object) -> None:
    """Replace a changed object in the list ``name`` inside ``holder``, and store that."""
    data = holder[name]["data"] if holder is not None else []
    for n, old in enumerate(data):
        if holder is not None and old["id"] == item["id"] and old != item:
            data[n] = item
            call.backend.store.put(str(holder["object"]), str(holder["id"]), holder)


def _place(items: list[Object], id: str, noun: str, param: str) -> int:
    for n, item in enumerate(items):
        if item["id"] == id:
            return n
    raise missing(noun, id, param, 400)
