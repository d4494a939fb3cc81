"""Checks and encodes the options of ``http.*``."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from host.apis.encode import form_key, form_text, in_order, scalar_text, sorted_json
from host.apis.nearest import meant, short
from host.apis.options import METHOD_OVERRIDES
from host.errors import InvalidCall
from host.frozen import Frozen
from host.libraries.fs.uploads import LARGEST_UPLOAD as LARGEST
from host.libraries.fs.uploads import read_upload
from host.policy.permissions import Permissions

__all__ = ["METHODS", "Options", "Text", "checked_url", "header_pairs", "plain_text", "with_query"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
LONGEST_URL = 1 << 16
MOST_SECONDS = 86_400.0

_NAMES = (
    "url", "method", "query", "headers", "json", "form", "multipart", "body", "basic", "bearer", "timeout",
    "retries", "redirects", "max_size", "download",
)  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
# Headers of the connection and of framing, which only the client sets (RFC 9110, 7.6.1).
_HELD = frozenset(
    [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "proxy-authorization",
        "proxy-connection",
        "proxy-authenticate",
    ]
)

Text = str | tuple[str, ...]
"""A string, or the parts of a string with secrets: alternately text and the name of a secret, beginning with text."""


class Options(Frozen, frozen=True):
    """One request. ``headers`` may have secrets, which are resolved for the origin of the request."""

    UNSHOWN = frozenset({"content"})

    method: str
    url: str
    headers: tuple[tuple[str, Text], ...] = ()
    content: bytes = b""
    timeout: float | None = None
    retries: int | None = None
    redirects: int = 0
    max_size: int = LARGEST
    download: str | None = None

    @property
    def mutation(self) -> bool:
        return self.method not in SAFE

    @classmethod
    def parse(cls, name: str, given: dict[str, Any], permissions: Permissions) -> Options:
        """Check ``given``, which has ``url``, ``method`` and the options, and read the files it names.

        Raises ``InvalidCall``, and ``DeniedError`` for a file that may not be read.
        """
        for option in given:
            if option not in _NAMES:
                hint = meant(str(option), _NAMES) or f"; expected one of {', '.join(_NAMES)}"
                raise InvalidCall(f"{name} has no option {short(str(option))!r}{hint}")
        method = given.get("method", "GET")
        if not isinstance(method, str) or method.upper() not in METHODS:
            raise InvalidCall(f"{name}: the method {method!r} is none of {', '.join(METHODS)}")
        method = method.upper()
        url = with_query(checked_url(given.get("url")), given.get("query"))
        headers = list(header_pairs(given.get("headers"), name))
        if method in SAFE and (other := next((key for key, _ in headers if key.lower() in METHOD_OVERRIDES), None)):
            raise InvalidCall(f"{name}: the header {other} would turn a {method} into another method; use that one")
        content, kind = _content(given, permissions)
        if kind and not any(each.lower() == "content-type" for each, _ in headers):
            headers.append(("Content-Type", kind))
        headers += _credentials(given, headers)
        download = _download(given, method)
        follow = 5 if method in ("GET", "HEAD") else 0
        redirects = given.get("redirects", follow)
        if isinstance(redirects, bool):
            redirects = 5 if redirects else 0
        return cls(
            method=method,
            url=url,
            headers=tuple(headers),
            content=content,
            timeout=_number(given, "timeout", MOST_SECONDS),
            retries=_whole(given, "retries", 0, 10),
            redirects=_whole({"redirects": redirects}, "redirects", 0, 20) or 0,
            max_size=_whole(given, "max_size", 1, LARGEST if download is None else 1 << 40) or LARGEST,
            download=download,
        )


def checked_url(url: Any) -> str:
    """An absolute http or https URL without a user. Raises ``InvalidCall``."""
    if not isinstance(url, str):
        raise InvalidCall(f"a URL is a string such as 'https://example.com/', got {_kind(url)}")
    if len(url) > LONGEST_URL:
        raise InvalidCall("the URL is longer than 64 KB")
    # Programs differ in how they read a backslash or a space, so neither is sent.
    if not url.isprintable() or re.search(r"[\s\\]", url):
        raise InvalidCall(f"the URL {url[:100]!r} has a space, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidCall(f"the URL {url[:100]!r} is wrong: {error}") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidCall(f"the URL {url[:100]!r} is not an http:// or https:// address")
    if "@" in parts.netloc:  # not repeated: it may be a password
        raise InvalidCall("the URL has a user or '@' before its host; use basic={user, password}")
    return url.partition("#")[0]


def with_query(url: str, query: Any) -> str:
    """The URL with further query parameters. A list repeats its name."""
    if query is None:
        return url
    pairs = _pairs(query, "query")
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{pairs}"


def header_pairs(given: Any, name: str) -> list[tuple[str, Text]]:
    """Checked header names and values. Raises ``InvalidCall``."""
    if given is None:
        return []
    if not isinstance(given, dict):
        raise InvalidCall(f"{name}: headers are a table of names and values")
    found: list[tuple[str, Text]] = []
    for key, value in given.items():
        if not _TOKEN.fullmatch(str(key)):
            raise InvalidCall(f"{str(key)[:50]!r} is not the name of a header")
        if str(key).lower() in _HELD:
            raise InvalidCall(f"the header {key} can be set by the client only")
        for each in value if isinstance(value, list) else (value,):
            found.append((str(key), header_value(each, f"the header {key}")))
    return found


def header_value(value: Any, what: str) -> Text:
    """A header's value: one line of ASCII, which may have secrets in it. Raises ``InvalidCall``."""
    parts = secret_parts(value)
    if parts is None:
        if isinstance(value, dict | list) or value is None or isinstance(value, bytes):
            raise InvalidCall(f"{what} is {_kind(value)}; expected one line of ASCII text")
        value = scalar_text(value)
        parts = (value,)
    for text in parts[::2]:
        if not text.isascii() or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise InvalidCall(f"{what} has a line break, a control character or non-ASCII text")
    return parts if len(parts) > 1 else str(parts[0])


