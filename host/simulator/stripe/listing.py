"""Pages of objects that are stored inside others, or are of several kinds. https://docs.stripe.com/api/pagination"""

from __future__ import annotations

from host.simulator.api_error import missing
from host.simulator.context import Object, RequestContext
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


def _place(items: list[Object], id: str, noun: str, param: str) -> int:
    for n, item in enumerate(items):
        if item["id"] == id:
            return n
    raise missing(noun, id, param, 400)
