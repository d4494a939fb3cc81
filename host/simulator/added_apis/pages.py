"""Lists of an added API, oldest first, in pages of the style that its document has."""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from host.apis.list_items import find_items, one_shape
from host.apis.page_names import DONE, plain_name
from host.apis.page_parameters import offset_param, size_param
from host.apis.page_styles import dig
from host.simulator.added_apis.filters import filters
from host.simulator.added_apis.members import encode, plan_of, shown
from host.simulator.added_apis.parameters import MARK
from host.simulator.added_apis.plans import Envelope
from host.simulator.added_apis.resources import place
from host.simulator.api_error import SimulatedError
from host.simulator.context import Object, RequestContext, Test
from host.simulator.list_filters import owner_tests
from host.simulator.store import StoredObject

USUAL = 20  # items of a page, where the document has no default
MOST = 1000  # items of a page
_decode = msgspec.json.Decoder().decode


class Slice(NamedTuple):
    """The items of one page. ``start`` is how many there are before it, ``total`` how many in all."""

    items: list[Object]
    start: int
    total: int

    @property
    def end(self) -> int:
        """How many items are before the next page."""
        return self.start + len(self.items)

    @property
    def more(self) -> bool:
        """Whether there are items after these."""
        return self.end < self.total


def page(call: RequestContext) -> bytes:
    """The requested page, as JSON. A ``Link`` header is added to ``call.headers``."""
    values = _values(call)
    part = _slice(call, values)
    operation = call.plan.operation
    if operation.paging == "link":
        call.headers["link"] = _links(call, part)
    found = [shown(call, value, _item(call)) for value in part.items]
    if not call.plan.listed:
        return encode(found)
    assert operation.result is not None
    template = call.backend.factory.template(f"{operation.id} page", one_shape(operation.result, call.backend.catalog))
    whole = call.backend.factory.fresh(template, call.now)
    _set(whole, call.plan.listed, found)
    for path, value in _page_members(call, part).items():
        _set(whole, path, value)
    return encode(whole)


def _item(call: RequestContext) -> Envelope:
    operation = call.plan.operation
    assert operation.result is not None
    found = find_items(operation, one_shape(operation.result, call.backend.catalog), call.backend.catalog)
    return Envelope(found[1] if found[0] == call.plan.listed else one_shape(operation.result, call.backend.catalog))


def _values(call: RequestContext) -> list[Object]:
    """The objects of the list that pass its filters: those of the owners in the path, if it has any."""
    plan = plan_of(call)
    members = _properties(call)
    here, owners, tests = place(call), owner_tests(call, members), filters(call, members)
    found: list[Object] = []
    for _, record in call.backend.store.oldest(plan.kind):
        value = _decode(record.body)
        if plan.parents and not _belongs(record, value, here, owners):
            continue
        if all(test(value) for test in tests):
            found.append(value)
    return found


def _belongs(record: StoredObject, value: Object, here: str, owners: list[Test]) -> bool:
    if record.under:
        return record.under == here
    return bool(owners) and all(test(value) for test in owners)


def _properties(call: RequestContext) -> Any:
    shape = plan_of(call).objects.shape
    return one_shape(shape, call.backend.catalog).properties if shape is not None else {}


# -- which items


def _slice(call: RequestContext, values: list[Object]) -> Slice:
    operation = call.plan.operation
    size = _size(call)
    start = _START.get(operation.paging or "", _at_offset)(call, values, size)
    items = values[start : start + size] if operation.paging or _is_paged(call) else values
    return Slice(items, start, len(values))


def _is_paged(call: RequestContext) -> bool:
    """Whether a list whose style of pages is unknown has parameters for a part of it."""
    return bool(
        size_param(call.plan.operation) in call.params or offset_param(call.plan.operation, call.backend.catalog)
    )


def _size(call: RequestContext) -> int:
    name = size_param(call.plan.operation)
    value = call.params.get(name) if name else None
    if value is None and name:
        value = call.backend.catalog.resolve(call.plan.operation.params[name].schema).default
    if value is None:
        return USUAL
    size = _number(value, name)
    if size < 1:
        raise _bad(name, value)
    return min(size, MOST)


