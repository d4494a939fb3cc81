"""Detects an operation's pagination style from its parameters and the shape of its answer.

The styles, in order of detection: a ``token`` from the answer that is sent in a parameter; a ``cursor``, the last
item's id; the ``url`` of the next page; a ``link`` header; an ``offset``; a page ``number``. docs/apis.md describes
the supported forms.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.list_items import find_items, scalar
from host.apis.page_names import (
    CURSORS,
    DONE,
    ECHOED,
    ENDS,
    FURTHER,
    GENERIC,
    IDS,
    MORE,
    NUMBERS,
    OFFSETS,
    PAGES,
    SEARCHES,
    TOKENS,
    TOTALS,
    URLS,
    WEAK_OFFSETS,
    plain_name,
)
from host.apis.page_parameters import is_sent, offset_param, page_parameter, size_param
from host.errors import CatalogError

__all__ = ["PageHints", "detect_paging", "page_hints"]

DEPTH = 3  # nesting levels of an answer that are searched for the next page's token
_ZERO = re.compile(
    r"\b(?:zero|0)[- ]?(?:based|indexed)|\b(?:starts?|starting|begins?|beginning|counting)\s+(?:at|from|with)\s+"
    r"(?:page\s+)?(?:0|zero)\b|first page (?:is|=|has (?:the )?(?:number|index))\s*[:`'\"]*(?:0|zero)\b",
    re.I,
)
_OF_IDS = re.compile(r"\b(?:ids?|snowflake|uuid|identifier)\b", re.I)
_OPAQUE = re.compile(r"\b(?:link|header|opaque)\b", re.I)


class PageHints(NamedTuple):
    """What a document states about an operation's pages outside its schemas."""

    link: bool = False  # the answer has a documented Link header
    texts: Mapping[str, str] = MappingProxyType({})  # parameter descriptions by wire name


def page_hints(follow: Callable[[Any], dict[str, Any]], node: dict[str, Any], item: dict[str, Any]) -> PageHints:
    """The hints in an operation's ``node`` and its path ``item``.

    ``follow`` resolves a reference or raises ``CatalogError``; parts that cannot be resolved are skipped.
    """
    texts: dict[str, str] = {}
    for param in _each(follow, item.get("parameters"), node.get("parameters")):
        if isinstance(param.get("name"), str):
            texts[param["name"]] = str(param.get("description") or "")
    responses = node.get("responses")
    good = [raw for code, raw in responses.items() if str(code)[:1] == "2"] if isinstance(responses, dict) else []
    headers = [response.get("headers") for response in _each(follow, good)]
    linked = any(str(name).lower() == "link" for each in headers if isinstance(each, dict) for name in each)
    return PageHints(linked, texts)


def _each(follow: Callable[[Any], dict[str, Any]], *lists: Any) -> Iterator[dict[str, Any]]:
    for raw in (raw for each in lists if isinstance(each, list) for raw in each):
        with contextlib.suppress(CatalogError):  # reported by the code that compiles the part
            yield follow(raw)


def detect_paging(
    operation: Operation, result: Schema | None, lookup: Catalog, hints: PageHints | None = None
) -> dict[str, Any]:
    """The pagination fields to set on ``operation``; an empty dict if no supported pagination is found."""
    if result is None or operation.method not in ("GET", "POST", "QUERY"):
        return {}
    result = lookup.resolve(result)
    if lookup.id_field in result.properties and (operation.path.endswith("}") or operation.method == "POST"):
        return {}  # a single object that contains a list
    shape = _ListShape(operation, result, lookup, hints or PageHints())
    if shape.items is None:
        return {}
    if operation.method == "POST":
        ways = [_by_token]
        if SEARCHES & {*_words(operation.path.rpartition("/")[2]), *_words(operation.id.rpartition(".")[2])}:
            ways += [_by_offset, _by_number]
    else:
        ways = [_by_token, _by_id, _by_url, _by_documented_link, _by_offset, _by_number, _by_order, _by_link]
    for way in ways:
        if found := way(shape):
            return {**shape.common(), **found}
    return {}


