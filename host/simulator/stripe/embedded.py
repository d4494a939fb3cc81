"""Pages of what is kept inside another object, in the order it stands there."""

from __future__ import annotations

import msgspec

from host.simulator.api_error import invalid, missing
from host.simulator.checks import at_least, at_most
from host.simulator.context import Object, RequestContext


def page(call: RequestContext, items: list[Object], noun: str) -> bytes:
    """The page of ``items`` that the request asks for, by ``limit``, ``starting_after`` and ``ending_before``."""
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
        rest = items[_place(items, after, noun, "starting_after") + 1 :]
    elif before is not None:
        rest = items[: _place(items, before, noun, "ending_before")]
        return _page(call, rest[-limit:], len(rest) > limit)
    else:
        rest = items
    return _page(call, rest[:limit], len(rest) > limit)


def _place(items: list[Object], id: str, noun: str, param: str) -> int:
    for n, item in enumerate(items):
        if item["id"] == id:
            return n
    raise missing(noun, id, param, 400)


def _page(call: RequestContext, items: list[Object], more: bool) -> bytes:
    return msgspec.json.encode({"object": "list", "url": call.path, "has_more": more, "data": items})
