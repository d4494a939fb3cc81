"""Encodes checked values in forms, queries, paths and headers; ``multipart.py`` encodes parts.

Styles are those of OpenAPI 3.1.1, "Style Values". The bracketed style is Stripe's: nested names and indexed lists
(``items[0][price]=p``), ``true``/``false``, the empty string to unset, and brackets that are not percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from host.apis.catalog import Param
from host.apis.media_types import is_json
from host.apis.validation_error import ValidationError, number_text

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~ -"
to_json = msgspec.json.Encoder().encode
_in_order = msgspec.json.Encoder(order="deterministic").encode


def plain(text: str) -> bool:
    """Whether a string needs no percent-encoding except for spaces. Faster than a regular expression."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def sorted_json(value: Any) -> bytes:
    """JSON with sorted names: the same bytes for equal tables, whatever their order and in every process."""
    try:
        return _in_order(value)
    except TypeError:  # a name that is a number
        return to_json(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in in_order(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def in_order(given: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """A table's items in a fixed order, so that a request repeated under an idempotency key has the same bytes."""
    return given.items() if len(given) < 2 else sorted(given.items(), key=_name)


def _name(item: tuple[Any, Any]) -> str:
    return str(item[0])


def form_text(text: str) -> str:
    """A value encoded for application/x-www-form-urlencoded."""
    if plain(text):
        return text.replace(" ", "+")
    return quote_plus(text, safe="~")


def form_key(text: str) -> str:
    """A name in a form or query; ``[`` and ``]`` stay as they are."""
    if plain(text):
        return text.replace(" ", "+")
    return quote_plus(text, safe="[]~")


def scalar_text(value: Any) -> str:
    """A scalar's text before percent-encoding."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return ""
    if kind is bytes:
        return value.decode("latin-1")  # type: ignore[no-any-return]
    return number_text(value)


def brackets(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Name and scalar pairs of a nested value: ``("items[0][price]", "price_1")``, names not yet encoded.

    An empty list is ``key=""``; an empty map is nothing at all.
    """
    kind = type(value)
    if kind is dict:
        for name, each in in_order(value):
            yield from brackets(f"{key}[{name}]", each)
    elif kind is list:
        if not value:
            yield key, ""
        for n, each in enumerate(value):
            yield from brackets(f"{key}[{n}]", each)
    else:
        yield key, value


def deep_pairs(out: list[str], key: str, value: Any) -> None:
    """Append ``name=value`` texts of a nested value, ``key`` already encoded."""
    kind = type(value)
    if kind is str:
        out.append(f"{key}={form_text(value)}")
    elif kind is dict:
        for name, each in in_order(value):
            deep_pairs(out, f"{key}[{form_key(name)}]", each)
    elif kind is list:
        if not value:
            out.append(f"{key}=")
        for n, each in enumerate(value):
            deep_pairs(out, f"{key}[{n}]", each)
    else:
        out.append(f"{key}={form_text(scalar_text(value))}")


def flat_pairs(out: list[str], opening: str, value: dict[Any, Any]) -> bool:
    """Do as :func:`deep_pairs` for a map of plain strings (``metadata[``). Returns False for any other map."""
    pairs = []
    for name, each in in_order(value):
        if type(name) is not str or type(each) is not str or not plain(name) or not plain(each):
            return False
        pairs.append(f"{opening}{name}]={each}".replace(" ", "+"))
    out += pairs
    return True


SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}
_TRIPLES = re.compile(r"(%[0-9A-Fa-f]{2})")


def pair_writer(param: Param, *, bracketed: bool) -> Callable[[list[str], Any], None]:
    """A function that writes a query or form parameter in its style, or always in brackets if ``bracketed``."""
    key = form_key(param.name)
    if param.style == "deepObject" or bracketed:
        return lambda out, value: deep_pairs(out, key, value)
    if param.style == "json" or is_json(param.content_type):
        return lambda out, value: out.append(f"{key}={quote_plus(sorted_json(value), safe='~')}")
    text_of = reserved_text if param.allow_reserved else form_text
    if not param.style:
        return lambda out, value: out.extend(f"{key}={text_of(each)}" for each in plain_values(value))
    return _exploded(key, text_of) if param.explode else _joined(key, param.style, text_of)


def _exploded(key: str, text_of: Callable[[str], str]) -> Callable[[list[str], Any], None]:
    """Writes a pair for each item of a list or member of a map."""

    def write(out: list[str], value: Any) -> None:
        kind = type(value)
        if kind is list:
            out.extend(f"{key}={text_of(flat_text(each))}" for each in value)
        elif kind is dict:
            out.extend(f"{form_key(name)}={text_of(flat_text(each))}" for name, each in in_order(value))
        else:
            out.append(f"{key}={text_of(scalar_text(value))}")

    return write


def _joined(key: str, style: str, text_of: Callable[[str], str]) -> Callable[[list[str], Any], None]:
    """Writes one pair, with the items of a list, or the names and values of a map, between the style's separators."""
    separator = quote(SEPARATORS[style]) if style in SEPARATORS else ","
    check_item = _no_separator(style)

    def write(out: list[str], value: Any) -> None:
        kind = type(value)
        if kind is list or kind is dict:
            flat = value if kind is list else [text for pair in in_order(value) for text in pair]
            if flat:  # no item at all is no parameter: RFC 6570, 2.3
                out.append(f"{key}={separator.join(text_of(check_item(flat_text(each))) for each in flat)}")
        else:
            out.append(f"{key}={text_of(scalar_text(value))}")

    return write


def _no_separator(style: str) -> Callable[[str], str]:
    """A function that refuses an item with the separator of its list, since a server could not distinguish the two."""
    separator = SEPARATORS.get(style)

    def check(text: str) -> str:
        if separator is not None and separator in text:
            raise ValidationError("", text=f'an item cannot hold "{separator}", which separates them')
        return text

    return check


def plain_values(value: Any) -> list[str]:
    """The texts of a form's member without a documented style: one for each item of a list, and JSON for a table or a
    list with tables in it (OpenAPI 3.1.1, "Encoding Object", contentType).
    """
    if is_nested(value):
        return [sorted_json(value).decode()]
    return [scalar_text(each) for each in value] if isinstance(value, list) else [scalar_text(value)]


def is_nested(value: Any) -> bool:
    """Whether a value needs JSON or brackets: a table, or a list with tables or lists in it."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict | list) for each in value))


def reserved_text(text: str, safe: str = "/:?@!$'()*,;=~") -> str:
    """A value whose reserved characters and percent-encoded triples stay as they are (RFC 6570, 3.2.3), except those
    that would end it in a query or form (OpenAPI 3.1.1, "Parameter Object", allowReserved).
    """
    return "".join(part if n % 2 else quote(part, safe=safe) for n, part in enumerate(_TRIPLES.split(text)))


def flat_text(value: Any) -> str:
    """An item of a list or map in a style without a notation for nesting, for which JSON is used."""
    return sorted_json(value).decode() if isinstance(value, dict | list) else scalar_text(value)


def path_text(param: Param, value: Any) -> str:
    """A path argument, percent-encoded except for reserved characters that the document allows.

    Raises ``ValidationError`` for a value that would change the path's structure.
    """
    if type(value) is str and param.style == "simple" and not param.allow_reserved:  # an id, as most are
        if value in _NO_STEPS:
            raise ValidationError("", text=f'"{value}" cannot be part of a path; expected an id')
        return quote(value, safe="")
    text_of = _reserved_path if param.allow_reserved else _path_word
    if param.style == "json":
        return text_of(sorted_json(value).decode())
    if not isinstance(value, dict | list):
        text = scalar_text(value)
        steps = text.split("/") if param.allow_reserved else [text]
        if not text or any(step in (".", "..") for step in steps):
            raise ValidationError("", text=f'"{text}" cannot be part of a path; expected an id')
        text = text_of(text)
        if param.style == "matrix":
            text = f"{_path_word(param.name)}={text}"
        return _LEADS.get(param.style, "") + text
    if not value:
        raise ValidationError("", text="expected a value for the path, got an empty table")
    pairs = list(in_order(value)) if isinstance(value, dict) else [(None, each) for each in value]
    glue = _LEADS.get(param.style, ",") if param.explode else ","
    own = f"{_path_word(param.name)}=" if param.style == "matrix" else ""
    lead = own if param.explode else ""  # each item of an exploded matrix carries the name
    joint = "=" if param.explode else ","
    texts = [
        (lead if name is None else f"{_path_word(name)}{joint}") + text_of(flat_text(each)) for name, each in pairs
    ]
    text = ("" if param.explode else own) + glue.join(texts)
    if text in (".", ".."):
        raise ValidationError("", text=f'"{text}" cannot be part of a path; expected an id')
    return _LEADS.get(param.style, "") + text


_NO_STEPS = ("", ".", "..")
_LEADS = {"label": ".", "matrix": ";"}


def _path_word(text: str) -> str:
    return quote(text, safe="")


def _reserved_path(text: str) -> str:
    return reserved_text(text, "/:@!$&'()*+,;=~")


def header_text(param: Param, value: Any) -> str:
    """A header or cookie value in the simple style. Raises ``ValidationError`` for control characters."""
    if param.style == "json":
        text = sorted_json(value).decode()
    elif isinstance(value, list):
        text = ",".join(flat_text(each) for each in value)
    elif isinstance(value, dict):
        joint = "=" if param.explode else ","
        text = ",".join(f"{name}{joint}{flat_text(each)}" for name, each in in_order(value))
    else:
        text = scalar_text(value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValidationError("", text="a header cannot hold control characters")
    return text