class _ListShape:
    """An operation that may return a list: its parameters, and the members of its answer besides the items."""

    def __init__(self, operation: Operation, result: Schema, lookup: Catalog, hints: PageHints) -> None:
        self.operation = operation
        self.lookup = lookup
        self.hints = hints
        self.params: dict[str, tuple[str, Param]] = {}
        for name, param in operation.params.items():
            if is_sent(param):
                self.params.setdefault(plain_name(param.name), (name, param))
        self.items, self.item = find_items(operation, result, lookup)
        self.members = list(_members(result, lookup, self.items)) if self.items is not None else []
        self.more = self.leaf(MORE | DONE, ("boolean", ""))
        self.size = size_param(operation)

    def common(self) -> dict[str, Any]:
        """The fields that every style sets."""
        items = sys.intern(self.items or "")  # msgspec omits a default only if the value is the identical object
        return {"page_items": items, "page_more": "" if self.more == "has_more" else self.more}

    def leaf(self, names: frozenset[str], types: tuple[str, ...]) -> str:
        """The path of the first member with one of these names and types, outermost first; or ""."""
        for path, schema in self.members:
            if plain_name(path.rpartition(".")[2]) in names and scalar(schema, self.lookup, types):
                return path
        return ""

    def param(self, names: tuple[str, ...], types: tuple[str, ...]) -> tuple[str, Param] | None:
        """The first parameter with one of these names and types, as (script name, parameter); or None."""
        for name in names:
            found = self.params.get(name)
            if found is not None and scalar(found[1].schema, self.lookup, types):
                return found
        return None

    def text(self, param: Param) -> str:
        return self.hints.texts.get(param.name, "")


def _by_token(shape: _ListShape) -> dict[str, Any]:
    best: tuple[int, int, str, str] | None = None
    for rank, wanted in enumerate(TOKENS):
        if wanted not in shape.params:
            continue
        name, param = shape.params[wanted]
        if not scalar(param.schema, shape.lookup, ("string", "integer", "number", "")):
            continue
        whole = scalar(param.schema, shape.lookup, ("integer", "number"))
        for path, schema in shape.members:
            if scalar(
                schema, shape.lookup, ("integer", "number", "") if whole else ("string", "integer", "number", "")
            ):
                number = whole and scalar(schema, shape.lookup, ("integer", "number"))
                score = _token_score(wanted, path, number=number, known=bool(shape.more))
                if score and (best is None or (score, rank) < best[:2]):
                    best = (score, rank, name, path)
    if best is None:
        return {}
    _, _, name, path = best
    style = "search" if path == "next_page" and "query" in shape.params and name == "page" else "token"
    changes = {"paging": style, "page_next": path, "page_param": name}
    if offset_param(shape.operation, shape.lookup):  # used for answers without a token
        changes["page_total"] = shape.leaf(TOTALS, ("integer", "number", ""))
    return changes


def _token_score(wanted: str, path: str, *, number: bool, known: bool) -> int:
    """How likely the member at ``path`` holds the value for the parameter ``wanted``: 1 most likely, 6 least, 0 not.

    ``number``: both are numeric. ``known``: the answer states whether more pages follow.
    """
    *above, leaf = [plain_name(step) for step in path.split(".")]
    parent = above[-1] if above else ""
    if leaf == f"next{wanted}" or (leaf == wanted and parent.startswith("next")):
        return 1
    if any(word.startswith(("prev", "before", "first", "self", "current")) for word in (*above, leaf)):
        return 0
    if number and leaf == "next":
        return 2
    if wanted in ECHOED or (number and wanted not in TOKENS[: TOKENS.index("startingafter")]):
        return 0
    if leaf == wanted and parent in FURTHER:
        return 2
    if leaf in GENERIC:
        return 3
    if leaf == "lastid" and wanted in IDS and known:
        return 4
    if leaf == wanted:
        return 5
    return 6 if leaf in ("next", "after", "cursor") and (not above or parent in FURTHER) else 0


def _by_id(shape: _ListShape) -> dict[str, Any]:
    """By the last item's id, for answers that state whether more pages follow."""
    found = shape.param(IDS, ("string", "integer", ""))
    if found is None or not shape.more or _is_time(found[1], shape.lookup):
        return {}
    own = item_id(shape)
    return {"paging": "cursor", "page_param": found[0], **({"page_id": own} if own != "id" else {})} if own else {}


def _by_order(shape: _ListShape) -> dict[str, Any]:
    """By the last item's id until a page is empty, for parameters described as taking an id."""
    own = item_id(shape)
    for names in (IDS, ("before", "beforeid", "maxid")):
        found = shape.param(names, ("string", "integer", ""))
        if found is None or not own or _is_time(found[1], shape.lookup):
            continue
        name, param = found
        if _OPAQUE.search(shape.text(param)):
            continue
        if _OF_IDS.search(shape.text(param)) or shape.lookup.resolve(param.schema).format in ("snowflake", "uuid"):
            other = shape.param(("before", "beforeid"), ("string", "integer", ""))
            changes: dict[str, Any] = {"paging": "cursor", "page_param": name}
            if other is not None and other[0] != name:  # the order of the items decides between the two
                changes["page_next"] = other[0]
            return {**changes, **({"page_id": own} if own != "id" else {})}
    return {}


