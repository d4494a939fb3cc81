"""The pagination styles: each derives the place of the next page from the page just received."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urljoin, urlsplit

from host.apis.catalog import Catalog, Operation
from host.apis.page_names import DONE, plain_name
from host.apis.page_parameters import offset_param, size_param
from host.errors import UnexpectedAnswer
from host.http.message import Request

__all__ = ["STYLES", "Place", "Turn", "dig", "own_url", "stuck"]

Place = dict[str, Any] | str | None
"""Where the next page is: arguments for ``prepare``, an absolute URL, or None after the last page."""
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)')


class Turn(NamedTuple):
    """A received page and the call that requested it.

    ``number`` is the page's item count; ``answer`` and ``items`` may hold only the first and last of them. ``most`` is
    the item count of the first page, None while this is the first. ``link`` is the ``Link`` header or None. ``first``
    builds the request of the first page.
    """

    catalog: Catalog
    operation: Operation
    arguments: dict[str, Any]
    answer: Any
    items: list[Any]
    number: int
    most: int | None
    link: str | None
    first: Callable[[], Request]

    @property
    def more(self) -> bool | None:
        """Whether the answer states that more pages follow; None if it does not say."""
        path = self.operation.page_more or "has_more"
        said = dig(self.answer, path)
        if not isinstance(said, bool):
            return None
        return not said if plain_name(path.rpartition(".")[2]) in DONE else said

    @property
    def is_short(self) -> bool:
        """Whether the page has fewer items than a full page, so that it must be the last."""
        name = size_param(self.operation)
        if not self.number or not name:
            return not self.number
        schema = self.catalog.resolve(self.operation.params[name].schema)
        size, known = self.arguments.get(name), schema.maximum
        if size is None:
            size = known = schema.default
        if not isinstance(size, int | float) or self.number >= size:
            return False
        # An API may cap the requested page size: the first page's count or the document's maximum reveals the cap.
        return size <= known if self.most is None and known is not None else self.most is not None and self.most >= size

    def moved(self, name: str, value: Any) -> Place:
        """The call's arguments with ``name`` set to ``value``. Raises ``UnexpectedAnswer`` if that changes nothing."""
        if self.arguments.get(name) == value:
            stuck(self, f"the page after {name}={value} says it comes before itself")
        return {**self.arguments, name: value}

    def default(self, name: str, otherwise: int) -> int:
        """A numeric parameter's value: as given, else the document's default, else ``otherwise``."""
        value = self.arguments.get(name)
        if value is None:
            value = self.catalog.resolve(self.operation.params[name].schema).default
        try:
            return otherwise if value is None else int(value)
        except (TypeError, ValueError):
            return otherwise


def _by_cursor(turn: Turn) -> Place:
    """Pages that continue after the last item's id, as in https://docs.stripe.com/api/pagination."""
    if not turn.items or turn.more is False or (turn.more is None and turn.is_short):
        return None
    operation, name = turn.operation, turn.operation.page_param
    own = operation.page_id or turn.catalog.id_field
    ids = [dig(item, own) if isinstance(item, dict) else None for item in (turn.items[0], turn.items[-1])]
    if turn.arguments.get("ending_before") is not None:
        name, id = "ending_before", ids[0]
    else:
        id = ids[1]
    if not isinstance(id, str | int) or isinstance(id, bool) or id == "":
        stuck(turn, f"the page promises more, but its last item has no {own}")
    other = operation.page_next  # lists sorted newest first continue with this parameter, before the last id
    if other and name not in turn.arguments and (other in turn.arguments or _descends(*ids)):
        name = other
    return turn.moved(name, id)


def _descends(first: Any, last: Any) -> bool:
    """Whether the ids descend; numeric ids compare by value even if they are strings (snowflakes)."""
    try:
        return int(first) > int(last)
    except (TypeError, ValueError):
        return str(first) > str(last)


def _by_token(turn: Turn) -> Place:
    token = dig(turn.answer, turn.operation.page_next)
    if turn.more is False:
        return None
    if token in (None, "", False):
        return _without_token(turn)
    if isinstance(token, str) and re.match(r"https?://|[/?]", token):
        return own_url(turn.first(), token)
    if not isinstance(token, str | int | float):
        stuck(turn, f"{turn.operation.page_next} is not a token")
    return turn.moved(turn.operation.page_param, token)


def _without_token(turn: Turn) -> Place:
    """The place after an answer without a token: by offset, for lists that use tokens only on request."""
    if turn.more:
        stuck(turn, f"the page promises more, but has no {turn.operation.page_next}")
    name = offset_param(turn.operation, turn.catalog) if turn.operation.page_total else ""
    total = dig(turn.answer, turn.operation.page_total) if name else None
    if turn.operation.page_param in turn.arguments or not isinstance(total, int) or isinstance(total, bool):
        return None
    after = turn.default(name, 0) + turn.number
    return {**turn.arguments, name: after} if turn.number and after < total else None


