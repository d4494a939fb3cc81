"""Further pages of a list: the request for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host.apis.api import Api
from host.apis.catalog import Catalog, Operation
from host.apis.options import CallOptions
from host.apis.pages import Shown, link_of, next_page, page_request
from host.apis.prepare import bind
from host.apis.validation_error import shown
from host.calls.call import Call, CallingRun
from host.calls.pipeline import CallPipeline
from host.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from host.apis.raw_request import RawRequest

__all__ = ["place_of", "send_for_page"]


def send_for_page(
    pipeline: CallPipeline,
    run: CallingRun,
    call: Call,
    args: list[Any] | None,
    page: Any,
    place: Any = None,
    count: int | None = None,
    again: bool = False,
    most: int | None = None,
) -> bool:
    """Request the page after ``page``, or that one ``again``; ``False`` if there is none. Raises ``CallError``.

    ``args`` are those of the list's call, ``None`` for a list inside an object. ``page`` may hold only its first and
    last of ``count`` items; ``most`` is how many the first page had, if this is a later one. ``place`` is what
    :func:`place_of` returned for it, ``None`` for a first page.
    """
    place, link = place or (None, None)
    if call.asks is not None:
        return _page_asked(pipeline, run, call, call.asks, Shown(page, count, most, link), place, again)
    options: dict[str, Any] = {}
    if args is None:
        found = _list_inside(pipeline, call, page)
        if found is None:
            return False
        api, operation, arguments = found
    else:
        api, operation = pipeline.names.operation(call.name)
        arguments, options = bind(operation, args)
    parsed = CallOptions.parse(options)
    here = {**arguments, **place} if isinstance(place, dict) else arguments
    following: dict[str, Any] | str | None = place if isinstance(place, str) else here
    if not again:
        shown_page = Shown(page, count, most, link)
        following = next_page(api.catalog, operation, here, shown_page, base_url=api.base_url, options=parsed)
    if following is None:
        return False
    if isinstance(following, str):
        call.place_of_page = following
        request = page_request(api.catalog, operation, following, parsed, arguments=arguments, base_url=api.base_url)
        pipeline.send_request(run, call, api, operation, request)
    else:
        call.place_of_page = {k: v for k, v in following.items() if arguments.get(k) != v}
        pipeline.send_operation(run, call, api, operation, following, parsed)
    return True


def place_of(call: Call) -> Any:
    """The position of the page that a call was answered with: what asks for it, and its ``Link`` header; ``None`` if
    neither is needed.
    """
    reply = call.reply
    link = link_of(call.operation, reply.value) if reply is not None and call.operation is not None else None
    return None if link is None and call.place_of_page is None else (call.place_of_page, link)


def _page_asked(
    pipeline: CallPipeline, run: CallingRun, call: Call, asked: RawRequest, page: Shown, place: Any, again: bool
) -> bool:
    """The same for a list that ``<api>.request`` returned."""
    api = pipeline.apis[call.name.partition(".")[0]]
    following = asked.after(api.catalog, page, place, api.base_url, again=again)
    if following is None:
        return False
    call.place_of_page = following.place
    pipeline.send_raw(run, call, following)
    return True


def _list_inside(pipeline: CallPipeline, call: Call, page: Any) -> tuple[Api, Operation, dict[str, Any]] | None:
    """The list operation behind a list inside an object, which its ``url`` names; ``None`` if it has no more items."""
    api = pipeline.apis.get(call.name)
    if api is None or not isinstance(page, dict) or not page.get("has_more"):
        return None
    url = page.get("url")
    found = _operation_at(api.catalog, url.partition("?")[0]) if isinstance(url, str) else None
    if found is None:
        raise UnexpectedAnswer(
            f"{call.name}: a list inside an answer has more items, but cannot be followed: its url is {shown(url)}"
        )
    call.name = f"{api.name}.{found[0].id}"
    return api, *found


def _operation_at(catalog: Catalog, path: str) -> tuple[Operation, dict[str, Any]] | None:
    """The list operation at a path such as ``/v1/subscription_items``."""
    steps = path.strip("/").split("/")
    for id in catalog.operation_ids():
        if not id.endswith(".list"):
            continue
        operation = catalog.operation(id)
        assert operation is not None
        wanted = operation.path.strip("/").split("/")
        if len(wanted) != len(steps):
            continue
        names: dict[str, Any] = {}
        for want, have in zip(wanted, steps, strict=True):
            if want.startswith("{"):
                names[want[1:-1]] = have
            elif want != have:
                break
        else:
            return operation, names
    return None
