"""Reads the message, code and members of an error from an answer's body, in any common form.

It knows Stripe's ``{"error": {…}}``, problem details (RFC 9457), JSON:API, Google's and OAuth's forms, FastAPI's
``detail``, lists and maps of errors by field, and other usual members. XML, HTML and plain text are reduced to words.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from host.errors import is_private

__all__ = ["ErrorText", "page_text", "read_error"]

MOST_ITEMS: Final = 5  # errors of a list shown in a message
MOST_WORDS: Final = 2000  # characters of a message
DEEPEST: Final = 6

# Names of members, in lower case and letters only: those with the message, the most specific first;
_TEXTS: Final = (
    "message", "errormessage", "errormsg", "msg", "errordescription", "detail", "description", "longmessage",
    "usermessage", "developermessage", "errorsummary", "faultstring", "reason", "summary", "title", "text", "issue",
    "error", "fault", "problem", "value",
)  # fmt: skip
# those with further errors, each a string or an error;
_LISTS: Final = (
    "errors", "details", "detail", "issues", "violations", "fieldviolations", "invalidparams", "fielderrors",
    "validationerrors", "errorcauses", "causes", "nonfielderrors", "failures", "messages", "modelstate",
)  # fmt: skip
# and those with the place in the request.
_PLACES: Final = ("loc", "field", "param", "parameter", "pointer", "path", "property", "attribute", "instancepath")


class ErrorText(msgspec.Struct, frozen=True):
    """The message and code of an error. ``members`` are those of the API's error object, unchanged."""

    message: str
    members: dict[str, Any]
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None


def read_error(body: Any) -> ErrorText | None:
    """The error in a decoded body, or ``None`` if the body is empty or has no known form of an error."""
    message = _words(body)
    if len(message) > MOST_WORDS:
        message = f"{message[: MOST_WORDS - 1]}…"
    if not isinstance(body, dict):
        return ErrorText(message, {}) if message and not isinstance(body, int | float) else None
    if not body:
        return None
    own, item = _error_object(body), _only_item(body)
    found = {**item, **own}
    names = _by_letters(found)
    alone = own.get("error")  # OAuth's form: error is the code, error_description the text
    word = alone if isinstance(alone, str) and not re.search(r"\s", alone) else None
    return ErrorText(
        message,
        found,
        code=_code(names.get("code"), names.get("errorcode"), word),
        type=_type(found, names),
        param=_text(names.get("param")) or _text(names.get("field")) or _place(item) or None,
        request_id=_text(names.get("requestid")),
    )


def page_text(text: str) -> str:
    """The words of a string: the message in XML, the visible text of HTML."""
    if "<" not in text:
        return " ".join(text.split())
    pieces: list[tuple[str, str]] = []  # the tag each text is in
    tag = ""
    for mark, words in re.findall(r"<([^>]*)>?|([^<]+)", text):
        if mark:
            found = re.match(r"/?(?:\w+:)?(\w+)", mark)
            tag = found[1].lower() if found and not mark.startswith("/") else "" if mark.startswith("/") else tag
        elif words.strip() and tag not in ("script", "style"):
            pieces.append((tag, " ".join(html.unescape(words).split())))
    if re.search(r"<(!doctype\s+html|html)\b", text[:1000], re.IGNORECASE) is None:
        for name in _TEXTS:
            said = next((words for tag, words in pieces if _letters(tag) == name), None)
            if said:
                return said
    return " ".join(words for _, words in pieces)


def _error_object(body: dict[str, Any]) -> dict[str, Any]:
    """The members of the error itself, followed by those beside it."""
    for name in ("error", "detail", "fault"):
        inner = body.get(name)
        if isinstance(inner, dict) and inner:
            return {**{key: value for key, value in body.items() if key != name}, **inner}
    return body


def _only_item(body: dict[str, Any]) -> dict[str, Any]:
    """The error of a list with one error."""
    for name in ("errors", "detail"):
        items = body.get(name)
        if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
            return items[0]
    return {}


