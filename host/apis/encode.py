"""Checked values on the wire: form, query, path, header and multipart encodings.

Form bodies are Stripe's: nested brackets and indexed lists (``items[0][price]=p``), ``true``/``false``, the
empty string to unset, brackets of keys left readable. Styles are those of OpenAPI 3.1, "Style Values".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from host.apis.catalog import Param
from host.apis.validation_error import ValidationError, number_text
from host.errors import InvalidCall

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~ -"
to_json = msgspec.json.Encoder().encode
_in_order = msgspec.json.Encoder(order="deterministic").encode


def plain(text: str) -> bool:
    """Whether a text needs no percent-encoding but for its spaces. Faster than a pattern, which looks at each sign."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def sorted_json(value: Any) -> bytes:
    """JSON with sorted names: the same bytes for a table in whatever order it came, in this process or the next."""
    try:
        return _in_order(value)
    except TypeError:  # a name that is a number
        return to_json(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in in_order(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def in_order(given: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """A table's items in an order that every process agrees on: what is sent again under a key has the same bytes."""
    return given.items() if len(given) < 2 else sorted(given.items(), key=_name)


def _name(item: tuple[Any, Any]) -> str:
    return str(item[0])


def form_text(text: str) -> str:
    """A value percent-encoded as application/x-www-form-urlencoded asks."""
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
    """Append what :func:`deep_pairs` would for a map of plain strings (``metadata[``); False if it is no such."""
    pairs = []
    for name, each in in_order(value):
        if type(name) is not str or type(each) is not str or not plain(name) or not plain(each):
            return False
        pairs.append(f"{opening}{name}]={each}".replace(" ", "+"))
    out += pairs
    return True


_SEPARATORS = {"spaceDelimited": "%20", "pipeDelimited": "|"}


def pair_writer(param: Param, *, nested: bool) -> Callable[[list[str], Any], None]:
    """Writes a query or form parameter in its style. ``nested`` forces bracket notation (form bodies that say
    nothing of a nested member's style)."""
    key = form_key(param.name)
    if param.style == "deepObject" or nested:
        return lambda out, value: deep_pairs(out, key, value)
    if param.style == "json":
        return lambda out, value: out.append(f"{key}={quote_plus(sorted_json(value))}")
    separator = _SEPARATORS.get(param.style, ",")
    explode = param.explode and param.style not in _SEPARATORS

    def write(out: list[str], value: Any) -> None:
        kind = type(value)
        if kind is list and explode:
            out.extend(f"{key}={form_text(_flat(each))}" for each in value)
            if not value:
                out.append(f"{key}=")
        elif kind is list:
            out.append(f"{key}={separator.join(form_text(_flat(each)) for each in value)}")
        elif kind is dict and explode:
            out.extend(f"{form_key(name)}={form_text(_flat(each))}" for name, each in in_order(value))
        elif kind is dict:
            flat = [text for pair in in_order(value) for text in pair]
            out.append(f"{key}={separator.join(form_text(_flat(each)) for each in flat)}")
        else:
            out.append(f"{key}={form_text(scalar_text(value))}")

    return write


def _flat(value: Any) -> str:
    """An item of a list or map in a style that has no notation for nesting: JSON there."""
    return sorted_json(value).decode() if isinstance(value, dict | list) else scalar_text(value)


def path_text(param: Param, value: Any) -> str:
    """A path argument, percent-encoded whole. Raises ``ValidationError`` for what would change the path's shape."""
    if isinstance(value, dict | list):
        if not value:
            raise ValidationError("", text="expected a value for the path, got an empty table")
        pairs = list(value.items()) if isinstance(value, dict) else [(None, each) for each in value]
        glue = {"label": ".", "matrix": ";"}.get(param.style, ",") if param.explode else ","
        own = f"{quote(param.name, safe='')}=" if param.style == "matrix" else ""
        lead = own if param.explode else ""  # each item of an exploded matrix carries the name
        joint = "=" if param.explode else ","
        texts = [
            (lead if name is None else f"{quote(name, safe='')}{joint}") + quote(_flat(each), safe="")
            for name, each in pairs
        ]
        text = ("" if param.explode else own) + glue.join(texts)
    else:
        text = scalar_text(value)
        if text in ("", ".", ".."):
            raise ValidationError("", text=f'"{text}" cannot be part of a path; expected an id')
        text = quote(text, safe="")
        if param.style == "matrix":
            text = f"{quote(param.name, safe='')}={text}"
    return {"label": ".", "matrix": ";"}.get(param.style, "") + text


def header_text(param: Param, value: Any) -> str:
    """A header or cookie value in the simple style. Raises ``ValidationError`` for control characters."""
    if param.style == "json":
        text = sorted_json(value).decode()
    elif isinstance(value, list):
        text = ",".join(_flat(each) for each in value)
    elif isinstance(value, dict):
        joint = "=" if param.explode else ","
        text = ",".join(f"{name}{joint}{_flat(each)}" for name, each in value.items())
    else:
        text = scalar_text(value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValidationError("", text="a header cannot hold control characters")
    return text


def multipart(parts: list[tuple[Param, Any]], boundary: str | None = None) -> tuple[bytes, str]:
    """The body and content type of multipart/form-data (RFC 7578).

    A file is bytes, a string, or a table ``{content=, name=, type=}``. The boundary is made from the content
    unless given, so that the same call has the same bytes.
    """
    blocks: list[tuple[str, bytes]] = []
    for param, value in parts:
        if param.schema.format == "binary":
            blocks.append(_file_part(param, value))
        elif param.schema.type == "array" and param.schema.items and param.schema.items.format == "binary":
            blocks.extend(_file_part(param, each) for each in value)
        elif param.content_type.endswith("json"):
            head = f"{_disposition(param.name)}\r\nContent-Type: {param.content_type}"
            blocks.append((head, sorted_json(value)))
        else:
            pairs = brackets(param.name, value)
            blocks.extend((_disposition(name), scalar_text(each).encode()) for name, each in pairs)
    if boundary is None:
        import hashlib  # four milliseconds to import, for uploads only

        digest = hashlib.sha256()
        for head, content in blocks:
            digest.update(head.encode() + content)
        boundary = digest.hexdigest()[:32]
    body = b"".join(
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), head.encode(), content) for head, content in blocks
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _disposition(name: str, filename: str | None = None) -> str:
    """RFC 7578, 4.2: quotes and line ends of names are percent-encoded, as browsers do."""

    def safe(text: str) -> str:
        return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")

    file = f'; filename="{safe(filename)}"' if filename is not None else ""
    return f'Content-Disposition: form-data; name="{safe(name)}"{file}'


def _file_part(param: Param, value: Any) -> tuple[str, bytes]:
    name, kind = "file", param.content_type or "application/octet-stream"
    if isinstance(value, dict):
        name, kind = str(value.get("name", name)), str(value.get("type", kind))
        value = value["content"]
    if re.search(r"[\x00-\x1f\x7f]", kind):
        raise InvalidCall(f"{param.name}: the file's type cannot hold control characters", param=param.name)
    content = value if isinstance(value, bytes) else scalar_text(value).encode()
    return f"{_disposition(param.name, name)}\r\nContent-Type: {kind}", content