def _number(value: Any, name: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise _bad(name, value) from None
    if number < 0:
        raise _bad(name, value)
    return number


def _bad(name: str, value: Any) -> SimulatedError:
    return SimulatedError(400, f"Invalid {name}: {value}", param=name, code="invalid")


def _at_offset(call: RequestContext, values: list[Object], size: int) -> int:
    operation, catalog = call.plan.operation, call.backend.catalog
    name = operation.page_param if operation.paging == "offset" else offset_param(operation, catalog)
    value = call.params.get(name) if name else None
    if value is None:
        return 0
    least = int(catalog.resolve(operation.params[name].schema).minimum or 0)
    return max(_number(value, name) - least, 0)


def _at_number(call: RequestContext, values: list[Object], size: int) -> int:
    operation = call.plan.operation
    value = call.params.get(operation.page_param)
    if value is None:
        return 0
    return max(_number(value, operation.page_param) - operation.page_first, 0) * size


def _at_token(call: RequestContext, values: list[Object], size: int) -> int:
    operation, catalog = call.plan.operation, call.backend.catalog
    value = call.params.get(operation.page_param)
    if value is None:
        return _at_offset(call, values, size)
    if catalog.resolve(operation.params[operation.page_param].schema).type in ("integer", "number"):
        return _after(values, call, _number(value, operation.page_param))
    try:
        raw = base64.urlsafe_b64decode(str(value) + "=" * (-len(str(value)) % 4)).decode()
        mark = raw.removeprefix("after:")
    except (ValueError, binascii.Error):
        mark = ""
    if not mark:
        raise _bad(operation.page_param, value)
    return _after(values, call, mark)


def _after(values: list[Object], call: RequestContext, mark: Any) -> int:
    """How many items come before the page after ``mark``: an object's id, or that number itself.

    The object may have been deleted, or changed so that the filters exclude it.
    """
    store, plan = call.backend.store, plan_of(call)
    if isinstance(mark, int):
        return mark
    record = store.record(plan.kind, str(mark))
    if record is None:
        raise _bad(plan.operation.page_param, mark)
    before = {id for id, each in store.oldest(plan.kind) if each.place <= record.place}
    field = plan.objects.id
    return sum(1 for value in values if str(value.get(field)) in before)


def _at_cursor(call: RequestContext, values: list[Object], size: int) -> int:
    operation, field = call.plan.operation, plan_of(call).objects.id
    value = call.params.get(operation.page_param)
    if value is None:
        return 0
    ids = [str(each.get(field)) for each in values]
    if str(value) not in ids:
        return _after(values, call, str(value))
    return ids.index(str(value)) + 1


def _at_url(call: RequestContext, values: list[Object], size: int) -> int:
    """By the mark in a URL that an earlier page gave; see :func:`_url`."""
    asked = dict(parse_qsl(call.query))
    if MARK in asked:
        return _number(asked[MARK], MARK)
    return _at_offset(call, values, size)


_START = {
    "offset": _at_offset,
    "number": _at_number,
    "token": _at_token,
    "search": _at_token,
    "cursor": _at_cursor,
    "url": _at_url,
    "link": _at_url,
}


# -- members of the answer about its pages


def _page_members(call: RequestContext, part: Slice) -> dict[str, Any]:
    """The members of the answer that lead to the next page or count, by their paths."""
    operation, result = call.plan.operation, call.plan.operation.result
    found: dict[str, Any] = {}
    if operation.paging in ("token", "search"):
        found[operation.page_next] = _token(call, part) if part.more else None
    elif operation.paging == "url":
        found.update(_next_url(call, part))
    elif operation.paging == "number" and operation.page_next:
        found[operation.page_next] = call.params.get(operation.page_param, operation.page_first)
    if operation.page_total and operation.paging != "number":
        found[operation.page_total] = part.total
    elif operation.page_total:
        found[operation.page_total] = -(-part.total // _size(call))
    assert result is not None
    more = operation.page_more or "has_more"
    if operation.page_more or "has_more" in one_shape(result, call.backend.catalog).properties:
        found[more] = part.more != (plain_name(more.rpartition(".")[2]) in DONE)
    return found


def _token(call: RequestContext, part: Slice) -> Any:
    operation = call.plan.operation
    schema = call.backend.catalog.resolve(operation.params[operation.page_param].schema)
    if schema.type in ("integer", "number"):
        return part.end
    field = plan_of(call).objects.id
    last = str(part.items[-1].get(field)) if part.items else ""
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode().rstrip("=")


def _next_url(call: RequestContext, part: Slice) -> dict[str, Any]:
    path = call.plan.operation.page_next
    link = _url(call, part.end) if part.more else None
    name, _, rest = path.partition("[")
    if rest:
        return {name: [{"rel": "next", "href": link}] if link else []}
    if not link and path.endswith((".href", ".url")):
        return {path.rpartition(".")[0]: None}
    return {path: link}


def _url(call: RequestContext, start: int) -> str:
    asked = [(name, value) for name, value in parse_qsl(call.query, keep_blank_values=True) if name != MARK]
    return f"{call.path}?{urlencode([*asked, (MARK, str(start))])}"


def _links(call: RequestContext, part: Slice) -> str:
    links = [f'<{_url(call, part.end)}>; rel="next"'] if part.more else []
    return ", ".join([*links, f'<{_url(call, 0)}>; rel="first"'])


def _set(whole: Object, path: str, value: Any) -> None:
    """Set a member by its dotted path; ``None`` removes it, unless it is a required text."""
    node = whole
    *above, leaf = path.split(".")
    for step in above:
        inner = node.get(step)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = node[step] = {}
        node = inner
    if value is None and dig(node, leaf) != "":
        node.pop(leaf, None)
    else:
        node[leaf] = value
