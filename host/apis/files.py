"""Files in a call's arguments: text, bytes, or a table ``{content=…}`` or ``{path=…}`` with name and type."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from host.apis import media_types
from host.apis.arguments import FILE_FIELDS
from host.apis.catalog import BodyKind, Catalog, Param, Schema
from host.apis.check import checker, unknown
from host.apis.encode import scalar_text
from host.apis.scalars import Checker, Full
from host.apis.validation_error import ValidationError

__all__ = [
    "File",
    "ReadFile",
    "chosen_type",
    "file_checker",
    "file_schema",
    "is_file",
    "offered_types",
    "opened",
    "with_files",
]

ReadFile = Callable[[str], bytes]
"""Reads a file named by a script, if reading it is granted."""


class File(NamedTuple):
    """A file to send. ``kind`` is the media type given by the call, ``guess`` the one its name suggests."""

    content: bytes
    name: str
    kind: str
    guess: str
    headers: Mapping[str, Any]


def is_file(value: Any) -> bool:
    """Whether a value can only be a file: bytes, or a table with content or path."""
    if isinstance(value, dict):
        return bool(value) and ("content" in value or "path" in value) and FILE_FIELDS.issuperset(value)
    return isinstance(value, bytes)


def file_checker(check: Checker) -> Checker:
    """A checker of a file, made from that of its content. A table must have either content or path."""

    def check_file(value: Any, full: Full) -> Any:
        if not isinstance(value, dict) or not value:
            return check(value, full)
        for name, each in value.items():
            if name not in FILE_FIELDS:
                raise ValidationError("", text=unknown(str(name), FILE_FIELDS)).at(str(name))
            if name in ("path", "name", "type") and (not isinstance(each, str) or not each):
                raise ValidationError("expected a string", each).at(name)
            if name == "headers" and not isinstance(each, dict):
                raise ValidationError("expected a table of names and values", each).at(name)
        if ("content" in value) == ("path" in value):
            raise ValidationError("", text="expected either the content of a file or its path")
        kind = value.get("type")
        if kind is not None and not media_types.is_media_type(kind):
            raise ValidationError("expected a media type such as image/png", kind).at("type")
        return {**value, "content": check(value["content"], full)} if "content" in value else value

    return check_file


def with_files(catalog: Catalog, body: BodyKind | None, schema: Schema, check: Checker) -> Checker:
    """``check``, the checker of a body's member with the resolved ``schema``, extended to accept files where allowed.

    Bytes may be files, and members without a type in a multipart body (OpenAPI 3.1.1, "Encoding Object"). A string that
    is the whole body may be read from a file.
    """
    inner = file_schema(catalog, schema)
    bytes_only = inner.format == "binary"
    if not bytes_only and (body not in ("multipart", "text", "binary") or inner.type not in ("", "string")):
        return check
    one = file_checker(checker(catalog, inner))

    def check_files(value: Any, full: Full) -> Any:
        if not isinstance(value, list):
            return one(value, full) if bytes_only or is_file(value) else check(value, full)
        if not bytes_only and not any(map(is_file, value)):
            return check(value, full)
        if bytes_only and inner is schema:
            raise ValidationError("expected a file", value)
        done = []
        for n, each in enumerate(value):
            try:
                done.append(one(each, full))
            except ValidationError as fault:
                raise fault.at(n) from None
        return done

    return check_files


def file_schema(catalog: Catalog, schema: Schema) -> Schema:
    """The schema of a body's member or of its items; that of bytes if one of the alternatives is."""
    shape = catalog.resolve(schema)
    if shape.type == "array":
        return file_schema(catalog, shape.items) if shape.items is not None else Schema()
    inner = [file_schema(catalog, each) for each in shape.any_of]
    return next((each for each in inner if each.format == "binary"), shape)


def opened(value: Any, read_file: ReadFile | None) -> File:
    """A checked file with its content. Raises ``ValidationError`` if paths cannot be read here."""
    if not isinstance(value, dict):
        return File(_bytes(value), "file", "", "", {})
    name = value.get("name", "file")
    if "path" in value:
        if read_file is None:
            raise ValidationError("", text="a file is given by its content here, not by its path").at("path")
        content = read_file(value["path"])
        name = value.get("name") or os.path.basename(value["path"])
    else:
        content = _bytes(value["content"])
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", name):
        raise ValidationError("", text="a file's name cannot hold control characters").at("name")
    return File(content, name, value.get("type", ""), media_types.guessed(name), value.get("headers") or {})


def chosen_type(file: File, offered: tuple[str, ...], default: str) -> str:
    """The media type of a file: that given by the call, else that of its name if it is offered, else ``default``, or if
    that is a range, the type that the file's first bytes suggest.

    Raises ``ValidationError`` for a type that is not offered, and if none can be determined.
    """
    if file.kind:
        if offered and not media_types.takes(offered, file.kind):
            raise ValidationError(f"expected a file of the type {' or '.join(offered)}", file.kind).at("type")
        return media_types.first_that(offered, file.kind)
    if file.guess and any(media_types.fits(file.guess, each) for each in offered):
        return media_types.first_that(offered, file.guess)
    if media_types.is_range(default):
        found = media_types.recognised(file.content)
        if found and media_types.fits(found, default):
            return found
        raise ValidationError("", text=f'any {default} is accepted; give the type: {{content = …, type = "…"}}')
    return default


def offered_types(param: Param) -> tuple[str, ...]:
    """The media types that the document offers for a member: ``image/png, image/jpeg``."""
    return tuple(each.strip() for each in param.content_type.split(",") if each.strip())


def _bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, dict | list):
        raise ValidationError("expected a file's content", content)
    return scalar_text(content).encode()
