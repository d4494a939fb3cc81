"""Writes multipart bodies: the members of a table as parts, in the document's order.

RFC 7578; the form of each part: OpenAPI 3.0.4 and 3.1.1, "Encoding Object".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from host.apis import media_types
from host.apis.catalog import Param, Schema
from host.apis.encode import SEPARATORS, brackets, flat_text, header_text, in_order, is_nested, scalar_text, sorted_json
from host.apis.files import ReadFile, chosen_type, is_file, offered_types, opened
from host.apis.validation_error import ValidationError

__all__ = ["Multipart"]


class Multipart:
    """The parts of one body, collected by :meth:`add` and joined by :meth:`finish`.

    ``content_type`` is the document's, with its parameters. ``bracketed`` means that nested members are named as Stripe
    names them.
    """

    def __init__(self, content_type: str, bracketed: bool, read_file: ReadFile | None) -> None:
        self._kind = media_types.plain(content_type)
        _, mark, words = content_type.partition(";")
        self._words = re.sub(r";\s*boundary=[^;]*", "", mark + words, flags=re.IGNORECASE)
        self._named = self._kind != "multipart/related"  # whose parts have no names: RFC 2387
        self._bracketed = bracketed
        self._read_file = read_file
        self._parts: list[tuple[str, bytes]] = []

    def add(self, param: Param, schema: Schema, value: Any) -> None:
        """A member's parts; ``schema`` is that of :func:`~host.apis.files.file_schema`. Raises ``ValidationError``."""
        untyped = not (schema.type or schema.any_of)
        if schema.format == "binary" or (untyped and any(map(is_file, value if isinstance(value, list) else (value,)))):
            self._files(param, value)
            return
        headers = self._headers(param, {})
        for name, kind, content in self._texts(param, value):
            self._part(name, None, kind, headers, content)

    def finish(self, boundary: str | None = None) -> tuple[bytes, str]:
        """The body and its content type. The boundary is derived from the content, so equal calls have equal bytes."""
        if boundary is None:
            import hashlib  # slow to import, and for uploads only

            digest = hashlib.sha256()
            for head, content in self._parts:
                digest.update(head.encode() + content)
            boundary = digest.hexdigest()[:32]
        mark = boundary.encode()
        body = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (mark, head.encode(), text) for head, text in self._parts)
        return body + b"--%b--\r\n" % mark, f"{self._kind}{self._words}; boundary={boundary}"

    def _files(self, param: Param, value: Any) -> None:
        offered = offered_types(param)
        default = next((each for each in offered if not media_types.is_range(each)), "")
        default = default or media_types.concrete(offered[0] if offered else "*/*", "binary")
        for n, each in enumerate(value if isinstance(value, list) else [value]):
            try:
                file = opened(each, self._read_file)
                kind = chosen_type(file, offered or ("*/*",), default)
                self._part(param.name, file.name, kind, self._headers(param, file.headers), file.content)
            except ValidationError as fault:
                raise fault.at(n) if isinstance(value, list) else fault from None

    def _texts(self, param: Param, value: Any) -> Iterator[tuple[str, str, bytes]]:
        """Name, content type ("" for plain text) and content of each part of a member that is not a file."""
        name, kind = param.name, param.content_type
        if self._bracketed or param.style == "deepObject":
            yield from ((each, "", scalar_text(text).encode()) for each, text in brackets(name, value))
        elif param.style:
            yield from ((each, "", text.encode()) for each, text in _styled(param, value))
        elif media_types.is_json(kind) or (not kind and is_nested(value)):
            yield name, kind or "application/json", sorted_json(value)
        else:
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, dict | list):
                    raise ValidationError(f"expected a string of the type {kind}", each)
                yield name, "" if media_types.is_range(kind) or "," in kind else kind, scalar_text(each).encode()

    def _headers(self, param: Param, given: Any) -> list[str]:
        """The header lines of a part: those given by the call, and those for which the document allows one value."""
        known = {header.name.lower(): header for header in param.headers}
        lines = {}
        for name, value in given.items():
            header = known.get(name.lower())
            if header is None:
                text = f"there is no such header; expected one of {', '.join(h.name for h in param.headers) or 'none'}"
                raise ValidationError("", text=text).at(name).at("headers")
            lines[header.name] = header_text(header, value)
        for header in param.headers:
            if header.name not in lines:
                fixed = header.schema.enum[0] if len(header.schema.enum) == 1 else header.schema.default
                if fixed is not None:
                    lines[header.name] = header_text(header, fixed)
                elif header.required:
                    raise ValidationError("", text=f"its header {header.name} is missing").at("headers")
        return [f"{name}: {text}" for name, text in lines.items()]

    def _part(self, name: str, file: str | None, kind: str, headers: list[str], content: bytes) -> None:
        lines = [_disposition(name, file)] if self._named else []
        if kind or not self._named:
            lines.append(f"Content-Type: {kind or 'text/plain'}")
        self._parts.append(("\r\n".join([*lines, *headers]), content))


def _styled(param: Param, value: Any) -> Iterator[tuple[str, str]]:
    """Names and texts of a member in its documented style, without percent-encoding."""
    if not isinstance(value, dict | list):
        yield param.name, scalar_text(value)
    elif param.explode:
        pairs = in_order(value) if isinstance(value, dict) else ((param.name, each) for each in value)
        yield from ((str(name), flat_text(each)) for name, each in pairs)
    elif value:
        flat = [each for pair in in_order(value) for each in pair] if isinstance(value, dict) else value
        separator = SEPARATORS.get(param.style, ",")
        texts = [flat_text(each) for each in flat]
        if len(texts) > 1 and any(separator in text for text in texts):
            raise ValidationError("", text=f'an item cannot hold "{separator}", which separates them')
        yield param.name, separator.join(texts)


def _disposition(name: str, filename: str | None) -> str:
    """RFC 7578, 4.2: quotes and line ends of names are percent-encoded, as browsers do."""

    def safe(text: str) -> str:
        return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")

    file = f'; filename="{safe(filename)}"' if filename is not None else ""
    return f'Content-Disposition: form-data; name="{safe(name)}"{file}'
