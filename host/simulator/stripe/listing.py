"""Pages of objects that are kept inside another, or are of several kinds. https://docs.stripe.com/api/pagination"""

from __future__ import annotations

from host.simulator.api_error import invalid, missing
from host.simulator.checks import at_least, at_most
from host.simulator.context import Object, RequestContext


def page_of(call: RequestContext, items: list[Object], noun: str) -> Object:
    """The page of ``items``, newest first, that the request asks for."""
    limit = call.params.get("limit", 10)
    if limit < 1:
        raise at_least("limit", "1")
    if limit > 100:
        raise at_most("limit", "100")
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after is not None and before is not None:
        raise invalid(
            "You cannot use both the starting_after and ending_before parameters.", None, "parameters_exclusive"
        )
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