def secret_parts(value: Any) -> tuple[str, ...] | None:
    """The parts of an opaque secret from a script, or ``None`` for any other value."""
    parts = getattr(value, "parts", None)
    return parts if isinstance(parts, tuple) else None


def plain_text(value: Any, what: str) -> str:
    """The text of a scalar. Raises ``InvalidCall`` for tables and secrets."""
    if secret_parts(value) is not None:
        raise InvalidCall(f"{what} is an opaque secret, which may be used in headers, bearer and basic only")
    if isinstance(value, bytes):
        raise InvalidCall(f"{what} is not UTF-8 text")
    if isinstance(value, dict | list):
        raise InvalidCall(f"{what} is a table; expected a string, number or boolean")
    return scalar_text(value)


def _pairs(given: Any, what: str) -> str:
    if not isinstance(given, dict):
        raise InvalidCall(f"{what} is {_kind(given)}; expected a table of names and values")
    out = []
    for key, value in in_order(given):
        for each in value if isinstance(value, list) else (value,):
            out.append(f"{form_key(str(key))}={form_text(plain_text(each, f'{what}.{key}'))}")
    return "&".join(out)


def _content(given: dict[str, Any], permissions: Permissions) -> tuple[bytes, str]:
    """The body and its media type (``""``: none)."""
    kinds = [name for name in ("json", "form", "multipart", "body") if name in given]
    if len(kinds) > 1:
        raise InvalidCall(f"{' and '.join(kinds)} are both given; a request has one body")
    if not kinds:
        return b"", ""
    value = given[kinds[0]]
    if kinds[0] == "json":
        check_json(value, "json")
        return sorted_json(value), "application/json"
    if kinds[0] == "form":
        return _pairs(value, "form").encode(), "application/x-www-form-urlencoded"
    if kinds[0] == "multipart":
        return _multipart(value, permissions)
    if isinstance(value, bytes):
        return value, ""
    return plain_text(value, "body").encode(), ""