def _by_url(shape: _ListShape) -> dict[str, Any]:
    for path, schema in shape.members:
        *above, leaf = [plain_name(step) for step in path.split(".")]
        if leaf in ("href", "url") and above and above[-1] == "next":
            return {"paging": "url", "page_next": path}
        if leaf in URLS and scalar(schema, shape.lookup, ("string", "")):
            return {"paging": "url", "page_next": path}
    for path, schema in shape.members:
        full = shape.lookup.resolve(schema)
        if full.type == "array" and plain_name(path) in ("links", "link"):
            inner = shape.lookup.resolve(full.items) if full.items else Schema()
            if {"rel", "href"} <= inner.properties.keys():
                return {"paging": "url", "page_next": f"{path}[rel=next].href"}
    return {}


def _by_documented_link(shape: _ListShape) -> dict[str, Any]:
    return {"paging": "link", "page_next": "Link"} if shape.hints.link else {}


def _by_offset(shape: _ListShape) -> dict[str, Any]:
    found = shape.param(OFFSETS, ("integer", "number", "string", ""))
    if found is None and shape.size and not ENDS & shape.params.keys():
        found = shape.param(WEAK_OFFSETS, ("integer", "number"))
    if found is None or (shape.params.get("page") and not shape.size):
        return {}
    total = shape.leaf(TOTALS, ("integer", "number", ""))
    return {"paging": "offset", "page_param": found[0], **({"page_total": total} if total else {})}


def _by_number(shape: _ListShape) -> dict[str, Any]:
    names = NUMBERS if shape.size else NUMBERS[:-1]
    found = shape.param(names, ("integer", "number")) or shape.param(names[:4], ("", "string"))
    if found is None:
        return {}
    name, param = found
    changes: dict[str, Any] = {"paging": "number", "page_param": name}
    if total := shape.leaf(PAGES, ("integer", "number", "")):
        changes["page_total"] = total
    if at := shape.leaf(
        frozenset({plain_name(param.name), "page", "currentpage", "pagenumber", "number"}), ("integer",)
    ):
        changes["page_next"] = at
    minimum = shape.lookup.resolve(param.schema).minimum
    if minimum == 0 or _ZERO.search(shape.text(param)):
        changes["page_first"] = 0
    return changes


def _by_link(shape: _ListShape) -> dict[str, Any]:
    """By an undocumented Link header, for bare lists with page parameters and for lists with a cursor parameter."""
    named = CURSORS & shape.params.keys() or (shape.items == "" and any(map(page_parameter, shape.params)))
    return {"paging": "link"} if named else {}


def item_id(shape: _ListShape) -> str:
    """The path of an item's id: ``id``, or that of the only nested object with one (``user.id``); or ""."""
    item, lookup, own = shape.item, shape.lookup, shape.lookup.id_field
    if own in item.properties or not item.properties:
        return own
    inner = [name for name, each in item.properties.items() if own in lookup.resolve(each).properties]
    return f"{inner[0]}.{own}" if len(inner) == 1 else ""


def _is_time(param: Param, lookup: Catalog) -> bool:
    return lookup.resolve(param.schema).format in ("date", "date-time", "unix-time")


def _members(
    shape: Schema, lookup: Catalog, items: str | None, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, Schema]]:
    """The members besides the items as (dotted path, schema), outer ones first, down to :data:`DEPTH`."""
    shapes = [lookup.resolve(each) for each in shape.any_of] if shape.any_of and not shape.properties else [shape]
    inner: list[tuple[tuple[str, ...], Schema]] = []
    for each in shapes:
        for name, member in each.properties.items():
            path = (*above, name)
            if ".".join(path) == items:
                continue
            yield ".".join(path), member
            full = lookup.resolve(member)
            if (full.properties or full.any_of) and len(path) < DEPTH:
                inner.append((path, full))
    for path, full in inner:
        yield from _members(full, lookup, items, path)


def _words(name: str) -> list[str]:
    """The lower-case words of a snake_case or camelCase name."""
    return re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower())