def _by_url(turn: Turn) -> Place:
    link = dig(turn.answer, turn.operation.page_next)
    if not link or turn.more is False:
        return None
    if not isinstance(link, str):
        stuck(turn, f"{turn.operation.page_next} is not a URL")
    return own_url(turn.first(), link)


def _by_link(turn: Turn) -> Place:
    """Pages linked by a ``Link`` header: https://www.rfc-editor.org/rfc/rfc8288."""
    if turn.link is not None:
        following = next_link(turn.link)
        return own_url(turn.first(), following) if following else None
    known = turn.operation.page_next or turn.more is False or turn.most is not None
    if turn.number and not known and not turn.is_short:
        stuck(
            turn,
            "the answer has no Link header, so whether there are more pages is not known; "
            "paging= of add_api() says how the pages follow each other",
        )
    return None


def _by_offset(turn: Turn) -> Place:
    if turn.more is None and turn.link is not None:
        return _by_link(turn)
    name = turn.operation.page_param
    at = turn.default(name, 0)
    total = dig(turn.answer, turn.operation.page_total) if turn.operation.page_total else None
    step = turn.number
    if turn.more is None:
        if isinstance(total, int) and not isinstance(total, bool) and total >= step:
            minimum = turn.catalog.resolve(turn.operation.params[name].schema).minimum or 0
            if not step or at - minimum + step >= total:
                return None
        elif turn.is_short:
            return None
    elif not turn.more:
        return None
    if not step:
        stuck(turn, "the page promises more, but has no items")
    return turn.moved(name, at + step)


def _by_number(turn: Turn) -> Place:
    if turn.more is None and turn.link is not None:
        return _by_link(turn)
    operation, name = turn.operation, turn.operation.page_param
    said = dig(turn.answer, operation.page_next) if operation.page_next else None
    if name in turn.arguments or not isinstance(said, int) or isinstance(said, bool):
        said = turn.default(name, operation.page_first)
    total = dig(turn.answer, operation.page_total) if operation.page_total else None
    if turn.more is None:
        if isinstance(total, int) and not isinstance(total, bool) and total > 0:
            if said - operation.page_first + 1 >= total:
                return None
        elif turn.is_short:
            return None
    elif not turn.more:
        return None
    return turn.moved(name, said + 1)


STYLES: dict[str, Callable[[Turn], Place]] = {
    "cursor": _by_cursor,
    "search": _by_token,
    "token": _by_token,
    "url": _by_url,
    "link": _by_link,
    "offset": _by_offset,
    "number": _by_number,
}


def next_link(header: str) -> str:
    """The target of ``rel="next"`` in a ``Link`` header, or ""."""
    for target, params in _LINK.findall(header):
        for rel in re.findall(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', params, re.I):
            if "next" in "".join(rel).lower().split():
                return str(target)
    return ""


def own_url(first: Request, link: str) -> str:
    """``link`` as an absolute URL.

    Raises ``UnexpectedAnswer`` unless it has the origin and path of the first page's request: the key and the
    operation's permission must not be used for any other URL.
    """
    url = urljoin(first.url, link)
    want, got = urlsplit(first.url), urlsplit(url)
    same = (want.scheme, want.netloc, want.path.rstrip("/")) == (got.scheme, got.netloc, got.path.rstrip("/"))
    if not same or re.search(r"[\x00-\x20\x7f]", url):
        raise UnexpectedAnswer(
            f"{first.operation}: the next page's URL leads to {got.scheme}://{got.netloc}{got.path}, "
            f"expected {want.scheme}://{want.netloc}{want.path}",
            operation=first.operation,
        )
    return url


def stuck(turn: Turn, fault: str) -> NoReturn:
    """Raise ``UnexpectedAnswer``: no next page can be derived from this one, because of ``fault``."""
    name = f"{turn.catalog.name}.{turn.operation.id}"
    raise UnexpectedAnswer(f"{name}: {fault}", operation=name)


def dig(value: Any, dotted: str) -> Any:
    """The member at a dotted path, or None; ``links[rel=next].href`` selects the first list item with ``rel`` next."""
    if isinstance(value, dict) and dotted in value:
        return value[dotted]
    for step in dotted.split("."):
        name, _, wanted = step.partition("[")
        value = value.get(name) if isinstance(value, dict) else None
        if wanted:
            key, _, word = wanted.rstrip("]").partition("=")
            found = (each for each in value if isinstance(each, dict) and each.get(key) == word) if value else ()
            value = next(iter(found), None)
    return value
