"""The ``paging=`` option of ``add_api()``: pagination declared in words such as ``"token cursor meta.next"``.

A declaration is a style, then a request parameter and a member of the answer if the style has them, and optionally
the member that holds the items:

    token PARAM MEMBER        PARAM takes the token in MEMBER
    cursor PARAM [MEMBER]     PARAM takes the last item's id; MEMBER is whether more pages follow
    offset PARAM [MEMBER]     PARAM takes the number of items to skip; MEMBER is the total number of items
    number PARAM [MEMBER]     PARAM takes the page number; MEMBER is the number of pages
    url MEMBER                MEMBER is the URL of the next page
    link                      the Link header has the URL of the next page
    none                      the list has no pages
    … items=MEMBER            MEMBER holds the items
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from host import arguments
from host.apis.catalog import Catalog, Operation
from host.apis.list_items import find_items
from host.apis.nearest import meant
from host.apis.page_names import plain_name
from host.apis.page_parameters import page_parameter
from host.errors import UsageError

__all__ = ["FORMS", "Paging", "with_paging"]

Paging = str | Mapping[str, str]
"""A declaration for all lists of an API, or one by operation (``{"pets.list": "offset skip"}``; ``*`` matches any
text)."""
FORMS = {  # style -> its words; those in [] are optional
    "token": ("PARAM", "MEMBER"),
    "cursor": ("PARAM", "[MEMBER]"),
    "offset": ("PARAM", "[MEMBER]"),
    "number": ("PARAM", "[MEMBER]"),
    "url": ("MEMBER",),
    "link": (),
    "none": (),
}
_MEMBERS = {"cursor": "page_more", "offset": "page_total", "number": "page_total"}


class PagingWords(NamedTuple):
    """A parsed declaration. ``param`` and ``member`` are "" if omitted, ``items`` is None."""

    style: str
    param: str
    member: str
    items: str | None


def with_paging(catalog: Catalog, paging: Paging) -> Catalog:
    """The catalog with the declared pagination applied to its lists.

    Raises ``UsageError`` for a malformed declaration, and for an operation or parameter that does not exist.
    """
    if isinstance(paging, str):
        return catalog.with_operations(_for_all(catalog, "*", paging))
    changed: dict[str, Operation] = {}
    for name, words in arguments.mapping("paging", paging, "words by operation").items():
        if not isinstance(words, str):
            raise arguments.wrong(f"paging[{name!r}]", words, "words such as 'token cursor meta.next'")
        if "*" in name:
            changed.update(_for_all(catalog, name, words))
            continue
        operation = catalog.operation(name)
        if operation is None:
            near = meant(name, catalog.operation_ids())
            raise UsageError(f"paging: {catalog.name} has no operation {name!r}{near}")
        changed[operation.id] = _paged(catalog, operation, _read(words))
    return catalog.with_operations(changed)


def _for_all(catalog: Catalog, pattern: str, text: str) -> dict[str, Operation]:
    """The changed operations: all lists whose id matches ``pattern`` and that the declaration fits.

    Raises ``UsageError`` if there are none.
    """
    words, found = _read(text), dict[str, Operation]()
    for id in catalog.operation_ids():
        operation = catalog.operation(id)
        if operation is None or not fnmatch.fnmatchcase(id, pattern) or not _may_be(catalog, operation, words):
            continue
        found[id] = _paged(catalog, operation, words)
    if not found:
        which = "" if pattern == "*" else f" called {pattern}"
        raise UsageError(f"paging: {catalog.name} has no list{which} that {text!r} fits")
    return found


def _may_be(catalog: Catalog, operation: Operation, words: PagingWords) -> bool:
    if operation.method not in ("GET", "POST", "QUERY") or (operation.method == "POST" and not words.param):
        return False
    if _items(catalog, operation, words) is None:
        return False
    if words.param:
        return _param(operation, words.param) is not None
    return any(page_parameter(param.name) for param in operation.params.values())


def _read(text: str) -> PagingWords:
    style, *rest = text.split() or [""]
    items = [word.removeprefix("items=") for word in rest if word.startswith("items=")]
    rest = [word for word in rest if not word.startswith("items=")]
    form = FORMS.get(style)
    if form is None:
        raise UsageError(f"paging: {style!r} is not a pagination style; expected one of {', '.join(FORMS)}")
    least = sum(not word.startswith("[") for word in form)
    if not least <= len(rest) <= len(form) or len(items) > 1:
        raise UsageError(f"paging: {text!r}; expected {' '.join((style, *form))!r}, and maybe items=MEMBER")
    param = rest[0] if form[:1] == ("PARAM",) else ""
    member = rest[-1] if len(rest) > bool(param) else ""
    return PagingWords(style, param, member, items[0] if items else None)


def _paged(catalog: Catalog, operation: Operation, words: PagingWords) -> Operation:
    items = _items(catalog, operation, words)
    changes: dict[str, Any] = dict.fromkeys(("page_next", "page_param", "page_more", "page_total", "page_id"), "")
    if words.style == "none":
        return replace(operation, paging=None, **changes)
    if items is None:
        raise UsageError(f"paging: which list {catalog.name}.{operation.id} gives is not known; add items=MEMBER")
    if words.param:
        name = _param(operation, words.param)
        if name is None:
            names = [name for name, param in operation.params.items() if param.location in ("query", "body")]
            raise UsageError(
                f"paging: {catalog.name}.{operation.id} has no parameter {words.param!r}{meant(words.param, names)}"
            )
        changes["page_param"] = name
    member = "Link" if words.style == "link" else words.member
    changes[_MEMBERS.get(words.style, "page_next")] = member
    return replace(operation, paging=words.style, page_items=items, **changes)


def _items(catalog: Catalog, operation: Operation, words: PagingWords) -> str | None:
    if words.items is not None:
        return words.items
    if operation.result is None:
        return None
    return find_items(operation, catalog.resolve(operation.result), catalog)[0]


def _param(operation: Operation, wanted: str) -> str | None:
    """The script name of a query or body parameter given by its script or wire name; None if there is none."""
    found = [name for name, param in operation.params.items() if param.location in ("query", "body")]
    for name in found:
        if wanted in (name, operation.params[name].name):
            return name
    return next((name for name in found if plain_name(name) == plain_name(wanted)), None)
