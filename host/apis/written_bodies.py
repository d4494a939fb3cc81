"""Writes the less common bodies: multipart, a single text or binary value, and forms without named members."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.encode import in_order, pair_writer, sorted_json
from host.apis.files import ReadFile, chosen_type, file_schema, is_file, opened
from host.apis.media_types import concrete, is_lines
from host.apis.multipart import Multipart
from host.apis.plan import Entry
from host.apis.validation_error import ValidationError

__all__ = ["form_body", "multipart_body", "whole_body"]


def form_body(catalog: Catalog, value: Any) -> bytes:
    """A table encoded as a URL-encoded form."""
    pairs: list[str] = []
    for param, each in _members_of(value):
        pair_writer(param, bracketed=catalog.facts.brackets)(pairs, each)
    return "&".join(pairs).encode("ascii")


def multipart_body(
    catalog: Catalog,
    operation: Operation,
    members: list[tuple[Entry, Any]],
    boundary: str | None,
    read_file: ReadFile | None,
) -> tuple[bytes, str]:
    """A multipart body and its content type with the boundary.

    Raises ``ValidationError`` for a value that cannot be a part.
    """
    parts = Multipart(operation.content_type, catalog.facts.brackets, read_file)
    given = [(entry.param, value) for entry, value in members]
    if operation.whole_body and given:
        given = _members_of(given[0][1])
    for param, value in given:
        try:
            parts.add(param, file_schema(catalog, param.schema), value)
        except ValidationError as fault:
            raise fault.at(param.name) from None
    return parts.finish(boundary)


def whole_body(operation: Operation, value: Any, read_file: ReadFile | None) -> tuple[bytes, str]:
    """A body that is one text, binary value or file, and its media type; for JSON lines also a list of values.

    Raises ``ValidationError`` for a file that cannot be read or has an unsuitable type.
    """
    kind = operation.content_type
    if is_lines(kind) and isinstance(value, dict | list) and not is_file(value):
        lines = value if isinstance(value, list) else [value]
        mark = b"\x1e" if kind.startswith("application/json-seq") else b""  # RFC 7464
        return b"".join(mark + sorted_json(each) + b"\n" for each in lines), kind
    try:
        file = opened(value, read_file)
        offered = operation.content_types or (kind,)
        return file.content, chosen_type(file, offered, concrete(kind, operation.body or "binary"))
    except ValidationError as fault:
        raise fault.at("body") from None


def _members_of(value: Any) -> list[tuple[Param, Any]]:
    """The members of a table, each with an unconstrained body parameter of its name."""

    return [(Param(name=str(name), location="body", schema=Schema()), each) for name, each in in_order(value or {})]