def _words(value: Any, depth: int = 0) -> str:
    """The words of a string, list or object."""
    if isinstance(value, str):
        return value.strip()
    if depth > DEEPEST:
        return ""
    if isinstance(value, list):
        return _joined(_item(each, depth + 1) for each in value)
    if not isinstance(value, dict):
        return ""
    said = _object_words(value, depth)
    if said or not depth:
        return said or _members_words(value, depth)
    inner = [each for each in value.values() if isinstance(each, dict | list) and each]
    return _joined(_words(each, depth + 1) for each in inner if not isinstance(each, list) or isinstance(each[0], dict))


def _object_words(value: dict[str, Any], depth: int) -> str:
    """The words of an object's known members."""
    if _by_field(value):
        return _members_words(value, depth)
    names = _by_letters(value)
    used, main = "", ""
    for name in _TEXTS:
        if name in names and (main := _words(names[name], depth + 1)):
            used = name
            break
    more = []
    for name in _LISTS:
        inner = names.get(name) if name != used else None
        if isinstance(inner, dict) and _by_field(inner):
            more.append(_members_words(inner, depth))
        elif inner:
            more.append(_words(inner, depth + 1))
    rest = _joined(each for each in more if each and each not in main)
    return f"{main} ({rest})" if main and rest else main or rest


def _item(value: Any, depth: int) -> str:
    """One error of a list, with its place in the request."""
    said = _words(value, depth)
    if not isinstance(value, dict):
        return said
    names = _by_letters(value)
    said = said or _text(names.get("code")) or _text(names.get("type")) or ""
    place = _place(value) or (_text(names.get("name")) if "reason" in names else None)  # RFC 7807's invalid-params
    return f"{place}: {said}" if place and said and place not in said else said


def _place(value: dict[str, Any]) -> str:
    """The place of an error in the request: ``items.0.price``, ``/data/attributes/name``."""
    names = _by_letters(value)
    source = names.get("source")
    if isinstance(source, dict):
        names = {**_by_letters(source), **names}
    for name in _PLACES:
        found = names.get(name)
        if isinstance(found, list) and found and all(isinstance(step, str | int) for step in found):
            steps = found[1:] if found[0] == "body" and len(found) > 1 else found
            return ".".join(str(step) for step in steps)
        if isinstance(found, str) and found:
            return found
    return ""


def _by_field(value: Any) -> bool:
    """Whether an object maps fields to lists of strings, as Rails, Laravel, ASP.NET and Django write them."""
    if not isinstance(value, dict) or not value:
        return False
    if len(value) == 1 and _letters(next(iter(value))) in (*_LISTS, "message", "error", "msg"):
        return False
    return all(
        isinstance(each, list) and each and all(isinstance(text, str) for text in each) for each in value.values()
    )


def _members_words(value: dict[str, Any], depth: int) -> str:
    """All members with their names, without secrets."""
    parts = []
    for name, each in value.items():
        if isinstance(each, bool):
            said = "true" if each else "false"
        elif isinstance(each, int | float):
            said = str(each)
        elif isinstance(each, dict):
            said = "" if depth > DEEPEST else _object_words(each, depth + 1) or _members_words(each, depth + 1)
        else:
            said = _words(each, depth + 1)
        if said:
            parts.append(f"{name}: {'…' if is_private(name) else said}")
    return _joined(parts)


def _joined(parts: Iterable[str]) -> str:
    """Join the first few different texts."""
    found = list(dict.fromkeys(part for part in parts if part))
    more = f"; and {len(found) - MOST_ITEMS} more" if len(found) > MOST_ITEMS else ""
    return "; ".join(found[:MOST_ITEMS]) + more


def _by_letters(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in value.items():
        found.setdefault(_letters(name), each)
    return found


def _letters(name: Any) -> str:
    return re.sub(r"[^a-z]", "", str(name).lower())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _code(*found: Any) -> str | None:
    for each in found:
        if isinstance(each, str | int) and not isinstance(each, bool) and each != "":
            return str(each)
    return None


def _type(found: dict[str, Any], names: dict[str, Any]) -> str | None:
    for name in ("type", "errortype"):  # AWS: "__type"
        if type_ := _text(names.get(name)):
            return None if type_ == "about:blank" else type_
    status = _text(found.get("status"))  # Google's: {"code": 403, "status": "PERMISSION_DENIED"}
    return status if status and re.fullmatch(r"[A-Z][A-Z_]+", status) else None