def check_json(value: Any, path: str) -> None:
    """Raise ``InvalidCall`` with the path of a value that JSON cannot represent."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_json(item, f"{path}.{key}")
    elif isinstance(value, list):
        for i, item in enumerate(value, 1):
            check_json(item, f"{path}[{i}]")
    elif not isinstance(value, str | int | float | None):
        plain_text(value, path)


def _multipart(given: Any, permissions: Permissions) -> tuple[bytes, str]:
    """A multipart/form-data body (RFC 7578) of strings and files; a file is ``{content=…}`` or ``{path=…}``."""
    if not isinstance(given, dict):
        raise InvalidCall("multipart is a table of names and values; a file is {content=…, name=…, type=…}")
    blocks: list[tuple[str, bytes]] = []
    for key, value in in_order(given):
        for each in value if isinstance(value, list) else (value,):
            blocks.append(_part(str(key), each, permissions))
    boundary = blake2b(b"\0".join(head.encode() + b"\0" + data for head, data in blocks), digest_size=16).hexdigest()
    out = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), head.encode(), data) for head, data in blocks)
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _part(key: str, value: Any, permissions: Permissions) -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="{_quoted(key)}"'
    if not isinstance(value, dict):
        return head, plain_text(value, f"multipart.{key}").encode()
    unknown = set(value) - {"content", "path", "name", "type"}
    if unknown or ("content" in value) == ("path" in value):
        raise InvalidCall(f"multipart.{key}: a file is a table with content or path, and optionally name and type")
    if "path" in value:
        path = plain_text(value["path"], f"multipart.{key}.path")
        name, data = os.path.basename(path), read_upload(permissions, path)
    else:
        name, content = "file", value["content"]
        data = content if isinstance(content, bytes) else plain_text(content, f"multipart.{key}.content").encode()
    name = plain_text(value.get("name", name), f"multipart.{key}.name")
    kind = header_value(value.get("type", "application/octet-stream"), f"multipart.{key}.type")
    if not isinstance(kind, str):
        raise InvalidCall(f"multipart.{key}.type is an opaque secret")
    return f'{head}; filename="{_quoted(name)}"\r\nContent-Type: {kind}', data


def _quoted(text: str) -> str:
    """Escape as browsers do (RFC 7578, 4.2)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")


def _credentials(given: dict[str, Any], headers: list[tuple[str, Text]]) -> list[tuple[str, Text]]:
    both = "basic" in given and "bearer" in given
    if both or (("basic" in given or "bearer" in given) and any(n.lower() == "authorization" for n, _ in headers)):
        raise InvalidCall("basic, bearer and the header Authorization cannot be combined")
    if "bearer" in given:
        value = header_value(given["bearer"], "bearer")
        parts = (value,) if isinstance(value, str) else value
        return [("Authorization", ("Bearer " + parts[0], *parts[1:]) if len(parts) > 1 else f"Bearer {value}")]
    if "basic" in given:
        pair = given["basic"]
        if not isinstance(pair, list) or not 1 <= len(pair) <= 2:
            raise InvalidCall("basic is a table {user, password}")
        user, password = (*pair, "")[:2]
        return [("Authorization", _basic(user, password))]
    return []


def _basic(user: Any, password: Any) -> Text:
    """A plain value, or parts whose first begins with ``BASIC``: secrets are inserted before encoding in base64."""
    parts: list[str] = [""]
    for i, each in enumerate((user, password)):
        secret = secret_parts(each)
        texts = secret if secret is not None else (plain_text(each, "basic"),)
        if i == 0 and any(":" in text for text in texts[::2]):
            raise InvalidCall("basic: the user name must not contain a colon")
        parts[-1] += (":" if i else "") + texts[0]
        parts.extend(texts[1:])
    if len(parts) == 1:
        return f"Basic {b64encode(parts[0].encode()).decode()}"
    return (BASIC + parts[0], *parts[1:])


BASIC = "\0basic\0"


def resolved(value: Text, secret: Callable[[str], str]) -> str:
    """The text with its secrets inserted. ``secret`` returns the value of a name."""
    if isinstance(value, str):
        return value
    text = "".join(part if i % 2 == 0 else secret(part) for i, part in enumerate(value))
    if text.startswith(BASIC):
        return f"Basic {b64encode(text.removeprefix(BASIC).encode()).decode()}"
    return text


def _download(given: dict[str, Any], method: str) -> str | None:
    path = given.get("download")
    if path is None:
        return None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InvalidCall("download is a path")
    if method == "HEAD":
        raise InvalidCall("download: a HEAD request has no body")
    return path


def _number(given: dict[str, Any], name: str, most: float) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise InvalidCall(f"{name} is {value!r}; expected a number above 0 and at most {most:g}")
    return float(value)


def _whole(given: dict[str, Any], name: str, least: int, most: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidCall(f"{name} is {value!r}; expected a whole number from {least} to {most}")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {str: "a string", bytes: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "an opaque secret" if secret_parts(value) is not None else "a table")
