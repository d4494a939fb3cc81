"""Converts bodies to a readable form and back: JSON and forms as structure, text as text, other content in base64."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

__all__ = ["FORMS", "body_of", "fields_of", "media_type_of", "readable", "readable_json", "sorted_names"]

FORMS: Final = ("json", "form", "parts", "text", "base64", "digest")
"""The members that can hold a body, of which an interaction has at most one."""

LONGEST_BINARY: Final = 1 << 12  # bytes of a file in a request; a longer one is compared by its digest

_COMPACT: Final = "compact"
_LAYOUTS: Final[dict[str, dict[str, Any]]] = {
    _COMPACT: {"separators": (",", ":")},
    "spaced": {},
    "indented by 2": {"indent": 2},
    "indented by 4": {"indent": 4},
}
_ESCAPED: Final = "escaped "  # with escapes for all that is not ASCII
_LINE: Final = ", with a line break"


def media_type_of(content_type: str) -> str:
    """``Application/JSON; charset=utf-8`` → ``application/json``."""
    return content_type.partition(";")[0].strip().lower()


def readable(content: bytes, content_type: str) -> dict[str, Any]:
    """A request's body: ``{"form": {…}}``, ``{"json": …}``, ``{"parts": […]}``, ``{"text": …}``, ``{"base64": …}``,
    or ``{}`` if it is empty. It serves reading and comparing; the bytes that were sent cannot be restored from it.
    """
    if not content:
        return {}
    kind = media_type_of(content_type)
    if kind == "application/x-www-form-urlencoded":
        return {"form": fields_of(content.decode("utf-8", "backslashreplace"))}
    if kind.startswith("multipart/") and (parts := _parts(content, content_type)) is not None:
        return {"parts": parts}
    if is_json(kind) and (found := _parsed(content)) is not None:
        return {"json": sorted_names(found[0])}
    return _plain(content, LONGEST_BINARY)


def readable_json(content: bytes, *, exactly: bool) -> dict[str, Any] | None:
    """An answer that is JSON: ``{"json": …}``, or ``None``.

    With ``exactly`` the text can be restored byte for byte, for which ``layout`` is added unless it is compact. Without
    it names are sorted, as no script sees the text.
    """
    found = _parsed(content)
    if found is None:
        return None
    if not exactly:
        return {"json": sorted_names(found[0])}
    layout = _layout_of(found[0], content)
    if layout is None:
        return None
    return {"json": found[0], **({"layout": layout} if layout != _COMPACT else {})}


def answered(content: bytes, content_type: str, *, exactly: bool) -> dict[str, Any]:
    """An answer's body in a form from which :func:`body_of` restores it."""
    if not content:
        return {}
    found = readable_json(content, exactly=exactly) if is_json(media_type_of(content_type)) else None
    return found or _plain(content, None)


def body_of(form: dict[str, Any]) -> bytes:
    """Restore the body from a result of :func:`answered`. Raises ``ValueError`` for an invalid form."""
    if "json" in form:
        return _written(form["json"], str(form.get("layout", _COMPACT)))
    if "text" in form:
        return str(form["text"]).encode("utf-8", "surrogatepass")
    return b64decode(str(form["base64"]), validate=True) if "base64" in form else b""


def fields_of(text: str) -> dict[str, Any]:
    """The fields of a query or form, sorted by name. A name that occurs several times has a list."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="backslashreplace", separator="&"):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in sorted(found.items())}


def sorted_names(value: Any) -> Any:
    """A JSON value with the names of its objects sorted."""
    if isinstance(value, dict):
        return {name: sorted_names(value[name]) for name in sorted(value)}
    return [sorted_names(each) for each in value] if isinstance(value, list) else value


def is_json(media_type: str) -> bool:
    """Whether a media type is that of JSON."""
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _parsed(content: bytes) -> tuple[Any] | None:
    """The value of a JSON text in a tuple, or ``None`` if it is not JSON or would change when written again."""
    try:
        return (json.loads(content.decode(), parse_constant=_refuse, object_pairs_hook=_unique),)
    except (ValueError, RecursionError):
        return None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    found = dict(listed)
    if len(found) != len(listed):
        raise ValueError("a name occurs twice")
    return found


def _layout_of(value: Any, content: bytes) -> str | None:
    end = _LINE if content.endswith(b"\n") else ""
    for name in _LAYOUTS:
        for layout in (f"{name}{end}", f"{_ESCAPED}{name}{end}"):
            if _written(value, layout) == content:
                return layout
    return None


def _written(value: Any, layout: str) -> bytes:
    bare = layout.removesuffix(_LINE)
    name = bare.removeprefix(_ESCAPED)
    if name not in _LAYOUTS:
        raise ValueError(f"the layout {layout!r} is none of {', '.join(_LAYOUTS)}")
    text = json.dumps(value, ensure_ascii=bare != name, **_LAYOUTS[name])
    return f"{text}{'' if bare == layout else chr(10)}".encode("utf-8", "surrogatepass")


def _plain(content: bytes, longest: int | None) -> dict[str, Any]:
    """Text or base64, or the size and digest of binary content that is longer than ``longest`` bytes."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return {"text": text}
    if longest is not None and len(content) > longest:
        return {"digest": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    return {"base64": b64encode(content).decode()}


def _parts(content: bytes, content_type: str) -> list[dict[str, Any]] | None:
    """The parts of a multipart body, each with its name, file name, type and content."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if boundary is None:
        return None
    mark = b"--" + boundary[1].encode()
    found = []
    for piece in content.split(mark)[1:-1]:
        head, _, inside = piece.partition(b"\r\n\r\n")
        found.append({**_disposition(head.decode("utf-8", "backslashreplace")), **_plain(inside[:-2], LONGEST_BINARY)})
    return found


def _disposition(head: str) -> dict[str, Any]:
    found = {}
    for name in ("name", "filename"):
        value = re.search(rf'(?:^|[;\s]){name}="((?:[^"\\]|\\.)*)"', head)
        if value is not None:
            found[name] = value[1]
    kind = re.search(r"^content-type:\s*(.+?)\s*$", head, re.IGNORECASE | re.MULTILINE)
    return found if kind is None else {**found, "type": kind[1]}
