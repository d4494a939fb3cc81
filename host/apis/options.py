"""Options of a request, rather than parameters of its object: ``:with{…}`` and the last table of a call."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from host.apis import media_types
from host.apis.nearest import meant, short
from host.apis.scalars import whole
from host.apis.unknown_names import check_names
from host.apis.validation_error import ValidationError, shown
from host.errors import InvalidCall

MOST_SECONDS = 3600.0
MOST_RETRIES = 20
LONGEST_KEY = 255
LARGEST_FILE = 1 << 40  # bytes
NAMES = (
    "idempotency_key", "account", "api_version", "timeout", "retries", "headers", "content_type", "extra", "download",
    "max_size",
)  # fmt: skip
# Headers that make a server treat a request as one of another method than was granted, counted and recorded.
METHOD_OVERRIDES = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
# Headers that only the host sets; with them a script could bypass its permissions.
RESERVED = METHOD_OVERRIDES | frozenset(
    {"authorization", "proxy-authorization", "cookie", "host", "content-length", "content-type"}
    | {"transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive"}
)
_HEADER_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z"
_CONTROL = r"[\x00-\x1f\x7f]"
_PRINTABLE = r"[\x21-\x7e]+\Z"


class CallOptions(msgspec.Struct, frozen=True):
    """``timeout`` is in seconds, ``retries`` is the number of further attempts; ``None`` means the host's default.

    ``download`` is the path of a file to which the answer is written, ``max_size`` its largest size in bytes.
    """

    idempotency_key: str | None = None
    account: str | None = None
    api_version: str | None = None
    timeout: float | None = None
    retries: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None  # of the body, if several are accepted
    extra: dict[str, Any] | None = None  # parameters that the catalog does not have
    download: str | None = None
    max_size: int | None = None

    @classmethod
    def parse(cls, raw: Any) -> CallOptions:
        """Check a plain table. Raises ``InvalidCall`` naming the option and what was expected."""
        if not raw:  # none, or an empty table
            return NO_OPTIONS
        if not isinstance(raw, dict):
            raise InvalidCall(f"expected a table of request options, got {shown(raw)}")
        found: dict[str, Any] = {}
        for name, value in raw.items():
            if name not in NAMES:
                hint = meant(str(name), NAMES) or f"; expected one of {', '.join(NAMES)}"
                raise InvalidCall(f'there is no request option "{short(str(name))}"{hint}')
            if value is not None:
                found[name] = _PARSERS[name](name, value)
        if "max_size" in found and "download" not in found:
            raise InvalidCall("option max_size: it needs the option download", param="max_size")
        return cls(**found)

    def keyed(self, key: str) -> CallOptions:
        """The same with an idempotency key."""
        if self is NO_OPTIONS:
            return CallOptions(key)
        return msgspec.structs.replace(self, idempotency_key=key)


NO_OPTIONS = CallOptions()


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidCall(f"option {name}: expected a string, got {shown(value)}", param=name)
    text = str(value)
    if not re.match(_PRINTABLE, text) or len(text) > LONGEST_KEY:
        raise InvalidCall(
            f"option {name}: expected 1 to {LONGEST_KEY} visible ASCII characters, got {shown(text)}",
            param=name,
        )
    return text


def _seconds(name: str, value: Any) -> float:
    value = _of_text(value)
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_SECONDS
    if not good:
        raise InvalidCall(
            f"option {name}: expected seconds above 0 and up to {MOST_SECONDS:.0f}, got {shown(value)}",
            param=name,
        )
    return float(value)


def _of_text(value: Any) -> Any:
    """Convert a string of plain digits, as from a file or the command line, to an integer."""
    digits = whole(value) if isinstance(value, str) else None
    return value if digits is None else digits


def _count(name: str, value: Any) -> int:
    value = _of_text(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not 0 <= value <= MOST_RETRIES:
        raise InvalidCall(
            f"option {name}: expected an integer from 0 to {MOST_RETRIES}, got {shown(value)}", param=name
        )
    return int(value)


def _path(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InvalidCall(f"option {name}: expected the path of a file, got {shown(value)}", param=name)
    return value


def _size(name: str, value: Any) -> int:
    value = _of_text(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not 1 <= value <= LARGEST_FILE:
        raise InvalidCall(f"option {name}: expected bytes from 1 to {LARGEST_FILE}, got {shown(value)}", param=name)
    return int(value)


def _headers(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if value == []:
        return ()
    if not isinstance(value, dict):
        raise InvalidCall(f"option {name}: expected a table of names and values, got {shown(value)}", param=name)
    found = []
    for key, each in value.items():
        if not isinstance(key, str) or not re.match(_HEADER_NAME, key):
            raise InvalidCall(f"option headers: {shown(key)} is not a header name", param=name)
        if key.lower() in RESERVED:
            use = "; use the option content_type" if key.lower() == "content-type" else ""
            raise InvalidCall(f"option headers: {key} is set by the host and cannot be given{use}", param=name)
        if isinstance(each, bool) or not isinstance(each, str | int | float) or re.search(_CONTROL, str(each)):
            raise InvalidCall(f"option headers: {key} must be a string without control characters", param=name)
        if not str(each).isascii():
            raise InvalidCall(f"option headers: {key} must be ASCII", param=name)
        found.append((key, str(each)))
    return tuple(found)


def _media_type(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_KEY or not media_types.is_media_type(value):
        raise InvalidCall(
            f"option {name}: expected a media type such as application/merge-patch+json, got {shown(value)}", param=name
        )
    return value


def _extra(name: str, value: Any) -> dict[str, Any]:
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise InvalidCall(f"option {name}: expected a table of names and values, got {shown(value)}", param=name)
    for key, each in value.items():
        try:
            check_names(str(key), each)
        except ValidationError as fault:
            raise InvalidCall(f"option {name}: {fault.message()}", param=name) from None
    return value


_PARSERS = {
    "idempotency_key": _word,
    "account": _word,
    "api_version": _word,
    "timeout": _seconds,
    "retries": _count,
    "headers": _headers,
    "content_type": _media_type,
    "extra": _extra,
    "download": _path,
    "max_size": _size,
}
